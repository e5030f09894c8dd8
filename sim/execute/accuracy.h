// SPDX-License-Identifier: Apache-2.0
// Accuracy of a quantized network against its FP32 reference on the same images or texts.
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

enum class Metric {
  kTop1,        // images: the share of right classes
  kPerplexity,  // texts: exp of the mean of -ln(probability of the token that came)
};

struct Accuracy {
  Metric metric = Metric::kTop1;
  // Of images: their classes. Of texts: the next token of each position; no difference is tested for it, because tokens
  // of one text are not independent.
  double top1_reference = 0, top1 = 0;  // 0..1

  // kTop1
  std::int64_t images = 0;
  std::int64_t only_reference_right = 0, only_quantized_right = 0;  // discordant pairs
  double difference = 0, difference_low = 0, difference_high = 0;   // quantized - reference, 95 % confidence, paired
  double mcnemar_p = 1;                                             // exact two-sided

  // kPerplexity. Logits that are NaN or +infinity, or a token of probability 0, make the perplexity infinite.
  std::int64_t sequences = 0, tokens = 0;  // texts; predicted tokens of all of them
  double perplexity_reference = 0, perplexity = 0;
  // Mean loss, quantized - reference, in nats per token; 95 % confidence, paired by text. One text gives no interval:
  // it is infinite then.
  double nats_difference = 0, nats_low = 0, nats_high = 0;

  std::int64_t layer_images = 0;  // images or texts compared layer by layer
  std::vector<LayerError> layers;

  // What is lost, as one number to hold against a bound: percentage points of top-1, or the relative increase of
  // perplexity in percent. The interval is that of the difference.
  double loss() const;
  double loss_low() const;
  double loss_high() const;
};

// Fills the difference, its interval and the p value from the counts. SOURCE: Agresti & Min 2005, adjusted Wald
// interval for paired proportions (0.5 added to each cell), Statistics in Medicine 24:729.
void finish_paired_statistics(Accuracy& accuracy);

// Fills perplexities, difference and interval from the mean losses of each text, in nats per token. All texts have the
// same number of tokens. The interval is Student's of the differences of single texts: quantization shifts the loss of
// a text's tokens together, so texts are what is independent.
void finish_perplexity_statistics(std::span<const double> reference, std::span<const double> quantized,
                                  Accuracy& accuracy);

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
  // Called with (done, total) images or texts, by one thread at a time.
  using Progress = std::function<void(std::int64_t, std::int64_t)>;

  // Loads the data set and runs the FP32 reference. The batch size is the executor's choice: a workload's ONNX file is
  // imported again for it; `samples` (0: as many as the workload says) cuts the test set. Throws ConfigError when the
  // workload has no data set, or the network does not take its images or texts.
  Evaluation(const network::Graph& graph, const config::Workload& workload, const Progress& progress = {},
             std::int64_t samples = 0);
  ~Evaluation();
  // Thread-safe. Calibration on the training data runs once for each `smooth` of a recipe, when the first plan needs
  // it.
  Accuracy run(const config::PrecisionPlan& plan, const config::Recipe& recipe, const Progress& progress = {}) const;
  // The same without the comparison layer by layer, which takes as long as some hundred samples.
  Accuracy run_without_layers(const config::PrecisionPlan& plan, const config::Recipe& recipe,
                              const Progress& progress = {}) const;
  // Does the calibration that run() would do first, so that processes forked from this one need not.
  void calibrate(const config::PrecisionPlan& plan, const config::Recipe& recipe) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mantissa::execute
