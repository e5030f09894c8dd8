// SPDX-License-Identifier: Apache-2.0
#include "report/sweep_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "report/sweep_plot_parts.h"
#include "report/sweep_quantities.h"

namespace mantissa::report {
namespace {

constexpr std::size_t kMaxSeries = 24, kMaxLabelled = 16;

}  // namespace

SweepResult with_values(SweepResult result, const std::vector<std::pair<std::string, std::string>>& wanted) {
  for (const auto& [name, value] : wanted) {
    const SweepResult before = result;
    std::erase_if(result.rows, [&](const SweepRow& row) { return text_of(before, row, name) != value; });
    if (result.rows.empty() && !before.rows.empty()) {
      const std::vector<std::string> values = ordered_values(before, name);
      throw UsageError(fmt::format("no point has {}={}{}", name, value, suggestion(value, values)));
    }
  }
  return result;
}

Plot curve_plot(const SweepResult& all, const std::string& x, const std::string& y, std::vector<std::string> by) {
  Plot plot;
  const SweepResult r = complete(all, {x, y}, plot.note);
  by = by.empty() ? varying(r, {x}) : by;
  const Across places = across(r, x);
  const Measured up = measured(r, y);
  plot.title = r.title.empty() ? fmt::format("{} over {}", y, x) : r.title;
  plot.subtitle = common(r);
  plot.x = places.axis, plot.y = up.axis;
  plot.legend = joined(by);
  // Lines in the order of the values of the first name, then the next.
  std::map<std::vector<std::size_t>, std::map<double, const SweepRow*>> lines;
  std::vector<std::vector<std::string>> orders;
  for (const std::string& name : by) {
    orders.push_back(ordered_values(r, name));
  }
  for (const SweepRow& row : r.rows) {
    std::vector<std::size_t> line;
    for (std::size_t k = 0; k < by.size(); ++k) {
      const auto& order = orders[k];
      line.push_back(
          static_cast<std::size_t>(std::find(order.begin(), order.end(), text_of(r, row, by[k])) - order.begin()));
    }
    const auto [at, added] = lines[line].try_emplace(places.places.at(text_of(r, row, x)), &row);
    if (!added) {
      ambiguous(r, *at->second, row);
    }
  }
  if (lines.size() > kMaxSeries) {
    throw UsageError(
        fmt::format("{} lines are too many for one plot; leave names out of --by, or pick values with --only "
                    "(at most {} lines)",
                    lines.size(), kMaxSeries));
  }
  const auto numbered = [](const std::vector<std::string>& values) {
    return std::all_of(values.begin(), values.end(), [](const std::string& v) { return number_of(v).has_value(); });
  };
  // The last name with an order gives the shade; what is left the dash and the shape.
  const bool shaded = !orders.empty() && orders.back().size() > 2 && numbered(orders.back());
  std::size_t index = 0;
  for (const auto& [line, points] : lines) {
    PlotSeries series;
    series.style = PlotSeries::Style::kLinePoints;
    series.name = values_of(r, *points.begin()->second, by);
    const std::size_t group = line.size() > 1 ? line.front() : 0;
    series.colour = shaded ? plot_shade(line.back(), orders.back().size()) : plot_colour(index);
    series.shape = static_cast<int>(shaded ? (line.size() > 1 ? group : line.back()) : index);
    series.dashed = line.size() > 1 && group % 2 == 1;
    for (const auto& [place, row] : points) {
      series.points.push_back({place, *quantity(r, *row, y) * up.factor});
    }
    plot.series.push_back(series);
    ++index;
  }
  if (by.empty()) {
    plot.series.front().name.clear();
  }
  return plot;
}

Plot pareto_plot(const SweepResult& all, const PlotObjective& across_goal, const PlotObjective& up_goal,
                 const std::vector<std::size_t>& front) {
  Plot plot;
  const std::string &x = across_goal.name, &y = up_goal.name;
  const SweepResult r = complete(all, {x, y}, plot.note);
  const std::vector<std::string> workloads = ordered_values(r, "workload");
  if (workloads.size() > 1) {
    throw UsageError(fmt::format("points of different workloads do not compare; pick one with --only workload=NAME: {}",
                                 joined(workloads)));
  }
  const Measured over = measured(r, x), up = measured(r, y);
  plot.title = r.title.empty() ? fmt::format("{} and {}", x, y) : r.title;
  plot.subtitle = fmt::format("{}{}better: {} {}, {} {}", common(r), common(r).empty() ? "" : "; ",
                              across_goal.maximize ? "more" : "less", x, up_goal.maximize ? "more" : "less", y);
  plot.x = over.axis, plot.y = up.axis;
  PlotSeries points{
      fmt::format("{} points", r.rows.size()), PlotSeries::Style::kPoints, "#9aa5b1", 0, false, false, true, false, {}};
  for (const SweepRow& row : r.rows) {
    points.points.push_back({*quantity(r, row, x) * over.factor, *quantity(r, row, y) * up.factor});
  }
  std::vector<std::pair<PlotPoint, const SweepRow*>> best_points;
  for (const std::size_t i : front) {
    const SweepRow& row = all.rows.at(i);
    best_points.emplace_back(PlotPoint{*quantity(all, row, x) * over.factor, *quantity(all, row, y) * up.factor}, &row);
  }
  std::sort(best_points.begin(), best_points.end(), [](const auto& a, const auto& b) {
    return a.first.x != b.first.x ? a.first.x < b.first.x : a.first.y < b.first.y;
  });
  PlotSeries steps{"", PlotSeries::Style::kLine, plot_colour(1), 0, false, false, false, false, {}};
  PlotSeries chosen{fmt::format("{} on the front", best_points.size()),
                    PlotSeries::Style::kPoints,
                    plot_colour(1),
                    0,
                    false,
                    false,
                    false,
                    false,
                    {}};
  const std::vector<std::string> names = varying(r, {});
  for (std::size_t i = 0; i < best_points.size(); ++i) {
    const PlotPoint& point = best_points[i].first;
    if (i > 0) {
      const PlotPoint& before = best_points[i - 1].first;
      steps.points.push_back(across_goal.maximize ? PlotPoint{before.x, point.y} : PlotPoint{point.x, before.y});
    }
    steps.points.push_back(point);
    chosen.points.push_back(point);
    if (best_points.size() <= kMaxLabelled && !names.empty()) {
      plot.labels.push_back({point.x, point.y, values_of(all, *best_points[i].second, names), 1});
    }
  }
  plot.series = {points, steps, chosen};
  if (!plot.labels.empty()) {
    plot.note = fmt::format("Labels: {}. {}", joined(names), plot.note);
  }
  return plot;
}

Plot accuracy_plot(const SweepResult& all) {
  Plot plot;
  const std::string x = "energy_per_input_j", y = "accuracy_loss_ratio";
  const SweepResult r = complete(all, {x, y}, plot.note);
  const Measured over = measured(r, x);
  const auto metric = [](const SweepRow& row) { return row.measured.accuracy->metric; };
  if (std::any_of(r.rows.begin(), r.rows.end(),
                  [&](const SweepRow& row) { return metric(row) != metric(r.rows.front()); })) {
    throw UsageError(
        "the points mix networks for images and for texts, whose losses do not compare; pick one with --only "
        "workload=NAME");
  }
  const bool texts = metric(r.rows.front()) == AccuracyResult::Metric::kPerplexity;
  plot.title = r.title.empty() ? std::string("Accuracy and energy") : r.title;
  plot.subtitle = common(r);
  plot.x = over.axis;
  plot.y.title = texts ? "perplexity above FP32, %" : "top-1 accuracy below FP32, points";
  const auto constant = [&](const std::string& name) { return ordered_values(r, name).size() < 2; };
  std::vector<std::string> by;
  for (const std::string& name : {std::string("chip"), std::string("precision"), std::string("workload")}) {
    if (!constant(name)) {
      by.push_back(name);
    }
  }
  const std::vector<std::string> names = varying(r, by);
  std::map<std::string, std::size_t> index;
  for (const SweepRow& row : r.rows) {
    const auto [at, added] = index.try_emplace(values_of(r, row, by), plot.series.size());
    if (added) {
      plot.series.push_back({at->first,
                             PlotSeries::Style::kPoints,
                             plot_colour(at->second),
                             static_cast<int>(at->second),
                             false,
                             true,
                             false,
                             false,
                             {}});
    }
    const AccuracyResult& a = *row.measured.accuracy;
    const auto loss = [&](double images, double nats) { return 100 * (texts ? std::expm1(nats) : -images); };
    const double here = loss(a.difference, a.nats_difference);
    const double one = loss(a.difference_low, a.nats_low), other = loss(a.difference_high, a.nats_high);
    PlotPoint point{*quantity(r, row, x) * over.factor, here, std::min(one, other), std::max(one, other)};
    plot.series[at->second].points.push_back(point);
    if (!names.empty() && r.rows.size() <= kMaxLabelled + 8) {
      plot.labels.push_back({point.x, point.y, values_of(r, row, names), 1});
    }
  }
  plot.legend = joined(by);
  plot.note =
      fmt::format("Bars: 95 % interval.{}{} {}",
                  plot.labels.empty() ? "" : " Labels: ", plot.labels.empty() ? "" : joined(names) + ".", plot.note);
  return plot;
}

}  // namespace mantissa::report
