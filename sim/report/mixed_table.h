// SPDX-License-Identifier: Apache-2.0
// A mixed-precision assignment with what it costs and loses, as data and as tables.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "report/result.h"
#include "report/text_table.h"

namespace mantissa::report {

struct MixedRow {
  std::string layer, kind, shape;
  std::string precision;        // that the search chose
  std::vector<double> costs;    // at each precision, seconds or joules of one batch
  std::vector<double> sqnr_db;  // of the network's output with this layer alone at each precision
};

// The whole network at one precision, or mixed.
struct MixedTotal {
  std::string name;             // "fp16", "mixed"
  double latency_s = 0;         // of one batch
  double energy_j = 0;          // of one batch
  AccuracyResult search, test;  // on the data that was searched on, and on the test data
};

struct MixedReport {
  std::string chip, chip_title, workload;
  std::vector<std::string> precisions;   // the first one holds what is between layers
  std::string cost;                      // "latency", "energy"
  double max_loss = 0;                   // points of top-1 or % of perplexity
  bool found = false;                    // false: no assignment that was tried keeps to the bound
  double search_loss = 0;                // of the chosen assignment
  std::int64_t batch = 1, measured = 0;  // measured: assignments whose loss was measured
  std::vector<MixedRow> rows;            // in the order of the network
  std::vector<MixedTotal> totals;        // one for each precision, then the mixed one where it is none of them
  std::size_t chosen = 0;                // index of a total
};

std::string mixed_text(const MixedReport& report, Style style);
std::string mixed_json(const MixedReport& report);

}  // namespace mantissa::report
