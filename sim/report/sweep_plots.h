// SPDX-License-Identifier: Apache-2.0
// Plots of a sweep's results. Names are keys of the sweep, `chip`, `workload`, `precision`, `batch` and quantities
// (report/sweep_quantities.h); one that is unknown, or that no point has a value for, is a UsageError. Points that
// failed are left out and counted below the plot.
#pragma once
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "report/plot.h"
#include "report/sweep_table.h"

namespace mantissa::report {

// The rows where each named column has this text.
SweepResult with_values(SweepResult result, const std::vector<std::pair<std::string, std::string>>& wanted);

// One line for each combination of the values of `by`; `by` empty: of all that varies besides x. Each line has one
// point for each x, or a UsageError says what else varies.
Plot curve_plot(const SweepResult& result, const std::string& x, const std::string& y, std::vector<std::string> by);

struct PlotObjective {
  std::string name;
  bool maximize = false;
};
// All points, and those of `front` (indices of rows) with the steps of what can be reached.
Plot pareto_plot(const SweepResult& result, const PlotObjective& x, const PlotObjective& y,
                 const std::vector<std::size_t>& front);

// Accuracy lost against FP32, with its 95 % interval, over energy per input; one colour for each chip and precision.
Plot accuracy_plot(const SweepResult& result);

}  // namespace mantissa::report
