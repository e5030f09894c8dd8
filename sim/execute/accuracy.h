// SPDX-License-Identifier: Apache-2.0
// Accuracy of a quantized classifier against its FP32 reference on the same images.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/chip.h"
#include "config/workload.h"
#include "network/graph.h"

namespace mantissa::execute {

// Of what one kernel writes. For a tensor that only matrix operations read, that is the value before they quantize it.
struct LayerError {
  std::string node;    // whose result it is: the last one fused into the kernel
  double sqnr_db = 0;  // 10 log10(sum ref^2 / sum (ref - quantized)^2), over the compared images; +inf: identical
  double cosine = 1;
};

struct Accuracy {
  std::int64_t images = 0;
  double top1_reference = 0, top1 = 0;                              // 0..1
  std::int64_t only_reference_right = 0, only_quantized_right = 0;  // discordant pairs
  double difference = 0, difference_low = 0, difference_high = 0;   // quantized - reference, 95 % confidence, paired
  double mcnemar_p = 1;                                             // exact two-sided
  std::int64_t layer_images = 0;                                    // compared layer by layer
  std::vector<LayerError> layers;
};

// Fills the difference, its interval and the p value from the counts. SOURCE: Agresti & Min 2005, adjusted Wald
// interval for paired proportions (0.5 added to each cell), Statistics in Medicine 24:729.
void finish_paired_statistics(Accuracy& accuracy);

// Adds up what SQNR and cosine need. A NaN or infinity on either side counts as an error without bound.
class ErrorSums {
 public:
  void add(std::span<const float> reference, std::span<const float> quantized);
  void add(const ErrorSums& other);
  LayerError finish(std::string node) const;

 private:
  double reference_ = 0, quantized_ = 0, product_ = 0, error_ = 0;
};

// FP32 results of a workload, computed once and shared by the precisions that are compared with it. Results do not
// depend on the number of threads.
class Evaluation {
 public:
  // Called with (done, total) images, by one thread at a time.
  using Progress = std::function<void(std::int64_t, std::int64_t)>;

  // Loads the data set and runs the FP32 reference. The batch size is the executor's choice: a workload's ONNX file is
  // imported again for it; `images` (0: as many as the workload says) cuts the test set. Throws ConfigError when the
  // workload has no data set, or the network does not take its images.
  Evaluation(const network::Graph& graph, const config::Workload& workload, const Progress& progress = {},
             std::int64_t images = 0);
  ~Evaluation();
  // Thread-safe. Calibration on the training images runs once, when the first precision needs it.
  Accuracy run(const config::Precision& precision, const config::Recipe& recipe, const Progress& progress = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mantissa::execute
