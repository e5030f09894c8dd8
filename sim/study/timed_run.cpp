// SPDX-License-Identifier: Apache-2.0
#include "study/timed_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "chips/mapper.h"
#include "execute/given_scales.h"
#include "study/kernel_rows.h"
#include "study/simulate.h"

namespace mantissa::study {

using report::RunResult;

namespace {

// Multiply-accumulates per second at peak rate. Of a run at several precisions: what its products would take together,
// each at the peak of its own precision.
double peak_rate(const config::Chip& chip, const config::PrecisionPlan& plan, const chips::Placement& placement,
                 Hertz clock) {
  const network::Kernel product{"", {}, network::GemmWork{}, {}, {}, 0, 0, 1};
  const chips::Mappers mappers(chip, plan);
  const auto rate = [&](const network::Kernel& kernel) {
    return chips::make_mapper(chip, mappers.precision(kernel))->peak_macs_per_cycle(product) * clock.count();
  };
  double macs = 0, seconds = 0;
  for (const auto& placed : placement.kernels) {
    const double work = static_cast<double>((placed.kernel->macs() * placed.kernel->repeat).count());
    macs += work;
    seconds += work / rate(*placed.kernel);
  }
  return plan.nodes().empty() || macs == 0
             ? chips::make_mapper(chip, plan.base())->peak_macs_per_cycle(product) * clock.count()
             : macs / seconds;
}

}  // namespace

const config::Precision& find_precision(const config::Chip& chip, const std::string& name) {
  const std::string& wanted = name.empty() ? chip.default_precision : name;
  if (const auto* found = chip.find_precision(wanted)) {
    return *found;
  }
  std::vector<std::string> known;
  for (const auto& precision : chip.precisions) {
    known.push_back(precision.name);
  }
  throw UsageError(fmt::format("{} has no precision '{}'{}", chip.name, wanted, suggestion(wanted, known)));
}

RunResult time_run(const config::Chip& chip, const config::Workload& workload, const config::PrecisionPlan& plan,
                   const network::Graph& graph) {
  execute::require_integer_precisions(graph, plan);
  const std::vector<network::Kernel> kernels = network::lower(graph);
  const chips::Placement placement = chips::place(chip, plan, graph, kernels);
  const Timing timing = simulate(chip, plan, placement);
  RunResult r;
  r.chip = chip.name, r.chip_title = chip.title, r.chip_file = chip.path, r.chip_hash = chip.hash;
  r.workload = workload.name, r.workload_file = workload.path, r.workload_hash = workload.hash;
  r.precision = plan.base().name;
  r.batch = graph.batch;
  r.clock_mhz = timing.clock.count() / 1e6;
  r.nominal_clock_mhz = chip.clock_mhz;
  r.weights = placement.weights;
  r.activations_peak = placement.activations_peak;
  r.parameters = graph.parameter_count();
  r.kernels = kernel_rows(chip, plan, placement, timing);
  for (const auto& row : r.kernels) {
    r.totals.add(row.counters, row.repeat);
    r.energy.add(row.energy, static_cast<double>(row.repeat));
    r.latency += row.time * static_cast<double>(row.repeat);
    r.roofline += row.roofline * static_cast<double>(row.repeat);
    r.peak_power = std::max(r.peak_power, average_power(row.energy.total(), row.time));
  }
  r.macs = r.totals.macs;
  r.images_per_second = static_cast<double>(r.batch) / r.latency.count();
  r.average_power = average_power(r.energy.total(), r.latency);
  r.energy_per_inference = Joules(r.energy.total().count() / static_cast<double>(r.batch));
  r.peak_macs_per_second = peak_rate(chip, plan, placement, timing.clock);
  r.dram_peak = chip.dram.peak();
  for (const auto& [key, reason] : chip.assumed) {
    r.assumed.push_back(key);
  }
  return r;
}

}  // namespace mantissa::study
