// SPDX-License-Identifier: Apache-2.0
// What a recipe may ask of a network, and of a chip.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "execute/rules.h"

namespace mantissa::execute {

using config::Granularity;
using config::Recipe;
using config::Scaling;
using config::TensorRecipe;
using network::Graph;

namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& what) {
  throw ConfigError({file}, what);
}

void check_computed(const TensorRecipe& recipe, const char* part, const std::string& file) {
  if (recipe.granularity == Granularity::kPerChannel || recipe.granularity == Granularity::kPerGroup) {
    refuse(file, fmt::format("{} are quantized per tensor, or per token with dynamic scaling; granularity: {} is for "
                             "weights",
                             part, recipe.granularity == Granularity::kPerChannel ? "per_channel" : "per_group"));
  }
  if (recipe.granularity == Granularity::kPerToken && recipe.scaling != Scaling::kDynamic) {
    refuse(file, fmt::format("{}: granularity: per_token needs scaling: dynamic, because a token's range is known only "
                             "when it is there",
                             part));
  }
}

void check_weights(const TensorRecipe& recipe, const std::string& file) {
  if (recipe.granularity == Granularity::kPerToken) {
    refuse(file, "weights have no tokens; use granularity: per_tensor, per_channel or per_group");
  }
  if (recipe.granularity == Granularity::kPerGroup && recipe.group < 1) {
    refuse(file, fmt::format("weights: a group of {} elements; use 1 or more", recipe.group));
  }
}

std::vector<std::string> matrix_nodes(const Graph& graph) {
  std::vector<std::string> names;
  for (const auto& kernel : network::lower(graph)) {
    if (kernel.is_matrix()) {
      names.push_back(graph.nodes[static_cast<std::size_t>(kernel.nodes.front())].name);
    }
  }
  return names;
}

}  // namespace

void check_recipe(const Graph& graph, const Recipe& recipe, const std::string& file) {
  check_computed(recipe.activations, "activations", file);
  check_weights(recipe.weights, file);
  if (recipe.kv_cache) {
    check_computed(*recipe.kv_cache, "keys and values", file);
    if (!quantize::has_storage(*recipe.kv_cache)) {
      refuse(file, "kv_cache needs the format that keys and values are stored in; add format:");
    }
  }
  if (recipe.smooth && !(*recipe.smooth >= 0 && *recipe.smooth <= 1)) {
    refuse(file, fmt::format("smooth is {}; it is the share of the difficulty that moves to the weights, 0..1",
                             *recipe.smooth));
  }
  if (recipe.keep_float.empty() && recipe.layers.empty()) {
    return;
  }
  const std::vector<std::string> names = matrix_nodes(graph);
  const auto check_name = [&](const char* key, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      refuse(file, fmt::format("{} names '{}', which is no matrix operation of network '{}'{}", key, name, graph.name,
                               suggestion(name, names)));
    }
  };
  for (const auto& name : recipe.keep_float) {
    check_name("keep_float", name);
    if (recipe.layers.contains(name)) {
      refuse(file, fmt::format("node '{}' is listed under keep_float and under layers; remove one of them", name));
    }
  }
  for (const auto& [name, precision] : recipe.layers) {
    check_name("layers", name);
  }
}

config::PrecisionPlan make_plan(const config::Chip& chip, const config::Precision& base, const Graph& graph,
                                const Recipe& recipe, const std::string& file) {
  check_recipe(graph, recipe, file);
  config::PrecisionPlan plan(base);
  for (const auto& [node, name] : recipe.layers) {
    const config::Precision* precision = chip.find_precision(name);
    if (precision == nullptr) {
      std::vector<std::string> known;
      for (const auto& one : chip.precisions) {
        known.push_back(one.name);
      }
      refuse(file, fmt::format("layers: node '{}' runs at '{}', which is no precision of {}{}", node, name, chip.name,
                               suggestion(name, known)));
    }
    plan.assign(node, *precision);
  }
  return plan;
}

}  // namespace mantissa::execute
