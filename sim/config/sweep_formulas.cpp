// SPDX-License-Identifier: Apache-2.0
#include "config/sweep_formulas.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "config/sweep_names.h"

namespace mantissa::config {
namespace {

constexpr std::size_t kSamples = 10'000;  // of grids that are too large to check all of

// The finaliser of SplitMix64 (Steele et al., 2014): consecutive numbers in, numbers without a pattern out.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

SweepFormulas::SweepFormulas(const Sweep& sweep) : sweep_(sweep) {
  sweep_.formulas = nullptr;
  derived_.resize(sweep_.derived.size());
  constraints_.resize(sweep_.constraints.size());
  for (std::size_t i = 0; i < derived_.size(); ++i) {
    resolve(sweep_.derived[i].expression, derived_[i]);
  }
  for (std::size_t i = 0; i < constraints_.size(); ++i) {
    resolve(sweep_.constraints[i], constraints_[i]);
  }
  if (uses_area_) {
    prepare_area();
  }
  find_cycles();
}

void SweepFormulas::resolve(const Expression& expression, Formula& formula) {
  formula.expression = &expression;
  for (const std::string& name : expression.names()) {
    const auto [at, inserted] = by_name_.emplace(name, sources_.size());
    if (inserted) {
      std::string why;
      auto source = find_source(name, why);
      if (!source) {
        expression.error_at(name, why);
        source.emplace();
        source->values = {1};
      }
      uses_area_ |= source->kind == Source::Kind::kArea;
      sources_.push_back(std::move(*source));
    }
    formula.sources.push_back(at->second);
  }
}

std::optional<SweepFormulas::Source> SweepFormulas::find_source(const std::string& name, std::string& why) const {
  for (std::size_t i = 0; i < sweep_.derived.size(); ++i) {
    if (sweep_.derived[i].name == name) {
      Source source;
      source.kind = Source::Kind::kDerived;
      source.derived = i;
      return source;
    }
  }
  if (name == "area_mm2") {
    Source source;
    source.kind = Source::Kind::kArea;
    return source;
  }
  auto number = find_number(sweep_, name);
  if (!number.why.empty()) {
    why = number.why;
    return std::nullopt;
  }
  Source source;
  source.axis = number.axis;
  source.values = std::move(number.values);
  return source;
}

// Derived values by depth-first search. The area depends on all derived values that change the chip.
bool SweepFormulas::visit(std::size_t index, std::vector<int>& state, std::vector<std::string>& path) const {
  const SweepDerived& derived = sweep_.derived[index];
  path.push_back(derived.name);
  if (state[index] == 1) {
    return false;
  }
  state[index] = 1;
  for (const std::size_t s : derived_[index].sources) {
    const Source& source = sources_[s];
    std::vector<std::size_t> next;
    if (source.kind == Source::Kind::kDerived) {
      next.push_back(source.derived);
    } else if (source.kind == Source::Kind::kArea) {
      path.emplace_back("area_mm2");
      for (const AreaKey& key : area_keys_) {
        if (key.derived >= 0) {
          next.push_back(static_cast<std::size_t>(key.derived));
        }
      }
    }
    for (const std::size_t n : next) {
      if (state[n] != 2 && !visit(n, state, path)) {
        return false;
      }
    }
    if (source.kind == Source::Kind::kArea) {
      path.pop_back();
    }
  }
  state[index] = 2;
  path.pop_back();
  return true;
}

void SweepFormulas::find_cycles() const {
  std::vector<int> state(derived_.size(), 0);
  for (std::size_t i = 0; i < derived_.size(); ++i) {
    std::vector<std::string> path;
    if (state[i] == 0 && !visit(i, state, path)) {
      const auto start = std::find(path.begin(), path.end(), path.back());
      std::string text = *start;
      for (auto at = start + 1; at != path.end(); ++at) {
        text += " -> " + *at;
      }
      for (const SweepDerived& derived : sweep_.derived) {
        if (derived.name == *start) {
          derived.expression.error_at(*(start + 1),
                                      fmt::format("'{}' depends on itself: {}; break the circle", *start, text));
        }
      }
      return;
    }
  }
}

double SweepFormulas::number(Point& point, std::size_t index) const {
  const Source& source = sources_[index];
  switch (source.kind) {
    case Source::Kind::kKey:
      return source.values[source.axis < 0 ? 0 : point.places[static_cast<std::size_t>(source.axis)]];
    case Source::Kind::kDerived: {
      double& value = point.derived[source.derived];
      if (std::isnan(value)) {
        value = evaluate(point, derived_[source.derived]);
      }
      return value;
    }
    case Source::Kind::kArea:
      if (std::isnan(point.area_mm2)) {
        point.area_mm2 = area(point);
      }
      return point.area_mm2;
  }
  return 0;
}

double SweepFormulas::evaluate(Point& point, const Formula& formula) const {
  constexpr std::size_t kFew = 16;
  double few[kFew];
  std::vector<double> many;
  const std::size_t count = formula.sources.size();
  double* values = few;
  if (count > kFew) {
    many.resize(count);
    values = many.data();
  }
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = number(point, formula.sources[i]);
    if (std::isnan(values[i])) {
      throw NoValue{
          formula.expression,
          fmt::format("a file of some points has no '{}'; use names that all chips and workloads of the sweep "
                      "have",
                      formula.expression->names()[i])};
    }
  }
  const double result = formula.expression->evaluate({values, count});
  if (!std::isfinite(result)) {
    throw NoValue{formula.expression, formula.expression->why_no_value({values, count})};
  }
  return result;
}

int SweepFormulas::refusing(Point& point) const {
  for (std::size_t i = 0; i < constraints_.size(); ++i) {
    if (evaluate(point, constraints_[i]) == 0) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

bool SweepFormulas::allowed(const std::vector<std::size_t>& places) const {
  Point point(places, derived_.size());
  try {
    return refusing(point) < 0;
  } catch (const NoArea&) {
    return true;
  } catch (const NoValue& e) {
    throw ConfigError(e.expression->node().pos(), e.why);
  }
}

std::vector<double> SweepFormulas::derived(const std::vector<std::size_t>& places) const {
  Point point(places, derived_.size());
  for (std::size_t i = 0; i < derived_.size(); ++i) {
    try {
      if (std::isnan(point.derived[i])) {
        point.derived[i] = evaluate(point, derived_[i]);
      }
    } catch (const NoArea&) {
      throw ConfigError(derived_[i].expression->node().pos(),
                        "the chip of this point has no area_mm2: its file would not hold these values");
    } catch (const NoValue& e) {
      throw ConfigError(e.expression->node().pos(), e.why);
    }
  }
  return std::move(point.derived);
}

void SweepFormulas::check(const YamlNode& constraints) const {
  const std::size_t total = sweep_.points();
  const bool all = total <= kMaxSweepPoints;
  const std::size_t count = all ? total : kSamples;
  std::vector<std::size_t> refused(constraints_.size(), 0);
  bool left = constraints_.empty();
  for (std::size_t i = 0; i < count; ++i) {
    const auto places = sweep_.places(all ? i : mixed(i) % total);
    Point point(places, derived_.size());
    try {
      const int by = refusing(point);
      if (by >= 0) {
        ++refused[static_cast<std::size_t>(by)];
        continue;
      }
      left = true;
      for (std::size_t d = 0; d < derived_.size(); ++d) {
        if (std::isnan(point.derived[d])) {
          point.derived[d] = evaluate(point, derived_[d]);
        }
        if (const std::string why = run_defect(sweep_.derived[d], point.derived[d]); !why.empty()) {
          throw NoValue{derived_[d].expression, why};
        }
      }
    } catch (const NoArea&) {
      left = true;
    } catch (const NoValue& e) {
      e.expression->node().error(e.why);
      return;
    }
  }
  if (!left) {
    const auto worst = static_cast<std::size_t>(std::max_element(refused.begin(), refused.end()) - refused.begin());
    constraints.error_at_key(
        fmt::format("contradictory constraints: none of the {} points {}; '{}' is the first to fail for {} of them: "
                    "widen it or the axes",
                    count, all ? "is left" : "looked at (at random) is left", constraints_[worst].expression->text(),
                    refused[worst]));
  }
}

}  // namespace mantissa::config
