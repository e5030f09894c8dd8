// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/text.h"
#include "config/chip.h"
#include "config/home.h"
#include "config/overlay.h"
#include "config/sweep.h"
#include "config/sweep_check.h"
#include "config/sweep_design.h"
#include "config/sweep_formulas.h"
#include "config/sweep_values.h"
#include "config/workload.h"

namespace mantissa::config {
namespace {

using Kind = SweepKey::Kind;

// Finds the files of chips and workloads and checks the run's own choices; reports what is wrong with a value.
void check_values(SweepKey& key, const std::string& folder) {
  for (std::size_t i = 0; i < key.values.size(); ++i) {
    const YamlNode& node = key.values[i].value;
    const bool scalar = key.values[i].text.has_value() || node.kind() == YamlNode::Kind::kScalar;
    const bool own = key.kind != Kind::kChipKey && key.kind != Kind::kWorkloadKey && key.kind != Kind::kRecipeKey;
    if (own && !scalar) {
      node.error(fmt::format("'{}' takes single values", key.name));
      continue;
    }
    if (key.kind == Kind::kChip || key.kind == Kind::kWorkload) {
      try {
        key.files.push_back(
            resolve_file(key.kind == Kind::kChip ? FileKind::kChip : FileKind::kWorkload, key.text(i), folder));
      } catch (const UsageError& e) {
        key.files.emplace_back();
        node.error(e.what());
      }
    } else if (key.kind == Kind::kBatch || key.kind == Kind::kImages) {
      const std::int64_t most = key.kind == Kind::kBatch ? kMaxSweepBatch : kMaxSweepImages;
      const std::string text = key.text(i);
      const bool whole = !text.empty() && text.size() <= 8 &&
                         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!whole || std::stoll(text) < 1 || std::stoll(text) > most) {
        node.error(fmt::format("'{}' must be a whole number between 1 and {}; found {}", key.name, most, text));
      }
    }
  }
}

std::optional<SweepKey> read_key(const std::string& name, const YamlNode& node, bool single,
                                 const std::string& folder) {
  const auto kind = classify_sweep_key(name, node);
  if (!kind) {
    return std::nullopt;
  }
  SweepKey key;
  key.kind = kind->first;
  key.path = kind->second;
  key.name = name;
  key.node = node;
  if (single) {
    key.values = {{key.path, node, std::nullopt}};
    if (node.kind() == YamlNode::Kind::kNull) {
      node.error("a value is missing here");
    }
  } else {
    key.values = read_sweep_values(node, key.path);
  }
  check_values(key, folder);
  return key.values.empty() ? std::nullopt : std::optional(std::move(key));
}

std::optional<SweepAxis> read_axis(const YamlNode& node, const std::string& folder) {
  SweepAxis axis;
  const auto entries = node.entries();
  if (node.kind() == YamlNode::Kind::kMap && entries.empty()) {
    node.error("an axis needs at least one key with its values");
  }
  for (const auto& [name, values] : entries) {
    auto key = read_key(name, values, false, folder);
    if (!key) {
      continue;
    }
    if (!axis.keys.empty() && key->values.size() != axis.size()) {
      values.error_at_key(fmt::format("keys of one axis are tied and need equally many values; '{}' has {}, '{}' {}",
                                      axis.keys.front().name, axis.size(), name, key->values.size()));
      continue;
    }
    axis.keys.push_back(std::move(*key));
  }
  return axis.keys.empty() ? std::nullopt : std::optional(std::move(axis));
}

void read_measure(const YamlNode& node, SweepMeasures& measure) {
  static const std::vector<std::string> names = {"accuracy", "latency", "energy"};
  const auto add = [&](const YamlNode& item) {
    const std::string word = item.text();
    measure.accuracy |= word == names[0];
    measure.latency |= word == names[1];
    measure.energy |= word == names[2];
    if (item.kind() == YamlNode::Kind::kScalar && std::find(names.begin(), names.end(), word) == names.end()) {
      item.error(fmt::format("'{}' cannot be measured{}", word, suggestion(word, names)));
    }
  };
  if (node.kind() != YamlNode::Kind::kSequence) {
    add(node);
    return;
  }
  const auto items = node.items();
  if (items.empty()) {
    node.error("'measure' needs at least one of accuracy, latency and energy");
  }
  std::for_each(items.begin(), items.end(), add);
}

// A key twice would make its value depend on the order.
void check_repeated(const Sweep& sweep) {
  std::set<std::string> seen;
  for (const auto* axes : {&sweep.fixed, &sweep.axes}) {
    for (const SweepAxis& axis : *axes) {
      for (const SweepKey& key : axis.keys) {
        if (!seen.insert(key.name).second) {
          key.node.error_at_key(fmt::format("'{}' is given twice in this sweep", key.name));
        }
      }
    }
  }
  for (const SweepDerived& derived : sweep.derived) {
    if (!seen.insert(derived.name).second) {
      derived.expression.node().error_at_key(
          fmt::format("'{}' is given twice in this sweep: as a key with values, and derived", derived.name));
    }
  }
}

void check_size(const Sweep& sweep, const YamlNode& axes) {
  double count = 1;
  for (const SweepAxis& axis : sweep.axes) {
    count *= static_cast<double>(axis.size());
  }
  if (sweep.search.method == SweepSearch::Method::kGrid && count > static_cast<double>(kMaxSweepPoints)) {
    axes.error_at_key(fmt::format(
        "the axes span {:.15g} points; at most {} are run: narrow them, or pick some of them with search: {{method: "
        "random, points: 1000}} (or latin_hypercube, nsga2)",
        count, kMaxSweepPoints));
  } else if (count > kMaxSweepGrid) {
    axes.error_at_key(
        fmt::format("the axes span {:.3g} points; a search picks from at most 10^15: narrow them", count));
  }
}

void check_present(const Sweep& sweep, Kind kind, const char* name, const YamlNode& root) {
  for (const auto* axes : {&sweep.fixed, &sweep.axes}) {
    for (const SweepAxis& axis : *axes) {
      for (const SweepKey& key : axis.keys) {
        if (key.kind == kind) {
          return;
        }
      }
    }
  }
  root.error(fmt::format("the sweep names no {0}; add '{0}: NAME', or an axis that names several", name));
}

// Parses the files of all chips and workloads.
void load_files(Sweep& sweep) {
  for (const auto* axes : {&sweep.fixed, &sweep.axes}) {
    for (const SweepAxis& axis : *axes) {
      for (const SweepKey& key : axis.keys) {
        for (const std::string& file : key.files) {
          if (!file.empty() && !sweep.files.contains(file)) {
            sweep.files.emplace(file, YamlNode::load_file(file));
          }
        }
      }
    }
  }
}

}  // namespace

