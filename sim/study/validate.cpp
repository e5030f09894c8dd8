// SPDX-License-Identifier: Apache-2.0
#include "study/validate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "config/home.h"
#include "study/isolate.h"

namespace mantissa::study {
namespace {

constexpr std::size_t kRowsPerProcess = 16;
constexpr double kTimeLimitSeconds = 600;  // of one row

struct TableKind {
  const char* what;
  std::vector<std::string> columns;
  Interpreter interpret;
};

const std::vector<TableKind>& table_kinds() {
  static const std::vector<TableKind> kinds = {
      {"kernels of a TPU",
       {"id", "workload", "m", "n", "k", "metric", "value", "unit", "notes"},
       interpret_tpu_kernels},
      {"matrix products", {"chip", "dtype", "m", "n", "k", "latency_us"}, interpret_gemm},
      {"matrix products and power", {"chip", "dtype", "m", "n", "k", "latency_us", "board_power_w"}, interpret_gemm},
      {"cycles of a TPU v3",
       {"Workload", "TPUv3", "mNPUSim", "Timeloop", "Maestro", "SCALE-Sim v3", "TOGSim(Ours)"},
       interpret_cycles},
      {"DRAM simulators",
       {"simulator",      "standard",      "speed_bin",     "channels",        "pattern",        "requests",
        "cycles",         "achieved_GBps", "peak_GBps",     "efficiency",      "avg_latency_ns", "wall_s",
        "max_latency_ns", "cpu_s",         "req_per_cpu_s", "row_hit_rate",    "tx_bytes",       "mapping",
        "window",         "config",        "note",          "total_energy_uJ", "act_energy_uJ",  "rd_energy_uJ",
        "wr_energy_uJ",   "ref_energy_uJ", "num_act",       "pJ_per_bit"},
       interpret_memory},
      {"networks and specifications",
       {"id", "chip", "workload", "precision", "batch", "M", "N", "K", "metric", "value", "unit", "source", "notes"},
       interpret_models},
  };
  return kinds;
}

// "TPU v4" -> "tpu_v4".
std::string chip_key(const std::string& name) {
  std::string key;
  for (const char c : name) {
    key += std::isalnum(static_cast<unsigned char>(c)) != 0
               ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
               : '_';
  }
  return key;
}

const TableKind& kind_of(const MeasuredTable& table) {
  for (const TableKind& kind : table_kinds()) {
    if (table.header() == kind.columns) {
      return kind;
    }
  }
  std::string known;
  for (const TableKind& kind : table_kinds()) {
    known += fmt::format("\n  {}: {}", kind.what, fmt::join(kind.columns, ","));
  }
  throw ConfigError({table.path(), 1, 1}, "these columns are of no known table of measurements; known are:" + known);
}

std::vector<std::string> shipped_tables(const std::string& measured_on) {
  const std::filesystem::path folder = std::filesystem::path(config::home_folder()) / "configs/measured" / measured_on;
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (entry.path().extension() == ".csv") {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    throw UsageError(
        fmt::format("no measurements of '{}' ship with Mantissa; name a table with --data, or the chip it "
                    "was measured on with --measured-on",
                    measured_on));
  }
  return files;
}

void check_row(const report::ValidationRow& row) {
  check(!row.id.empty() && !row.group.empty() && !row.unit.empty(), "a measurement has an id, a group and a unit");
}

}  // namespace

std::string network_file(const std::string& name) {
  // What sources call a network whose shape is that of another one.
  static const std::map<std::string, std::string> aliases = {
      {"llama_7b", "llama2_7b"}, {"llama_2_70b", "llama2_70b"}, {"llama_175b", "gpt3_175b"}};
  std::string key = chip_key(name);
  if (const auto at = aliases.find(key); at != aliases.end()) {
    key = at->second;
  }
  const std::filesystem::path own =
      std::filesystem::path(config::home_folder()) / "configs/measured/networks" / (key + ".yaml");
  std::error_code none;
  if (std::filesystem::exists(own, none)) {
    return own.string();
  }
  for (const config::ShippedFile& file : config::shipped_files(config::FileKind::kWorkload)) {
    if (file.name == key) {
      return file.path;
    }
  }
  return "";
}

bool ValidationInput::is_of(const std::string& chip_name) {
  if (chip_key(chip_name) == chip_key(measured_on)) {
    return true;
  }
  ++other_chips[chip_name];
  return false;
}

void ValidationInput::add(report::ValidationRow row, std::function<double()> simulate) {
  add(std::vector{std::move(row)}, [simulate = std::move(simulate)] { return std::vector{simulate()}; });
}

void ValidationInput::add(std::vector<report::ValidationRow> rows, std::function<std::vector<double>()> simulate) {
  bool any = false;
  for (report::ValidationRow& row : rows) {
    check_row(row);
    if (!(row.measured > 0)) {
      row.reason = "a value that is not above zero has no relative error";
    }
    any = any || row.reason.empty();
  }
  measurements.push_back({std::move(rows), any ? std::move(simulate) : nullptr});
}

void ValidationInput::add_not_modelled(report::ValidationRow row, const std::string& reason) {
  check_row(row);
  check(!reason.empty(), "a reason");
  row.reason = reason;
  measurements.push_back({{std::move(row)}, nullptr});
}

namespace {

// Takes the values of one simulation over, or why there are none.
void take(std::vector<report::ValidationRow>& rows, const std::string& bytes, const std::string& error) {
  const bool good = error.empty() && bytes.size() == rows.size() * sizeof(double);
  check(good || !error.empty(), "a value for each row");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].reason.empty()) {
      continue;
    }
    double value = 0;
    if (good) {
      std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
      rows[i].simulated = value;
    } else {
      rows[i].reason = "the model cannot run it: " + error;
    }
  }
}

