// SPDX-License-Identifier: Apache-2.0
#include "study/store_rows.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace mantissa::study {
namespace {

using report::AccuracyResult;
using report::SweepMeasurements;
using Timing = SweepMeasurements::Timing;
using Json = nlohmann::json;

struct TimingColumn {
  const char* name;
  double Timing::*value;
};
struct AccuracyNumber {
  const char* name;
  double AccuracyResult::*value;
};
struct AccuracyCount {
  const char* name;
  std::int64_t AccuracyResult::*value;
};

constexpr TimingColumn kTiming[] = {{"latency_s", &Timing::latency_s},
                                    {"inputs_per_s", &Timing::inputs_per_s},
                                    {"clock_mhz", &Timing::clock_mhz},
                                    {"energy_per_input_j", &Timing::energy_per_input_j},
                                    {"average_power_w", &Timing::average_power_w}};
constexpr AccuracyCount kCounts[] = {{"images_count", &AccuracyResult::images},
                                     {"sequences_count", &AccuracyResult::sequences},
                                     {"tokens_count", &AccuracyResult::tokens}};
constexpr AccuracyNumber kNumbers[] = {{"top1_reference_ratio", &AccuracyResult::top1_reference},
                                       {"top1_ratio", &AccuracyResult::top1},
                                       {"difference_ratio", &AccuracyResult::difference},
                                       {"difference_low_ratio", &AccuracyResult::difference_low},
                                       {"difference_high_ratio", &AccuracyResult::difference_high},
                                       {"mcnemar_p", &AccuracyResult::mcnemar_p},
                                       {"perplexity_reference", &AccuracyResult::perplexity_reference},
                                       {"perplexity", &AccuracyResult::perplexity},
                                       {"difference_nats_per_token", &AccuracyResult::nats_difference},
                                       {"difference_low_nats_per_token", &AccuracyResult::nats_low},
                                       {"difference_high_nats_per_token", &AccuracyResult::nats_high}};
constexpr const char* kMetrics[] = {"top1", "perplexity"};

std::vector<std::string> column_names() {
  std::vector<std::string> names = {"error", "batch_count", "area_mm2", "timed"};
  for (const auto& column : kTiming) {
    names.emplace_back(column.name);
  }
  names.emplace_back("metric");
  for (const auto& column : kCounts) {
    names.emplace_back(column.name);
  }
  for (const auto& column : kNumbers) {
    names.emplace_back(column.name);
  }
  names.emplace_back("output_sqnr_db");
  return names;
}

// SQLite keeps all doubles but NaN, for which it stores NULL.
double number(const Statement& row, int column) {
  return row.is_null(column) ? std::numeric_limits<double>::quiet_NaN() : row.number(column);
}

Json parsed(const std::string& json, const std::string& path) {
  Json value = Json::parse(json, nullptr, false);
  if (value.is_discarded()) {
    throw UsageError(fmt::format("{} is damaged: a list of values in it cannot be read", path));
  }
  return value;
}

}  // namespace

std::string create_tables() {
  std::string columns;
  for (const std::string& name : column_names()) {
    columns += fmt::format(", {} {}", name, name == "error" ? "TEXT NOT NULL" : name == "metric" ? "TEXT" : "");
  }
  return fmt::format(
      "CREATE TABLE sweeps(name TEXT PRIMARY KEY, title TEXT NOT NULL, definition TEXT NOT NULL, head TEXT NOT NULL) "
      "WITHOUT ROWID;"
      "CREATE TABLE points(key TEXT PRIMARY KEY, version TEXT NOT NULL{}) WITHOUT ROWID;"
      "CREATE TABLE members(sweep TEXT NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL, chip TEXT NOT NULL, "
      "workload TEXT NOT NULL, precision TEXT NOT NULL, key_values TEXT NOT NULL, PRIMARY KEY(sweep, position)) "
      "WITHOUT ROWID;"
      "PRAGMA application_id = {}; PRAGMA user_version = {};",
      columns, kStoreApplication, kStoreTables);
}

