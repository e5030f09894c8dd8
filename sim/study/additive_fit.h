// SPDX-License-Identifier: Apache-2.0
// Least-squares fit of a value by a mean and one addend for each level of each factor: analysis of variance without
// interactions, for designs that need not be balanced.
#pragma once
#include <cstddef>
#include <vector>

namespace mantissa::study {

struct AdditiveFit {
  double mean = 0;
  std::vector<std::vector<double>> effects;  // by factor and level; over the rows those of a factor sum to zero
  double squared_error = 0;                  // sum over the rows
};

// `levels`: of each factor, the level of each row. Levels count from 0, and each has at least one row. Solved by
// backfitting: factor by factor the means of what the others leave. On balanced designs one round is exact; on others
// rounds go on until an addend moves by less than 1e-12 of the spread, 2,000 at most.
AdditiveFit additive_fit(const std::vector<double>& y, const std::vector<std::vector<std::size_t>>& levels);

}  // namespace mantissa::study
