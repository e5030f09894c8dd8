// SPDX-License-Identifier: Apache-2.0
#include "report/sweep_quantities.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "report/csv.h"

namespace mantissa::report {
namespace {

using Value = std::optional<double>;
using Timing = SweepMeasurements::Timing;

Value of_timing(const SweepRow& row, double (*value)(const Timing&)) {
  return row.measured.timing ? Value(value(*row.measured.timing)) : std::nullopt;
}
Value of_accuracy(const SweepRow& row, AccuracyResult::Metric metric, double (*value)(const AccuracyResult&)) {
  const auto& accuracy = row.measured.accuracy;
  return accuracy && accuracy->metric == metric ? Value(value(*accuracy)) : std::nullopt;
}
Value ratio(double numerator, double denominator) {
  return denominator > 0 ? Value(numerator / denominator) : std::nullopt;
}

constexpr auto kTop1 = AccuracyResult::Metric::kTop1;
constexpr auto kPerplexity = AccuracyResult::Metric::kPerplexity;

struct Definition {
  Quantity quantity;
  Value (*value)(const SweepRow&);
};

Value latency(const SweepRow& row) {
  return of_timing(row, [](const Timing& t) { return t.latency_s; });
}
Value throughput(const SweepRow& row) {
  return of_timing(row, [](const Timing& t) { return t.inputs_per_s; });
}
Value energy(const SweepRow& row) {
  return of_timing(row, [](const Timing& t) { return t.energy_per_input_j; });
}
Value power(const SweepRow& row) {
  return of_timing(row, [](const Timing& t) { return t.average_power_w; });
}
Value clock(const SweepRow& row) {
  return of_timing(row, [](const Timing& t) { return t.clock_mhz; });
}
Value inputs_per_joule(const SweepRow& row) {
  const Value joules = energy(row);
  return joules ? ratio(1, *joules) : std::nullopt;
}
Value throughput_per_area(const SweepRow& row) {
  const Value inputs = throughput(row);
  return inputs && row.area_mm2 ? ratio(*inputs, *row.area_mm2) : std::nullopt;
}
// Lost against FP32: of images the share of top-1, of texts the relative growth of perplexity.
Value accuracy_loss(const SweepRow& row) {
  const Value images = of_accuracy(row, kTop1, [](const AccuracyResult& a) { return -a.difference; });
  return images ? images
                : of_accuracy(row, kPerplexity, [](const AccuracyResult& a) { return std::expm1(a.nats_difference); });
}
Value top1(const SweepRow& row) {
  return of_accuracy(row, kTop1, [](const AccuracyResult& a) { return a.top1; });
}
Value perplexity(const SweepRow& row) {
  return of_accuracy(row, kPerplexity, [](const AccuracyResult& a) { return a.perplexity; });
}
Value output_sqnr(const SweepRow& row) {
  return row.measured.accuracy ? Value(row.measured.output_sqnr_db) : std::nullopt;
}

const std::vector<Definition>& definitions() {
  static const std::vector<Definition> all = {
      {{"latency_s", false, "latency, s", Measure::kLatency}, latency},
      {{"inputs_per_s", true, "throughput, inputs/s", Measure::kLatency}, throughput},
      {{"energy_per_input_j", false, "energy, J/input", Measure::kEnergy}, energy},
      {{"average_power_w", false, "average power, W", Measure::kEnergy}, power},
      {{"inputs_per_j", true, "efficiency, inputs/J", Measure::kEnergy}, inputs_per_joule},
      {{"clock_mhz", true, "clock, MHz", Measure::kLatency}, clock},
      {{"area_mm2", false, "area, mm2", Measure::kNothing}, [](const SweepRow& row) { return row.area_mm2; }},
      {{"inputs_per_s_per_mm2", true, "throughput per area, inputs/s/mm2", Measure::kLatency}, throughput_per_area},
      {{"accuracy_loss_ratio", false, "accuracy lost against FP32, ratio", Measure::kAccuracy}, accuracy_loss},
      {{"top1_ratio", true, "top-1 accuracy, ratio", Measure::kAccuracy}, top1},
      {{"perplexity", false, "perplexity", Measure::kAccuracy}, perplexity},
      {{"output_sqnr_db", true, "SQNR of the output, dB", Measure::kAccuracy}, output_sqnr}};
  return all;
}

std::optional<std::size_t> find_key(const SweepResult& result, const std::string& name) {
  const auto at = std::find_if(result.keys.begin(), result.keys.end(), [&](const auto& k) { return k.name == name; });
  return at == result.keys.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - result.keys.begin()));
}

// "batch" where it is not varied: what the points ran with.
Value batch_of(const SweepRow& row) {
  return row.error.empty() ? Value(static_cast<double>(row.measured.batch)) : std::nullopt;
}

}  // namespace

const std::vector<Quantity>& quantities() {
  static const std::vector<Quantity> all = [] {
    std::vector<Quantity> list;
    for (const Definition& definition : definitions()) {
      list.push_back(definition.quantity);
    }
    return list;
  }();
  return all;
}

const Quantity* find_quantity(const std::string& name) {
  const auto at = std::find_if(quantities().begin(), quantities().end(), [&](const auto& q) { return q.name == name; });
  return at == quantities().end() ? nullptr : &*at;
}

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  return fault == std::errc{} && stop == end ? Value(value) : std::nullopt;
}

std::optional<double> quantity(const SweepResult& result, const SweepRow& row, const std::string& name) {
  for (const Definition& definition : definitions()) {
    if (definition.quantity.name == name) {
      return row.error.empty() || name == "area_mm2" ? definition.value(row) : std::nullopt;
    }
  }
  if (const auto key = find_key(result, name)) {
    return number_of(row.values.at(*key));
  }
  return name == "batch" ? batch_of(row) : std::nullopt;
}

std::vector<std::string> numeric_names(const SweepResult& result) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::any_of(result.rows.begin(), result.rows.end(),
                    [&](const SweepRow& row) { return quantity(result, row, name).has_value(); })) {
      names.push_back(name);
    }
  };
  if (!find_key(result, "batch")) {
    add("batch");
  }
  for (const SweepColumn& key : result.keys) {
    if (!find_quantity(key.name)) {
      add(key.name);
    }
  }
  for (const Quantity& each : quantities()) {
    add(each.name);
  }
  return names;
}

std::optional<std::string> column_text(const SweepResult& result, const SweepRow& row, const std::string& name) {
  if (name == "chip" || name == "workload" || name == "precision" || name == "error") {
    return name == "chip"        ? row.chip
           : name == "workload"  ? row.workload
           : name == "precision" ? row.precision
                                 : row.error;
  }
  if (name == "point") {
    return std::to_string(row.position);
  }
  if (find_quantity(name)) {
    return csv_number(quantity(result, row, name));
  }
  if (const auto key = find_key(result, name)) {
    return row.values.at(*key);
  }
  return name == "batch" ? std::optional(csv_number(batch_of(row))) : std::nullopt;
}

std::vector<std::string> column_names(const SweepResult& result) {
  std::vector<std::string> names = {"point", "chip", "workload", "precision"};
  if (!find_key(result, "batch")) {
    names.emplace_back("batch");
  }
  for (const SweepColumn& key : result.keys) {
    if (!find_quantity(key.name)) {
      names.push_back(key.name);
    }
  }
  for (const Quantity& each : quantities()) {
    names.push_back(each.name);
  }
  names.emplace_back("error");
  return names;
}

}  // namespace mantissa::report
