// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "execute/accuracy.h"
#include "execute/rules.h"
#include "network/import.h"
#include "study/accuracy_result.h"
#include "study/layers.h"
#include "study/study.h"
#include "study/timed_run.h"

namespace mantissa::study {
namespace {

using report::RunResult;

// Executes the network and adds accuracy and per-layer SQNR to the result.
void add_accuracy(RunResult& r, const network::Graph& graph, const config::Workload& workload,
                  const config::PrecisionPlan& plan, const execute::Evaluation& evaluation, const Progress& progress) {
  const std::string what = fmt::format("{} {}: accuracy", r.chip, r.precision);
  const execute::Accuracy a =
      evaluation.run(plan, workload.recipe_for(r.precision), [&](std::int64_t done, std::int64_t total) {
        if (progress) {
          progress(what, done, total);
        }
      });
  r.accuracy = accuracy_result(a);
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
  if (precision.weights) {  // accuracy sees weights as they are stored
    config::Recipe recipe = workload.recipe_for(precision.name);
    if (!recipe.weights.format && !recipe.weights.block_format) {
      recipe.weights.format = precision.weights;
    }
    workload.recipes[precision.name] = recipe;
  }
  const network::Graph graph = network::load_network(workload, options.batch.value_or(workload.batch));
  if (options.progress) {
    options.progress(fmt::format("{} {}: timing", chip.name, precision.name), 0, 1);
  }
  const config::PrecisionPlan plan =
      execute::make_plan(chip, precision, graph, workload.recipe_for(precision.name), workload.path);
  RunResult r = time_run(chip, workload, plan, graph);
  r.accuracy_note = options.accuracy ? why_no_accuracy(graph, workload) : "not asked for";
  if (r.accuracy_note.empty()) {
    if (options.images) {
      workload.dataset->set_samples(std::min(workload.dataset->samples(), *options.images));
    }
    add_accuracy(r, graph, workload, plan, references.find(graph, workload), options.progress);
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
