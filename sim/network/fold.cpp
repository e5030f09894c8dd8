// SPDX-License-Identifier: Apache-2.0
#include "network/fold.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mantissa::network {
namespace {

constexpr std::int64_t kFreeBytes = std::int64_t{1} << 28;
constexpr double kMaxWork = 2e9;

std::int64_t bytes_of(ElementType type) {
  return type == ElementType::kFloat ? 4 : type == ElementType::kString ? 32 : 8;
}

// Elementary steps, an upper bound for the usual forms: what a hostile file could use to keep us busy.
double work_of(const Node& node, std::span<const Value* const> inputs, double outputs) {
  double read = 0, largest = 0;
  for (const Value* input : inputs) {
    const double count = input != nullptr ? static_cast<double>(element_count(input->shape)) : 0.0;
    read += count;
    largest = std::max(largest, count);
  }
  switch (info(node.op).kind) {
    case KernelKind::kGemm:
    case KernelKind::kConv: {
      // Each output sums at most over the larger operand's elements; for a plain product only over its last dimension.
      const bool plain = node.op == Op::kMatMul && inputs[0] != nullptr && !inputs[0]->shape.empty();
      return read + outputs * (plain ? static_cast<double>(inputs[0]->shape.back()) : largest);
    }
    case KernelKind::kReduce:
      return read + outputs * 64;
    default:
      return read + outputs;
  }
}

struct BatchNorm {
  std::vector<double> scale;  // s
  std::vector<double> shift;  // shift - mean * s
};

BatchNorm read_batch_norm(const Graph& graph, const Node& node) {
  const auto data = [&](std::size_t i) { return graph.value(node.inputs[i]).constant->floats(); };
  const auto scale = data(1), shift = data(2), mean = data(3), variance = data(4);
  const double epsilon = node.real("epsilon", 1e-5F);
  BatchNorm norm;
  for (std::size_t c = 0; c < scale.size(); ++c) {
    norm.scale.push_back(scale[c] / std::sqrt(variance[c] + epsilon));
    norm.shift.push_back(shift[c] - mean[c] * norm.scale[c]);
  }
  return norm;
}

bool has_floats(const Graph& graph, ValueId id) {
  return id >= 0 && graph.value(id).constant != nullptr && graph.value(id).type == ElementType::kFloat;
}

bool can_fold(const Graph& graph, const Node& conv, const Node& norm) {
  const bool inference = norm.integer("training_mode", 0) == 0 && norm.outputs.size() == 1;
  if (!inference || norm.inputs.size() != 5 || conv.inputs.size() < 2 || !has_floats(graph, conv.inputs[1]) ||
      graph.value(conv.inputs[1]).grid != nullptr ||  // quantized by the file: other weights would leave its grid
      (conv.inputs.size() > 2 && conv.inputs[2] >= 0 && !has_floats(graph, conv.inputs[2]))) {
    return false;
  }
  const std::int64_t channels = graph.value(conv.inputs[1]).shape[0];
  return std::all_of(norm.inputs.begin() + 1, norm.inputs.end(),
                     [&](ValueId id) { return has_floats(graph, id) && graph.value(id).shape == Shape{channels}; });
}

ValueId add_parameter(Graph& graph, const std::string& name, Tensor tensor) {
  Value value{name, ElementType::kFloat, tensor.shape, true, std::make_shared<const Tensor>(std::move(tensor))};
  graph.values.push_back(std::move(value));
  return static_cast<ValueId>(graph.values.size() - 1);
}

void fold_into(Graph& graph, Node& conv, const Node& norm) {
  const BatchNorm bn = read_batch_norm(graph, norm);
  const auto channels = static_cast<std::int64_t>(bn.scale.size());
  Tensor weights = *graph.value(conv.inputs[1]).constant;
  const std::size_t per_channel = channels == 0 ? 0 : weights.floats().size() / bn.scale.size();
  Tensor bias = Tensor::zeros(ElementType::kFloat, {channels});
  const bool had_bias = conv.inputs.size() > 2 && conv.inputs[2] >= 0;
  for (std::size_t c = 0; c < bn.scale.size(); ++c) {
    for (float& w : weights.floats().subspan(c * per_channel, per_channel)) {
      w = static_cast<float>(w * bn.scale[c]);
    }
    const double old_bias = had_bias ? graph.value(conv.inputs[2]).constant->floats()[c] : 0.0;
    bias.floats()[c] = static_cast<float>(old_bias * bn.scale[c] + bn.shift[c]);
  }
  const std::string name = graph.value(conv.inputs[1]).name;
  conv.inputs.resize(3, -1);
  conv.inputs[1] = add_parameter(graph, name + "_folded", std::move(weights));
  conv.inputs[2] = add_parameter(graph, name + "_folded_bias", std::move(bias));
  conv.outputs[0] = norm.outputs[0];
  // The shift lives on as the bias; the scale, and a bias the convolution had of its own, are gone.
  graph.folded_parameters += channels * (had_bias ? 2 : 1);
}

std::vector<bool> find_used_nodes(const Graph& graph) {
  std::vector<bool> needed(graph.values.size()), used(graph.nodes.size());
  for (const ValueId id : graph.outputs) {
    needed[static_cast<std::size_t>(id)] = true;
  }
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    used[i] = std::any_of(node.outputs.begin(), node.outputs.end(),
                          [&](ValueId id) { return id >= 0 && needed[static_cast<std::size_t>(id)]; });
    for (const ValueId id : node.inputs) {
      if (used[i] && id >= 0) {
        needed[static_cast<std::size_t>(id)] = true;
      }
    }
  }
  return used;
}

}  // namespace

