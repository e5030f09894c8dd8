// SPDX-License-Identifier: Apache-2.0
#include "study/additive_fit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mantissa::study {
namespace {

constexpr int kMaxRounds = 2000;
constexpr double kTolerance = 1e-12;

}  // namespace

AdditiveFit additive_fit(const std::vector<double>& y, const std::vector<std::vector<std::size_t>>& levels) {
  AdditiveFit fit;
  if (y.empty()) {
    return fit;
  }
  fit.mean = std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(y.size());
  std::vector<double> rest;  // what the fit leaves of each row
  double spread = 0;
  for (const double value : y) {
    rest.push_back(value - fit.mean);
    spread = std::max(spread, std::abs(rest.back()));
  }
  std::vector<std::vector<double>> counts;
  for (const auto& of_row : levels) {
    counts.emplace_back(*std::max_element(of_row.begin(), of_row.end()) + 1, 0.0);
    fit.effects.emplace_back(counts.back().size(), 0.0);
    for (const std::size_t level : of_row) {
      counts.back()[level] += 1;
    }
  }
  double moved = spread;
  for (int round = 0; round < kMaxRounds && moved > kTolerance * spread; ++round) {
    moved = 0;
    for (std::size_t k = 0; k < levels.size(); ++k) {
      std::vector<double> change(counts[k].size(), 0.0);
      for (std::size_t row = 0; row < y.size(); ++row) {
        change[levels[k][row]] += rest[row];
      }
      for (std::size_t level = 0; level < change.size(); ++level) {
        change[level] /= counts[k][level];
        fit.effects[k][level] += change[level];
        moved = std::max(moved, std::abs(change[level]));
      }
      for (std::size_t row = 0; row < y.size(); ++row) {
        rest[row] -= change[levels[k][row]];
      }
    }
  }
  fit.squared_error = std::inner_product(rest.begin(), rest.end(), rest.begin(), 0.0);
  return fit;
}

}  // namespace mantissa::study
