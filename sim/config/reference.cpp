// SPDX-License-Identifier: Apache-2.0
#include "config/reference.h"

#include <fmt/format.h>

#include <cmath>

#include "config/fields.h"

namespace mantissa::config {
namespace {

const char* type_name(FieldType type) {
  switch (type) {
    case FieldType::kInteger:
      return "whole number";
    case FieldType::kNumber:
      return "number";
    case FieldType::kText:
      return "text";
    case FieldType::kBoolean:
      return "true or false";
    case FieldType::kList:
      return "list";
    case FieldType::kMap:
      return "map";
  }
  return "";
}

std::string number(double value) {
  return std::abs(value) < 1e9 && value == std::floor(value) ? fmt::format("{:.0f}", value)
                                                             : fmt::format("{:g}", value);
}

template <class Target>
void append(std::vector<KeyInfo>& keys, const std::string& file, const std::string& prefix,
            std::span<const Field<Target>> fields) {
  for (const auto& field : fields) {
    const bool numeric = field.type == FieldType::kInteger || field.type == FieldType::kNumber;
    const std::string range = !numeric                 ? ""
                              : field.min == field.max ? number(field.min)
                                                       : fmt::format("{} .. {}", number(field.min), number(field.max));
    const std::string fallback = field.fallback == kRequired ? "required"
                                 : *field.fallback == '\0'   ? "none"
                                                             : field.fallback;
    keys.push_back({file, prefix + field.key, type_name(field.type), field.unit, range, fallback, field.meaning});
  }
}

// What sweep_reader.cpp reads.
void append_sweep_keys(std::vector<KeyInfo>& keys) {
  const auto add = [&](const char* key, const char* type, const char* fallback, const char* meaning) {
    keys.push_back({"sweep", key, type, "", "", fallback, meaning});
  };
  add("schema", "whole number", "1", "Version of this file's layout.");
  add("title", "text", "none", "Line above the table.");
  add("measure", "list", "required", "One or more of accuracy, latency and energy; what is not named is not computed.");
  add("chip", "text", "none", "Chip of all points, if no axis names them: a name of `mantissa list` or a file.");
  add("workload", "text", "none", "Workload of all points, if no axis names them.");
  add("precision", "text", "none", "Precision of all points; the chip's default where neither this nor an axis says.");
  add("batch", "whole number", "none", "Inputs in one run of the network; the workload's where absent.");
  add("images", "whole number", "none",
      "Test images (or texts) to measure accuracy on, from the first on; the workload's "
      "where absent.");
  add("set", "map", "none", "Keys as in `axes`, each with one value that holds for all points.");
  add("axes", "list", "none",
      "What varies (docs/sweeps.md). Axes are crossed, the last one varies fastest; the keys of one "
      "axis are tied. Keys: chip, workload, precision, batch, images, label, and paths in the files: chip.PATH, "
      "workload.PATH, recipe.PATH (of the precision's recipe). Values: a list or a range.");
  add("axes[].<key>.from", "number", "required", "First value of a range.");
  add("axes[].<key>.to", "number", "required", "Last value of a range; part of it where a step ends there.");
  add("axes[].<key>.step", "number", "1", "Difference of two values.");
  add("axes[].<key>.factor", "number", "none", "Ratio of two values, in place of step.");
  add("axes[].<key>.count", "whole number", "none", "Number of values, in place of step; both ends are among them.");
  add("axes[].<key>.spacing", "text", "linear", "With count: linear or log.");
  add("search", "text", "grid",
      "Which points of the grid are run: grid (all), or a map with a method and its number of points.");
  add("search.method", "text", "required", "grid, random, latin_hypercube or nsga2 (looks for the Pareto front).");
  add("search.points", "whole number", "required", "At most so many points are run; not with method: grid.");
  add("search.seed", "whole number", "1", "Other seeds pick other points.");
  add("search.population", "whole number", "24", "With nsga2: points of one generation, 4 to 10000.");
  add("derived", "map", "none",
      "Name: formula. Values computed from others (docs/sweeps.md), for constraints and as columns of the result; the "
      "name of a key (chip.PATH, workload.PATH, recipe.PATH, batch, images) sets that key.");
  add("constraints", "list", "none", "Formulas; points for which one of them is false (0) are left out.");
  add("objectives", "list", "none",
      "Quantities that points are compared by, each in its better direction: latency_s, energy_per_input_j, area_mm2 "
      "...");
  add("time_limit_s", "number", "600", "A point that takes longer is ended, and its row says so.");
}

std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '|' ? "\\|" : c == '<' ? "&lt;" : std::string(1, c);
  }
  return escaped;
}

}  // namespace

std::vector<KeyInfo> key_reference() {
  std::vector<KeyInfo> keys;
  append(keys, "chip", "", chip_fields());
  append(keys, "chip", "datapaths.<name>.", datapath_fields());
  append(keys, "chip", "precisions.<name>.", precision_fields());
  append(keys, "workload", "", workload_fields());
  append(keys, "workload", "recipe.weights.", tensor_recipe_fields());
  append(keys, "workload", "recipe.activations.", tensor_recipe_fields());
  append(keys, "workload", "recipe.kv_cache.", tensor_recipe_fields());
  keys.push_back({"runs", "schema", "whole number", "", "1", "1", "Version of this file's layout."});
  keys.push_back({"runs", "title", "text", "", "", "required", "Line above the table."});
  keys.push_back({"runs", "runs", "list", "", "", "required", "The runs, in the order of the table."});
  append(keys, "runs", "runs[].", run_fields());
  append_sweep_keys(keys);
  return keys;
}

std::string reference_markdown() {
  std::string text =
      "# Keys of the config files\n\n"
      "Made by `mantissa explain --markdown` from the table that the loader itself reads by; a test holds this page "
      "against it.\n"
      "Units stand in the keys; ratios are 0..1; `mantissa explain KEY` also shows the values of the shipped chips and "
      "their sources.\n"
      "Numbers are plain decimals. Anchors, aliases, merge keys, tags, tabs as indentation and several documents in "
      "one file are refused.\n";
  std::string file;
  for (const KeyInfo& info : key_reference()) {
    if (info.file != file) {
      file = info.file;
      const std::string folder = file == "workload" ? "workloads/" : file == "sweep" ? "configs/sweeps/" : "configs/";
      text += fmt::format(
          "\n## {}{} files (`{}*.yaml`)\n\n| key | type | range | default | meaning |\n|---|---|---|---|---|\n",
          static_cast<char>(file[0] - 'a' + 'A'), file.substr(1), folder);
    }
    const std::string range = info.range.empty() || info.unit.empty() ? info.range : info.range + " " + info.unit;
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", info.key, info.type, cell(range), cell(info.fallback),
                        cell(info.meaning));
  }
  return text;
}

}  // namespace mantissa::config
