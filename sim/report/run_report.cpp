// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "report/table.h"
#include "report/table_parts.h"

namespace mantissa::report {
namespace {

using Align = TextTable::Align;

constexpr std::size_t kTerminalWidth = 118;

struct Part {
  std::string name;
  double value = 0;
};

// A block of parts with their shares and a total: lines of equal width.
std::vector<std::string> breakdown(const std::string& title, const std::vector<Part>& parts, const Scale& scale,
                                   bool whole, Style style) {
  double total = 0;
  for (const Part& p : parts) {
    total += p.value;
  }
  const auto show = [&](double value) {
    return whole || value * scale.factor >= 1000 ? with_commas(value * scale.factor) : in_column(value * scale.factor);
  };
  const auto line = [&](const std::string& name, const std::string& value, double share) {
    return fmt::format("  {:<22}{:>13} {:<6}{:>6} %", name, value, scale.unit, percent(share));
  };
  std::vector<std::string> lines = {bold(title, style) +
                                    std::string(52 - std::min<std::size_t>(52, title.size()), ' ')};
  for (const Part& p : parts) {
    if (p.value != 0) {
      lines.push_back(line(p.name, show(p.value), total > 0 ? p.value / total : 0));
    }
  }
  lines.push_back(line("total", show(total), total > 0 ? 1 : 0));
  return lines;
}

std::string side_by_side(std::vector<std::string> left, std::vector<std::string> right) {
  const std::size_t count = std::max(left.size(), right.size());
  left.resize(count, std::string(52, ' '));
  right.resize(count);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    std::string line = left[i] + "   " + right[i];
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string breakdowns(const RunResult& r, Style style) {
  const auto& t = r.totals.timeline;
  const auto cycles = [](Cycles c) { return static_cast<double>(c.count()); };
  const std::vector<Part> time = {
      {"matrix unit works", cycles(t.matrix)},     {"vector unit works", cycles(t.vector)},
      {"waits for operands", cycles(t.wait_load)}, {"waits to store", cycles(t.wait_store)},
      {"core has no tile", cycles(t.idle)},        {"dispatch, prologue", cycles(t.overhead)}};
  const auto& e = r.energy;
  const std::vector<Part> energy = {{"matrix units", e.matrix.count()},     {"vector units", e.vector.count()},
                                    {"staging buffers", e.staging.count()}, {"shared memory", e.shared.count()},
                                    {"DRAM accesses", e.dram.count()},      {"DRAM standby", e.dram_background.count()},
                                    {"idle power x time", e.idle.count()},  {"active power x time", e.active.count()}};
  const Scale energy_unit = energy_scale(collect(energy, [](const Part& p) { return p.value / 10; }));
  return side_by_side(
      breakdown("Where the time went (average core)", time, Scale{1, "cycles"}, true, style),
      breakdown(fmt::format("Where the energy went (one batch of {})", r.batch), energy, energy_unit, false, style));
}

double bytes_of(Bytes b) {
  return static_cast<double>(b.count());
}
double dram_bytes(const KernelRow& k) {
  return bytes_of(k.counters.dram_read + k.counters.dram_write);
}
double shared_bytes(const KernelRow& k) {
  return bytes_of(k.counters.shared_read + k.counters.shared_write);
}
double staging_bytes(const KernelRow& k) {
  return bytes_of(k.counters.staging_read + k.counters.staging_write);
}

// Kernels that do the same and cost the same become one row: the first one's, with how many they are.
std::vector<KernelRow> merge_alike(const std::vector<KernelRow>& kernels) {
  const auto key = [](const KernelRow& k) {
    return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", k.kind, k.precision, k.shape, k.mapping,
                       k.counters.timeline.total.count(), dram_bytes(k), shared_bytes(k), staging_bytes(k),
                       k.energy.total().count(), k.sqnr_db ? *k.sqnr_db : 1e300);
  };
  std::vector<KernelRow> rows;
  std::map<std::string, std::size_t> index;
  for (const KernelRow& k : kernels) {
    const auto [at, inserted] = index.emplace(key(k), rows.size());
    if (inserted) {
      rows.push_back(k);
    } else {
      rows[at->second].repeat += k.repeat;
    }
  }
  return rows;
}

std::string kernel_table(const RunResult& r, Style style) {
  const auto kernels = merge_alike(r.kernels);
  const Scale time = time_scale(collect(kernels, [](const KernelRow& k) { return k.time.count(); }));
  const Scale energy = energy_scale(collect(kernels, [](const KernelRow& k) { return k.energy.total().count(); }));
  const Scale dram = byte_scale(collect(kernels, dram_bytes));
  const Scale shared = byte_scale(collect(kernels, shared_bytes));
  const Scale staging = byte_scale(collect(kernels, staging_bytes));
  const bool repeats = std::any_of(kernels.begin(), kernels.end(), [](const KernelRow& k) { return k.repeat != 1; });
  TextTable table(style);
  table.fit(kTerminalWidth);
  table.column("kernel", "", Align::kLeft);
  table.column("kind", "", Align::kLeft);
  table.column("format", "", Align::kLeft);
  table.column("times", "");
  table.column("time", time.unit);
  table.column("cycles", "");
  table.column("bound by", "", Align::kLeft);
  table.column("busy", "%");
  table.column("useful", "%");
  table.column("DRAM", dram.unit);
  table.column("shared", shared.unit);
  table.column("buffer", staging.unit);
  table.column("energy", energy.unit);
  table.column("SQNR", "dB");
  for (const KernelRow& k : kernels) {
    table.row(
        {k.name, k.kind, k.precision, repeats ? with_commas(static_cast<double>(k.repeat)) : "",
         in_column(k.time.count() * time.factor), with_commas(static_cast<double>(k.counters.timeline.total.count())),
         k.bound_by, percent(k.unit_busy, 0), percent(k.multipliers_useful, 0), in_column(dram_bytes(k) * dram.factor),
         in_column(shared_bytes(k) * shared.factor), in_column(staging_bytes(k) * staging.factor),
         in_column(k.energy.total().count() * energy.factor), k.sqnr_db ? fmt::format("{:.1f}", *k.sqnr_db) : ""});
  }
  return table.render() + (repeats ? "times: so many kernels are alike; the other columns are for one of them.\n" : "");
}

std::string headline(const RunResult& r, Style style) {
  const double peak = r.peak_macs_per_second;
  const double reached = r.latency.count() > 0 ? static_cast<double>(r.macs.count()) / r.latency.count() : 0;
  std::string text =
      bold(fmt::format("{} on {}, {}, batch {}", r.workload, r.chip_title, precisions_of(r), r.batch), style) + "\n";
  const auto add = [&](const char* name, const std::string& value) {
    text += fmt::format("  {:<18}{}\n", name, value);
  };
  add("network", fmt::format("{} parameters, {} MACs per batch, {} of weights",
                             count_of(static_cast<double>(r.parameters)), count_of(static_cast<double>(r.macs.count())),
                             with_unit(static_cast<double>(r.weights.count()), byte_scale)));
  add("latency",
      fmt::format("{} (the roofline bound is {} % of it), {} inputs/s", with_unit(r.latency.count(), time_scale),
                  percent(of_roofline(r), 0), significant(r.images_per_second, 4)));
  add("multipliers", fmt::format("{} of {} TOPS, {} % of the peak", significant(2e-12 * reached, 3),
                                 significant(2e-12 * peak, 3), percent(peak > 0 ? reached / peak : 0)));
  add("clock", r.clock_mhz < r.nominal_clock_mhz ? fmt::format("{:.0f} MHz, lowered from {:.0f} MHz by the power limit",
                                                               r.clock_mhz, r.nominal_clock_mhz)
                                                 : fmt::format("{:.0f} MHz", r.clock_mhz));
  add("power", fmt::format("{} W on average, {} W in the hungriest kernel", significant(r.average_power.count(), 3),
                           significant(r.peak_power.count(), 3)));
  add("energy", fmt::format("{} per input", with_unit(r.energy_per_inference.count(), energy_scale)));
  if (has_perplexity(r)) {
    const AccuracyResult& a = *r.accuracy;
    add("perplexity",
        fmt::format("{:.3f}, FP32 {:.3f}: {} [95 % interval], {} texts of {} tokens", a.perplexity,
                    a.perplexity_reference, perplexity_increase(a, " %"), with_commas(static_cast<double>(a.sequences)),
                    a.tokens / std::max<std::int64_t>(1, a.sequences)));
    add("next token", fmt::format("{} % right, FP32 {} %", percent(a.top1, 2), percent(a.top1_reference, 2)));
  } else if (r.accuracy) {
    add("top-1",
        fmt::format("{} %, FP32 {} %: {} points [95 % interval], McNemar p {:.3f}, {} images",
                    percent(r.accuracy->top1, 2), percent(r.accuracy->top1_reference, 2), difference(*r.accuracy),
                    r.accuracy->mcnemar_p, with_commas(static_cast<double>(r.accuracy->images))));
  } else if (!r.accuracy_note.empty()) {
    add("top-1", "not measured: " + r.accuracy_note);
  }
  if (!r.assumed.empty()) {
    add("assumed", fmt::format("{} entries of the chip file have no source; `mantissa explain {}` lists them",
                               r.assumed.size(), r.chip));
  }
  return text;
}

}  // namespace

std::string run_report(const RunResult& result, Style style) {
  return headline(result, style) + "\n" + breakdowns(result, style) + "\n" + kernel_table(result, style) +
         "busy: the matrix unit works, of all cycles. useful: MACs of the network, of all that the multipliers could "
         "do.\n";
}

}  // namespace mantissa::report
