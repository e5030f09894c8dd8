// SPDX-License-Identifier: Apache-2.0
// What a network is measured on: images to classify, or texts whose next tokens it predicts. Private to execute:
// Evaluation runs the executors, a task provides their inputs and judges their outputs.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "config/workload.h"
#include "execute/accuracy.h"
#include "network/graph.h"

namespace mantissa::execute {

// What a network's output on one sample is worth.
struct Outcome {
  std::int64_t right = 0;  // of an image: 0 or 1; of a text: tokens for which the most probable one came
  double loss = 0;         // of a text: sum of -ln(probability of the token that came); infinite for logits that
                           // are NaN or +infinity
};

class Task {
 public:
  virtual ~Task() = default;

  virtual std::int64_t samples() const = 0;           // images or texts
  virtual std::int64_t batch() const = 0;             // how many of them one run of an executor takes
  virtual std::int64_t compared_samples() const = 0;  // the first ones, that are compared layer by layer

  // Throws ConfigError if the network cannot do the task. Comes before everything below.
  virtual void require_fits(const network::Graph& graph) = 0;
  // Samples [first, first + N), as a tensor of the type and shape (N first) of the graph's input; past the last one,
  // padding whose outcome nobody asks for.
  virtual network::Tensor input(std::int64_t first, const network::Value& graph_input) const = 0;
  // Batches of calibration data; loaded by this call.
  virtual std::vector<network::Tensor> calibration_inputs(const network::Value& graph_input) const = 0;
  // `output`: the part of the network's output that belongs to the sample. Thread-safe.
  virtual Outcome judge(std::int64_t sample, std::span<const float> output) const = 0;
  // Throws ConfigError where nothing can be compared with the reference.
  virtual void check_reference(std::span<const Outcome>) const {}
  // Both lists hold one outcome a sample.
  virtual void summarize(std::span<const Outcome> reference, std::span<const Outcome> quantized,
                         Accuracy& accuracy) const = 0;
};

// Loads the data; `samples` as in Evaluation. REQUIRES: the workload has a data set.
std::unique_ptr<Task> make_task(const config::Workload& workload, std::int64_t samples);
std::unique_ptr<Task> make_image_task(const config::Dataset& dataset, const std::string& workload_path,
                                      std::int64_t images);
std::unique_ptr<Task> make_text_task(const config::Dataset& dataset, const std::string& workload_path,
                                     std::int64_t sequences);

}  // namespace mantissa::execute
