// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "chips/mapper.h"
#include "execute/accuracy.h"
#include "network/import.h"
#include "study/kernel_rows.h"
#include "study/simulate.h"
#include "study/study.h"

namespace mantissa::study {
namespace {

using report::RunResult;

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

// The timing, energy and power part of a result.
RunResult simulate_run(const config::Chip& chip, const config::Workload& workload, const config::Precision& precision,
                       const network::Graph& graph) {
  const std::vector<network::Kernel> kernels = network::lower(graph);
  const chips::Placement placement = chips::place(chip, precision, graph, kernels);
  const Timing timing = simulate(chip, precision, placement);
  RunResult r;
  r.chip = chip.name, r.chip_title = chip.title, r.chip_file = chip.path, r.chip_hash = chip.hash;
  r.workload = workload.name, r.workload_file = workload.path, r.workload_hash = workload.hash;
  r.precision = precision.name;
  r.batch = graph.batch;
  r.clock_mhz = timing.clock.count() / 1e6;
  r.nominal_clock_mhz = chip.clock_mhz;
  r.weights = placement.weights;
  r.activations_peak = placement.activations_peak;
  r.parameters = graph.parameter_count();
  r.kernels = kernel_rows(chip, precision, placement, timing);
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
  const network::Kernel product{"", {}, network::GemmWork{}, {}, {}, 0, 0, 1};
  r.peak_macs_per_second = chips::make_mapper(chip, precision)->peak_macs_per_cycle(product) * timing.clock.count();
  for (const auto& [key, reason] : chip.assumed) {
    r.assumed.push_back(key);
  }
  return r;
}

std::string why_no_accuracy(const network::Graph& graph, const config::Workload& workload) {
  if (!graph.has_weights) {
    return "the network is a shape without weights: it can be timed, not executed";
  }
  return workload.dataset ? "" : "the workload names no data set";
}

// Executes the network at one precision and adds accuracy and per-layer SQNR to the result.
void add_accuracy(RunResult& r, const network::Graph& graph, const config::Workload& workload,
                  const config::Precision& precision, const execute::Evaluation& evaluation, const Progress& progress) {
  const std::string what = fmt::format("{} {}: accuracy", r.chip, precision.name);
  const execute::Accuracy a =
      evaluation.run(precision, workload.recipe_for(precision.name), [&](std::int64_t done, std::int64_t total) {
        if (progress) {
          progress(what, done, total);
        }
      });
  r.accuracy = report::AccuracyResult{a.images,         a.top1_reference,  a.top1,     a.difference,
                                      a.difference_low, a.difference_high, a.mcnemar_p};
  std::map<std::string, double> sqnr;
  for (const auto& layer : a.layers) {
    sqnr[layer.node] = layer.sqnr_db;
  }
  // A kernel's result is the output of the last node fused into it.
  const std::vector<network::Kernel> kernels = network::lower(graph);
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const auto found = sqnr.find(graph.nodes[static_cast<std::size_t>(kernels[i].nodes.back())].name);
    if (found != sqnr.end()) {
      r.kernels[i].sqnr_db = found->second;
    }
  }
}

// FP32 references by workload file, made when first needed.
class References {
 public:
  explicit References(const RunOptions& options) : options_(options) {}

  const execute::Evaluation& find(const network::Graph& graph, const config::Workload& workload) {
    auto& slot = evaluations_[workload.path];
    if (!slot) {
      slot = std::make_unique<execute::Evaluation>(graph, workload, [&](std::int64_t done, std::int64_t total) {
        if (options_.progress) {
          options_.progress(workload.name + ": FP32 reference", done, total);
        }
      });
    }
    return *slot;
  }

 private:
  const RunOptions& options_;
  std::map<std::string, std::unique_ptr<execute::Evaluation>> evaluations_;
};

RunResult run_with(const config::Chip& chip, config::Workload workload, const RunOptions& options,
                   References& references) {
  const config::Precision& precision = find_precision(chip, options.precision);
  const network::Graph graph = network::load_network(workload, options.batch.value_or(workload.batch));
  if (options.progress) {
    options.progress(fmt::format("{} {}: timing", chip.name, precision.name), 0, 1);
  }
  RunResult r = simulate_run(chip, workload, precision, graph);
  r.accuracy_note = options.accuracy ? why_no_accuracy(graph, workload) : "not asked for";
  if (r.accuracy_note.empty()) {
    if (options.images) {
      workload.dataset->images = std::min(workload.dataset->images, *options.images);
    }
    add_accuracy(r, graph, workload, precision, references.find(graph, workload), options.progress);
  }
  return r;
}

}  // namespace

RunResult run(const config::Chip& chip, const config::Workload& workload, const RunOptions& options) {
  References references(options);
  return run_with(chip, workload, options, references);
}

std::vector<RunResult> compare(const config::Runs& runs, const RunOptions& options) {
  References references(options);
  std::map<std::string, config::Chip> chips;
  std::map<std::string, config::Workload> workloads;
  // Every file is read before the first run starts: a mistake in the last one shows at once.
  for (const auto& request : runs.runs) {
    if (chips.count(request.chip) == 0) {
      chips.emplace(request.chip, config::load_chip(request.chip));
    }
    if (workloads.count(request.workload) == 0) {
      workloads.emplace(request.workload, config::load_workload(request.workload));
    }
    find_precision(chips.at(request.chip), request.precision);
  }
  std::vector<RunResult> results;
  for (const auto& request : runs.runs) {
    RunOptions one = options;
    one.precision = request.precision;
    one.batch = request.batch ? request.batch : options.batch;
    results.push_back(run_with(chips.at(request.chip), workloads.at(request.workload), one, references));
  }
  return results;
}

}  // namespace mantissa::study
