// SPDX-License-Identifier: Apache-2.0
#include "execute/matrix/operation.h"

#include <algorithm>

#include "execute/matrix/batched_product.h"
#include "execute/matrix/weighted_product.h"
#include "network/op.h"

namespace mantissa::execute {

using network::ElementType;
using network::Graph;
using network::Node;
using network::Op;
using network::Shape;
using network::Tensor;
using network::Value;

namespace {

std::size_t idx(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

bool has_input(const Node& node, std::size_t i) {
  return i < node.inputs.size() && node.inputs[i] >= 0;
}

const Tensor* constant_input(const Graph& graph, const Node& node, std::size_t i) {
  return has_input(node, i) ? graph.value(node.inputs[i]).constant.get() : nullptr;
}

Tensor transposed(const Tensor& matrix) {
  const std::int64_t rows = matrix.shape[0], columns = matrix.shape[1];
  Tensor result = Tensor::zeros(ElementType::kFloat, {columns, rows});
  const auto from = matrix.floats();
  const auto to = result.floats();
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      to[idx(c * rows + r)] = from[idx(r * columns + c)];
    }
  }
  return result;
}

class Convolution final : public MatrixOperation {
 public:
  Convolution(const Graph& graph, const Node& node, const ProductShape& shape, const MatrixRules& rules,
              const Tensor& weights)
      : output_(graph.value(node.outputs[0]).shape),
        product_(shape, {rules.datapath, rules.data, rules.weights(weights, 0)}, weights) {}

  Tensor run(std::span<const Tensor* const> inputs) const override {
    Tensor out = Tensor::zeros(ElementType::kFloat, output_);
    const bool biased = inputs.size() > 2 && inputs[2] != nullptr;
    product_.run(*inputs[0], 1.0F, biased ? inputs[2]->floats().data() : nullptr, out.floats());
    return out;
  }

 private:
  Shape output_;
  WeightedProduct product_;
};

// C of a Gemm: beta * C, added to every row.
struct GemmTail {
  float alpha = 1, beta = 1;

  explicit GemmTail(const Node& node) {
    if (node.op == Op::kGemm) {
      alpha = node.real("alpha", 1.0F);
      beta = node.real("beta", 1.0F);
    }
  }

  void add(const Tensor* c, Tensor& out) const {
    if (c == nullptr) {
      return;
    }
    const std::int64_t n = out.shape[1];
    const auto strides = network::ops::broadcast_strides(c->shape, out.shape);
    const auto values = c->floats();
    const auto y = out.floats();
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(y.size()); ++i) {
      const float addend = values[idx(i / n * strides[0] + i % n * strides[1])];
      y[idx(i)] += beta == 1.0F ? addend : beta * addend;
    }
  }
};

// A Gemm or MatMul whose second matrix is constant: a convolution of one pixel an image; the rows of A are the images.
class Linear final : public MatrixOperation {
 public:
  Linear(const Graph& graph, const Node& node, const MatrixRules& rules, const Tensor& weights)
      : output_(graph.value(node.outputs[0]).shape),
        transpose_data_(node.op == Op::kGemm && node.integer("transA", 0) != 0),
        tail_(node),
        product_(shape_of(graph, node, weights), {rules.datapath, rules.data, rules.weights(weights, 0)}, weights) {}

  Tensor run(std::span<const Tensor* const> inputs) const override {
    Tensor out = Tensor::zeros(ElementType::kFloat, output_);
    product_.run(transpose_data_ ? transposed(*inputs[0]) : *inputs[0], tail_.alpha, nullptr, out.floats());
    tail_.add(inputs.size() > 2 ? inputs[2] : nullptr, out);
    return out;
  }

 private:
  static ProductShape shape_of(const Graph& graph, const Node& node, const Tensor& weights) {
    ProductShape shape;
    shape.out_channels = weights.shape[0];
    shape.in_channels = weights.shape[1];
    shape.images =
        network::element_count(graph.value(node.inputs[0]).shape) / std::max<std::int64_t>(shape.in_channels, 1);
    return shape;
  }

  Shape output_;
  bool transpose_data_;
  GemmTail tail_;
  WeightedProduct product_;
};

// Any other Gemm or MatMul: both matrices are operands of the run, or the constant one has a batch of its own.
class Product final : public MatrixOperation {
 public:
  Product(const Graph& graph, const Node& node, const MatrixRules& rules)
      : output_(graph.value(node.outputs[0]).shape),
        transpose_a_(node.op == Op::kGemm && node.integer("transA", 0) != 0),
        transpose_b_(node.op == Op::kGemm && node.integer("transB", 0) != 0),
        tail_(node),
        product_(arithmetic_of(graph, node, rules)) {}

  Tensor run(std::span<const Tensor* const> inputs) const override {
    Tensor out = Tensor::zeros(ElementType::kFloat, output_);
    product_.run(transpose_a_ ? transposed(*inputs[0]) : *inputs[0], transpose_b_ ? transposed(*inputs[1]) : *inputs[1],
                 tail_.alpha, out);
    tail_.add(inputs.size() > 2 ? inputs[2] : nullptr, out);
    return out;
  }

 private:
  static Arithmetic arithmetic_of(const Graph& graph, const Node& node, const MatrixRules& rules) {
    const Tensor* b = constant_input(graph, node, 1);
    return {rules.datapath, rules.data, b != nullptr ? rules.weights(*b, -1) : rules.second};
  }

  Shape output_;
  bool transpose_a_, transpose_b_;
  GemmTail tail_;
  BatchedProduct product_;
};

std::unique_ptr<MatrixOperation> make_convolution(const Graph& graph, const Node& node, const MatrixRules& rules) {
  const Tensor* weights = constant_input(graph, node, 1);
  if (weights == nullptr) {
    return nullptr;
  }
  const Shape& input = graph.value(node.inputs[0]).shape;
  const Shape kernel(weights->shape.begin() + 2, weights->shape.end());
  ProductShape shape;
  shape.window = network::ops::forward_window(node, input, kernel, false);
  shape.images = input[0];
  shape.groups = node.integer("group", 1);
  shape.in_channels = weights->shape[1];
  shape.out_channels = weights->shape[0] / shape.groups;
  return std::make_unique<Convolution>(graph, node, shape, rules, *weights);
}

}  // namespace

MatrixRules MatrixRules::reference() {
  const Arithmetic fp32 = Arithmetic::reference();
  return {fp32.datapath, fp32.data, fp32.weights, [fp32](const Tensor&, int) { return fp32.weights; }};
}

std::unique_ptr<MatrixOperation> make_matrix_operation(const Graph& graph, const Node& node, const MatrixRules& rules) {
  if (node.op == Op::kConv) {
    return make_convolution(graph, node, rules);
  }
  if (node.op != Op::kGemm && node.op != Op::kMatMul) {
    return nullptr;
  }
  const Tensor* weights = constant_input(graph, node, 1);
  const bool constant_data = constant_input(graph, node, 0) != nullptr;
  if (weights != nullptr && weights->shape.size() == 2 && !constant_data) {
    const bool is_ready = node.op == Op::kGemm && node.integer("transB", 0) != 0;
    return std::make_unique<Linear>(graph, node, rules, is_ready ? *weights : transposed(*weights));
  }
  return std::make_unique<Product>(graph, node, rules);
}

}  // namespace mantissa::execute
