// SPDX-License-Identifier: Apache-2.0
#include "report/mixed_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/accuracy_parts.h"
#include "report/json_parts.h"

namespace mantissa::report {
namespace {

using Align = TextTable::Align;

std::string layer_table(const MixedReport& r, Style style) {
  std::vector<double> all;
  for (const MixedRow& row : r.rows) {
    all.insert(all.end(), row.costs.begin(), row.costs.end());
  }
  const Scale scale = r.cost == "energy" ? energy_scale(all) : time_scale(all);
  TextTable table(style);
  table.column("layer", "", Align::kLeft);
  table.column("kind", "", Align::kLeft);
  table.column("format", "", Align::kLeft);
  for (const std::string& precision : r.precisions) {
    table.column(precision, scale.unit);
  }
  for (const std::string& precision : r.precisions) {
    table.column(precision, "dB");
  }
  for (const MixedRow& row : r.rows) {
    std::vector<std::string> cells = {row.layer, row.kind, row.precision};
    for (const double cost : row.costs) {
      cells.push_back(scaled(cost, scale));
    }
    for (const double sqnr : row.sqnr_db) {
      cells.push_back(decibels(sqnr));
    }
    table.row(std::move(cells));
  }
  return table.render();
}

std::string total_table(const MixedReport& r, Style style) {
  const Scale time = time_scale(collect(r.totals, [](const MixedTotal& t) { return t.latency_s; }));
  const Scale energy = energy_scale(collect(r.totals, [](const MixedTotal& t) { return t.energy_j; }));
  const AccuracyResult& kind = r.totals.front().test;
  TextTable table(style);
  table.column("all layers at", "", Align::kLeft);
  table.column("latency", time.unit);
  table.column("energy", energy.unit);
  table.column("searched on, to FP32", change_unit(kind));
  table.column(is_perplexity(kind) ? "perplexity" : "top-1", is_perplexity(kind) ? "" : "%");
  table.column("test, to FP32", change_unit(kind));
  for (std::size_t i = 0; i < r.totals.size(); ++i) {
    const MixedTotal& total = r.totals[i];
    const AccuracyResult& test = total.test;
    table.row({total.name + (i == r.chosen ? " (chosen)" : ""), scaled(total.latency_s, time, 4),
               scaled(total.energy_j, energy, 4), change(total.search),
               is_perplexity(test) ? fmt::format("{:.3f}", test.perplexity) : percent(test.top1, 2), change(test)});
  }
  return table.render();
}

}  // namespace

std::string mixed_text(const MixedReport& r, Style style) {
  const AccuracyResult& kind = r.totals.front().search;
  std::string text = bold(fmt::format("{} on {}: formats of the layers for the least {}, batch {}", r.workload,
                                      r.chip_title, r.cost, r.batch),
                          style) +
                     "\n";
  text += fmt::format("  bound: {} {}, measured on {} of the training data that calibration does not use\n", r.max_loss,
                      change_unit(kind), samples_text(kind));
  text += fmt::format("  {} assignments were measured; the chosen one loses {:.3f}\n", r.measured, r.search_loss + 0.0);
  text += fmt::format("  tested on {}\n\n", samples_text(r.totals.front().test));
  return text + layer_table(r, style) +
         fmt::format(
             "{}: of the layer at each format. dB: SQNR of the network's output, this layer alone quantized.\n\n",
             r.cost == "energy" ? "energy" : "time") +
         total_table(r, style) + "[95 % intervals]\n";
}

std::string mixed_json(const MixedReport& r) {
  Json json{{"schema_version", kSchemaVersion},
            {"chip", r.chip},
            {"chip_title", r.chip_title},
            {"workload", r.workload},
            {"precisions", r.precisions},
            {"cost", r.cost},
            {"max_loss_percent", r.max_loss},
            {"found", r.found},
            {"search_loss_percent", finite(r.search_loss)},
            {"batch_count", r.batch},
            {"measured_assignments_count", r.measured},
            {"chosen", r.totals.at(r.chosen).name}};
  json["layers"] = Json::array();
  for (const MixedRow& row : r.rows) {
    Json layer{{"layer", row.layer}, {"kind", row.kind}, {"shape", row.shape}, {"precision", row.precision}};
    for (std::size_t p = 0; p < r.precisions.size(); ++p) {
      layer["at"][r.precisions[p]] =
          Json{{r.cost == "energy" ? "energy_j" : "time_s", row.costs[p]}, {"output_sqnr_db", finite(row.sqnr_db[p])}};
    }
    json["layers"].push_back(std::move(layer));
  }
  json["totals"] = Json::array();
  for (const MixedTotal& total : r.totals) {
    json["totals"].push_back({{"name", total.name},
                              {"latency_s", total.latency_s},
                              {"energy_j", total.energy_j},
                              {"search", accuracy_json(total.search)},
                              {"test", accuracy_json(total.test)}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mantissa::report
