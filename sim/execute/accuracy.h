// SPDX-License-Identifier: Apache-2.0
// Accuracy of a quantized classifier against its FP32 reference on the same images.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/chip.h"
#include "config/workload.h"
#include "network/graph.h"

namespace mantissa::execute {

struct LayerError {
  std::string node;
  double sqnr_db = 0;   // 10 log10(sum ref^2 / sum (ref - quantized)^2), over the compared images; +inf: identical
  double cosine = 1;
};

struct Accuracy {
  std::int64_t images = 0;
  double top1_reference = 0, top1 = 0;  // 0..1
  std::int64_t only_reference_right = 0, only_quantized_right = 0;  // discordant pairs
  double difference = 0, difference_low = 0, difference_high = 0;   // quantized - reference, 95 % confidence, paired
  double mcnemar_p = 1;                                             // exact two-sided
  std::vector<LayerError> layers;
};

// Fills the difference, its interval and the p value from the counts. SOURCE: Agresti & Min 2005, adjusted Wald interval for
// paired proportions (0.5 added to each cell), Statistics in Medicine 24:729.
void finish_paired_statistics(Accuracy& accuracy);

// FP32 results of a workload, computed once and shared by the precisions that are compared with it.
class Evaluation {
 public:
  // Loads the data set and runs the FP32 reference. `progress` gets (done, total) images.
  Evaluation(const network::Graph& graph, const config::Workload& workload,
             const std::function<void(std::int64_t, std::int64_t)>& progress = {});
  ~Evaluation();
  Accuracy run(const config::Precision& precision, const config::Recipe& recipe,
               const std::function<void(std::int64_t, std::int64_t)>& progress = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mantissa::execute
