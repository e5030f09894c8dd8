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
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

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

struct Sweep {
  std::string title, path;
  SweepMeasures measure;
  std::vector<SweepAxis> fixed;  // one value each, for all points
  std::vector<SweepAxis> axes;
  std::map<std::string, YamlNode> files;  // of all chips and workloads, parsed, by path

  std::size_t points() const;
  // Where on each axis a point is; the last axis varies fastest.
  std::vector<std::size_t> places(std::size_t point) const;
  SweepPoint point(const std::vector<std::size_t>& places) const;
  // The file of a point's chip or workload with its changes. Throws ConfigError for a path that this file has not got.
  // `precision`: whose recipe the recipe changes are for.
  YamlNode chip_document(const SweepPoint& point) const;
  YamlNode workload_document(const SweepPoint& point, const std::string& precision) const;
};

inline constexpr std::size_t kMaxSweepPoints = 100'000;

// Throws ConfigError with every mistake found: unknown keys, paths that no chip or workload of the sweep has, values
// that a file could not hold, empty or endless ranges, tied keys with different numbers of values, too many points.
// What only some points do wrong (a precision that one of the chips has not got) is left to them.
Sweep load_sweep(const std::string& path);

}  // namespace mantissa::config
