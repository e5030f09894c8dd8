// SPDX-License-Identifier: Apache-2.0
#include "study/accuracy_result.h"

#include "base/error.h"

namespace mantissa::study {

report::AccuracyResult accuracy_result(const execute::Accuracy& a) {
  using Result = report::AccuracyResult;
  Result r;
  r.metric = a.metric == execute::Metric::kTop1 ? Result::Metric::kTop1 : Result::Metric::kPerplexity;
  r.top1_reference = a.top1_reference, r.top1 = a.top1;
  r.images = a.images, r.mcnemar_p = a.mcnemar_p;
  r.difference = a.difference, r.difference_low = a.difference_low, r.difference_high = a.difference_high;
  r.sequences = a.sequences, r.tokens = a.tokens;
  r.perplexity_reference = a.perplexity_reference, r.perplexity = a.perplexity;
  r.nats_difference = a.nats_difference, r.nats_low = a.nats_low, r.nats_high = a.nats_high;
  return r;
}

double output_sqnr(const execute::Accuracy& accuracy) {
  // Layers stand in the order of the kernels, and a network that is measured has one output: the last kernel writes it.
  check(!accuracy.layers.empty(), "a measured network has layers");
  return accuracy.layers.back().sqnr_db;
}

}  // namespace mantissa::study
