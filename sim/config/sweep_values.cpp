// SPDX-License-Identifier: Apache-2.0
#include "config/sweep_values.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"

namespace mantissa::config {
namespace {

constexpr double kLimit = 1e15;

struct Range {
  double from = 0, to = 0;
  std::optional<double> step, factor;
  std::optional<std::int64_t> count;
  bool log = false;
};

// The mistake of a range, or nothing.
std::string defect(const Range& r) {
  const int ways = (r.step ? 1 : 0) + (r.factor ? 1 : 0) + (r.count ? 1 : 0);
  if (ways > 1) {
    return "a range has one of step, factor and count; remove the others";
  }
  if (r.log && !r.count) {
    return "spacing goes with count; a factor is logarithmic already";
  }
  if (r.step && *r.step == 0) {
    return "a step of 0 never arrives; give another one";
  }
  const double step = r.step.value_or(1);
  if (!r.factor && !r.count && (r.to - r.from) * step < 0) {
    return fmt::format("the range is empty: steps of {} do not lead from {} to {}", decimal(step), decimal(r.from),
                       decimal(r.to));
  }
  if ((r.factor || r.log) && (r.from <= 0 || r.to <= 0)) {
    return "a logarithmic range needs from and to above 0";
  }
  if (r.factor && (*r.factor <= 0 || *r.factor == 1 || (r.to / r.from - 1) * (*r.factor - 1) < 0)) {
    return fmt::format("the range is empty: factors of {} do not lead from {} to {}", decimal(*r.factor),
                       decimal(r.from), decimal(r.to));
  }
  if (r.count && *r.count > 1 && r.from == r.to) {
    return "from and to are equal; give one value, or a range";
  }
  return {};
}

// How many values a range has; ends are part of it up to rounding.
double size_of(const Range& r) {
  constexpr double kSlack = 1e-9;
  if (r.count) {
    return static_cast<double>(*r.count);
  }
  return 1 + std::floor(kSlack + (r.factor ? std::log(r.to / r.from) / std::log(*r.factor)
                                           : (r.to - r.from) / r.step.value_or(1)));
}

double value_at(const Range& r, std::int64_t i) {
  const double n = static_cast<double>(i);
  if (r.count) {
    const double share = *r.count > 1 ? n / static_cast<double>(*r.count - 1) : 0;
    return r.log ? r.from * std::pow(r.to / r.from, share) : r.from + (r.to - r.from) * share;
  }
  return r.factor ? r.from * std::pow(*r.factor, n) : r.from + r.step.value_or(1) * n;
}

std::vector<Override> read_range(const YamlNode& node, const std::string& path) {
  const std::size_t mistakes = node.mistakes();
  MapReader reader(node);
  Range r;
  r.from = reader.number("from", -kLimit, kLimit);
  r.to = reader.number("to", -kLimit, kLimit);
  const auto number = [&](const char* key) {
    const auto found = reader.find(key);
    return found ? std::optional(found->number(-kLimit, kLimit)) : std::nullopt;
  };
  r.step = number("step");
  r.factor = number("factor");
  if (const auto count = reader.find("count")) {
    r.count = count->integer(1, static_cast<std::int64_t>(kMaxAxisValues));
  }
  if (const auto spacing = reader.find("spacing")) {
    const std::string word = spacing->text();
    r.log = word == "log";
    if (word != "log" && word != "linear") {
      spacing->error(fmt::format("'{}' is no spacing; use linear or log", word));
    }
  }
  reader.finish();
  if (node.mistakes() != mistakes) {
    return {};
  }
  if (const std::string why = defect(r); !why.empty()) {
    node.error(why);
    return {};
  }
  const double size = size_of(r);
  if (size > static_cast<double>(kMaxAxisValues)) {
    node.error(fmt::format("the range has {:.3g} values; at most {}", size, kMaxAxisValues));
    return {};
  }
  std::vector<Override> values;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(size); ++i) {
    values.push_back({path, node, decimal(value_at(r, i))});
  }
  return values;
}

bool is_range(const YamlNode& node) {
  if (node.kind() != YamlNode::Kind::kMap) {
    return false;
  }
  const MapReader reader(node);
  return reader.has("from") || reader.has("to");
}

using Kind = SweepKey::Kind;

const std::vector<std::pair<std::string, Kind>>& own_keys() {
  static const std::vector<std::pair<std::string, Kind>> keys = {
      {"label", Kind::kLabel},         {"chip", Kind::kChip},   {"workload", Kind::kWorkload},
      {"precision", Kind::kPrecision}, {"batch", Kind::kBatch}, {"images", Kind::kImages}};
  return keys;
}

}  // namespace

std::string decimal(double value) {
  return value == std::floor(value) && std::abs(value) < kLimit ? fmt::format("{:.0f}", value + 0.0)
                                                                : fmt::format("{:.12g}", value);
}

std::optional<std::pair<SweepKey::Kind, std::string>> classify_sweep_key(const std::string& name,
                                                                         const YamlNode& node) {
  std::vector<std::string> names;
  for (const auto& [own, kind] : own_keys()) {
    if (name == own) {
      return std::pair(kind, std::string{});
    }
    names.push_back(own);
  }
  static const std::vector<std::pair<std::string, Kind>> prefixes = {
      {"chip.", Kind::kChipKey}, {"workload.", Kind::kWorkloadKey}, {"recipe.", Kind::kRecipeKey}};
  for (const auto& [prefix, kind] : prefixes) {
    if (name.starts_with(prefix) && name.size() > prefix.size()) {
      return std::pair(kind, name.substr(prefix.size()));
    }
  }
  if (name == "recipe") {
    return std::pair(Kind::kRecipeKey, std::string{});
  }
  const std::string near = nearest(name, names);
  node.error_at_key(fmt::format(
      "'{}' is no key of a sweep; {}", name,
      near.empty() ? "paths begin with 'chip.', 'workload.' or 'recipe.', and known are: label, chip, workload, "
                     "precision, batch, images"
                   : "did you mean '" + near + "'?"));
  return std::nullopt;
}

std::vector<Override> read_sweep_values(const YamlNode& node, const std::string& path) {
  if (is_range(node)) {
    return read_range(node, path);
  }
  if (node.kind() != YamlNode::Kind::kSequence) {
    node.error(fmt::format("'{}' needs a list of values, or a range such as {{from: 1, to: 8}}", node.path()));
    return {};
  }
  const auto items = node.items();
  if (items.empty() || items.size() > kMaxAxisValues) {
    node.error(fmt::format("'{}' needs 1 to {} values", node.path(), kMaxAxisValues));
    return {};
  }
  std::vector<Override> values;
  for (const YamlNode& item : items) {
    if (item.kind() == YamlNode::Kind::kNull) {
      item.error("a value is missing here");
    }
    values.push_back({path, item, std::nullopt});
  }
  return values;
}

}  // namespace mantissa::config
