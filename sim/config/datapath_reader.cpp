// SPDX-License-Identifier: Apache-2.0
#include "config/datapath_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/fields.h"

namespace mantissa::config::detail {
namespace {

// The value of the row `name` ("nearest_even") in a table of {name, value}; reports an unknown word at the node.
template <class Row>
auto look_up(const YamlNode& node, std::span<const Row> rows) {
  const std::string word = node.text();
  std::vector<std::string> names;
  for (const Row& row : rows) {
    if (word == row.name) {
      return row.value;
    }
    names.emplace_back(row.name);
  }
  if (!word.empty() || node.kind() == YamlNode::Kind::kScalar) {
    node.error(fmt::format("'{}' is not a known {}{}", word, node.path(), suggestion(word, names)));
  }
  return rows.front().value;
}

numerics::Format read_accumulator(const YamlNode& node) {
  const auto format = numerics::find_accumulator(node.text());
  return format ? *format : read_format(node);
}

}  // namespace

numerics::Format read_format(const YamlNode& node) {
  const std::string name = node.text();
  if (const auto format = numerics::find_format(name)) {
    return *format;
  }
  if (node.kind() == YamlNode::Kind::kScalar) {
    node.error(numerics::format_defect(name));
  }
  return {};
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void check_name(const YamlNode& node, const std::string& name) {
  if (!node.missing() && !is_name(name)) {
    node.error_at_key(fmt::format("'{}' is not a name; use at most 40 lower-case letters, digits and _", name));
  }
}

numerics::Datapath read_datapath(const YamlNode& node, const std::string& name) {
  numerics::Datapath datapath;
  datapath.name = name;
  const std::size_t mistakes_before = node.mistakes();
  check_name(node, name);
  MapReader reader(node);
  read_fields(reader, datapath_fields(), "", datapath);
  datapath.a = read_format(reader.required("a"));
  datapath.b = read_format(reader.required("b"));
  datapath.accumulator = read_accumulator(reader.required("accumulator"));
  datapath.output = read_accumulator(reader.required("output"));
  const YamlNode accumulation = reader.required("accumulation");
  datapath.accumulation = look_up(accumulation, accumulation_names());
  const auto choose = [&](const char* key, auto rows, auto fallback) {
    const auto found = reader.find(key);
    return found ? look_up(*found, rows) : fallback;
  };
  const auto rounding = [&](const char* key) {
    return choose(key, rounding_names(), numerics::Rounding::kNearestEven);
  };
  datapath.operand_rounding = rounding("operand_rounding");
  datapath.accumulator_rounding = rounding("accumulator_rounding");
  datapath.output_rounding = rounding("output_rounding");
  datapath.zero_operands = choose("zero_operands", zero_operands_names(), datapath.zero_operands);
  datapath.integer_overflow = choose("integer_overflow", integer_overflow_names(), datapath.integer_overflow);
  datapath.initial_rounding = choose("initial_rounding", initial_rounding_names(), datapath.initial_rounding);
  if (const auto found = reader.find("split_format")) {
    datapath.split_format = read_format(*found);
  }
  if (const auto found = reader.find("promotion")) {
    datapath.promotion = read_format(*found);
  }
  reader.finish();
  if (const std::string defect = numerics::defect(datapath); node.mistakes() == mistakes_before && !defect.empty()) {
    node.error_at_key(fmt::format("datapath '{}': {}", name, defect));
  }
  return datapath;
}

}  // namespace mantissa::config::detail
