// SPDX-License-Identifier: Apache-2.0
// Which points of a design space nothing beats, and how much of the space they cover. A point dominates another when
// it is no worse in any objective and better in one; of points with equal objectives none dominates the other.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "report/sweep_quantities.h"

namespace mantissa::study {

using Costs = std::vector<double>;  // one for each objective; smaller is better; not NaN

bool dominates(const Costs& a, const Costs& b);

// Indices of the points that no other one dominates, ascending.
std::vector<std::size_t> non_dominated(const std::vector<Costs>& points);

// Fronts: the non-dominated points, those that are non-dominated without them, and so on, until they hold `enough`.
std::vector<std::vector<std::size_t>> fronts(const std::vector<Costs>& points, std::size_t enough);

// The volume that the points dominate, up to `reference`; points that are not better than it in every objective add
// nothing. One to three objectives. Infinite where a cost is.
double hypervolume(const std::vector<Costs>& points, const Costs& reference);

// An objective of a sweep: a quantity, or a numeric key, and which way is better.
struct Objective {
  std::string name;
  bool maximize = false;
};
// "latency_s", "inputs_per_s", or with a direction: "chip.staging.depth:min". Throws UsageError for an unknown name or
// a key without a direction.
Objective read_objective(const report::SweepResult& result, const std::string& text);
std::vector<Objective> objectives_of(const report::SweepResult& result);

// nullopt where an objective has no value, or NaN.
std::optional<Costs> costs_of(const report::SweepResult& result, const report::SweepRow& row,
                              const std::vector<Objective>& objectives);

struct ParetoFront {
  std::vector<Objective> objectives;
  std::vector<std::size_t> rows;  // of the result, in its order
  std::size_t compared = 0;       // rows that have all objectives
  std::size_t failed = 0;         // rows with an error
  std::size_t incomplete = 0;     // rows without one of the objectives
};
ParetoFront pareto_front(const report::SweepResult& result, const std::vector<Objective>& objectives);

}  // namespace mantissa::study
