// SPDX-License-Identifier: Apache-2.0
// A sweep file (docs/sweeps.md): what is measured, where, and which keys take which values.
//
//   measure: [accuracy, latency]
//   chip: h100_sxm
//   workload: fashion_resnet
//   precision: fp8_e4m3
//   images: 1000
//   set:
//     chip.clock_mhz: 1500                                                  # the same for all points
//   axes:                                                                   # crossed; the first one varies slowest
//     - {workload: [fashion_resnet, fashion_mobilenet]}
//     - {chip.datapaths.fp8_e4m3.align_fraction_bits: {from: 7, to: 25}}    # a range
//     - {chip.staging.depth: [2, 4], chip.dram.channels: [5, 10]}           # keys of one axis are tied
//   derived: {bytes_per_s: "chip.dram.channels * 1e9"}                      # values made of others
//   constraints: ["area_mm2 <= 900"]                                        # points that are left out
//   search: {method: random, points: 100}                                   # not all of the grid
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/expression.h"
#include "config/yaml.h"
#include "config/yaml_overlay.h"

namespace mantissa::config {

struct SweepMeasures {
  bool accuracy = false, latency = false, energy = false;
  bool timing() const { return latency || energy; }
};

// One key and its values.
struct SweepKey {
  // What a key changes: one of the run's own choices, a value in the chip's or the workload's file, or in the recipe
  // that the workload has for the precision of the point.
  enum class Kind { kLabel, kChip, kWorkload, kPrecision, kBatch, kImages, kChipKey, kWorkloadKey, kRecipeKey };
  Kind kind = Kind::kLabel;
  std::string name;                // as written: "chip.dram.channels"
  std::string path;                // in the file: "dram.channels"; of a recipe key below the recipe
  YamlNode node;                   // for messages about the key
  std::vector<Override> values;    // their paths are `path`
  std::vector<std::string> files;  // of kChip and kWorkload: the values as paths of files

  std::string text(std::size_t i) const;  // a value as the file writes it, for tables
};

// Keys that are varied together: the i-th point of the axis gives each of them its i-th value.
struct SweepAxis {
  std::vector<SweepKey> keys;  // at least one; as many values each
  std::size_t size() const { return keys.front().values.size(); }
};

// One run. Changes have their paths in the file.
struct SweepPoint {
  std::string chip, workload;  // files
  std::string precision;       // empty: the chip's default
  std::optional<std::int64_t> batch, images;
  std::vector<Override> chip_changes, workload_changes, recipe_changes;
};

// Which points of the grid are run.
struct SweepSearch {
  enum class Method { kGrid, kRandom, kLatinHypercube, kNsga2 };
  Method method = Method::kGrid;
  std::size_t points = 0;       // not kGrid: at most so many are run
  std::size_t population = 24;  // kNsga2: points of one generation
  std::uint64_t seed = 1;
};

// A value computed from others. A name of a key (chip.PATH, workload.PATH, recipe.PATH, batch, images) sets that key.
struct SweepDerived {
  std::string name;
  Expression expression;
  std::optional<SweepKey::Kind> key;  // that it sets
  std::string path;                   // of that key, as in SweepKey
};

struct SweepObjectiveName {
  std::string name;
  YamlNode node;  // for messages: whether such a quantity exists is not known here
};

class SweepFormulas;

struct Sweep {
  std::string title, path;
  SweepMeasures measure;
  std::vector<SweepAxis> fixed;  // one value each, for all points
  std::vector<SweepAxis> axes;
  std::map<std::string, YamlNode> files;  // of all chips and workloads, parsed, by path
  SweepSearch search;
  std::vector<SweepDerived> derived;
  std::vector<Expression> constraints;
  std::vector<SweepObjectiveName> objectives;
  double time_limit_s = 600;                      // of one point
  std::shared_ptr<const SweepFormulas> formulas;  // what evaluates derived values and constraints; null without any

  // Of the grid, allowed or not.
  std::size_t points() const;
  // Where on each axis a point is; the last axis varies fastest.
  std::vector<std::size_t> places(std::size_t point) const;
  // With its derived keys. Throws ConfigError, at the formula, where one of them has no value.
  SweepPoint point(const std::vector<std::size_t>& places) const;
  // Whether all constraints hold; they are checked in their order, up to the first that does not. True where one needs
  // the area of a chip that is no chip: its run says what is wrong. Throws ConfigError where one has no value.
  bool allowed(const std::vector<std::size_t>& places) const;
  // Names and values of `derived`, in their order; numbers as a file would write them. Throws as point().
  std::vector<std::pair<std::string, std::string>> derived_values(const std::vector<std::size_t>& places) const;
  // The file of a point's chip or workload with its changes. Throws ConfigError for a path that this file has not got.
  // `precision`: whose recipe the recipe changes are for.
  YamlNode chip_document(const SweepPoint& point) const;
  YamlNode workload_document(const SweepPoint& point, const std::string& precision) const;
};

inline constexpr std::size_t kMaxSweepPoints = 100'000;  // that are run
inline constexpr double kMaxSweepGrid = 1e15;            // that a search picks from
inline constexpr std::int64_t kMaxSweepBatch = 1 << 20, kMaxSweepImages = 10'000'000;

// Throws ConfigError with every mistake found: unknown keys, paths that no chip or workload of the sweep has, values
// that a file could not hold, empty or endless ranges, tied keys with different numbers of values, too many points,
// names that no file of the sweep has in formulas, formulas that depend on themselves, have no value, or leave no
// point. What only some points do wrong (a precision that one of the chips has not got) is left to them.
Sweep load_sweep(const std::string& path);

}  // namespace mantissa::config
