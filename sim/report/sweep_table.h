// SPDX-License-Identifier: Apache-2.0
// Results of a sweep as data and as tables: CSV for plots, Markdown for documents, text for a terminal.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/result.h"
#include "report/text_table.h"

namespace mantissa::report {

// What was measured of one point. Of one inference run of `batch` inputs where not said otherwise.
struct SweepMeasurements {
  struct Timing {
    double latency_s = 0, inputs_per_s = 0, clock_mhz = 0, energy_per_input_j = 0, average_power_w = 0;
  };
  std::int64_t batch = 1;
  std::optional<Timing> timing;
  std::optional<AccuracyResult> accuracy;
  double output_sqnr_db = 0;  // of the network's output, where accuracy was measured
};

struct SweepRow {
  std::string chip, workload, precision;
  std::vector<std::string> values;  // of SweepResult::keys
  SweepMeasurements measured;
  std::string error;                    // why there are no results
  std::size_t position = 0;             // in the sweep's grid
  std::optional<double> area_mm2 = {};  // of the point's chip
};

struct SweepColumn {
  std::string name;
  bool detail = false;   // in CSV only: the axis has a label
  bool derived = false;  // computed from other keys
};

struct SweepResult {
  std::string title;
  std::vector<SweepColumn> keys;                           // that were varied, besides chip, workload and precision
  bool latency = false, energy = false, accuracy = false;  // what was asked for
  std::vector<SweepRow> rows;                              // in the order of the points
  std::vector<std::string> objectives;                     // names of sweep_quantities.h
  std::string version;                                     // of the program that ran the points
};

// One line for each point. Units stand in the column names, ratios are 0..1.
std::string sweep_csv(const SweepResult& result);
std::string sweep_markdown(const SweepResult& result);
std::string sweep_text(const SweepResult& result, Style style);

}  // namespace mantissa::report
