// SPDX-License-Identifier: Apache-2.0
// Which keys of a sweep move which objective, and by how much, as data and as tables. study/effects.h computes it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "report/text_table.h"

namespace mantissa::report {

// One key, or several that always change together.
struct KeyEffect {
  enum class Direction { kRises, kFalls, kNeither, kNames };  // of the objective with the key; kNames: no numbers

  struct Level {
    std::string value;  // "64", or "64 .. 128" where a sample has too many values
    double mean = 0;    // of the objective over the other keys
    std::size_t points = 0;
  };
  std::string key;  // "chip.tpu.rows", "chip.tpu.rows = chip.tpu.cols"
  std::vector<Level> levels;
  Direction direction = Direction::kNames;
  double range = 0;                   // between the largest and the smallest mean, in the objective's unit
  double relative_range = 0;          // of the mean over all points
  double share = 0;                   // of the variance that the key explains by itself, 0..1
  std::optional<double> total_share;  // ... alone and together with others; known on full grids
  std::string best;                   // the value with the best mean
};

struct ObjectiveEffects {
  std::string objective;
  bool maximize = false;
  std::size_t points = 0;  // that have the objective
  std::size_t left_out = 0;
  bool full_grid = false;  // every combination of the values equally often: shares are exact; else estimated
  double mean = 0, deviation = 0;
  double unexplained = 0;          // share of the variance that no key explains by itself: keys that act together
  std::vector<KeyEffect> effects;  // the most important first
};

struct EffectsReport {
  std::string title;
  std::vector<ObjectiveEffects> objectives;
};

std::string effects_text(const EffectsReport& report, Style style);
std::string effects_markdown(const EffectsReport& report);
std::string effects_csv(const EffectsReport& report);  // one line for each objective, key and value
std::string effects_json(const EffectsReport& report);

}  // namespace mantissa::report
