// SPDX-License-Identifier: Apache-2.0
#include "report/sweep_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>

#include "report/accuracy_parts.h"
#include "report/csv.h"
#include "report/table_parts.h"

namespace mantissa::report {
namespace {

using Metric = AccuracyResult::Metric;

bool any(const SweepResult& r, const std::function<bool(const SweepRow&)>& what) {
  return std::any_of(r.rows.begin(), r.rows.end(), what);
}
bool has_metric(const SweepResult& r, Metric metric) {
  return any(r, [&](const SweepRow& row) { return row.measured.accuracy && row.measured.accuracy->metric == metric; });
}
bool has_top1(const SweepResult& r) {
  return has_metric(r, Metric::kTop1) || (r.accuracy && !has_metric(r, Metric::kPerplexity));
}

// A column of numbers as CSV has it.
struct Column {
  const char* name;
  std::optional<double> (*value)(const SweepMeasurements&);
};

template <class F>
std::optional<double> of_timing(const SweepMeasurements& m, F value) {
  return m.timing ? std::optional<double>(value(*m.timing)) : std::nullopt;
}
template <class F>
std::optional<double> of_accuracy(const SweepMeasurements& m, Metric metric, F value) {
  return m.accuracy && m.accuracy->metric == metric ? std::optional<double>(value(*m.accuracy)) : std::nullopt;
}

using M = SweepMeasurements;
using T = SweepMeasurements::Timing;
using A = AccuracyResult;

constexpr Column kLatency[] = {
    {"latency_s", [](const M& m) { return of_timing(m, [](const T& t) { return t.latency_s; }); }},
    {"inputs_per_s", [](const M& m) { return of_timing(m, [](const T& t) { return t.inputs_per_s; }); }},
    {"clock_mhz", [](const M& m) { return of_timing(m, [](const T& t) { return t.clock_mhz; }); }}};
constexpr Column kEnergy[] = {
    {"energy_per_input_j", [](const M& m) { return of_timing(m, [](const T& t) { return t.energy_per_input_j; }); }},
    {"average_power_w", [](const M& m) { return of_timing(m, [](const T& t) { return t.average_power_w; }); }}};
constexpr auto kImages = Metric::kTop1;
constexpr auto kTexts = Metric::kPerplexity;
constexpr Column kTop1[] = {
    {"images_count",
     [](const M& m) { return of_accuracy(m, kImages, [](const A& a) { return static_cast<double>(a.images); }); }},
    {"top1_reference_ratio",
     [](const M& m) { return of_accuracy(m, kImages, [](const A& a) { return a.top1_reference; }); }},
    {"top1_ratio", [](const M& m) { return of_accuracy(m, kImages, [](const A& a) { return a.top1; }); }},
    {"difference_ratio", [](const M& m) { return of_accuracy(m, kImages, [](const A& a) { return a.difference; }); }},
    {"difference_low_ratio",
     [](const M& m) { return of_accuracy(m, kImages, [](const A& a) { return a.difference_low; }); }},
    {"difference_high_ratio",
     [](const M& m) { return of_accuracy(m, kImages, [](const A& a) { return a.difference_high; }); }}};
constexpr Column kPerplexity[] = {
    {"tokens_count",
     [](const M& m) { return of_accuracy(m, kTexts, [](const A& a) { return static_cast<double>(a.tokens); }); }},
    {"perplexity_reference",
     [](const M& m) { return of_accuracy(m, kTexts, [](const A& a) { return a.perplexity_reference; }); }},
    {"perplexity", [](const M& m) { return of_accuracy(m, kTexts, [](const A& a) { return a.perplexity; }); }},
    {"difference_nats_per_token",
     [](const M& m) { return of_accuracy(m, kTexts, [](const A& a) { return a.nats_difference; }); }},
    {"difference_low_nats_per_token",
     [](const M& m) { return of_accuracy(m, kTexts, [](const A& a) { return a.nats_low; }); }},
    {"difference_high_nats_per_token",
     [](const M& m) { return of_accuracy(m, kTexts, [](const A& a) { return a.nats_high; }); }}};
constexpr Column kSqnr[] = {
    {"output_sqnr_db", [](const M& m) { return m.accuracy ? std::optional(m.output_sqnr_db) : std::nullopt; }}};

std::vector<Column> columns_of(const SweepResult& r) {
  std::vector<Column> columns;
  const auto add = [&](bool wanted, std::span<const Column> more) {
    for (std::size_t i = 0; wanted && i < more.size(); ++i) {
      columns.push_back(more[i]);
    }
  };
  add(r.latency, kLatency);
  add(r.energy, kEnergy);
  add(r.accuracy && has_top1(r), kTop1);
  add(r.accuracy && has_metric(r, kTexts), kPerplexity);
  add(r.accuracy, kSqnr);
  return columns;
}

// The point as people read it: only what differs between points, and rounded results.
struct ReadableTable {
  struct Head {
    std::string name, unit;
    TextTable::Align align;
  };
  std::vector<Head> heads;
  std::vector<std::vector<std::string>> rows;
};

ReadableTable readable(const SweepResult& r) {
  ReadableTable table;
  table.rows.resize(r.rows.size());
  const auto add = [&](const std::string& name, const std::string& unit, bool left, const auto& cell) {
    table.heads.push_back({name, unit, left ? TextTable::Align::kLeft : TextTable::Align::kRight});
    for (std::size_t i = 0; i < r.rows.size(); ++i) {
      table.rows[i].push_back(cell(r.rows[i]));
    }
  };
  const auto differs = [&](const auto& text) {
    return any(r, [&](const SweepRow& row) { return text(row) != text(r.rows.front()); });
  };
  const auto chip = [](const SweepRow& row) { return row.chip; };
  const auto workload = [](const SweepRow& row) { return row.workload; };
  const auto precision = [](const SweepRow& row) { return row.precision; };
  if (differs(workload)) {
    add("workload", "", true, workload);
  }
  if (differs(chip)) {
    add("chip", "", true, chip);
  }
  if (differs(precision)) {
    add("precision", "", true, precision);
  }
  // Of tied keys with the same values the first one stands for all.
  const auto repeats = [&](std::size_t k) {
    for (std::size_t before = 0; before < k; ++before) {
      if (!r.keys[before].detail && !any(r, [&](const SweepRow& row) { return row.values[before] != row.values[k]; })) {
        return true;
      }
    }
    return false;
  };
  for (std::size_t k = 0; k < r.keys.size(); ++k) {
    if (!r.keys[k].detail && !repeats(k)) {
      add(r.keys[k].name, "", true, [k](const SweepRow& row) { return row.values[k]; });
    }
  }
  const auto timing = [&](const char* name, const Scale& scale, const std::string& unit, auto value) {
    add(name, unit, false, [&, value](const SweepRow& row) {
      return row.measured.timing ? scaled(value(*row.measured.timing), scale, 4) : "";
    });
  };
  const auto all_of = [&](auto value) {
    return collect(r.rows, [&](const SweepRow& row) { return row.measured.timing ? value(*row.measured.timing) : 0; });
  };
  const auto latency = [](const T& t) { return t.latency_s; };
  const auto energy = [](const T& t) { return t.energy_per_input_j; };
  const Scale time = time_scale(all_of(latency)), joules = energy_scale(all_of(energy));
  if (r.latency) {
    timing("latency", time, time.unit, latency);
  }
  if (r.energy) {
    timing("energy", joules, joules.unit + "/input", energy);
  }
  const auto accuracy = [&](const char* name, const char* unit, Metric metric, auto text) {
    add(name, unit, false, [metric, text](const SweepRow& row) {
      const auto& a = row.measured.accuracy;
      return a && a->metric == metric ? text(*a) : std::string{};
    });
  };
  if (r.accuracy && has_top1(r)) {
    accuracy("top-1", "%", kImages, [](const A& a) { return percent(a.top1, 2); });
    accuracy("to FP32", "points [95 % interval]", kImages, [](const A& a) { return difference(a); });
  }
  if (r.accuracy && has_metric(r, kTexts)) {
    accuracy("perplexity", "", kTexts, [](const A& a) { return significant(a.perplexity, 4); });
    accuracy("to FP32", "% [95 % interval]", kTexts, [](const A& a) { return perplexity_increase(a); });
  }
  if (any(r, [](const SweepRow& row) { return row.area_mm2.has_value(); })) {
    add("area", "mm2", false,
        [](const SweepRow& row) { return row.area_mm2 ? significant(*row.area_mm2, 4) : std::string{}; });
  }
  if (r.accuracy) {
    add("output SQNR", "dB", false, [](const SweepRow& row) {
      return row.measured.accuracy ? decibels(row.measured.output_sqnr_db) : std::string{};
    });
  }
  return table;
}

}  // namespace

std::string sweep_csv(const SweepResult& result) {
  const std::vector<Column> columns = columns_of(result);
  std::vector<std::string> cells = {"point", "chip", "workload", "precision", "batch_count"};
  for (const SweepColumn& key : result.keys) {
    cells.push_back(key.name);
  }
  for (const Column& column : columns) {
    cells.emplace_back(column.name);
  }
  const bool areas = any(result, [](const SweepRow& row) { return row.area_mm2.has_value(); });
  if (areas) {
    cells.emplace_back("area_mm2");
  }
  cells.emplace_back("error");
  std::string text = csv_line(cells);
  for (const SweepRow& row : result.rows) {
    cells = {std::to_string(row.position), row.chip, row.workload, row.precision,
             row.error.empty() ? std::to_string(row.measured.batch) : ""};
    cells.insert(cells.end(), row.values.begin(), row.values.end());
    for (const Column& column : columns) {
      cells.push_back(csv_number(column.value(row.measured)));
    }
    if (areas) {
      cells.push_back(csv_number(row.area_mm2));
    }
    cells.push_back(row.error);
    text += csv_line(cells);
  }
  return text;
}

std::string sweep_markdown(const SweepResult& result) {
  const ReadableTable table = readable(result);
  std::string head = "|", rule = "|", text;
  for (const auto& h : table.heads) {
    head += fmt::format(" {}{} |", markdown_cell(h.name), h.unit.empty() ? "" : ", " + h.unit);
    rule += h.align == TextTable::Align::kLeft ? "---|" : "---:|";
  }
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    text += "|";
    for (const std::string& cell : table.rows[i]) {
      text += " " + markdown_cell(cell) + " |";
    }
    text += "\n";
  }
  for (const SweepRow& row : result.rows) {
    text += row.error.empty() ? "" : fmt::format("\npoint {}: {}\n", row.position, markdown_cell(row.error));
  }
  return head + "\n" + rule + "\n" + text;
}

std::string sweep_text(const SweepResult& result, Style style) {
  const ReadableTable readable_table = readable(result);
  TextTable table(style);
  for (const auto& h : readable_table.heads) {
    table.column(h.name, h.unit, h.align);
  }
  std::string failures;
  for (std::size_t i = 0; i < result.rows.size(); ++i) {
    table.row(readable_table.rows[i]);
    if (!result.rows[i].error.empty()) {
      failures += fmt::format("point {}: {}\n", result.rows[i].position, result.rows[i].error);
    }
  }
  return (result.title.empty() ? "" : bold(result.title, style) + "\n") + table.render() + failures;
}

}  // namespace mantissa::report
