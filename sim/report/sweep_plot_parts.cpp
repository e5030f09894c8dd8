// SPDX-License-Identifier: Apache-2.0
#include "report/sweep_plot_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "report/plot_axis.h"
#include "report/sweep_quantities.h"

namespace mantissa::report {
namespace {

constexpr std::size_t kMaxValueTicks = 12;

}  // namespace

std::string text_of(const SweepResult& r, const SweepRow& row, const std::string& name) {
  const auto text = column_text(r, row, name);
  if (!text) {
    throw UsageError(fmt::format("the results have no column '{}'{}", name, suggestion(name, column_names(r), 40)));
  }
  return *text;
}

namespace {

std::string title_of(const std::string& name) {
  const Quantity* known = find_quantity(name);
  return known ? known->title : name == "batch" ? "batch, inputs" : name;
}

}  // namespace

// Values in the order of numbers, texts in the order in which they come.
std::vector<std::string> ordered_values(const SweepResult& r, const std::string& name) {
  std::vector<std::string> values;
  for (const SweepRow& row : r.rows) {
    const std::string value = text_of(r, row, name);
    if (!value.empty() && std::find(values.begin(), values.end(), value) == values.end()) {
      values.push_back(value);
    }
  }
  if (std::all_of(values.begin(), values.end(), [](const std::string& v) { return number_of(v).has_value(); })) {
    std::stable_sort(values.begin(), values.end(),
                     [](const std::string& a, const std::string& b) { return *number_of(a) < *number_of(b); });
  }
  return values;
}

namespace {

// What was chosen, in the order of tables: not what was measured.
std::vector<std::string> chosen_names(const SweepResult& r) {
  std::vector<std::string> names = {"workload", "chip", "precision"};
  for (const SweepColumn& key : r.keys) {
    if (!key.detail && std::find(names.begin(), names.end(), key.name) == names.end() && !find_quantity(key.name)) {
      names.push_back(key.name);
    }
  }
  return names;
}

}  // namespace

namespace {

// `b` has one value for each value of `a`.
bool determines(const SweepResult& r, const std::string& a, const std::string& b) {
  std::map<std::string, std::string> seen;
  return std::all_of(r.rows.begin(), r.rows.end(), [&](const SweepRow& row) {
    const auto [at, added] = seen.try_emplace(text_of(r, row, a), text_of(r, row, b));
    return added || at->second == text_of(r, row, b);
  });
}

}  // namespace

std::vector<std::string> varying(const SweepResult& r, const std::vector<std::string>& besides) {
  std::vector<std::string> names;
  for (const std::string& name : chosen_names(r)) {
    const auto follows = [&](const std::string& other) { return determines(r, other, name); };
    if (ordered_values(r, name).size() > 1 && std::none_of(besides.begin(), besides.end(), follows) &&
        std::none_of(names.begin(), names.end(), follows)) {
      names.push_back(name);
    }
  }
  return names;
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  return fmt::format("{}", fmt::join(parts, between));
}

std::string values_of(const SweepResult& r, const SweepRow& row, const std::vector<std::string>& names) {
  std::vector<std::string> values;
  for (const std::string& name : names) {
    values.push_back(text_of(r, row, name));
  }
  return joined(values);
}

// Rows that have all of it, and a note for those that have not.
SweepResult complete(const SweepResult& r, const std::vector<std::string>& names, std::string& note) {
  SweepResult kept = r;
  std::erase_if(kept.rows, [&](const SweepRow& row) {
    return !row.error.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      const std::string text = text_of(r, row, name);
      const auto value = number_of(text);
      return text.empty() || (value && !std::isfinite(*value));
    });
  });
  if (kept.rows.empty()) {
    const auto absent = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return std::none_of(r.rows.begin(), r.rows.end(),
                          [&](const SweepRow& row) { return !text_of(r, row, name).empty(); });
    });
    throw UsageError(
        absent == names.end()
            ? "no point has all that this plot needs; `mantissa show` says why points failed"
            : fmt::format("no point has a value of '{}'; add what it needs to `measure` of the sweep file", *absent));
  }
  if (kept.rows.size() < r.rows.size()) {
    note = fmt::format("Not shown: {} of {} points, which failed or lack a value.", r.rows.size() - kept.rows.size(),
                       r.rows.size());
  }
  return kept;
}

// What all points have in common.
std::string common(const SweepResult& r) {
  std::vector<std::string> parts;
  for (const std::string& name : {std::string("workload"), std::string("chip"), std::string("precision")}) {
    const auto values = ordered_values(r, name);
    if (values.size() == 1) {
      parts.push_back(values.front());
    }
  }
  return joined(parts);
}

Across across(const SweepResult& r, const std::string& name) {
  Across result;
  const std::vector<std::string> values = ordered_values(r, name);
  std::vector<double> numbers;
  for (const std::string& value : values) {
    if (const auto number = number_of(value)) {
      numbers.push_back(*number);
    }
  }
  if (numbers.size() == values.size()) {
    const ScaledTitle scaled = scaled_title(title_of(name), numbers);
    result.axis.title = scaled.title;
    result.axis.log = is_geometric(numbers);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double place = numbers[i] * scaled.factor;
      result.places[values[i]] = place;
      if (result.axis.log && values.size() <= kMaxValueTicks) {
        result.axis.ticks.emplace_back(place, tick_text(place));
      }
    }
    return result;
  }
  result.axis.title = title_of(name);
  result.axis.low = -0.4, result.axis.high = static_cast<double>(values.size()) - 0.6;
  for (std::size_t i = 0; i < values.size(); ++i) {
    result.places[values[i]] = static_cast<double>(i);
    result.axis.ticks.emplace_back(static_cast<double>(i), values[i]);
  }
  return result;
}

Measured measured(const SweepResult& r, const std::string& name) {
  std::vector<double> values;
  for (const SweepRow& row : r.rows) {
    const auto value = quantity(r, row, name);
    if (!value) {
      throw UsageError(fmt::format("'{}' is no number; numbers are: {}", name, joined(numeric_names(r))));
    }
    values.push_back(*value);
  }
  const ScaledTitle scaled = scaled_title(title_of(name), values);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {{scaled.title, *least > 0 && *most / *least > 20, {}, {}, {}}, scaled.factor};
}

// Of a curve's two points at one x, what differs.
void ambiguous(const SweepResult& r, const SweepRow& a, const SweepRow& b) {
  std::vector<std::string> names;
  for (const std::string& name : chosen_names(r)) {
    if (text_of(r, a, name) != text_of(r, b, name)) {
      names.push_back(name);
    }
  }
  throw UsageError(
      fmt::format("a line would have several points at one place, which differ in {}; name it in --by, or "
                  "pick one value with --only {}=VALUE",
                  joined(names), names.empty() ? "KEY" : names.front()));
}

}  // namespace mantissa::report
