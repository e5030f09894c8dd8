// SPDX-License-Identifier: Apache-2.0
// What each layer of a network contributes to the error of a precision, as data and as tables.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "report/result.h"
#include "report/text_table.h"

namespace mantissa::report {

// One matrix kernel. "Alone": only this layer runs at the precision. "Without": all layers but this one do.
struct SensitivityRow {
  std::string layer, kind, shape;
  double time_share = 0, energy_share = 0;  // of the run with all layers at the precision, 0..1
  double sqnr_whole_db = 0;                 // of its output, all layers at the precision
  double sqnr_alone_db = 0;                 // of its output
  double output_sqnr_alone_db = 0;          // of the network's output
  double output_sqnr_without_db = 0;
  AccuracyResult alone, without;
};

struct SensitivityReport {
  std::string chip, chip_title, workload, precision;
  std::string others;  // what layers run at that do not run at the precision
  std::int64_t batch = 1;
  AccuracyResult whole;
  double output_sqnr_whole_db = 0;
  std::vector<SensitivityRow> rows;  // the most damaging first
};

std::string sensitivity_text(const SensitivityReport& report, Style style);
std::string sensitivity_csv(const SensitivityReport& report);
std::string sensitivity_json(const SensitivityReport& report);

}  // namespace mantissa::report
