// SPDX-License-Identifier: Apache-2.0
// Runs of other DRAM simulators on simple request streams against the DRAM model with the same timings: bandwidth as a
// share of the peak, and mean latency of reads.
#include <fmt/format.h>

#include <cctype>

#include "hardware/dram_patterns.h"
#include "hardware/dram_reference.h"
#include "study/validate.h"

namespace mantissa::study {
namespace {

using Row = MeasuredTable::Row;

// Some runs were driven by other means than a window of requests, and say so in its place.
bool has_window(const MeasuredTable& table, const Row& row) {
  const std::string& text = table.text(row, "window");
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) != 0;
}

hardware::ReferenceRun run_of(const MeasuredTable& table, const Row& row) {
  constexpr std::int64_t kMaxRequests = 100'000'000, kMaxWindow = 1 << 20;
  hardware::ReferenceRun run;
  run.simulator = table.text(row, "simulator");
  run.standard = table.text(row, "standard");
  run.speed_bin = table.text(row, "speed_bin");
  run.pattern = table.text(row, "pattern");
  run.mapping = table.text(row, "mapping");
  run.config = table.text(row, "config");
  run.note = table.text(row, "note");
  run.channels = static_cast<int>(table.integer(row, "channels", 1, 1024));
  run.window = has_window(table, row) ? static_cast<int>(table.integer(row, "window", 1, kMaxWindow)) : 0;
  run.requests = table.integer(row, "requests", 1, kMaxRequests);
  run.efficiency = table.number(row, "efficiency");
  run.read_latency_ns = table.text(row, "avg_latency_ns").empty() ? 0 : table.number(row, "avg_latency_ns");
  return run;
}

// Of the pattern, and whether the reference is known to behave unlike hardware there.
void set_group(report::ValidationRow& row, const char* what, const hardware::ReferenceRun& run, int order) {
  const bool stream = run.pattern.starts_with("seq_read") || run.pattern.starts_with("seq_write");
  const bool mixed = run.pattern.ends_with("21");
  const char* kind = stream ? "streams" : mixed ? "reads and writes" : "strides and random";
  const bool odd = !hardware::reference_quirk(run).empty();
  row.group = fmt::format("{}, {}{}", what, kind, odd ? " (quirks)" : "");
  row.group_order = order + (stream ? 0 : mixed ? 2 : 1) + (odd ? 20 : 0);
}

}  // namespace

void interpret_memory(const MeasuredTable& table, ValidationInput& input) {
  for (const Row& row : table.rows()) {
    if (!input.is_of("memory")) {
      continue;
    }
    const hardware::ReferenceRun run = run_of(table, row);
    report::ValidationRow bandwidth;
    bandwidth.id = fmt::format("{} {} {} window {}", run.config, run.pattern, run.mapping, run.window);
    bandwidth.what = run.note.empty() ? bandwidth.id : bandwidth.id + ", " + run.note;
    bandwidth.source = run.simulator;
    bandwidth.note = hardware::reference_quirk(run);
    bandwidth.unit = "of the peak";
    bandwidth.measured = run.efficiency;
    set_group(bandwidth, "bandwidth", run, 0);
    std::vector<report::ValidationRow> rows = {bandwidth};
    if (run.read_latency_ns > 0) {
      report::ValidationRow& latency = rows.emplace_back(bandwidth);
      latency.unit = "ns";
      latency.measured = run.read_latency_ns;
      set_group(latency, "latency", run, 10);
    }
    const hardware::ReferenceModel model =
        run.window > 0 ? hardware::reference_model(run)
                       : hardware::ReferenceModel{std::nullopt, "not driven by a window of outstanding requests"};
    if (!model.dram) {
      for (report::ValidationRow& each : rows) {
        input.add_not_modelled(std::move(each), model.why_not);
      }
      continue;
    }
    const bool with_latency = rows.size() > 1;
    input.add(std::move(rows), [run, dram = *model.dram, with_latency] {
      const hardware::DramPatternResult result =
          hardware::run_pattern(dram, run.pattern, run.requests, run.window, hardware::offered_load(run.note));
      std::vector<double> values = {result.efficiency};
      if (with_latency) {
        values.push_back(result.read_latency_ns);
      }
      return values;
    });
  }
}

}  // namespace mantissa::study
