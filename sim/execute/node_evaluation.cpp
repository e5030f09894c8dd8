// SPDX-License-Identifier: Apache-2.0
#include "execute/node_evaluation.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/error.h"
#include "network/op.h"

namespace mantissa::execute {

using network::ElementType;
using network::Graph;
using network::Node;
using network::Op;
using network::Tensor;

namespace {

// The formulas are those of network/ops/unary.cpp: evaluated in double, rounded once.
inline double hard_sigmoid(double x, double alpha, double beta) {
  const double y = alpha * x + beta;
  const double positive = y < 0.0 ? 0.0 : y;
  return positive > 1.0 ? 1.0 : positive;
}

void relu(std::span<float> x) {
  for (float& v : x) {
    v = v < 0.0F ? 0.0F : v;
  }
}

void hard_sigmoid(std::span<float> x, float alpha, float beta) {
  for (float& v : x) {
    v = static_cast<float>(hard_sigmoid(static_cast<double>(v), static_cast<double>(alpha), static_cast<double>(beta)));
  }
}

void hard_swish(std::span<float> x) {
  for (float& v : x) {
    const auto wide = static_cast<double>(v);
    v = static_cast<float>(wide * hard_sigmoid(wide, 1.0 / 6.0, 0.5));
  }
}

bool is_float(const ValueStore& values, network::ValueId id) {
  return values.at(id).type == ElementType::kFloat;
}

bool unary_in_place(const Node& node, ValueStore& values, Tensor& out) {
  const bool known = node.op == Op::kRelu || node.op == Op::kHardSigmoid || node.op == Op::kHardSwish;
  if (!known || node.outputs.size() != 1 || !is_float(values, node.inputs[0])) {
    return false;
  }
  out = values.take(node.inputs[0]);
  switch (node.op) {
    case Op::kRelu:
      relu(out.floats());
      break;
    case Op::kHardSigmoid:
      hard_sigmoid(out.floats(), node.real("alpha", 0.2F), node.real("beta", 0.5F));
      break;
    default:
      hard_swish(out.floats());
      break;
  }
  return true;
}

// As network/ops/softmax.cpp, but each exponential is evaluated once.
void softmax_row(std::span<float> x, std::vector<double>& powers) {
  constexpr double kVanishes = -800;  // exp of less is zero in double; what a causal mask hides is far below
  std::size_t best = 0;
  for (std::size_t i = 1; i < x.size(); ++i) {
    best = x[i] > x[best] ? i : best;
  }
  const auto maximum = static_cast<double>(x[best]);
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double d = static_cast<double>(x[i]) - maximum;
    powers[i] = d < kVanishes ? 0.0 : std::exp(d);
    sum += powers[i];
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(powers[i] / sum);
  }
}

// Along the last axis.
bool softmax_in_place(const Node& node, ValueStore& values, Tensor& out) {
  if (node.op != Op::kSoftmax || node.opset < 13 || node.outputs.size() != 1 || !is_float(values, node.inputs[0])) {
    return false;
  }
  const network::Shape& shape = values.at(node.inputs[0]).shape;
  const std::int64_t axis = node.integer("axis", -1);
  if (shape.empty() || shape.back() < 1 || (axis != -1 && axis != static_cast<std::int64_t>(shape.size()) - 1)) {
    return false;
  }
  const auto length = static_cast<std::size_t>(shape.back());
  out = values.take(node.inputs[0]);
  std::vector<double> powers(length);
  for (std::size_t at = 0; at < out.floats().size(); at += length) {
    softmax_row(out.floats().subspan(at, length), powers);
  }
  return true;
}

// The square of a float is exact in double, so its rounding is the product of floats.
bool square_in_place(const Node& node, ValueStore& values, Tensor& out) {
  if (node.op != Op::kPow || node.inputs.size() != 2 || node.attributes.contains("axis") ||
      node.inputs[0] == node.inputs[1] || !is_float(values, node.inputs[0]) || !is_float(values, node.inputs[1])) {
    return false;
  }
  const Tensor& exponent = values.at(node.inputs[1]);
  if (!exponent.shape.empty() || exponent.floats()[0] != 2.0F) {
    return false;
  }
  out = values.take(node.inputs[0]);
  for (float& v : out.floats()) {
    v *= v;
  }
  return true;
}

// out = out (op) other, where `other` has the same shape, or one value for each of `rows` runs of `run` elements.
void add(std::span<float> out, const float* other) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] += other[i];
  }
}
void multiply(std::span<float> out, const float* other) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] *= other[i];
  }
}
void multiply_runs(std::span<float> out, std::span<const float> factors) {
  const std::size_t run = out.size() / factors.size();
  float* to = out.data();
  for (const float factor : factors) {
    for (std::size_t i = 0; i < run; ++i) {
      to[i] *= factor;
    }
    to += run;
  }
}

// [N, C, 1, 1] against [N, C, H, W].
bool one_value_a_channel(const network::Shape& factors, const network::Shape& shape) {
  if (factors.size() != shape.size() || shape.size() < 3 || factors[0] != shape[0] || factors[1] != shape[1]) {
    return false;
  }
  for (std::size_t d = 2; d < shape.size(); ++d) {
    if (factors[d] != 1 || shape[d] < 1) {
      return false;
    }
  }
  return shape[0] > 0 && shape[1] > 0;
}

// + and * commute bit for bit, but for the payload of NaNs.
bool binary_in_place(const Node& node, ValueStore& values, Tensor& out) {
  if ((node.op != Op::kAdd && node.op != Op::kMul) || node.inputs.size() != 2 || node.attributes.contains("axis") ||
      node.inputs[0] == node.inputs[1] || !is_float(values, node.inputs[0]) || !is_float(values, node.inputs[1])) {
    return false;
  }
  auto [first, second] = std::pair(node.inputs[0], node.inputs[1]);
  if (values.at(first).shape == values.at(second).shape) {
    if (!values.is_last_use(first)) {
      std::swap(first, second);
    }
    out = values.take(first);
    const float* other = values.at(second).floats().data();
    node.op == Op::kAdd ? add(out.floats(), other) : multiply(out.floats(), other);
    return true;
  }
  if (one_value_a_channel(values.at(first).shape, values.at(second).shape)) {
    std::swap(first, second);
  }
  if (node.op != Op::kMul || !one_value_a_channel(values.at(second).shape, values.at(first).shape)) {
    return false;
  }
  out = values.take(first);
  multiply_runs(out.floats(), values.at(second).floats());
  return true;
}

// The data of a view is its input's.
bool view_in_place(const Graph& graph, const Node& node, ValueStore& values, Tensor& out) {
  switch (node.op) {
    case Op::kIdentity:
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
      out = values.take(node.inputs[0]);
      out.shape = graph.value(node.outputs[0]).shape;
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<Tensor> evaluate_by_table(const Graph& graph, const Node& node, std::span<const Tensor* const> inputs) {
  try {
    return network::evaluate(node, inputs);
  } catch (const network::OpError& error) {
    throw ConfigError({graph.name},
                      fmt::format("node '{}' ({}): {}", node.name, network::info(node.op).name, error.what()));
  }
}

std::vector<Tensor> evaluate_node(const Graph& graph, const Node& node, ValueStore& values) {
  std::vector<Tensor> result(1);
  if (view_in_place(graph, node, values, result[0]) || unary_in_place(node, values, result[0]) ||
      binary_in_place(node, values, result[0]) || softmax_in_place(node, values, result[0]) ||
      square_in_place(node, values, result[0])) {
    return result;
  }
  return evaluate_by_table(graph, node, values.inputs_of(node));
}

}  // namespace mantissa::execute
