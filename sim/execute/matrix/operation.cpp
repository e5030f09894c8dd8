// SPDX-License-Identifier: Apache-2.0
#include "execute/matrix/operation.h"

#include <algorithm>
#include <optional>

#include "execute/matrix/weighted_product.h"
#include "network/op.h"
#include "network/ops/common.h"

namespace mantissa::execute {

using network::ElementType;
using network::Graph;
using network::Node;
using network::Op;
using network::Shape;
using network::Tensor;

namespace {

bool has_input(const Node& node, std::size_t i) {
  return i < node.inputs.size() && node.inputs[i] >= 0;
}

const Tensor* constant_input(const Graph& graph, const Node& node, std::size_t i) {
  return has_input(node, i) ? graph.value(node.inputs[i]).constant.get() : nullptr;
}

Tensor turned(const Tensor& matrix) {
  return {
      matrix.type, {matrix.shape[1], matrix.shape[0]}, transposed(matrix.floats(), matrix.shape[0], matrix.shape[1])};
}

class Convolution final : public MatrixOperation {
 public:
  Convolution(const Graph& graph, const Node& node, const ProductShape& shape, const MatrixRules& rules,
              const Tensor& weights)
      : output_(graph.value(node.outputs[0]).shape),
        product_(shape, rules.datapath, rules.a, rules.weights, weights, rules.requantizer) {}

  Tensor run(std::span<const Tensor* const> inputs) const override {
    Tensor out = Tensor::zeros(ElementType::kFloat, output_);
    const bool biased = inputs.size() > 2 && inputs[2] != nullptr;
    product_.run(*inputs[0], biased ? inputs[2]->floats().data() : nullptr, out.floats());
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
    const std::int64_t m = out.shape[0], n = out.shape[1];
    const auto strides = network::ops::broadcast_strides(c->shape, out.shape);
    const float* values = c->floats().data();
    float* y = out.floats().data();
    for (std::int64_t i = 0; i < m; ++i, y += n) {
      for (std::int64_t j = 0; j < n; ++j) {
        const float addend = values[i * strides[0] + j * strides[1]];
        y[j] += beta == 1.0F ? addend : beta * addend;
      }
    }
  }
};

// An operand of a product, the way round that it is multiplied.
struct Side {
  bool transposes;
  Shape shape;
  std::optional<Tensor> constant;

  Side(const Graph& graph, const Node& node, std::size_t i)
      : transposes(node.op == Op::kGemm && node.integer(i == 0 ? "transA" : "transB", 0) != 0),
        shape(graph.value(node.inputs[i]).shape) {
    if (transposes) {
      std::swap(shape[0], shape[1]);
    }
    if (const Tensor* given = constant_input(graph, node, i)) {
      constant = transposes ? turned(*given) : *given;
    }
  }
  const Tensor* data() const { return constant ? &*constant : nullptr; }
};

class Product final : public MatrixOperation {
 public:
  Product(const Graph& graph, const Node& node, const MatrixRules& rules)
      : Product(graph, node, rules, Side(graph, node, 0), Side(graph, node, 1)) {}

  Tensor run(std::span<const Tensor* const> inputs) const override {
    Tensor out = Tensor::zeros(ElementType::kFloat, output_);
    Tensor turned_a, turned_b;
    product_.run(as_multiplied(transposes_a_, *inputs[0], turned_a), as_multiplied(transposes_b_, *inputs[1], turned_b),
                 tail_.alpha, out.floats());
    if (!requantizes_) {
      tail_.add(inputs.size() > 2 ? inputs[2] : nullptr, out);
    }
    return out;
  }

 private:
  Product(const Graph& graph, const Node& node, const MatrixRules& rules, const Side& a, const Side& b)
      : output_(graph.value(node.outputs[0]).shape),
        tail_(node),
        requantizes_(rules.requantizer.has_value()),
        transposes_a_(a.transposes && !a.constant),
        transposes_b_(b.transposes && !b.constant),
        product_(rules, a.shape, a.data(), b.shape, b.data()) {}

  static std::span<const float> as_multiplied(bool transposes, const Tensor& given, Tensor& buffer) {
    if (!transposes) {
      return given.floats();
    }
    buffer = turned(given);
    return buffer.floats();
  }

  Shape output_;
  GemmTail tail_;
  bool requantizes_;                  // the bias is the requantizer's
  bool transposes_a_, transposes_b_;  // computed operands
  MatrixProduct product_;
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

MatrixRules reference_rules() {
  const numerics::Datapath fp32 = numerics::fp32_reference();
  const OperandRule operand{.format = fp32.a};
  return {fp32, operand, operand, {.format = fp32.b}};
}

std::unique_ptr<MatrixOperation> make_matrix_operation(const Graph& graph, const Node& node, const MatrixRules& rules) {
  if (node.op == Op::kConv) {
    return make_convolution(graph, node, rules);
  }
  if (node.op != Op::kGemm && node.op != Op::kMatMul) {
    return nullptr;
  }
  return std::make_unique<Product>(graph, node, rules);
}

}  // namespace mantissa::execute
