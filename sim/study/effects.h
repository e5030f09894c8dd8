// SPDX-License-Identifier: Apache-2.0
// Sensitivity of a sweep: which key moves each objective, by how much, and which way.
//
// The objective is fitted by a mean for each value of each key, added up (least squares). On a full grid these means
// are plain averages, and a key's share of the variance is the exact first-order index of analysis of variance, its
// total share the exact total index. Elsewhere (samples, searches, grids with constraints or failures) a key's share is
// what the fit loses without it, less what chance would give so many values, over the whole variance; numbers with more
// than kMaxSampleLevels values are put into as many classes of equal size.
// SOURCE: Saltelli et al., "Global Sensitivity Analysis: The Primer", Wiley 2008, chapters 1 and 4.
// MODEL: in samples keys that change together share their effect, and points of a search lie where it looked, so that
// their means are no averages of the whole space.
#pragma once
#include <vector>

#include "report/effects_table.h"
#include "report/sweep_quantities.h"
#include "study/pareto.h"

namespace mantissa::study {

inline constexpr std::size_t kMaxSampleLevels = 8;

// A key, or keys that always change together; what a row has of it.
struct Factor {
  std::string name;
  std::vector<std::string> values;  // as first met; numbers ascending
  bool numeric = false;
  std::vector<std::size_t> level_of_row;  // index into values
};

// What the rows differ in. Derived values are no factors: they follow from the others.
std::vector<Factor> factors_of(const report::SweepResult& result, const std::vector<std::size_t>& rows);

report::EffectsReport effects(const report::SweepResult& result, const std::vector<Objective>& objectives);

}  // namespace mantissa::study
