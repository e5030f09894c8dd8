// SPDX-License-Identifier: Apache-2.0
#include "report/sensitivity_table.h"

#include <fmt/format.h>

#include "report/accuracy_parts.h"
#include "report/csv.h"
#include "report/json_parts.h"

namespace mantissa::report {
namespace {

using Align = TextTable::Align;

}  // namespace

std::string sensitivity_text(const SensitivityReport& r, Style style) {
  std::string text =
      bold(fmt::format("{} on {}: sensitivity to {}, batch {}", r.workload, r.chip_title, r.precision, r.batch),
           style) +
      "\n";
  text += fmt::format("  all layers at {}: {}: {} {} [95 % interval], SQNR of the output {} dB\n", r.precision,
                      accuracy_text(r.whole), change(r.whole), change_unit(r.whole), decibels(r.output_sqnr_whole_db));
  text += fmt::format("  layers that are not at {} run as {}; {}\n\n", r.precision, r.others, samples_text(r.whole));
  TextTable table(style);
  table.column("layer", "", Align::kLeft);
  table.column("kind", "", Align::kLeft);
  table.column("time", "%");
  table.column("energy", "%");
  table.column("SQNR all", "dB");
  table.column("alone", "dB");
  table.column("output", "dB");
  table.column("this layer alone", change_unit(r.whole));
  table.column("all but this one", change_unit(r.whole));
  for (const SensitivityRow& row : r.rows) {
    table.row({row.layer, row.kind, percent(row.time_share), percent(row.energy_share), decibels(row.sqnr_whole_db),
               decibels(row.sqnr_alone_db), decibels(row.output_sqnr_alone_db), change(row.alone),
               change(row.without)});
  }
  return text + table.render() +
         fmt::format(
             "SQNR all: of the layer's output, everything at {0}. alone: the same, this layer alone at {0}. "
             "output: of the network's\noutput, this layer alone at {0}; the table is sorted by it. "
             "[95 % intervals]\n",
             r.precision);
}

std::string sensitivity_csv(const SensitivityReport& r) {
  const std::string unit = is_perplexity(r.whole) ? "percent_of_perplexity" : "points_of_top1";
  std::vector<std::string> heads = {"layer",
                                    "kind",
                                    "shape",
                                    "time_ratio",
                                    "energy_ratio",
                                    "sqnr_whole_db",
                                    "sqnr_alone_db",
                                    "output_sqnr_alone_db",
                                    "output_sqnr_without_db"};
  for (const char* which : {"alone", "without"}) {
    for (const char* part : {"change", "change_low", "change_high"}) {
      heads.push_back(fmt::format("{}_{}_{}", which, part, unit));
    }
  }
  std::string text = csv_line(heads);
  for (const SensitivityRow& row : r.rows) {
    std::vector<std::string> cells = {row.layer, row.kind, row.shape};
    for (const double value : {row.time_share, row.energy_share, row.sqnr_whole_db, row.sqnr_alone_db,
                               row.output_sqnr_alone_db, row.output_sqnr_without_db}) {
      cells.push_back(csv_number(value));
    }
    for (const AccuracyResult* accuracy : {&row.alone, &row.without}) {
      const Change c = change_of(*accuracy);
      for (const double value : {c.value, c.low, c.high}) {
        cells.push_back(csv_number(value));
      }
    }
    text += csv_line(cells);
  }
  return text;
}

std::string sensitivity_json(const SensitivityReport& r) {
  Json json{{"schema_version", kSchemaVersion},
            {"chip", r.chip},
            {"chip_title", r.chip_title},
            {"workload", r.workload},
            {"precision", r.precision},
            {"other_layers", r.others},
            {"batch_count", r.batch},
            {"whole", accuracy_json(r.whole)},
            {"output_sqnr_whole_db", finite(r.output_sqnr_whole_db)}};
  json["layers"] = Json::array();
  for (const SensitivityRow& row : r.rows) {
    json["layers"].push_back({{"layer", row.layer},
                              {"kind", row.kind},
                              {"shape", row.shape},
                              {"time_ratio", row.time_share},
                              {"energy_ratio", row.energy_share},
                              {"sqnr_whole_db", finite(row.sqnr_whole_db)},
                              {"sqnr_alone_db", finite(row.sqnr_alone_db)},
                              {"output_sqnr_alone_db", finite(row.output_sqnr_alone_db)},
                              {"output_sqnr_without_db", finite(row.output_sqnr_without_db)},
                              {"alone", accuracy_json(row.alone)},
                              {"without", accuracy_json(row.without)}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mantissa::report
