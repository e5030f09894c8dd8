// SPDX-License-Identifier: Apache-2.0
// Ranges and ticks of a plot's axes. Private to report.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "report/plot.h"

namespace mantissa::report {

// The axis with its range and ticks: from the values where it has none of its own.
PlotAxis laid_out(PlotAxis axis, std::span<const double> values);
// Where a value is between the ends of a laid-out axis: 0..1 inside.
double place_on(const PlotAxis& axis, double value);
// "0.25", "1,000", "2e-07".
std::string tick_text(double value);

// Values that grow by factors that are more alike than their steps (1, 2, 4, 8), or span more than a factor of 50.
bool is_geometric(std::vector<double> values);

// An axis for values with a title "latency, s": seconds, joules and watts get a prefix that fits, ratios become
// percent. `factor` is what values are multiplied by.
struct ScaledTitle {
  std::string title;
  double factor = 1;
};
ScaledTitle scaled_title(const std::string& title, std::span<const double> values);

}  // namespace mantissa::report