Sweep load_sweep(const std::string& path) {
  const YamlNode root = YamlNode::load_file(path);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  Sweep sweep;
  sweep.path = path;
  MapReader reader(root);
  reader.integer_or("schema", 1, 1, 1);
  sweep.title = reader.text("title", "");
  read_measure(reader.required("measure"), sweep.measure);
  const auto fix = [&](const std::string& name, const YamlNode& node) {
    if (auto key = read_key(name, node, true, folder)) {
      sweep.fixed.push_back({{std::move(*key)}});
    }
  };
  for (const char* name : {"chip", "workload", "precision", "batch", "images"}) {
    if (const auto node = reader.find(name)) {
      fix(name, *node);
    }
  }
  if (const auto set = reader.find("set")) {
    for (const auto& [name, node] : set->entries()) {
      fix(name, node);
    }
  }
  const YamlNode axes = reader.find("axes").value_or(YamlNode{});
  for (const YamlNode& item : axes.items()) {
    if (auto axis = read_axis(item, folder)) {
      sweep.axes.push_back(std::move(*axis));
    }
  }
  const YamlNode constraints = read_sweep_design(reader, sweep);
  reader.finish();
  check_repeated(sweep);
  check_size(sweep, axes);
  if (root.mistakes() == 0) {
    check_present(sweep, Kind::kChip, "chip", root);
    check_present(sweep, Kind::kWorkload, "workload", root);
  }
  root.finish();
  load_files(sweep);
  check_sweep_keys(sweep);
  root.finish();
  if (!sweep.derived.empty() || !sweep.constraints.empty()) {
    const auto formulas = std::make_shared<const SweepFormulas>(sweep);
    root.finish();
    formulas->check(constraints);
    root.finish();
    sweep.formulas = formulas;
  }
  check_sweep_points(sweep);
  root.finish();
  return sweep;
}

}  // namespace mantissa::config
