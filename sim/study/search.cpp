// SPDX-License-Identifier: Apache-2.0
#include "study/search.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "study/nsga2.h"

namespace mantissa::study {
namespace {

using config::Sweep;
using config::SweepKey;
using Method = config::SweepSearch::Method;

// Values that are numbers, the larger the further: their neighbours are alike.
bool is_ordered(const config::SweepAxis& axis) {
  return std::any_of(axis.keys.begin(), axis.keys.end(), [](const SweepKey& key) {
    std::vector<double> values;
    for (std::size_t i = 0; i < key.values.size(); ++i) {
      if (const auto value = report::number_of(key.text(i))) {
        values.push_back(*value);
      }
    }
    return key.kind != SweepKey::Kind::kLabel && values.size() == key.values.size() &&
           (std::is_sorted(values.begin(), values.end()) || std::is_sorted(values.rbegin(), values.rend()));
  });
}

// What is to be added to the sweep's measures for a quantity; empty: nothing.
std::string missing_measure(const config::SweepMeasures& measure, report::Measure needs) {
  switch (needs) {
    case report::Measure::kNothing:
      return "";
    case report::Measure::kLatency:
      return measure.latency ? "" : "latency";
    case report::Measure::kEnergy:
      return measure.energy ? "" : "energy";
    case report::Measure::kAccuracy:
      return measure.accuracy ? "" : "accuracy";
  }
  return "";
}

}  // namespace

SearchSpace search_space(const Sweep& sweep) {
  SearchSpace space;
  for (const config::SweepAxis& axis : sweep.axes) {
    space.axes.push_back({axis.size(), is_ordered(axis)});
  }
  if (!sweep.constraints.empty()) {
    space.allowed = [&sweep](std::size_t position) { return sweep.allowed(sweep.places(position)); };
  }
  return space;
}

std::vector<Objective> check_objectives(const Sweep& sweep) {
  std::vector<std::string> known;
  for (const report::Quantity& quantity : report::quantities()) {
    known.push_back(quantity.name);
  }
  std::vector<Objective> objectives;
  std::vector<Diagnostic> mistakes;
  const auto refuse = [&](const config::YamlNode& node, const std::string& message) {
    mistakes.push_back({node.pos(), message, {}});
  };
  for (const config::SweepObjectiveName& written : sweep.objectives) {
    const report::Quantity* quantity = report::find_quantity(written.name);
    const bool repeated = std::any_of(objectives.begin(), objectives.end(),
                                      [&](const Objective& other) { return other.name == written.name; });
    if (!quantity) {
      refuse(written.node, fmt::format("no objective '{}'{}", written.name, suggestion(written.name, known, 20)));
    } else if (repeated) {
      refuse(written.node, fmt::format("objective '{}' is there twice", written.name));
    } else if (const std::string measure = missing_measure(sweep.measure, quantity->needs); !measure.empty()) {
      refuse(written.node, fmt::format("objective '{}' is not measured; add {} to 'measure'", written.name, measure));
    } else {
      objectives.push_back({quantity->name, quantity->maximize});
    }
  }
  if (mistakes.empty() && objectives.empty() && sweep.search.method == Method::kNsga2) {
    throw ConfigError({sweep.path, 0, 0}, "search nsga2 needs 'objectives: [latency_s, ...]' to search for");
  }
  if (!mistakes.empty()) {
    throw ConfigError(std::move(mistakes));
  }
  return objectives;
}

std::vector<std::size_t> search_positions(const Sweep& sweep) {
  check(sweep.search.method != Method::kNsga2, "the points of NSGA-II depend on results");
  const SearchSpace space = search_space(sweep);
  if (sweep.search.method == Method::kRandom) {
    return random_points(space, sweep.search.points, sweep.search.seed);
  }
  if (sweep.search.method == Method::kLatinHypercube) {
    return latin_hypercube(space, sweep.search.points, sweep.search.seed);
  }
  std::vector<std::size_t> positions;
  for (std::size_t position = 0; position < space.points(); ++position) {
    if (space.allows(position)) {
      positions.push_back(position);
    }
  }
  return positions;
}

std::vector<std::size_t> search(const Sweep& sweep, const Evaluate& evaluate) {
  const std::vector<Objective> objectives = check_objectives(sweep);
  if (sweep.search.method != Method::kNsga2) {
    std::vector<std::size_t> positions = search_positions(sweep);
    evaluate(positions);
    return positions;
  }
  const report::SweepResult no_keys;
  const Nsga2Options options{sweep.search.points, sweep.search.population, sweep.search.seed};
  return nsga2(search_space(sweep), options, [&](const std::vector<std::size_t>& positions) {
    std::vector<std::optional<Costs>> costs;
    for (const report::SweepRow& row : evaluate(positions)) {
      costs.push_back(row.error.empty() ? costs_of(no_keys, row, objectives) : std::nullopt);
    }
    return costs;
  });
}

}  // namespace mantissa::study
