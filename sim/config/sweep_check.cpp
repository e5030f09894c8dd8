// SPDX-License-Identifier: Apache-2.0
#include "config/sweep_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/text.h"
#include "config/chip.h"
#include "config/overlay.h"
#include "config/sweep_names.h"
#include "config/workload.h"

namespace mantissa::config {
namespace {

using Kind = SweepKey::Kind;

// Points in which a value is tried before it is called wrong: others may make it right (a percentile needs its
// calibrator).
constexpr std::size_t kTries = 64;

template <class Visit>
void for_each_key(const Sweep& sweep, Visit visit) {
  for (const auto* axes : {&sweep.fixed, &sweep.axes}) {
    for (const SweepAxis& axis : *axes) {
      for (const SweepKey& key : axis.keys) {
        visit(key);
      }
    }
  }
}

std::set<std::string> files_of(const Sweep& sweep, Kind kind) {
  std::set<std::string> files;
  for_each_key(sweep, [&](const SweepKey& key) {
    if (key.kind == kind) {
      files.insert(key.files.begin(), key.files.end());
    }
  });
  return files;
}

// Throws for a chip file that is wrong on its own.
std::vector<Chip> load_chips(const Sweep& sweep) {
  std::vector<Chip> chips;
  for (const std::string& file : files_of(sweep, Kind::kChip)) {
    chips.push_back(parse_chip(sweep.files.at(file), file));
  }
  return chips;
}

// `node`: where the key stands.
void check_path(const Sweep& sweep, Kind key_kind, const std::string& key_path, const YamlNode& node) {
  if (key_kind != Kind::kChipKey && key_kind != Kind::kWorkloadKey && key_kind != Kind::kRecipeKey) {
    return;
  }
  const FileKind kind = key_kind == Kind::kChipKey ? FileKind::kChip : FileKind::kWorkload;
  const std::string path = key_kind != Kind::kRecipeKey ? key_path : key_path.empty() ? "recipe" : "recipe." + key_path;
  std::string first;
  for (const std::string& file : files_of(sweep, kind == FileKind::kChip ? Kind::kChip : Kind::kWorkload)) {
    const std::string why = path_defect(kind, sweep.files.at(file), path);
    if (why.empty()) {
      return;
    }
    first = first.empty() ? why : first;
  }
  node.error_at_key(first);
}

void check_precisions(const SweepKey& key, const std::vector<Chip>& chips) {
  for (std::size_t i = 0; key.kind == Kind::kPrecision && i < key.values.size(); ++i) {
    const std::string name = key.text(i);
    std::vector<std::string> known;
    for (const Chip& chip : chips) {
      for (const Precision& precision : chip.precisions) {
        known.push_back(precision.name);
      }
    }
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::sort(known.begin(), known.end());
      known.erase(std::unique(known.begin(), known.end()), known.end());
      key.values[i].value.error(
          fmt::format("no chip of this sweep has a precision '{}'{}", name, suggestion(name, known)));
    }
  }
}

// Mistakes of a point's files that stand in the sweep file.
std::vector<Diagnostic> mistakes_of(const Sweep& sweep, const std::vector<std::size_t>& places) {
  std::vector<Diagnostic> found;
  const auto collect = [&](const auto& read) {
    try {
      read();
    } catch (const ConfigError& e) {
      for (const Diagnostic& diagnostic : e.diagnostics()) {
        if (diagnostic.pos.file == sweep.path && diagnostic.pos.line > 0) {
          found.push_back(diagnostic);
        }
      }
    }
  };
  SweepPoint point;
  collect([&] { point = sweep.point(places); });
  if (!found.empty()) {
    return found;
  }
  std::string precision = point.precision;
  collect([&] {
    const Chip chip = parse_chip(sweep.chip_document(point), point.chip);
    precision = precision.empty() ? chip.default_precision : precision;
  });
  if (!precision.empty()) {
    collect([&] { parse_workload(sweep.workload_document(point, precision), point.workload); });
  }
  return found;
}

bool contains(const std::vector<Diagnostic>& list, const Diagnostic& d) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Diagnostic& other) { return other.pos == d.pos && other.message == d.message; });
}

// The mistakes of the points that one value of an axis is tried in, if they are there in all of them.
std::vector<Diagnostic> lasting_mistakes(const Sweep& sweep, std::size_t axis, std::size_t place) {
  std::size_t tries = 1;
  for (const SweepAxis& other : sweep.axes) {
    tries = std::max(tries, other.size());
  }
  std::vector<Diagnostic> lasting;
  bool first = true;
  for (std::size_t i = 0; i < std::min(tries, kTries); ++i) {
    std::vector<std::size_t> places;
    for (const SweepAxis& other : sweep.axes) {
      places.push_back(i % other.size());
    }
    places[axis] = place;
    if (!sweep.allowed(places)) {
      continue;
    }
    std::vector<Diagnostic> found;
    for (const Diagnostic& d : mistakes_of(sweep, places)) {
      if (first || contains(lasting, d)) {
        found.push_back(d);
      }
    }
    lasting = std::move(found);
    first = false;
    if (lasting.empty()) {
      break;
    }
  }
  return lasting;
}

// Whether a value can be told to be right without reading a file with it: numbers within their range by the table, and
// what no file holds.
bool is_plain(const SweepKey& key, std::size_t place) {
  if (key.kind == Kind::kLabel || key.kind == Kind::kBatch || key.kind == Kind::kImages) {
    return true;
  }
  const auto* field = key.kind == Kind::kChipKey ? find_chip_field(key.path) : nullptr;
  return field != nullptr && holds(*field, number_of(key, place));
}

// Of long axes, plain values between the first and the last are not tried: they can be wrong only beside another value.
bool is_tried(const SweepAxis& axis, std::size_t place) {
  return axis.size() <= kTries || place == 0 || place + 1 == axis.size() ||
         !std::all_of(axis.keys.begin(), axis.keys.end(), [&](const SweepKey& key) { return is_plain(key, place); });
}

}  // namespace

void check_sweep_keys(const Sweep& sweep) {
  const std::vector<Chip> chips = load_chips(sweep);
  for_each_key(sweep, [&](const SweepKey& key) {
    check_path(sweep, key.kind, key.path, key.node);
    check_precisions(key, chips);
  });
  for (const SweepDerived& derived : sweep.derived) {
    if (derived.key) {
      check_path(sweep, *derived.key, derived.path, derived.expression.node());
    }
  }
}

void check_sweep_points(const Sweep& sweep) {
  std::vector<Diagnostic> found;
  const auto add = [&](const std::vector<Diagnostic>& mistakes) {
    std::copy_if(mistakes.begin(), mistakes.end(), std::back_inserter(found),
                 [&](const Diagnostic& d) { return !contains(found, d); });
  };
  if (sweep.axes.empty()) {
    add(mistakes_of(sweep, {}));
  }
  for (std::size_t axis = 0; axis < sweep.axes.size(); ++axis) {
    for (std::size_t place = 0; place < sweep.axes[axis].size() && found.size() < kTries; ++place) {
      if (is_tried(sweep.axes[axis], place)) {
        add(lasting_mistakes(sweep, axis, place));
      }
    }
  }
  Diagnostics all;
  for (const Diagnostic& d : found) {
    all.add(d.pos, d.message, d.source_line);
  }
  all.finish();
}

}  // namespace mantissa::config
