// SPDX-License-Identifier: Apache-2.0
// How the tables of this folder write single values. Private to report.
#pragma once
#include <fmt/format.h>

#include <span>
#include <string>
#include <vector>

#include "report/result.h"
#include "report/text_table.h"

namespace mantissa::report {

inline std::string bold(const std::string& text, Style style) {
  return style.colour ? "\x1b[1m" + text + "\x1b[0m" : text;
}

template <class Range, class F>
std::vector<double> collect(const Range& range, F value) {
  std::vector<double> values;
  for (const auto& item : range) {
    values.push_back(value(item));
  }
  return values;
}

inline std::string scaled(double value, const Scale& scale, int digits = 3) {
  return significant(value * scale.factor, digits);
}

// "12.3 mJ"
inline std::string with_unit(double value, Scale (*scale_of)(std::span<const double>), int digits = 3) {
  const Scale scale = scale_of(std::span(&value, 1));
  return scaled(value, scale, digits) + " " + scale.unit;
}

// "25.6 M"
inline std::string count_of(double value) {
  return value >= 1e9   ? significant(value / 1e9, 3) + " G"
         : value >= 1e6 ? significant(value / 1e6, 3) + " M"
                        : with_commas(value);
}

// Difference to FP32 in percentage points with its interval: "-0.08 [-0.21, +0.05]".
inline std::string difference(const AccuracyResult& a) {
  return fmt::format("{:+.2f} [{:+.2f}, {:+.2f}]", 100 * a.difference, 100 * a.difference_low, 100 * a.difference_high);
}

// The lower bound as a share of the simulated time.
inline double of_roofline(const RunResult& r) {
  return r.latency.count() > 0 ? r.roofline.count() / r.latency.count() : 0;
}

}  // namespace mantissa::report
