// SPDX-License-Identifier: Apache-2.0
#include "study/sensitivity.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "execute/accuracy.h"
#include "network/import.h"
#include "study/accuracy_result.h"
#include "study/layers.h"
#include "study/timed_run.h"

namespace mantissa::study {
namespace {

std::vector<std::string> names_of(const std::vector<Layer>& layers, const Layer* without) {
  std::vector<std::string> names;
  for (const Layer& layer : layers) {
    if (&layer != without) {
      names.push_back(layer.name);
    }
  }
  return names;
}

}  // namespace

report::SensitivityReport sensitivity(const config::Chip& chip, const config::Workload& workload,
                                      const RunOptions& options) {
  const config::Precision& precision = find_precision(chip, options.precision);
  const network::Graph graph = network::load_network(workload, options.batch.value_or(workload.batch));
  require_measurable(graph, workload);
  config::Recipe recipe = workload.recipe_for(precision.name);
  recipe.layers.clear();
  const std::vector<Layer> layers = find_layers(graph, recipe, workload.path);
  const auto report_progress = [&](const std::string& what, std::size_t done) {
    if (options.progress) {
      options.progress(what, static_cast<std::int64_t>(done), static_cast<std::int64_t>(2 * layers.size() + 1));
    }
  };
  report_progress("timing", 0);
  const report::RunResult timed = time_run(chip, workload, precision, graph);
  report_progress("FP32 reference", 0);
  const execute::Evaluation evaluation(graph, workload, {}, study_samples(workload, options.images));
  report_progress("all layers", 0);
  const execute::Accuracy whole = evaluation.run(precision, recipe);

  report::SensitivityReport result;
  result.chip = chip.name, result.chip_title = chip.title;
  result.workload = workload.name, result.precision = precision.name;
  result.others =
      fmt::format("the FP32 reference (left out alone: operands in {}, sums in FP32)", precision.vector.name);
  result.batch = graph.batch;
  result.whole = accuracy_result(whole);
  result.output_sqnr_whole_db = output_sqnr(whole);
  const config::Precision reference = reference_precision();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    report_progress(layer.name, 2 * i + 1);
    config::PrecisionPlan alone_plan(reference);
    alone_plan.assign(layer.name, precision);
    config::Recipe alone_recipe = recipe, without_recipe = recipe;
    const auto others = names_of(layers, &layer);
    alone_recipe.keep_float.insert(alone_recipe.keep_float.end(), others.begin(), others.end());
    without_recipe.keep_float.push_back(layer.name);
    const execute::Accuracy alone = evaluation.run(alone_plan, alone_recipe);
    const execute::Accuracy without = evaluation.run(precision, without_recipe);
    report::SensitivityRow row;
    row.layer = layer.name, row.kind = layer.kind, row.shape = layer.shape;
    for (const auto& kernel : timed.kernels) {
      if (kernel.name == layer.name) {
        const auto repeat = static_cast<double>(kernel.repeat);
        row.time_share = repeat * kernel.time.count() / timed.latency.count();
        row.energy_share = repeat * kernel.energy.total().count() / timed.energy.total().count();
      }
    }
    row.sqnr_whole_db = sqnr_of(whole, layer);
    row.sqnr_alone_db = sqnr_of(alone, layer);
    row.output_sqnr_alone_db = output_sqnr(alone);
    row.output_sqnr_without_db = output_sqnr(without);
    row.alone = accuracy_result(alone);
    row.without = accuracy_result(without);
    result.rows.push_back(std::move(row));
  }
  std::stable_sort(result.rows.begin(), result.rows.end(),
                   [](const auto& a, const auto& b) { return a.output_sqnr_alone_db < b.output_sqnr_alone_db; });
  return result;
}

}  // namespace mantissa::study
