// SPDX-License-Identifier: Apache-2.0
#include "execute/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/error.h"
#include "base/text.h"

namespace mantissa::execute {

using network::ConvWork;
using network::Graph;
using network::Kernel;
using network::Node;
using network::Tensor;

namespace {

const Node& main_node(const Graph& graph, const Kernel& kernel) {
  return graph.nodes[static_cast<std::size_t>(kernel.nodes.front())];
}

bool is_depthwise(const Kernel& kernel) {
  const auto* conv = std::get_if<ConvWork>(&kernel.work);
  return conv != nullptr && conv->depthwise();
}

}  // namespace

void check_recipe(const Graph& graph, const config::Recipe& recipe, const std::string& file) {
  if (recipe.activations.granularity == config::Granularity::kPerChannel) {
    throw ConfigError({file}, "activations are quantized per tensor; granularity: per_channel is for weights");
  }
  std::vector<std::string> names;
  for (const auto& kernel : recipe.keep_float.empty() ? std::vector<Kernel>() : network::lower(graph)) {
    if (kernel.is_matrix()) {
      names.push_back(main_node(graph, kernel).name);
    }
  }
  for (const auto& name : recipe.keep_float) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      throw ConfigError({file}, fmt::format("keep_float names '{}', which is no matrix operation of network '{}'{}",
                                            name, graph.name, suggestion(name, names)));
    }
  }
}

RuleBook::RuleBook(const Graph& graph, const config::Precision& precision, const config::Recipe& recipe,
                   const Calibration& calibration)
    : graph_(graph),
      precision_(precision),
      recipe_(recipe),
      calibration_(calibration),
      float_datapath_(numerics::fp32_reference()) {
  float_datapath_.a = float_datapath_.b = precision.vector;
}

bool RuleBook::keeps_float(const Node& node) const {
  return std::find(recipe_.keep_float.begin(), recipe_.keep_float.end(), node.name) != recipe_.keep_float.end();
}

const numerics::Datapath& RuleBook::datapath(const Kernel& kernel) const {
  if (keeps_float(main_node(graph_, kernel))) {
    return float_datapath_;
  }
  return is_depthwise(kernel) ? precision_.depthwise : precision_.matrix;
}

OperandRule RuleBook::activation_rule(const Node& node, std::size_t input, const numerics::Format& format) const {
  const network::ValueId id = input < node.inputs.size() ? node.inputs[input] : -1;
  if (id < 0 || !quantize::needs_scale(format)) {
    return {format, {}};
  }
  if (const auto& constant = graph_.value(id).constant) {
    return weight_rule(node, format, *constant, -1);
  }
  const auto found = calibration_.activations.find(id);
  if (found == calibration_.activations.end() || found->second.count() == 0) {
    throw ConfigError(
        {graph_.name},
        fmt::format("node '{}': precision '{}' needs the range of '{}', and calibration saw no finite value of it; "
                    "set dataset.calibration_images to 1 or more",
                    node.name, precision_.name, graph_.value(id).name));
  }
  const auto [low, high] = found->second.range(recipe_.activations);
  return {format, quantize::choose_scheme(format, recipe_.activations, low, high)};
}

OperandRule RuleBook::weight_rule(const Node& node, const numerics::Format& format, const Tensor& weights,
                                  int axis) const {
  if (!quantize::needs_scale(format)) {
    return {format, {}};
  }
  try {
    return {format, quantize::choose_weight_scheme(format, recipe_.weights, weights, axis)};
  } catch (const std::invalid_argument& error) {
    throw ConfigError({graph_.name}, fmt::format("node '{}': {}", node.name, error.what()));
  }
}

MatrixRules RuleBook::rules(const Kernel& kernel) const {
  const Node& node = main_node(graph_, kernel);
  MatrixRules result;
  result.datapath = datapath(kernel);
  result.data = activation_rule(node, 0, result.datapath.a);
  const bool computed =
      node.inputs.size() > 1 && node.inputs[1] >= 0 && graph_.value(node.inputs[1]).constant == nullptr;
  result.second = computed ? activation_rule(node, 1, result.datapath.b) : OperandRule{result.datapath.b, {}};
  result.weights = [this, &node, format = result.datapath.b](const Tensor& weights, int axis) {
    return weight_rule(node, format, weights, axis);
  };
  return result;
}

}  // namespace mantissa::execute
