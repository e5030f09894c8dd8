// SPDX-License-Identifier: Apache-2.0
// The die area of a sweep's points, without reading a chip's file for each: numbers are written into a chip that was
// read before.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "config/overlay.h"
#include "config/sweep_formulas.h"
#include "config/sweep_values.h"

namespace mantissa::config {
namespace {

constexpr std::size_t kMaxParsed = 1000;  // chips that are kept

}  // namespace

void SweepFormulas::prepare_area() {
  const auto add = [&](AreaKey key, SweepKey::Kind kind, const std::string& path) {
    if (kind != SweepKey::Kind::kChipKey || !changes_area(path)) {
      return;
    }
    key.path = path;
    key.set = area_setter(path);
    for (const auto& [file, root] : sweep_.files) {
      key.fits[file] = path_fits_chip(root, path);
    }
    area_keys_.push_back(std::move(key));
  };
  const auto add_axis = [&](const SweepAxis& axis, int index) {
    for (const SweepKey& key : axis.keys) {
      AreaKey entry;
      entry.axis = index;
      entry.key = &key;
      add(std::move(entry), key.kind, key.path);
    }
  };
  for (const SweepAxis& axis : sweep_.fixed) {
    add_axis(axis, -1);
  }
  for (std::size_t i = 0; i < sweep_.axes.size(); ++i) {
    add_axis(sweep_.axes[i], static_cast<int>(i));
  }
  for (std::size_t i = 0; i < sweep_.derived.size(); ++i) {
    if (sweep_.derived[i].key) {
      AreaKey entry;
      entry.derived = static_cast<int>(i);
      add(std::move(entry), *sweep_.derived[i].key, sweep_.derived[i].path);
    }
  }
  // What lies in a map that the sweep sets too depends on the order of the two.
  for (AreaKey& inner : area_keys_) {
    for (const AreaKey& outer : area_keys_) {
      inner.set = inner.path.starts_with(outer.path + ".") ? AreaSetter{} : inner.set;
    }
  }
  for (const std::string& file : chip_files(sweep_)) {
    Chip chip = parse_chip(sweep_.files.at(file), file);
    if (!chip.area) {
      for (const auto* list : {&derived_, &constraints_}) {
        for (const Formula& formula : *list) {
          const auto& names = formula.expression->names();
          if (std::find(names.begin(), names.end(), "area_mm2") != names.end()) {
            formula.expression->error_at(
                "area_mm2", fmt::format("{} has no 'area', so that this chip has no area_mm2; add it as docs/area.md "
                                        "says",
                                        file));
            return;
          }
        }
      }
    }
    chips_.emplace(file, std::move(chip));
  }
}

double SweepFormulas::area_value(Point& point, const AreaKey& key) const {
  if (key.derived < 0) {
    return number_of(*key.key, key.axis < 0 ? 0 : point.places[static_cast<std::size_t>(key.axis)]);
  }
  double& known = point.derived[static_cast<std::size_t>(key.derived)];
  if (std::isnan(known)) {
    known = evaluate(point, derived_[static_cast<std::size_t>(key.derived)]);
  }
  return known;
}

// The chip with those of the point's values that need its file to be read again.
Chip& SweepFormulas::area_chip(Point& point) const {
  const std::string& file = chip_file(sweep_, point.places);
  std::vector<Override> changes;
  for (const AreaKey& key : area_keys_) {
    if (!key.fits.at(file)) {
      throw NoArea{};
    }
    if (!key.set && key.derived >= 0) {
      const SweepDerived& derived = sweep_.derived[static_cast<std::size_t>(key.derived)];
      changes.push_back({derived.path, derived.expression.node(), decimal(area_value(point, key))});
    } else if (!key.set) {
      changes.push_back(key.key->values[key.axis < 0 ? 0 : point.places[static_cast<std::size_t>(key.axis)]]);
    }
  }
  if (changes.empty()) {
    return chips_.at(file);
  }
  std::string name = file;
  for (const Override& change : changes) {
    name += "\n" + change.path + "=" + (change.text ? *change.text : change.value.flow());
  }
  if (parsed_.size() >= kMaxParsed && !parsed_.contains(name)) {
    parsed_.clear();
  }
  const auto [at, inserted] = parsed_.emplace(name, std::nullopt);
  if (inserted) {
    try {
      at->second = parse_chip(overlay(FileKind::kChip, sweep_.files.at(file), changes), file);
    } catch (const ConfigError&) {
      // the point's own run says it
    }
  }
  if (!at->second || !at->second->area) {
    throw NoArea{};
  }
  return *at->second;
}

double SweepFormulas::area(Point& point) const {
  Chip& chip = area_chip(point);
  for (const AreaKey& key : area_keys_) {
    if (key.set && !key.set(chip, area_value(point, key))) {
      throw NoArea{};
    }
  }
  return chip_area(chip)->total();
}

}  // namespace mantissa::config
