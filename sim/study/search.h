// SPDX-License-Identifier: Apache-2.0
// Which points of a sweep are run: all (grid), a sample (random, Latin hypercube), or those that a search for the
// Pareto front asks for (NSGA-II). Everything is drawn from the sweep's seed: the same points on any machine, and again
// when a sweep is resumed.
#pragma once
#include <functional>
#include <vector>

#include "config/sweep.h"
#include "report/sweep_table.h"
#include "study/pareto.h"
#include "study/search_space.h"

namespace mantissa::study {

// Runs the points, and returns their rows in the order of the positions.
using Evaluate = std::function<std::vector<report::SweepRow>(const std::vector<std::size_t>& positions)>;

SearchSpace search_space(const config::Sweep& sweep);

// The sweep's objectives. Throws ConfigError at each name that is no quantity, is there twice, or that the sweep does
// not measure, and for NSGA-II where there is none.
std::vector<Objective> check_objectives(const config::Sweep& sweep);

// The points of a grid or a sample; REQUIRES: no NSGA-II, whose points depend on results.
std::vector<std::size_t> search_positions(const config::Sweep& sweep);

// Calls `evaluate` once for a grid or sample, once for each generation of NSGA-II; returns all positions, as asked.
std::vector<std::size_t> search(const config::Sweep& sweep, const Evaluate& evaluate);

}  // namespace mantissa::study
