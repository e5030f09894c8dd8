// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "report/validation.h"

namespace mantissa::report {
namespace {

constexpr double kBand = 0.2;  // beside the diagonal

std::string commonest_unit(const Validation& validation) {
  std::map<std::string, std::size_t> counts;
  for (const ValidationRow& row : validation.rows) {
    counts[row.unit] += row.simulated ? 1 : 0;
  }
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

PlotSeries diagonal(double low, double high, double factor) {
  PlotSeries line;
  line.style = PlotSeries::Style::kLine;
  line.colour = "#808080";
  line.dashed = factor != 1;
  line.name = factor == 1 ? "equal" : factor > 1 ? fmt::format("{:+.0f} %, {:+.0f} %", 100 * kBand, -100 * kBand) : "";
  // Within the picture at both ends.
  const double begin = std::max(low, low / factor), end = std::min(high, high / factor);
  line.points = {{begin, begin * factor}, {end, end * factor}};
  return line;
}

}  // namespace

Plot validation_plot(const Validation& validation) {
  const std::string unit = commonest_unit(validation);
  double low = std::numeric_limits<double>::infinity(), high = 0;
  Plot plot;
  std::size_t shown = 0, other_units = 0;
  const std::vector<ValidationGroup> groups = validation_groups(validation);
  for (const ValidationGroup& group : groups) {
    PlotSeries series;
    for (const ValidationRow& row : validation.rows) {
      if (row.group != group.name || !row.simulated) {
        continue;
      }
      if (row.unit != unit || !(*row.simulated > 0)) {
        ++other_units;
        continue;
      }
      series.points.push_back({row.measured, *row.simulated});
      low = std::min({low, row.measured, *row.simulated});
      high = std::max({high, row.measured, *row.simulated});
    }
    if (!series.points.empty()) {
      const std::size_t index = plot.series.size();
      series.colour = plot_colour(index);
      series.shape = static_cast<int>(index);
      series.name = fmt::format("{}: {:.1f} %", group.name, 100 * group.mean_absolute);
      shown += series.points.size();
      plot.series.push_back(std::move(series));
    }
  }
  check(shown > 0, "a row that was simulated");
  low /= 1.25, high *= 1.25;
  for (const double factor : {1 + kBand, 1 - kBand, 1.0}) {
    plot.series.insert(plot.series.begin(), diagonal(low, high, factor));
  }
  plot.title = "Measured and simulated: " + validation.title;
  plot.subtitle = fmt::format("{} rows", shown);
  plot.note = other_units > 0 ? fmt::format("{} rows in other units than {} are not shown", other_units, unit) : "";
  plot.legend = "mean absolute error";
  plot.x = {"measured, " + unit, true, low, high, {}};
  plot.y = {"simulated, " + unit, true, low, high, {}};
  return plot;
}

}  // namespace mantissa::report
