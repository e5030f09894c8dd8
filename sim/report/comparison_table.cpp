// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "report/table.h"
#include "report/table_parts.h"

namespace mantissa::report {
namespace {

using Align = TextTable::Align;

bool same(std::span<const RunResult> results, const std::function<std::string(const RunResult&)>& key) {
  return std::all_of(results.begin(), results.end(),
                     [&](const RunResult& r) { return key(r) == key(results.front()); });
}

std::string workload_line(const RunResult& r, bool with_batch) {
  std::string text = fmt::format(
      "{}: {} parameters, {} MACs per input", r.workload, count_of(static_cast<double>(r.parameters)),
      count_of(static_cast<double>(r.macs.count()) / static_cast<double>(std::max<std::int64_t>(1, r.batch))));
  if (with_batch) {
    text += fmt::format(", batch {}", r.batch);
  }
  if (has_perplexity(r)) {
    text += fmt::format(", {} test tokens, FP32 perplexity {:.3f}",
                        with_commas(static_cast<double>(r.accuracy->tokens)), r.accuracy->perplexity_reference);
  } else if (r.accuracy) {
    text += fmt::format(", {} test images, FP32 top-1 {} %", with_commas(static_cast<double>(r.accuracy->images)),
                        percent(r.accuracy->top1_reference, 2));
  }
  return text + "\n";
}

// Why accuracies are absent, each reason once.
std::string notes(std::span<const RunResult> results) {
  std::string text;
  std::set<std::string> said;
  for (const RunResult& r : results) {
    if (!r.accuracy && !r.accuracy_note.empty() && said.insert(r.workload + r.accuracy_note).second) {
      text += fmt::format("{}: no accuracy: {}\n", r.workload, r.accuracy_note);
    }
  }
  return text;
}

// What accuracy is measured as. A comparison of both kinds has one pair of columns for them, with units in the cells.
enum class Metrics { kTop1, kPerplexity, kBoth };

Metrics metrics_of(std::span<const RunResult> results) {
  const auto images = [](const RunResult& r) { return r.accuracy && !has_perplexity(r); };
  if (std::none_of(results.begin(), results.end(), has_perplexity)) {
    return Metrics::kTop1;
  }
  return std::any_of(results.begin(), results.end(), images) ? Metrics::kBoth : Metrics::kPerplexity;
}

void accuracy_columns(TextTable& table, Metrics metrics) {
  switch (metrics) {
    case Metrics::kTop1:
      table.column("top-1", "%");
      table.column("to FP32", "points [95 % interval]");
      break;
    case Metrics::kPerplexity:
      table.column("perplexity", "");
      table.column("to FP32", "% [95 % interval]");
      break;
    case Metrics::kBoth:
      table.column("accuracy", "");
      table.column("to FP32", "[95 % interval]");
  }
}

std::vector<std::string> accuracy_cells(const RunResult& r, Metrics metrics) {
  if (!r.accuracy) {
    return {"", ""};
  }
  const bool units = metrics == Metrics::kBoth;
  if (has_perplexity(r)) {
    return {fmt::format("{:.3f}{}", r.accuracy->perplexity, units ? " ppl" : ""),
            perplexity_increase(*r.accuracy, units ? " %" : "")};
  }
  return {percent(r.accuracy->top1, 2) + (units ? " %" : ""), difference(*r.accuracy, units ? " pt" : "")};
}

void comparison_columns(TextTable& table, bool one_workload, bool one_batch, const Scale& time, const Scale& energy) {
  table.column("chip", "", Align::kLeft);
  if (!one_workload) {
    table.column("workload", "", Align::kLeft);
  }
  table.column("format", "", Align::kLeft);
  if (!one_batch) {
    table.column("batch", "");
  }
  table.column("clock", "MHz");
  table.column("latency", time.unit);
  table.column("bound", "% of it");
  table.column("inputs", "per s");
  table.column("power", "W");
  table.column("energy", energy.unit + "/input");
  table.column("inputs", "per J");
}

}  // namespace

std::string comparison_table(std::span<const RunResult> results, const std::string& title, Style style) {
  if (results.empty()) {
    return {};
  }
  const bool one_workload = same(results, [](const RunResult& r) { return r.workload; });
  const bool one_batch = same(results, [](const RunResult& r) { return std::to_string(r.batch); });
  const Scale time = time_scale(collect(results, [](const RunResult& r) { return r.latency.count(); }));
  const Scale energy =
      energy_scale(collect(results, [](const RunResult& r) { return r.energy_per_inference.count(); }));
  TextTable table(style);
  comparison_columns(table, one_workload, one_batch, time, energy);
  const Metrics metrics = metrics_of(results);
  accuracy_columns(table, metrics);
  for (const RunResult& r : results) {
    std::vector<std::string> cells = {r.chip_title};
    if (!one_workload) {
      cells.push_back(r.workload);
    }
    cells.push_back(precisions_of(r));
    if (!one_batch) {
      cells.push_back(std::to_string(r.batch));
    }
    const double joules = r.energy_per_inference.count();
    cells.insert(cells.end(), {with_commas(r.clock_mhz), scaled(r.latency.count(), time), percent(of_roofline(r), 0),
                               significant(r.images_per_second, 4), significant(r.average_power.count(), 3),
                               scaled(joules, energy), joules > 0 ? significant(1 / joules, 3) : ""});
    for (std::string& cell : accuracy_cells(r, metrics)) {
      cells.push_back(std::move(cell));
    }
    table.row(std::move(cells));
  }
  std::string text = title.empty() ? "" : bold(title, style) + "\n";
  std::set<std::string> described;
  for (const RunResult& r : results) {
    if (described.insert(r.workload).second) {
      text += workload_line(r, one_batch);
    }
  }
  return text + "\n" + table.render() + "bound: the time of the roofline, which no run can beat.\n" +
         (metrics == Metrics::kBoth ? "pt: percentage points of top-1. ppl: perplexity; its increase is in percent.\n"
                                    : "") +
         notes(results);
}

}  // namespace mantissa::report
