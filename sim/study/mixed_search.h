// SPDX-License-Identifier: Apache-2.0
// Which layer gets which format: the cheapest assignment whose measured loss keeps to a bound. Knows nothing of
// networks; costs, noise and the measurement come from the caller.
//
// MODEL: costs of layers add up, and so do the noise powers that layers bring to the network's output. Both only guide
// the search; every answer is an assignment whose loss was measured. docs/accuracy.md states the algorithm and how far
// from the best of all assignments it was found.
#pragma once
#include <cstddef>
#include <functional>
#include <vector>

namespace mantissa::study {

using Assignment = std::vector<std::size_t>;  // for each layer, the index of its format

struct MixedProblem {
  // [layer][format]: cost (seconds, joules), and noise power at the network's output, relative to the signal's.
  std::vector<std::vector<double>> cost, noise;

  double total_cost(const Assignment& assignment) const;
  double total_noise(const Assignment& assignment) const;
};

struct MixedAnswer {
  bool found = false;  // false: even the assignment with the least noise loses too much; it is the answer then
  Assignment assignment;
  double loss = 0;           // measured
  std::size_t measured = 0;  // assignments whose loss was measured
};

// Assignments from the cheapest to the one with the least noise: each step gives one layer a more accurate format, the
// step that takes away most noise for its cost first. This is the greedy way through the convex hull of each layer's
// choices, optimal for the relaxed problem (Sinha and Zoltners 1979, multiple-choice knapsack).
std::vector<Assignment> upgrade_path(const MixedProblem& problem);

// Up to 16 assignments are tried from the cheapest on: the first that keeps to the bound is the best. Beyond that:
// 1. The path above; bisection finds the cheapest assignment on it that keeps to the bound, taking the loss to fall
//    along the path.
// 2. Each layer, the largest saving first, gets a cheaper format back if the measured loss still keeps to the bound.
// 3. Exchanges: one layer gets a more expensive format and another one a cheaper one, if that is cheaper together and
//    should not be noisier; at most 12 are measured before the search ends. After each that keeps to the bound, 2
//    again.
MixedAnswer search_mixed(const MixedProblem& problem, double max_loss,
                         const std::function<double(const Assignment&)>& measure_loss);

}  // namespace mantissa::study