void simulate_all(std::vector<Measurement>& measurements, const ValidateOptions& options) {
  std::vector<Measurement*> work;
  for (Measurement& measurement : measurements) {
    if (measurement.simulate) {
      work.push_back(&measurement);
    }
  }
  std::int64_t done = 0;
  IsolateOptions isolate;
  isolate.jobs = options.jobs;
  isolate.calls_per_process = kRowsPerProcess;
  isolate.time_limit_s = kTimeLimitSeconds;
  run_all_isolated(
      work.size(), isolate,
      [&](std::size_t i) {
        const std::vector<double> values = work[i]->simulate();
        return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
      },
      [&](std::size_t i, const std::string& bytes, const std::string& error) {
        take(work[i]->rows, bytes, error);
        if (options.progress) {
          options.progress(++done, static_cast<std::int64_t>(work.size()));
        }
      });
}

report::Validation compare(ValidationInput input, const ValidateOptions& options) {
  report::Validation result;
  result.chip = input.chip.name, result.title = input.chip.title, result.chip_file = input.chip.path;
  result.files = options.data.empty() ? shipped_tables(input.measured_on) : options.data;
  for (const std::string& file : result.files) {
    const MeasuredTable table = MeasuredTable::load(file);
    kind_of(table).interpret(table, input);
  }
  if (input.measurements.empty()) {
    throw UsageError(
        fmt::format("the tables hold no row of '{}'; --measured-on names another chip", input.measured_on));
  }
  simulate_all(input.measurements, options);
  result.other_chips = input.other_chips;
  for (const Measurement& measurement : input.measurements) {
    result.rows.insert(result.rows.end(), measurement.rows.begin(), measurement.rows.end());
  }
  return result;
}

}  // namespace

report::Validation validate(const config::Chip& chip, const ValidateOptions& options) {
  return compare({chip, options.measured_on.empty() ? chip.name : options.measured_on, {}, {}, {}}, options);
}

report::Validation validate_memory(const ValidateOptions& options) {
  config::Chip none;
  none.name = "memory", none.title = "DRAM model";
  return compare({none, none.name, {}, {}, {}}, options);
}

}  // namespace mantissa::study
