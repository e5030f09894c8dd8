// SPDX-License-Identifier: Apache-2.0
#include "config/sweep_design.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/sweep_values.h"

namespace mantissa::config {
namespace {

using Method = SweepSearch::Method;

constexpr std::size_t kMaxFormulas = 100, kMaxObjectives = 8;
constexpr std::int64_t kMaxSeed = 1'000'000'000'000'000;
constexpr std::int64_t kMinPopulation = 4, kMaxPopulation = 10'000;
constexpr double kMaxSeconds = 30 * 86400;

std::optional<Method> read_method(const YamlNode& node) {
  static const std::vector<std::pair<std::string, Method>> methods = {{"grid", Method::kGrid},
                                                                      {"random", Method::kRandom},
                                                                      {"latin_hypercube", Method::kLatinHypercube},
                                                                      {"nsga2", Method::kNsga2}};
  const std::string word = node.text();
  std::vector<std::string> names;
  for (const auto& [name, method] : methods) {
    if (name == word) {
      return method;
    }
    names.push_back(name);
  }
  if (node.kind() == YamlNode::Kind::kScalar) {
    node.error(fmt::format("'{}' is no search{}", word, suggestion(word, names)));
  }
  return std::nullopt;
}

void read_search(const YamlNode& node, SweepSearch& search) {
  if (node.kind() != YamlNode::Kind::kMap) {
    const auto method = read_method(node);
    if (method && *method != Method::kGrid) {
      node.error(fmt::format("say how many points are run: search: {{method: {}, points: 200}}", node.text()));
    }
    return;
  }
  MapReader reader(node);
  const auto method = read_method(reader.required("method"));
  search.method = method.value_or(Method::kGrid);
  if (method == Method::kGrid) {
    reader.finish();  // a grid has no other keys
    return;
  }
  search.points = static_cast<std::size_t>(reader.integer("points", 1, static_cast<std::int64_t>(kMaxSweepPoints)));
  search.seed = static_cast<std::uint64_t>(reader.integer_or("seed", 1, 0, kMaxSeed));
  const auto population = reader.find("population");
  if (population && method && *method != Method::kNsga2) {
    population->error_at_key("a population goes with method: nsga2; remove this key");
  } else if (population) {
    search.population = static_cast<std::size_t>(population->integer(kMinPopulation, kMaxPopulation));
  }
  reader.finish();
}

// False for a name that is no key of the sweep and cannot be one of a value.
bool accept_name(const std::string& name, const YamlNode& node, SweepDerived& derived) {
  using Kind = SweepKey::Kind;
  static const std::vector<std::string> taken = {"label", "chip", "workload", "precision", "recipe", "area_mm2"};
  const bool path = name.find('.') != std::string::npos;
  if (path || name == "batch" || name == "images") {
    const auto kind = classify_sweep_key(name, node);
    if (kind) {
      derived.key = kind->first;
      derived.path = kind->first == Kind::kBatch || kind->first == Kind::kImages ? "" : kind->second;
    }
    return kind.has_value();
  }
  if (std::find(taken.begin(), taken.end(), name) != taken.end() || !is_expression_name(name)) {
    node.error_at_key(fmt::format(
        "'{}' cannot be the name of a derived value; use letters, digits and _, and no word that means something else",
        name));
    return false;
  }
  return true;
}

void read_derived(const YamlNode& node, Sweep& sweep) {
  const auto entries = node.entries();
  if (entries.size() > kMaxFormulas) {
    node.error_at_key(fmt::format("at most {} values can be derived", kMaxFormulas));
    return;
  }
  for (const auto& [name, value] : entries) {
    SweepDerived derived;
    derived.name = name;
    derived.expression = Expression(value);
    if (accept_name(name, value, derived)) {
      sweep.derived.push_back(std::move(derived));
    }
  }
}

void read_constraints(const YamlNode& node, Sweep& sweep) {
  const auto items = node.items();
  if (node.kind() == YamlNode::Kind::kSequence && (items.empty() || items.size() > kMaxFormulas)) {
    node.error_at_key(fmt::format("'constraints' needs 1 to {} formulas", kMaxFormulas));
    return;
  }
  for (const YamlNode& item : items) {
    Expression constraint(item);
    if (constraint.valid() && constraint.names().empty()) {
      item.error("this is the same for every point; a constraint needs names, as in 'chip.dram.channels <= 8'");
    }
    sweep.constraints.push_back(std::move(constraint));
  }
}

void read_objectives(const YamlNode& node, Sweep& sweep) {
  const auto items = node.items();
  if (node.kind() == YamlNode::Kind::kSequence && (items.empty() || items.size() > kMaxObjectives)) {
    node.error_at_key(fmt::format("'objectives' needs 1 to {} names", kMaxObjectives));
    return;
  }
  for (const YamlNode& item : items) {
    const std::string name = item.text();
    const bool twice = std::any_of(sweep.objectives.begin(), sweep.objectives.end(),
                                   [&](const SweepObjectiveName& other) { return other.name == name; });
    if (twice) {
      item.error(fmt::format("'{}' is given twice", name));
    }
    sweep.objectives.push_back({name, item});
  }
}

}  // namespace

YamlNode read_sweep_design(MapReader& reader, Sweep& sweep) {
  const auto search = reader.find("search");
  if (search) {
    read_search(*search, sweep.search);
  }
  if (const auto derived = reader.find("derived")) {
    read_derived(*derived, sweep);
  }
  const auto constraints = reader.find("constraints");
  if (constraints) {
    read_constraints(*constraints, sweep);
  }
  const auto objectives = reader.find("objectives");
  if (objectives) {
    read_objectives(*objectives, sweep);
  }
  if (search && sweep.search.method == Method::kNsga2 && !objectives) {
    search->error_at_key("nsga2 looks for the best of several objectives; add objectives: [latency_s, ...]");
  }
  sweep.time_limit_s = reader.number_or("time_limit_s", sweep.time_limit_s, 0.1, kMaxSeconds);
  return constraints.value_or(YamlNode{});
}

}  // namespace mantissa::config
