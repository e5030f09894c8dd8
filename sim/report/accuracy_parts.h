// SPDX-License-Identifier: Apache-2.0
// How tables write accuracies of either kind. Private to report.
#pragma once
#include <cmath>
#include <string>

#include "report/table_parts.h"

namespace mantissa::report {

inline bool is_perplexity(const AccuracyResult& a) {
  return a.metric == AccuracyResult::Metric::kPerplexity;
}
// To FP32 with its interval: points of top-1, or % of perplexity.
inline std::string change(const AccuracyResult& a) {
  return is_perplexity(a) ? perplexity_increase(a) : difference(a);
}
inline std::string change_unit(const AccuracyResult& a) {
  return is_perplexity(a) ? "% of perplexity" : "points of top-1";
}
// "93.20 % (FP32 93.30 %)", "12.345 (FP32 12.300)"
inline std::string accuracy_text(const AccuracyResult& a) {
  return is_perplexity(a) ? fmt::format("perplexity {:.3f}, FP32 {:.3f}", a.perplexity, a.perplexity_reference)
                          : fmt::format("top-1 {} %, FP32 {} %", percent(a.top1, 2), percent(a.top1_reference, 2));
}
inline std::string samples_text(const AccuracyResult& a) {
  return is_perplexity(a) ? with_commas(static_cast<double>(a.sequences)) + " texts"
                          : with_commas(static_cast<double>(a.images)) + " images";
}
inline std::string decibels(double value) {
  return std::isinf(value) ? (value > 0 ? "exact" : "-inf") : fmt::format("{:.1f}", value);
}
// The change as one number with its ends: points or %, as `change` writes them; positive is more of the metric.
struct Change {
  double value = 0, low = 0, high = 0;
};
inline Change change_of(const AccuracyResult& a) {
  const auto percent_of = [](double nats) { return 100 * std::expm1(nats); };
  return is_perplexity(a) ? Change{percent_of(a.nats_difference), percent_of(a.nats_low), percent_of(a.nats_high)}
                          : Change{100 * a.difference, 100 * a.difference_low, 100 * a.difference_high};
}

}  // namespace mantissa::report
