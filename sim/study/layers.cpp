// SPDX-License-Identifier: Apache-2.0
#include "study/layers.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "network/kernel.h"
#include "study/kernel_rows.h"

namespace mantissa::study {
namespace {

constexpr std::int64_t kImages = 1000, kTexts = 16;

}  // namespace

std::vector<Layer> find_layers(const network::Graph& graph, const config::Recipe& recipe, const std::string& file) {
  std::vector<Layer> layers;
  for (const network::Kernel& kernel : network::lower(graph)) {
    const bool kept =
        std::find(recipe.keep_float.begin(), recipe.keep_float.end(), kernel.name) != recipe.keep_float.end();
    if (kernel.is_matrix() && !kept) {
      layers.push_back({kernel.name, graph.nodes[static_cast<std::size_t>(kernel.nodes.back())].name, kind_of(kernel),
                        shape_of(kernel)});
    }
  }
  if (layers.empty()) {
    throw ConfigError({file}, "the network has no matrix operation whose precision could be chosen");
  }
  return layers;
}

config::Precision reference_precision() {
  config::Precision p;
  p.name = "FP32 reference";
  p.matrix = p.depthwise = numerics::fp32_reference();
  p.vector = *numerics::find_format("fp32");
  return p;
}

double sqnr_of(const execute::Accuracy& accuracy, const Layer& layer) {
  const auto at = std::find_if(accuracy.layers.begin(), accuracy.layers.end(),
                               [&](const execute::LayerError& error) { return error.node == layer.result; });
  check(at != accuracy.layers.end(), "every layer of the network is compared");
  return at->sqnr_db;
}

std::int64_t study_samples(const config::Workload& workload, std::optional<std::int64_t> asked) {
  if (!workload.dataset) {
    return 0;
  }
  const bool images = workload.dataset->kind == config::Dataset::Kind::kImages;
  return std::min(workload.dataset->samples(), asked.value_or(images ? kImages : kTexts));
}

std::string why_no_accuracy(const network::Graph& graph, const config::Workload& workload) {
  if (!graph.has_weights) {
    return "the network is a shape without weights: it can be timed, not executed";
  }
  return workload.dataset ? "" : "the workload names no data set";
}

void require_measurable(const network::Graph& graph, const config::Workload& workload) {
  if (const std::string why = why_no_accuracy(graph, workload); !why.empty()) {
    throw UsageError(fmt::format("{}: there is no accuracy to study: {}", workload.name, why));
  }
}

}  // namespace mantissa::study
