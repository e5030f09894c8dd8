// SPDX-License-Identifier: Apache-2.0
#include "study/pareto.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"

namespace mantissa::study {
namespace {

// Area below the staircase of points (x, y) that is left of and below the reference; 0 without points.
// REQUIRES: sorted by x.
double area(const std::vector<std::pair<double, double>>& sorted, double x_end, double y_end) {
  double sum = 0, y = y_end;
  for (const auto& [px, py] : sorted) {
    if (py < y) {
      sum += (x_end - px) * (y - py);
      y = py;
    }
  }
  return sum;
}

double volume(std::vector<Costs> points, const Costs& reference) {
  // Slices along the last objective: between two of its values, what the points up to there cover.
  std::sort(points.begin(), points.end(), [](const Costs& a, const Costs& b) { return a[2] < b[2]; });
  std::vector<std::pair<double, double>> staircase;
  double sum = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::pair<double, double> corner{points[i][0], points[i][1]};
    const bool covered = std::any_of(staircase.begin(), staircase.end(), [&](const auto& s) {
      return s.first <= corner.first && s.second <= corner.second;
    });
    if (!covered) {
      std::erase_if(staircase, [&](const auto& s) { return s.first >= corner.first && s.second >= corner.second; });
      staircase.insert(std::upper_bound(staircase.begin(), staircase.end(), corner), corner);
    }
    const double end = i + 1 < points.size() ? points[i + 1][2] : reference[2];
    if (end > points[i][2]) {
      sum += (end - points[i][2]) * area(staircase, reference[0], reference[1]);
    }
  }
  return sum;
}

}  // namespace

bool dominates(const Costs& a, const Costs& b) {
  bool better = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) {
      return false;
    }
    better = better || a[i] < b[i];
  }
  return better;
}

std::vector<std::size_t> non_dominated(const std::vector<Costs>& points) {
  // In lexicographic order nothing is dominated by a later point, so each one needs comparing with the front so far.
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return points[a] < points[b]; });
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    // Neighbours in the order are the likeliest to dominate: from the last one back.
    if (std::none_of(front.rbegin(), front.rend(), [&](std::size_t f) { return dominates(points[f], points[i]); })) {
      front.push_back(i);
    }
  }
  std::sort(front.begin(), front.end());
  return front;
}

std::vector<std::vector<std::size_t>> fronts(const std::vector<Costs>& points, std::size_t enough) {
  std::vector<std::vector<std::size_t>> result;
  std::vector<std::size_t> left(points.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  for (std::size_t held = 0; held < enough && !left.empty();) {
    std::vector<Costs> rest;
    for (const std::size_t i : left) {
      rest.push_back(points[i]);
    }
    std::vector<std::size_t> front, others;
    const std::vector<std::size_t> best = non_dominated(rest);
    for (std::size_t i = 0, next = 0; i < left.size(); ++i) {
      const bool in_front = next < best.size() && best[next] == i;
      next += in_front ? 1 : 0;
      (in_front ? front : others).push_back(left[i]);
    }
    held += front.size();
    result.push_back(std::move(front));
    left = std::move(others);
  }
  return result;
}

double hypervolume(const std::vector<Costs>& points, const Costs& reference) {
  const std::size_t count = reference.size();
  check(count >= 1 && count <= 3, "hypervolumes have one to three objectives");
  std::vector<Costs> inside;
  std::copy_if(points.begin(), points.end(), std::back_inserter(inside), [&](const Costs& p) {
    return std::equal(p.begin(), p.end(), reference.begin(), [](double a, double b) { return a < b; });
  });
  if (inside.empty()) {
    return 0;
  }
  if (count == 1) {
    return reference[0] - (*std::min_element(inside.begin(), inside.end()))[0];
  }
  if (count == 2) {
    std::vector<std::pair<double, double>> sorted;
    std::transform(inside.begin(), inside.end(), std::back_inserter(sorted), [](const Costs& p) {
      return std::pair{p[0], p[1]};
    });
    std::sort(sorted.begin(), sorted.end());
    return area(sorted, reference[0], reference[1]);
  }
  return volume(std::move(inside), reference);
}

Objective read_objective(const report::SweepResult& result, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const std::string name = text.substr(0, colon), way = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (!way.empty() && way != "min" && way != "max") {
    throw UsageError(fmt::format("'{}': the direction of an objective is min or max, not '{}'", text, way));
  }
  const std::vector<std::string> known = report::numeric_names(result);
  const report::Quantity* quantity = report::find_quantity(name);
  if (!quantity && std::find(known.begin(), known.end(), name) == known.end()) {
    throw UsageError(fmt::format("no objective '{}' in these results{}", name, suggestion(name, known, 30)));
  }
  if (!quantity && way.empty()) {
    throw UsageError(
        fmt::format("'{}' is a key, not a result: say which way is better, {}:min or {}:max", name, name, name));
  }
  return {name, way.empty() ? quantity->maximize : way == "max"};
}

std::vector<Objective> objectives_of(const report::SweepResult& result) {
  std::vector<Objective> objectives;
  for (const std::string& name : result.objectives) {
    objectives.push_back(read_objective(result, name));
  }
  return objectives;
}

std::optional<Costs> costs_of(const report::SweepResult& result, const report::SweepRow& row,
                              const std::vector<Objective>& objectives) {
  Costs costs;
  for (const Objective& objective : objectives) {
    const std::optional<double> value = report::quantity(result, row, objective.name);
    if (!value || std::isnan(*value)) {
      return std::nullopt;
    }
    costs.push_back(objective.maximize ? -*value : *value);
  }
  return costs;
}

ParetoFront pareto_front(const report::SweepResult& result, const std::vector<Objective>& objectives) {
  ParetoFront front{objectives, {}, 0, 0, 0};
  std::vector<Costs> points;
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < result.rows.size(); ++i) {
    const report::SweepRow& row = result.rows[i];
    if (!row.error.empty()) {
      ++front.failed;
      continue;
    }
    if (auto costs = costs_of(result, row, objectives)) {
      points.push_back(std::move(*costs));
      rows.push_back(i);
    } else {
      ++front.incomplete;
    }
  }
  front.compared = rows.size();
  for (const std::size_t i : non_dominated(points)) {
    front.rows.push_back(rows[i]);
  }
  return front;
}

}  // namespace mantissa::study
