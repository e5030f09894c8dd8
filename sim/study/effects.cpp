// SPDX-License-Identifier: Apache-2.0
#include "study/effects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "study/additive_fit.h"

namespace mantissa::study {
namespace {

using report::KeyEffect;
using Direction = KeyEffect::Direction;

Factor make_factor(const std::string& name, const std::vector<std::string>& texts) {
  Factor factor{name, {}, true, {}};
  std::map<std::string, std::size_t> known;
  for (const std::string& text : texts) {
    if (known.emplace(text, factor.values.size()).second) {
      factor.values.push_back(text);
      factor.numeric = factor.numeric && report::number_of(text).has_value();
    }
  }
  if (factor.numeric) {
    std::stable_sort(factor.values.begin(), factor.values.end(), [](const std::string& a, const std::string& b) {
      return *report::number_of(a) < *report::number_of(b);
    });
    for (std::size_t i = 0; i < factor.values.size(); ++i) {
      known[factor.values[i]] = i;
    }
  }
  for (const std::string& text : texts) {
    factor.level_of_row.push_back(known[text]);
  }
  return factor;
}

// Each value of one goes with one value of the other.
bool same_partition(const Factor& a, const Factor& b) {
  if (a.values.size() != b.values.size()) {
    return false;
  }
  std::vector<std::size_t> partner(a.values.size(), b.values.size());
  for (std::size_t row = 0; row < a.level_of_row.size(); ++row) {
    std::size_t& of = partner[a.level_of_row[row]];
    if (of != b.values.size() && of != b.level_of_row[row]) {
      return false;
    }
    of = b.level_of_row[row];
  }
  std::sort(partner.begin(), partner.end());
  return std::adjacent_find(partner.begin(), partner.end()) == partner.end();
}

// Every combination of values equally often.
bool is_full_grid(const std::vector<Factor>& factors, std::size_t rows) {
  std::size_t combinations = 1;
  for (const Factor& factor : factors) {
    combinations *= factor.values.size();
    if (combinations > rows) {
      return false;
    }
  }
  std::vector<std::size_t> counts(combinations, 0);
  for (std::size_t row = 0; row < rows; ++row) {
    std::size_t at = 0;
    for (const Factor& factor : factors) {
      at = at * factor.values.size() + factor.level_of_row[row];
    }
    ++counts[at];
  }
  return std::adjacent_find(counts.begin(), counts.end(), std::not_equal_to<>()) == counts.end();
}

// A number with many values in classes of about as many rows each; equal values stay together.
Factor grouped(const Factor& factor) {
  if (!factor.numeric || factor.values.size() <= kMaxSampleLevels) {
    return factor;
  }
  std::vector<std::size_t> counts(factor.values.size(), 0);
  for (const std::size_t level : factor.level_of_row) {
    ++counts[level];
  }
  Factor result{factor.name, {}, true, {}};
  std::vector<std::size_t> class_of(factor.values.size()), first;
  std::size_t before = 0;
  for (std::size_t level = 0; level < factor.values.size(); ++level) {
    const std::size_t wanted = before * kMaxSampleLevels / factor.level_of_row.size();
    if (first.empty() || wanted > class_of[first.back()]) {
      first.push_back(level);
    }
    class_of[level] = first.size() - 1;
    before += counts[level];
  }
  for (std::size_t c = 0; c < first.size(); ++c) {
    const std::size_t last = (c + 1 < first.size() ? first[c + 1] : factor.values.size()) - 1;
    result.values.push_back(first[c] == last ? factor.values[last]
                                             : fmt::format("{} .. {}", factor.values[first[c]], factor.values[last]));
  }
  for (const std::size_t level : factor.level_of_row) {
    result.level_of_row.push_back(class_of[level]);
  }
  return result;
}

double mean_of(const std::vector<double>& y) {
  return std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(y.size());
}
double squares_around(const std::vector<double>& y, double mean) {
  return std::accumulate(y.begin(), y.end(), 0.0,
                         [mean](double sum, double v) { return sum + (v - mean) * (v - mean); });
}

// Of a full grid: what is left of the variance among rows that differ in this factor alone.
double total_share(const std::vector<double>& y, const std::vector<Factor>& factors, std::size_t which, double total) {
  std::map<std::vector<std::size_t>, std::pair<double, std::size_t>> groups;
  const auto group = [&](std::size_t row) {
    std::vector<std::size_t> key;
    for (std::size_t k = 0; k < factors.size(); ++k) {
      key.push_back(k == which ? 0 : factors[k].level_of_row[row]);
    }
    return key;
  };
  for (std::size_t row = 0; row < y.size(); ++row) {
    auto& [sum, count] = groups[group(row)];
    sum += y[row];
    ++count;
  }
  double within = 0;
  for (std::size_t row = 0; row < y.size(); ++row) {
    const auto& [sum, count] = groups[group(row)];
    const double difference = y[row] - sum / static_cast<double>(count);
    within += difference * difference;
  }
  return within / total;
}

Direction direction_of(const Factor& factor, const std::vector<KeyEffect::Level>& levels) {
  if (!factor.numeric) {
    return Direction::kNames;
  }
  const auto means = [&](auto compare) {
    return std::is_sorted(levels.begin(), levels.end(),
                          [&](const auto& a, const auto& b) { return compare(a.mean, b.mean); });
  };
  const bool up = means(std::less<>()), down = means(std::greater<>());
  return up == down ? Direction::kNeither : up ? Direction::kRises : Direction::kFalls;
}

KeyEffect describe(const Factor& factor, const std::vector<double>& level_effects, double mean, bool maximize) {
  KeyEffect effect;
  effect.key = factor.name;
  for (std::size_t i = 0; i < factor.values.size(); ++i) {
    const auto count = std::count(factor.level_of_row.begin(), factor.level_of_row.end(), i);
    effect.levels.push_back({factor.values[i], mean + level_effects[i], static_cast<std::size_t>(count)});
  }
  const auto [low, high] = std::minmax_element(effect.levels.begin(), effect.levels.end(),
                                               [](const auto& a, const auto& b) { return a.mean < b.mean; });
  effect.range = high->mean - low->mean;
  effect.relative_range = mean != 0 ? effect.range / std::abs(mean) : 0;
  effect.best = effect.range > 0 ? (maximize ? high : low)->value : "";
  effect.direction = direction_of(factor, effect.levels);
  return effect;
}

// The increase of the fit's error without a factor, less what chance gives it.
double estimated_share(const AdditiveFit& whole, const AdditiveFit& without, std::size_t levels, std::size_t rows,
                       std::size_t parameters, double total) {
  const double chance =
      rows > parameters ? static_cast<double>(levels - 1) * whole.squared_error / static_cast<double>(rows - parameters)
                        : 0;
  return std::clamp((without.squared_error - whole.squared_error - chance) / total, 0.0, 1.0);
}

void measure_shares(report::ObjectiveEffects& o, const std::vector<double>& y, const std::vector<Factor>& factors) {
  std::size_t parameters = 1;
  for (const Factor& factor : factors) {
    parameters += factor.values.size() - 1;
  }
  std::vector<std::vector<std::size_t>> levels;
  for (const Factor& factor : factors) {
    levels.push_back(factor.level_of_row);
  }
  const AdditiveFit whole = additive_fit(y, levels);
  const double total = squares_around(y, o.mean);
  for (std::size_t k = 0; k < factors.size(); ++k) {
    KeyEffect effect = describe(factors[k], whole.effects[k], o.mean, o.maximize);
    if (total > 0 && o.full_grid) {
      double explained = 0;
      for (const std::size_t level : factors[k].level_of_row) {
        explained += whole.effects[k][level] * whole.effects[k][level];
      }
      effect.share = explained / total;
      effect.total_share = total_share(y, factors, k, total);
    } else if (total > 0) {
      auto others = levels;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
      effect.share =
          estimated_share(whole, additive_fit(y, others), factors[k].values.size(), y.size(), parameters, total);
    }
    o.effects.push_back(std::move(effect));
  }
  o.unexplained = total > 0 ? std::clamp(whole.squared_error / total, 0.0, 1.0) : 0;
  std::stable_sort(o.effects.begin(), o.effects.end(), [](const KeyEffect& a, const KeyEffect& b) {
    return a.share != b.share ? a.share > b.share : a.range > b.range;
  });
}

report::ObjectiveEffects effects_on(const report::SweepResult& result, const Objective& objective) {
  report::ObjectiveEffects o;
  o.objective = objective.name;
  o.maximize = objective.maximize;
  std::vector<std::size_t> rows;
  std::vector<double> y;
  for (std::size_t i = 0; i < result.rows.size(); ++i) {
    const auto value = report::quantity(result, result.rows[i], objective.name);
    if (result.rows[i].error.empty() && value && std::isfinite(*value)) {
      rows.push_back(i);
      y.push_back(*value);
    }
  }
  o.points = rows.size();
  o.left_out = result.rows.size() - rows.size();
  if (rows.empty()) {
    return o;
  }
  o.mean = mean_of(y);
  o.deviation = std::sqrt(squares_around(y, o.mean) / static_cast<double>(y.size()));
  std::vector<Factor> factors = factors_of(result, rows);
  std::erase_if(factors, [&](const Factor& factor) { return factor.name == objective.name; });
  o.full_grid = is_full_grid(factors, rows.size());
  if (!o.full_grid) {
    std::transform(factors.begin(), factors.end(), factors.begin(), grouped);
  }
  measure_shares(o, y, factors);
  return o;
}

}  // namespace

std::vector<Factor> factors_of(const report::SweepResult& result, const std::vector<std::size_t>& rows) {
  std::vector<Factor> factors;
  const auto add = [&](const std::string& name, auto text_of) {
    std::vector<std::string> texts;
    std::transform(rows.begin(), rows.end(), std::back_inserter(texts),
                   [&](std::size_t row) { return text_of(result.rows[row]); });
    Factor factor = make_factor(name, texts);
    if (factor.values.size() < 2) {
      return;
    }
    const auto twin =
        std::find_if(factors.begin(), factors.end(), [&](const Factor& f) { return same_partition(f, factor); });
    if (twin == factors.end()) {
      factors.push_back(std::move(factor));
    } else {
      twin->name += " = " + name;
    }
  };
  add("workload", [](const report::SweepRow& row) { return row.workload; });
  add("chip", [](const report::SweepRow& row) { return row.chip; });
  add("precision", [](const report::SweepRow& row) { return row.precision; });
  for (std::size_t k = 0; k < result.keys.size(); ++k) {
    if (!result.keys[k].detail && !result.keys[k].derived) {
      add(result.keys[k].name, [k](const report::SweepRow& row) { return row.values[k]; });
    }
  }
  return factors;
}

report::EffectsReport effects(const report::SweepResult& result, const std::vector<Objective>& objectives) {
  report::EffectsReport report{result.title, {}};
  for (const Objective& objective : objectives) {
    report.objectives.push_back(effects_on(result, objective));
  }
  return report;
}

}  // namespace mantissa::study
