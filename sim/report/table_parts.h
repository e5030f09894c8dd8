// SPDX-License-Identifier: Apache-2.0
// How the tables of this folder write single values. Private to report.
#pragma once
#include <fmt/format.h>

#include <cmath>
#include <map>
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

// A text as it stands in a Markdown table.
inline std::string markdown_cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    cell += c == '|' ? "\\|" : c == '\n' ? " " : std::string(1, c);
  }
  return cell;
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

// Difference to FP32 in percentage points with its interval: "-0.08 [-0.21, +0.05]"; the unit stands before the
// bracket.
inline std::string difference(const AccuracyResult& a, const char* unit = "") {
  return fmt::format("{:+.2f}{} [{:+.2f}, {:+.2f}]", 100 * a.difference, unit, 100 * a.difference_low,
                     100 * a.difference_high);
}

// "fp8_e4m3", or "fp8_e4m3 + 2 at fp16" where matrix kernels run at other precisions too.
inline std::string precisions_of(const RunResult& r) {
  std::map<std::string, std::int64_t> others;
  for (const KernelRow& k : r.kernels) {
    if (!k.precision.empty() && k.precision != r.precision) {
      others[k.precision] += k.repeat;
    }
  }
  std::string text = r.precision;
  for (const auto& [name, count] : others) {
    text += fmt::format(" + {} at {}", count, name);
  }
  return text;
}

// Increase of perplexity over FP32 in percent with its interval: "+1.20 [+1.02, +1.38]".
inline std::string perplexity_increase(const AccuracyResult& a, const char* unit = "") {
  const auto percent_of = [](double nats) { return 100 * std::expm1(nats); };
  return fmt::format("{:+.2f}{} [{:+.2f}, {:+.2f}]", percent_of(a.nats_difference), unit, percent_of(a.nats_low),
                     percent_of(a.nats_high));
}

inline bool has_perplexity(const RunResult& r) {
  return r.accuracy && r.accuracy->metric == AccuracyResult::Metric::kPerplexity;
}

// The lower bound as a share of the simulated time.
inline double of_roofline(const RunResult& r) {
  return r.latency.count() > 0 ? r.roofline.count() / r.latency.count() : 0;
}

}  // namespace mantissa::report