ConstantFolder::ConstantFolder(std::int64_t weight_bytes)
    : bytes_left_(kFreeBytes + 4 * weight_bytes), work_left_(kMaxWork + 8 * static_cast<double>(weight_bytes)) {}

std::optional<std::vector<Tensor>> ConstantFolder::fold(const Node& node, std::span<const Value* const> inputs,
                                                        std::span<const TensorType> outputs) {
  const bool shape_only = (node.op == Op::kShape || node.op == Op::kSize) && !inputs.empty() && inputs[0] != nullptr;
  const bool constant =
      std::all_of(inputs.begin(), inputs.end(), [](const Value* v) { return v == nullptr || v->constant != nullptr; });
  if (info(node.op).evaluate == nullptr || (!constant && !shape_only)) {
    return std::nullopt;
  }
  double count = 0;
  for (const TensorType& output : outputs) {
    const std::int64_t elements = element_count(output.shape);
    if (elements > bytes_left_ / bytes_of(output.type)) {
      throw OpError(fmt::format(
          "its result of shape {} is constant and too large to be worked out at import; simplify the model first",
          to_string(output.shape)));
    }
    bytes_left_ -= elements * bytes_of(output.type);
    count += static_cast<double>(elements);
  }
  work_left_ -= shape_only ? 1 : work_of(node, inputs, count);
  if (work_left_ < 0) {
    throw OpError("there is too much arithmetic on constants to be done at import; simplify the model first");
  }
  std::vector<Tensor> shapes(inputs.size());  // stand-ins for inputs of which only the shape is known
  std::vector<const Tensor*> tensors;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != nullptr && inputs[i]->constant == nullptr) {
      shapes[i].type = inputs[i]->type;
      shapes[i].shape = inputs[i]->shape;
      tensors.push_back(&shapes[i]);
    } else {
      tensors.push_back(inputs[i] != nullptr ? inputs[i]->constant.get() : nullptr);
    }
  }
  return evaluate(node, tensors);
}

void fold_batch_normalizations(Graph& graph) {
  std::vector<int> readers(graph.values.size()), producer(graph.values.size(), -1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId id : graph.nodes[i].inputs) {
      readers[static_cast<std::size_t>(std::max(id, 0))] += id >= 0 ? 1 : 0;
    }
    for (const ValueId id : graph.nodes[i].outputs) {
      producer[static_cast<std::size_t>(id)] = static_cast<int>(i);
    }
  }
  for (const ValueId id : graph.outputs) {
    ++readers[static_cast<std::size_t>(id)];
  }
  std::vector<bool> gone(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& norm = graph.nodes[i];
    if (norm.op != Op::kBatchNormalization) {
      continue;
    }
    const auto input = static_cast<std::size_t>(norm.inputs[0]);
    const int before = input < producer.size() ? producer[input] : -1;
    if (before < 0 || readers[input] != 1 || graph.nodes[static_cast<std::size_t>(before)].op != Op::kConv ||
        gone[static_cast<std::size_t>(before)]) {
      continue;
    }
    Node& conv = graph.nodes[static_cast<std::size_t>(before)];
    if (can_fold(graph, conv, norm)) {
      fold_into(graph, conv, norm);
      producer[static_cast<std::size_t>(norm.outputs[0])] = before;  // a second normalization folds as well
      gone[i] = true;
    }
  }
  std::vector<Node> kept;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!gone[i]) {
      kept.push_back(std::move(graph.nodes[i]));
    }
  }
  graph.nodes = std::move(kept);
}

void remove_unused(Graph& graph) {
  const std::vector<bool> used = find_used_nodes(graph);
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i]) {
      nodes.push_back(std::move(graph.nodes[i]));
    }
  }
  std::vector<bool> referenced(graph.values.size());
  const auto mark = [&](const std::vector<ValueId>& ids) {
    for (const ValueId id : ids) {
      if (id >= 0) {
        referenced[static_cast<std::size_t>(id)] = true;
      }
    }
  };
  mark(graph.inputs);
  mark(graph.outputs);
  for (const Node& node : nodes) {
    mark(node.inputs);
    mark(node.outputs);
  }
  std::vector<ValueId> renamed(graph.values.size(), -1);
  std::vector<Value> values;
  for (std::size_t i = 0; i < referenced.size(); ++i) {
    if (referenced[i]) {
      renamed[i] = static_cast<ValueId>(values.size());
      values.push_back(std::move(graph.values[i]));
    }
  }
  const auto rename = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids) {
      id = id >= 0 ? renamed[static_cast<std::size_t>(id)] : id;
    }
  };
  rename(graph.inputs);
  rename(graph.outputs);
  for (Node& node : nodes) {
    rename(node.inputs);
    rename(node.outputs);
  }
  graph.values = std::move(values);
  graph.nodes = std::move(nodes);
}

}  // namespace mantissa::network