std::string outcome_columns(const std::string& prefix) {
  std::string text;
  for (const std::string& name : column_names()) {
    text += (text.empty() ? "" : ", ") + prefix + name;
  }
  return text;
}

std::size_t outcome_column_count() {
  return column_names().size();
}

void bind_outcome(Statement& statement, const report::SweepRow& row) {
  const SweepMeasurements& m = row.measured;
  statement.bind(row.error).bind(m.batch);
  row.area_mm2 ? statement.bind(*row.area_mm2) : statement.bind_null();
  statement.bind(std::int64_t{m.timing.has_value()});
  for (const auto& column : kTiming) {
    m.timing ? statement.bind((*m.timing).*column.value) : statement.bind_null();
  }
  m.accuracy ? statement.bind(std::string(kMetrics[static_cast<int>(m.accuracy->metric)])) : statement.bind_null();
  for (const auto& column : kCounts) {
    m.accuracy ? statement.bind((*m.accuracy).*column.value) : statement.bind_null();
  }
  for (const auto& column : kNumbers) {
    m.accuracy ? statement.bind((*m.accuracy).*column.value) : statement.bind_null();
  }
  m.accuracy ? statement.bind(m.output_sqnr_db) : statement.bind_null();
}

Store::Outcome read_outcome(const Statement& row, int at) {
  Store::Outcome outcome;
  outcome.error = row.text(at++);
  outcome.measured.batch = row.integer(at++);
  if (!row.is_null(at)) {
    outcome.area_mm2 = row.number(at);
  }
  ++at;
  const bool timed = row.integer(at++) != 0;
  Timing timing;
  for (const auto& column : kTiming) {
    timing.*column.value = number(row, at++);
  }
  if (timed) {
    outcome.measured.timing = timing;
  }
  const bool measured = !row.is_null(at);
  AccuracyResult accuracy;
  accuracy.metric = row.text(at++) == kMetrics[0] ? AccuracyResult::Metric::kTop1 : AccuracyResult::Metric::kPerplexity;
  for (const auto& column : kCounts) {
    accuracy.*column.value = row.integer(at++);
  }
  for (const auto& column : kNumbers) {
    accuracy.*column.value = number(row, at++);
  }
  if (measured) {
    outcome.measured.accuracy = accuracy;
    outcome.measured.output_sqnr_db = number(row, at);
  }
  return outcome;
}

std::string pack_head(const report::SweepResult& head) {
  Json keys = Json::array();
  for (const auto& key : head.keys) {
    keys.push_back({{"name", key.name}, {"detail", key.detail}, {"derived", key.derived}});
  }
  return Json{{"keys", keys},
              {"latency", head.latency},
              {"energy", head.energy},
              {"accuracy", head.accuracy},
              {"objectives", head.objectives},
              {"version", head.version}}
      .dump();
}

report::SweepResult unpack_head(const std::string& json, const std::string& path) {
  const Json value = parsed(json, path);
  report::SweepResult head;
  try {
    for (const Json& key : value.at("keys")) {
      head.keys.push_back(
          {key.at("name").get<std::string>(), key.at("detail").get<bool>(), key.at("derived").get<bool>()});
    }
    head.latency = value.at("latency").get<bool>();
    head.energy = value.at("energy").get<bool>();
    head.accuracy = value.at("accuracy").get<bool>();
    head.objectives = value.at("objectives").get<std::vector<std::string>>();
    head.version = value.at("version").get<std::string>();
  } catch (const Json::exception&) {
    throw UsageError(fmt::format("{} is damaged: the head of a sweep in it cannot be read", path));
  }
  return head;
}

std::string pack_values(const std::vector<std::string>& values) {
  return Json(values).dump();
}

std::vector<std::string> unpack_values(const std::string& json, const std::string& path) {
  try {
    return parsed(json, path).get<std::vector<std::string>>();
  } catch (const Json::exception&) {
    throw UsageError(fmt::format("{} is damaged: a list of values in it cannot be read", path));
  }
}

}  // namespace mantissa::study
