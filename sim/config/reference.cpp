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
  keys.push_back({"runs", "schema", "whole number", "", "1", "1", "Version of this file's layout."});
  keys.push_back({"runs", "title", "text", "", "", "required", "Line above the table."});
  keys.push_back({"runs", "runs", "list", "", "", "required", "The runs, in the order of the table."});
  append(keys, "runs", "runs[].", run_fields());
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
      const std::string folder = file == "workload" ? "workloads/" : "configs/";
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
