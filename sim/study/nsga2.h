// SPDX-License-Identifier: Apache-2.0
// NSGA-II over a grid: finds points that no other point beats in all objectives at once, without simulating the grid.
//
// Generation by generation, parents are chosen by tournament (front first, then distance to the neighbours on it),
// mixed axis by axis, and moved by steps along axes. Unlike the original, all non-dominated points found so far stay
// parents (a simulation is dear, a point kept is not), no point is simulated twice, and a child that is known or not
// allowed moves on until it is new. Integers and IEEE arithmetic without libm: equal seeds give equal points anywhere.
// SOURCE: Deb, Pratap, Agarwal, Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", IEEE
// Transactions on Evolutionary Computation 6(2), 2002.
// Why not Debian's libpagmo: its NSGA-II takes no constraints and counts repeated points, it draws from Boost's and the
// standard library's distributions, and it brings TBB's threads, which forbid the fork() that runs our points.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "study/pareto.h"
#include "study/search_space.h"

namespace mantissa::study {

struct Nsga2Options {
  std::size_t points = 0;       // most points that are simulated
  std::size_t population = 24;  // points of a generation
  std::uint64_t seed = 1;
};

// The costs of each position; nullopt where it failed: such a point counts and is never a parent.
using CostsOf = std::function<std::vector<std::optional<Costs>>(const std::vector<std::size_t>&)>;

// All positions that were asked for, in that order. Calls `costs_of` once for each generation.
std::vector<std::size_t> nsga2(const SearchSpace& space, const Nsga2Options& options, const CostsOf& costs_of);

// Of each point of one front, how far its neighbours are apart, summed over objectives in units of the front's range;
// infinite for the ends of each objective.
std::vector<double> crowding_distances(const std::vector<Costs>& front);

}  // namespace mantissa::study
