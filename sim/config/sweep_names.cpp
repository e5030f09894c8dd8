// SPDX-License-Identifier: Apache-2.0
#include "config/sweep_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "config/overlay.h"
#include "config/reference.h"
#include "config/sweep_values.h"

namespace mantissa::config {
namespace {

using Kind = SweepKey::Kind;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double parse_number(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + (text.starts_with('+') ? 1 : 0), end, value);
  return error == std::errc{} && at == end && std::isfinite(value) ? value : kNone;
}

// The number at a path below a node; NaN where there is none.
double number_below(const YamlNode& node, const std::string& path) {
  if (path.empty()) {
    return node.kind() == YamlNode::Kind::kScalar ? parse_number(node.text()) : kNone;
  }
  if (node.kind() != YamlNode::Kind::kMap) {
    return kNone;
  }
  double found = kNone;
  for (const auto& [key, child] : node.entries()) {
    if (path == key) {
      return number_below(child, "");
    }
    if (path.starts_with(key + ".") && std::isnan(found)) {
      found = number_below(child, path.substr(key.size() + 1));
    }
  }
  return found;
}

// What an optional key of a file has where the file does not give it.
double default_of(Kind kind, const std::string& path) {
  const char* file = kind == Kind::kChipKey ? "chip" : "workload";
  for (const KeyInfo& info : key_reference()) {
    if (info.file == file && info.key == path) {
      return parse_number(info.fallback);
    }
  }
  return kNone;
}

// Calls visit(key, axis) for all keys in the order in which they are applied; -1: the key is fixed.
void for_each_key(const Sweep& sweep, const std::function<void(const SweepKey&, int)>& visit) {
  for (const SweepAxis& axis : sweep.fixed) {
    visit(axis.keys.front(), -1);
  }
  for (std::size_t i = 0; i < sweep.axes.size(); ++i) {
    for (const SweepKey& key : sweep.axes[i].keys) {
      visit(key, static_cast<int>(i));
    }
  }
}

std::vector<double> values_of(const SweepKey& key, const std::string& rest, double fallback) {
  std::vector<double> values;
  for (std::size_t i = 0; i < key.values.size(); ++i) {
    double value = rest.empty() ? number_of(key, i) : number_below(key.values[i].value, rest);
    values.push_back(!rest.empty() && std::isnan(value) ? fallback : value);
  }
  return values;
}

// A number of the chips' or the workloads' files; a key of the sweep that sets it, or a map that it lies in, comes
// first.
SweepNumber find_in_files(const Sweep& sweep, Kind kind, const std::string& path) {
  const Kind files = kind == Kind::kChipKey ? Kind::kChip : Kind::kWorkload;
  const double fallback = default_of(kind, path);
  SweepNumber number;
  for_each_key(sweep, [&](const SweepKey& key, int axis) {
    if (key.kind == files) {
      number.axis = axis;
      number.values.clear();
      for (const std::string& file : key.files) {
        const double value = number_below(sweep.files.at(file), path);
        number.values.push_back(std::isnan(value) ? fallback : value);
      }
    }
  });
  for_each_key(sweep, [&](const SweepKey& key, int axis) {
    if (key.kind == kind && (key.path == path || path.starts_with(key.path + "."))) {
      number.axis = axis;
      number.values = values_of(key, key.path == path ? "" : path.substr(key.path.size() + 1), fallback);
    }
  });
  return number;
}

void list_numbers(const YamlNode& node, const std::string& path, std::vector<std::string>& names) {
  if (node.kind() == YamlNode::Kind::kMap) {
    for (const auto& [key, child] : node.entries()) {
      list_numbers(child, path + "." + key, names);
    }
  } else if (!std::isnan(number_below(node, ""))) {
    names.push_back(path);
  }
}

std::vector<std::string> known_names(const Sweep& sweep) {
  std::vector<std::string> names = {"area_mm2", "batch"};
  for (const SweepDerived& derived : sweep.derived) {
    names.push_back(derived.name);
  }
  for_each_key(sweep, [&](const SweepKey& key, int) {
    if (!std::isnan(number_of(key, 0))) {
      names.push_back(key.name);
    }
    for (const std::string& file : key.files) {
      list_numbers(sweep.files.at(file), key.kind == Kind::kChip ? "chip" : "workload", names);
    }
  });
  return names;
}

template <class Target>
const Field<Target>* find_row(std::span<const Field<Target>> fields, const std::string& key) {
  const auto at =
      std::find_if(fields.begin(), fields.end(), [&](const Field<Target>& field) { return key == field.key; });
  return at == fields.end() ? nullptr : &*at;
}

template <class Target>
bool is_number(const Field<Target>& field) {
  return field.set != nullptr && (field.type == FieldType::kInteger || field.type == FieldType::kNumber);
}

template <class Target>
bool write(const Field<Target>& field, double value, Target& target) {
  if (!holds(field, value)) {
    return false;
  }
  FieldValue result;
  result.number = value;
  result.integer = field.type == FieldType::kInteger ? static_cast<std::int64_t>(value) : 0;
  field.set(target, result);
  return true;
}

bool has_number(const SweepNumber& number) {
  return std::any_of(number.values.begin(), number.values.end(), [](double v) { return !std::isnan(v); });
}

}  // namespace

