// SPDX-License-Identifier: Apache-2.0
// Holds a chip's model against tables of measurements. A table is recognised by its header; an interpreter makes of
// each row a measurement and a way to simulate it, or the reason why there is none. Rows run in processes of their own.
//
// To add a kind of table: an interpreter in a file of its own (study/validate_*.cpp) and a line in the list of
// validate.cpp.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/chip.h"
#include "report/validation.h"
#include "study/validate_table.h"

namespace mantissa::study {

// What one simulation is compared with: one row, or several (time and power of one run).
struct Measurement {
  std::vector<report::ValidationRow> rows;
  std::function<std::vector<double>()> simulate;  // in the rows' units; runs in a child process; none: rows say why
};

// What interpreters read from, and write to.
struct ValidationInput {
  const config::Chip& chip;
  std::string measured_on;  // rows of this chip ("tpu_v4"); others are counted only
  std::vector<Measurement> measurements;
  std::map<std::string, std::size_t> other_chips;
  // Rows of one run of a network share a simulation: its place in `measurements` and what each row wants of it.
  struct Shared {
    std::size_t measurement = 0;
    std::shared_ptr<std::vector<int>> wanted;
  };
  std::map<std::string, Shared> shared = {};

  // Whether a row of `chip_name` ("TPU v4") is of measured_on; counts it when not.
  bool is_of(const std::string& chip_name);
  void add(report::ValidationRow row, std::function<double()> simulate);
  void add(std::vector<report::ValidationRow> rows, std::function<std::vector<double>()> simulate);
  void add_not_modelled(report::ValidationRow row, const std::string& reason);
};

using Interpreter = void (*)(const MeasuredTable&, ValidationInput&);

// The interpreters, by file (validate_kernels.cpp ...).
void interpret_tpu_kernels(const MeasuredTable& table, ValidationInput& input);
void interpret_gemm(const MeasuredTable& table, ValidationInput& input);
void interpret_cycles(const MeasuredTable& table, ValidationInput& input);
void interpret_models(const MeasuredTable& table, ValidationInput& input);
void interpret_memory(const MeasuredTable& table, ValidationInput& input);

// The workload file of a network that rows name: "LLaMA 33B" -> .../llama_33b.yaml. Empty: there is none.
std::string network_file(const std::string& name);
// Parts of interpret_models: true where the row is one of theirs.
bool interpret_specification(const MeasuredTable& table, const MeasuredTable::Row& row, ValidationInput& input);
bool interpret_power(const MeasuredTable& table, const MeasuredTable::Row& row, ValidationInput& input);
bool interpret_library_product(const MeasuredTable& table, const MeasuredTable::Row& row, ValidationInput& input);
bool interpret_network(const MeasuredTable& table, const MeasuredTable::Row& row, ValidationInput& input);
// Energies of operations at a process ("int8 mul", 7 nm): rows of no chip.
void interpret_process(const MeasuredTable& table, ValidationInput& input);
// A row of that table without its group.
report::ValidationRow models_row(const MeasuredTable& table, const MeasuredTable::Row& row);
// A workload of the other table by its name ("gemm_256x256x256"): cycles of one core of this chip.
void add_cycles(const MeasuredTable& table, const MeasuredTable::Field& name, report::ValidationRow row,
                ValidationInput& input);

// Groups of rows in the order in which they are shown.
enum ValidationOrder : int {
  kGemmOrder = 0,
  kCopyOrder = 10,
  kElementwiseOrder = 20,
  kNormOrder = 30,
  kCyclesOrder = 40,
  kNetworkOrder = 60,
  kPowerOrder = 80,
  kSpecificationOrder = 90,
  kOtherOrder = 100
};

struct ValidateOptions {
  std::vector<std::string> data;  // files; empty: those that ship with the chip
  std::string measured_on;        // empty: the chip's name
  int jobs = 0;                   // processes at a time; 0: as many as the machine has cores
  std::function<void(std::int64_t done, std::int64_t total)> progress;
};

// Throws ConfigError for files that are no such tables, UsageError when there is nothing to compare with.
report::Validation validate(const config::Chip& chip, const ValidateOptions& options);
// The DRAM model alone, against runs of other simulators.
report::Validation validate_memory(const ValidateOptions& options);

}  // namespace mantissa::study
