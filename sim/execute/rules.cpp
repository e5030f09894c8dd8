// SPDX-License-Identifier: Apache-2.0
#include "execute/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/error.h"
#include "execute/given_scales.h"
#include "execute/smoothing.h"
#include "network/op.h"

namespace mantissa::execute {

using config::Granularity;
using config::Scaling;
using network::ConvWork;
using network::Graph;
using network::Kernel;
using network::Node;
using network::Op;

namespace {

const Node& main_node(const Graph& graph, const Kernel& kernel) {
  return graph.nodes[static_cast<std::size_t>(kernel.nodes.front())];
}

bool is_depthwise(const Kernel& kernel) {
  const auto* conv = std::get_if<ConvWork>(&kernel.work);
  return conv != nullptr && conv->depthwise();
}

bool is_view(Op op) {
  switch (op) {
    case Op::kIdentity:
    case Op::kDropout:
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
    case Op::kCast:
    case Op::kCastLike:
    case Op::kExpand:
      return true;
    default:
      return false;
  }
}

// What attention multiplies values with: what a Softmax gave, through views, products with constants and choices (a
// Where that takes NaNs of empty rows out).
std::vector<bool> find_probabilities(const Graph& graph) {
  std::vector<bool> found(graph.values.size(), false);
  const auto is_found = [&](network::ValueId id) { return id >= 0 && found[static_cast<std::size_t>(id)]; };
  for (const Node& node : graph.nodes) {
    bool result = node.op == Op::kSoftmax;
    if (is_view(node.op)) {
      result = is_found(node.inputs[0]);
    } else if (node.op == Op::kMul) {
      const auto constant = [&](std::size_t i) { return graph.value(node.inputs[i]).constant != nullptr; };
      result = (is_found(node.inputs[0]) && constant(1)) || (is_found(node.inputs[1]) && constant(0));
    } else if (node.op == Op::kWhere) {
      result = is_found(node.inputs[1]) || is_found(node.inputs[2]);
    }
    if (result) {
      found[static_cast<std::size_t>(node.outputs[0])] = true;
    }
  }
  return found;
}

}  // namespace

RuleBook::RuleBook(const Graph& graph, const config::PrecisionPlan& plan, const config::Recipe& recipe,
                   const Calibration& calibration)
    : graph_(graph),
      plan_(plan),
      recipe_(recipe),
      calibration_(calibration),
      is_probability_(find_probabilities(graph)),
      float_datapath_(numerics::fp32_reference()) {
  float_datapath_.a = float_datapath_.b = plan.base().vector;
}

bool RuleBook::keeps_float(const Node& node) const {
  return std::find(recipe_.keep_float.begin(), recipe_.keep_float.end(), node.name) != recipe_.keep_float.end();
}

const numerics::Datapath& RuleBook::datapath(const Kernel& kernel) const {
  const Node& node = main_node(graph_, kernel);
  if (keeps_float(node)) {
    return float_datapath_;
  }
  const config::Precision& precision = plan_.of(node.name);
  return is_depthwise(kernel) ? precision.depthwise : precision.matrix;
}

RuleBook::Side RuleBook::side(const Kernel& kernel, std::size_t input) const {
  const Node& node = main_node(graph_, kernel);
  const auto id_at = [&](std::size_t i) { return i < node.inputs.size() ? node.inputs[i] : -1; };
  const auto is_computed = [&](std::size_t i) { return id_at(i) >= 0 && graph_.value(id_at(i)).constant == nullptr; };
  Side result{node, input, id_at(input), is_computed(input), keeps_float(node), node.op == Op::kConv, false, false};
  result.cached = recipe_.kv_cache && input == 1 && node.op == Op::kMatMul && is_computed(0) && is_computed(1);
  result.is_value =
      node.op == Op::kMatMul && input == 1 && id_at(0) >= 0 && is_probability_[static_cast<std::size_t>(id_at(0))];
  return result;
}

const config::TensorRecipe* RuleBook::storage_recipe(const Side& side) const {
  if (side.value < 0 || side.kept) {
    return nullptr;
  }
  const config::TensorRecipe& recipe = side.cached ? *recipe_.kv_cache : recipe_.activations;
  return quantize::has_storage(recipe) ? &recipe : nullptr;
}

bool RuleBook::is_given(const Node& node) const {
  const numerics::Datapath& matrix = plan_.of(node.name).matrix;
  return !keeps_float(node) &&
         (has_given_scheme(graph_, node, 0, matrix.a) || has_given_scheme(graph_, node, 1, matrix.b));
}

bool RuleBook::needs_range(const Side& side, const numerics::Format& format) const {
  if (!side.computed || has_given_scheme(graph_, side.node, side.input, format)) {
    return false;
  }
  const bool is_scaled = quantize::needs_scale(format) && recipe_.activations.scaling == Scaling::kStatic;
  const auto* stored = storage_recipe(side);
  const bool is_smoothed =
      recipe_.smooth && side.input == 0 && !side.kept && !is_given(side.node) && is_linear(graph_, side.node);
  return is_scaled || is_smoothed || (stored != nullptr && quantize::Storage::needs_calibration(*stored));
}

bool RuleBook::needs_calibration(const Kernel& kernel) const {
  if (is_integer_operator(main_node(graph_, kernel).op)) {
    return false;
  }
  return needs_range(side(kernel, 0), datapath(kernel).a) || needs_range(side(kernel, 1), datapath(kernel).b);
}

const Calibration::Smoothed* RuleBook::smoothed(const Node& node) const {
  if (!recipe_.smooth || keeps_float(node) || is_given(node) || !is_linear(graph_, node)) {
    return nullptr;
  }
  const auto found = calibration_.smoothed.find(node.inputs[0]);
  if (found == calibration_.smoothed.end()) {
    throw ConfigError({graph_.name},
                      fmt::format("node '{}': smoothing needs the magnitudes of '{}', and calibration saw no value of "
                                  "it; set dataset.calibration_images to 1 or more",
                                  node.name, graph_.value(node.inputs[0]).name));
  }
  return &found->second;
}

const quantize::Observer& RuleBook::observed(const Side& side, quantize::Observer& of_constant) const {
  if (!side.computed) {
    of_constant.observe(graph_.value(side.value).constant->floats());
    return of_constant;
  }
  const auto* smooth = side.input == 0 ? smoothed(side.node) : nullptr;
  const auto found = calibration_.activations.find(side.value);
  const bool seen = found != calibration_.activations.end() && found->second.count() > 0;
  if (!seen || (smooth != nullptr && smooth->range.count() == 0)) {
    throw ConfigError(
        {graph_.name},
        fmt::format("node '{}': precision '{}' needs the range of '{}', and calibration saw no finite value of it; "
                    "set dataset.calibration_images to 1 or more",
                    side.node.name, plan_.of(side.node.name).name, graph_.value(side.value).name));
  }
  return smooth != nullptr ? smooth->range : found->second;
}

OperandRule RuleBook::operand_rule(const Side& side, const numerics::Format& format) const {
  OperandRule rule{.format = format};
  rule.samples = std::max<std::int64_t>(graph_.batch, 1);
  // The constant operands of products are weights; those of convolutions with computed weights go nowhere.
  if (side.value < 0 || (!side.computed && (!side.convolution || side.input == 1))) {
    return rule;
  }
  if ((rule.scheme = given_scheme(graph_, side.node, side.input, format))) {
    return rule;
  }
  if (const auto* smooth = side.input == 0 ? smoothed(side.node) : nullptr) {
    rule.divisors = std::make_shared<const std::vector<float>>(smooth->factors);
  }
  quantize::Observer of_constant;
  if (const auto* stored = storage_recipe(side)) {
    const auto* range = quantize::Storage::needs_calibration(*stored) ? &observed(side, of_constant) : nullptr;
    // Along channels, along the reduction, or along the elements of a token: keys are read as columns, values as rows.
    const bool lies_in_columns = side.convolution || (side.input == 1 && !(side.cached && side.is_value));
    rule.stored = StorageRule{std::make_shared<const quantize::Storage>(*stored, range), lies_in_columns ? -2 : -1};
  }
  if (!quantize::needs_scale(format)) {
    return rule;
  }
  if (recipe_.activations.scaling == Scaling::kDynamic) {
    const bool per_token = recipe_.activations.granularity == Granularity::kPerToken;
    rule.dynamic = DynamicScale{recipe_.activations, per_token && !side.convolution && !side.is_value};
  } else {
    rule.scheme = quantize::choose_scheme(format, recipe_.activations, observed(side, of_constant));
  }
  return rule;
}

MatrixRules RuleBook::rules(const Kernel& kernel) const {
  const Node& node = main_node(graph_, kernel);
  MatrixRules result;
  std::optional<quantize::Scheme> given;
  result.datapath = datapath(kernel);
  if (is_integer_operator(node.op)) {  // its operands are codes already
    result.a.format = result.datapath.a;
    result.b.format = result.weights.format = result.datapath.b;
    return result;
  }
  try {
    result.a = operand_rule(side(kernel, 0), result.datapath.a);
    result.b = operand_rule(side(kernel, 1), result.datapath.b);
    const bool a_is_constant = side(kernel, 0).value >= 0 && !side(kernel, 0).computed;
    given = given_scheme(graph_, node, a_is_constant ? 0 : 1, a_is_constant ? result.datapath.a : result.datapath.b);
  } catch (const std::invalid_argument& error) {
    throw ConfigError({graph_.name}, fmt::format("node '{}': {}", node.name, error.what()));
  }
  result.weights = {result.datapath.b, recipe_.weights, nullptr, given};
  if (keeps_float(node)) {
    result.weights.recipe = config::Recipe{}.weights;  // as they are
  }
  result.weights.multipliers = result.a.divisors;
  return result;
}

}  // namespace mantissa::execute