SweepNumber find_number(const Sweep& sweep, const std::string& name) {
  SweepNumber number;
  bool given = false;
  for_each_key(sweep, [&](const SweepKey& key, int axis) {
    if (key.name == name) {
      given = true;
      number.axis = axis;
      number.values = values_of(key, "", kNone);
    }
  });
  if (name.starts_with("chip.")) {
    number = find_in_files(sweep, Kind::kChipKey, name.substr(5));
  } else if (name.starts_with("workload.")) {
    number = find_in_files(sweep, Kind::kWorkloadKey, name.substr(9));
  } else if (name == "batch" && !given) {
    number = find_in_files(sweep, Kind::kWorkloadKey, name);
  }
  if (has_number(number)) {
    return number;
  }
  static const std::vector<std::string> words = {"label", "chip", "workload", "precision"};
  if (given || std::find(words.begin(), words.end(), name) != words.end()) {
    number.why = fmt::format("'{}' is no number; formulas are made of numbers", name);
    return number;
  }
  const std::string near = nearest(name, known_names(sweep));
  number.why = fmt::format("nothing in this sweep is called '{}'; {}", name,
                           !near.empty() ? "did you mean '" + near + "'?"
                                         : "names are keys of the sweep, numbers of its files (chip.PATH, "
                                           "workload.PATH), derived values and area_mm2");
  return number;
}

std::set<std::string> chip_files(const Sweep& sweep) {
  std::set<std::string> files;
  for_each_key(sweep, [&](const SweepKey& key, int) {
    if (key.kind == Kind::kChip) {
      files.insert(key.files.begin(), key.files.end());
    }
  });
  return files;
}

const std::string& chip_file(const Sweep& sweep, const std::vector<std::size_t>& places) {
  const std::string* file = nullptr;
  for (const SweepAxis& axis : sweep.fixed) {
    file = axis.keys.front().kind == Kind::kChip ? &axis.keys.front().files.front() : file;
  }
  for (std::size_t i = 0; i < sweep.axes.size(); ++i) {
    for (const SweepKey& key : sweep.axes[i].keys) {
      file = key.kind == Kind::kChip ? &key.files[places[i]] : file;
    }
  }
  check(file != nullptr, "every sweep has a chip");
  return *file;
}

double number_of(const SweepKey& key, std::size_t i) {
  const Override& value = key.values[i];
  return value.text ? parse_number(*value.text) : number_below(value.value, "");
}

bool changes_area(const std::string& path) {
  static const std::vector<std::string> paths = {"cores",
                                                 "tpu.rows",
                                                 "tpu.cols",
                                                 "tpu.arrays_per_core",
                                                 "dram.channels",
                                                 "shared.capacity_kib",
                                                 "staging.capacity_kib",
                                                 "vector.ops_per_cycle",
                                                 "precisions",
                                                 "datapaths",
                                                 "area"};
  return std::any_of(paths.begin(), paths.end(), [&](const std::string& part) {
    return path == part || path.starts_with(part + ".") || part.starts_with(path + ".");
  });
}

const Field<Chip>* find_chip_field(const std::string& path) {
  const Field<Chip>* field = find_row(chip_fields(), path);
  return field != nullptr && is_number(*field) ? field : nullptr;
}

bool path_fits_chip(const YamlNode& root, const std::string& path) {
  return path_defect(FileKind::kChip, root, path).empty();
}

AreaSetter area_setter(const std::string& path) {
  if (const Field<Chip>* field = find_chip_field(path)) {
    return [field](Chip& chip, double value) { return write(*field, value, chip); };
  }
  const std::size_t last = path.rfind('.'), first = path.find('.');
  if (first == std::string::npos || last <= first + 1) {
    return {};
  }
  const std::string map = path.substr(0, first), name = path.substr(first + 1, last - first - 1);
  const std::string key = path.substr(last + 1);
  if (map == "precisions" && key == "macs_per_cycle") {
    const auto* field = find_row(precision_fields(), key);
    return [field, name](Chip& chip, double value) {
      for (Precision& precision : chip.precisions) {
        precision.macs_per_cycle = precision.name == name ? value : precision.macs_per_cycle;
      }
      return holds(*field, value) && !std::holds_alternative<Tpu>(chip.architecture);
    };
  }
  const auto* field = map == "datapaths" ? find_row(datapath_fields(), key) : nullptr;
  if (field == nullptr || !is_number(*field)) {
    return {};
  }
  return [field, name](Chip& chip, double value) {
    bool fits = holds(*field, value);
    for (Precision& precision : chip.precisions) {
      fits = fits && (precision.matrix.name != name || write(*field, value, precision.matrix));
    }
    return fits;
  };
}

std::string run_defect(const SweepDerived& derived, double value) {
  if (derived.key != Kind::kBatch && derived.key != Kind::kImages) {
    return {};
  }
  const double most = static_cast<double>(derived.key == Kind::kBatch ? kMaxSweepBatch : kMaxSweepImages);
  return value == std::floor(value) && value >= 1 && value <= most
             ? ""
             : fmt::format("'{}' must be a whole number between 1 and {}; '{}' gives {}", derived.name, most,
                           derived.expression.text(), decimal(value));
}

}  // namespace mantissa::config
