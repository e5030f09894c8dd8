// SPDX-License-Identifier: Apache-2.0
#include "config/sweep.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "config/overlay.h"
#include "config/sweep_formulas.h"
#include "config/sweep_names.h"
#include "config/sweep_values.h"

namespace mantissa::config {
namespace {

using Kind = SweepKey::Kind;

void apply(const SweepKey& key, std::size_t place, SweepPoint& point) {
  const Override& value = key.values[place];
  const std::string text = key.text(place);
  switch (key.kind) {
    case Kind::kLabel:
      return;
    case Kind::kChip:
      point.chip = key.files[place];
      return;
    case Kind::kWorkload:
      point.workload = key.files[place];
      return;
    case Kind::kPrecision:
      point.precision = text;
      return;
    case Kind::kBatch:
      point.batch = std::stoll(text);  // the loader has checked it
      return;
    case Kind::kImages:
      point.images = std::stoll(text);
      return;
    case Kind::kChipKey:
      point.chip_changes.push_back(value);
      return;
    case Kind::kWorkloadKey:
      point.workload_changes.push_back(value);
      return;
    case Kind::kRecipeKey:
      point.recipe_changes.push_back(value);
      return;
  }
}

void apply(const SweepDerived& derived, double value, SweepPoint& point) {
  if (!derived.key) {
    return;
  }
  if (const std::string why = run_defect(derived, value); !why.empty()) {
    throw ConfigError(derived.expression.node().pos(), why);
  }
  const Override change{derived.path, derived.expression.node(), decimal(value)};
  if (*derived.key == Kind::kBatch || *derived.key == Kind::kImages) {
    (*derived.key == Kind::kBatch ? point.batch : point.images) = static_cast<std::int64_t>(value);
  } else if (*derived.key == Kind::kChipKey) {
    point.chip_changes.push_back(change);
  } else if (*derived.key == Kind::kWorkloadKey) {
    point.workload_changes.push_back(change);
  } else {
    point.recipe_changes.push_back(change);
  }
}

YamlNode changed(FileKind kind, const YamlNode& root, const std::vector<Override>& changes) {
  thread_local std::set<std::string> sound;
  for (const Override& change : changes) {
    // Asked for every point of a sweep about the same few paths.
    std::string question = root.pos().file + "\n" + root.hash() + "\n" + change.path;
    if (sound.count(question) > 0) {
      continue;
    }
    if (const std::string why = path_defect(kind, root, change.path); !why.empty()) {
      throw ConfigError(change.value.pos(), why);
    }
    sound.insert(std::move(question));
  }
  return overlay(kind, root, changes);
}

}  // namespace

std::string SweepKey::text(std::size_t i) const {
  const Override& value = values[i];
  if (value.text) {
    return *value.text;
  }
  if (value.value.kind() == YamlNode::Kind::kScalar) {
    return value.value.text();
  }
  const std::string flow = value.value.flow();
  const bool braces = flow.size() >= 2 && flow.front() == '{' && flow.back() == '}';
  return braces ? flow.substr(1, flow.size() - 2) : flow;
}

std::size_t Sweep::points() const {
  std::size_t count = 1;
  for (const SweepAxis& axis : axes) {
    count *= axis.size();
  }
  return count;
}

std::vector<std::size_t> Sweep::places(std::size_t point) const {
  std::vector<std::size_t> result(axes.size());
  for (std::size_t i = axes.size(); i-- > 0;) {
    result[i] = point % axes[i].size();
    point /= axes[i].size();
  }
  return result;
}

SweepPoint Sweep::point(const std::vector<std::size_t>& where) const {
  SweepPoint result;
  for (const SweepAxis& axis : fixed) {
    apply(axis.keys.front(), 0, result);
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    for (const SweepKey& key : axes[i].keys) {
      apply(key, where[i], result);
    }
  }
  const bool sets =
      std::any_of(derived.begin(), derived.end(), [](const SweepDerived& d) { return d.key.has_value(); });
  if (sets && formulas) {
    const auto values = formulas->derived(where);
    for (std::size_t i = 0; i < derived.size(); ++i) {
      apply(derived[i], values[i], result);
    }
  }
  return result;
}

bool Sweep::allowed(const std::vector<std::size_t>& where) const {
  return !formulas || constraints.empty() || formulas->allowed(where);
}

std::vector<std::pair<std::string, std::string>> Sweep::derived_values(const std::vector<std::size_t>& where) const {
  std::vector<std::pair<std::string, std::string>> result;
  if (formulas && !derived.empty()) {
    const auto values = formulas->derived(where);
    for (std::size_t i = 0; i < derived.size(); ++i) {
      result.emplace_back(derived[i].name, decimal(values[i]));
    }
  }
  return result;
}

YamlNode Sweep::chip_document(const SweepPoint& point) const {
  return changed(FileKind::kChip, files.at(point.chip), point.chip_changes);
}

YamlNode Sweep::workload_document(const SweepPoint& point, const std::string& precision) const {
  std::vector<Override> changes = point.workload_changes;
  for (Override change : point.recipe_changes) {
    change.path = "recipes." + precision + (change.path.empty() ? "" : "." + change.path);
    changes.push_back(std::move(change));
  }
  return changed(FileKind::kWorkload, files.at(point.workload), changes);
}

}  // namespace mantissa::config
