// SPDX-License-Identifier: Apache-2.0
// Gemm and MatMul: products accumulate in order of k; alpha, beta and C of Gemm apply afterwards, in FP32.
#include "network/ops/matmul.h"

#include <algorithm>

#include "network/ops/families.h"
#include "numerics/datapath.h"

namespace mantissa::network::ops {

namespace {

void multiply(Dim m, Dim n, Dim k, const float* a, const float* b, float* c) {
  static const numerics::Datapath kFp32 = numerics::fp32_reference();
  if (m > 0 && n > 0 && k > 0) {
    numerics::gemm(kFp32, m, n, k, a, k, b, n, c, n);
  }
}

Tensor transposed(const Tensor& matrix) {
  Tensor result = Tensor::zeros(matrix.type, {matrix.shape[1], matrix.shape[0]});
  copy_strided(matrix, 0, {1, matrix.shape[1]}, result);
  return result;
}

}  // namespace

MatMulShapes matmul_shapes(Shape a, Shape b) {
  require(!a.empty() && !b.empty(), "it multiplies matrices; an input of shape {} x {} is a scalar", to_string(a),
          to_string(b));
  if (a.size() == 1) {
    a.insert(a.begin(), 1);
  }
  if (b.size() == 1) {
    b.push_back(1);
  }
  require(a.back() == b[b.size() - 2], "the inner dimensions of {} and {} differ: {} and {}", to_string(a),
          to_string(b), a.back(), b[b.size() - 2]);
  MatMulShapes shapes{a, b, broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2))};
  return shapes;
}

Shape MatMulShapes::result(std::size_t rank_a, std::size_t rank_b) const {
  Shape out = batch;
  if (rank_a > 1) {
    out.push_back(a[a.size() - 2]);
  }
  if (rank_b > 1) {
    out.push_back(b.back());
  }
  return out;
}

Types infer_gemm(const Node& node, Values inputs) {
  const Value& a = need(inputs, 0);
  const Value& b = need(inputs, 1);
  require_kfloat(a, "its input A");
  require_kfloat(b, "its input B");
  require(a.shape.size() == 2 && b.shape.size() == 2, "A and B must be matrices, not of shapes {} and {}",
          to_string(a.shape), to_string(b.shape));
  const bool ta = node.integer("transA", 0) != 0, tb = node.integer("transB", 0) != 0;
  const Dim k = a.shape[ta ? 0 : 1];
  require(k == b.shape[tb ? 1 : 0], "the weights expect {} input features, the input has {}", b.shape[tb ? 1 : 0], k);
  TensorType out{ElementType::kFloat, {a.shape[ta ? 1 : 0], b.shape[tb ? 0 : 1]}};
  if (has(inputs, 2)) {
    require_kfloat(*inputs[2], "its input C");
    require(broadcast(inputs[2]->shape, out.shape) == out.shape, "C of shape {} does not broadcast to {}",
            to_string(inputs[2]->shape), to_string(out.shape));
  }
  return {out};
}

std::vector<Tensor> evaluate_gemm(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Tensor a = node.integer("transA", 0) != 0 ? transposed(*inputs[0]) : *inputs[0];
  const Tensor b = node.integer("transB", 0) != 0 ? transposed(*inputs[1]) : *inputs[1];
  const Dim m = a.shape[0], k = a.shape[1], n = b.shape[1];
  const std::span<float> y = out[0].floats();
  multiply(m, n, k, a.floats().data(), b.floats().data(), y.data());
  const float alpha = node.real("alpha", 1.0F), beta = node.real("beta", 1.0F);
  if (alpha != 1.0F) {
    std::ranges::for_each(y, [&](float& v) { v *= alpha; });
  }
  if (has(inputs, 2)) {
    const std::vector<Dim> strides = broadcast_strides(inputs[2]->shape, out[0].shape);
    const std::span<const float> c = inputs[2]->floats();
    for (Dim i = 0; i < m * n; ++i) {
      const float addend = c[idx(i / n * strides[0] + i % n * strides[1])];
      y[idx(i)] += beta == 1.0F ? addend : beta * addend;
    }
  }
  return out;
}

Types infer_matmul(const Node&, Values inputs) {
  const Value& a = need(inputs, 0);
  const Value& b = need(inputs, 1);
  require_kfloat(a, "its input A");
  require_kfloat(b, "its input B");
  return {{ElementType::kFloat, matmul_shapes(a.shape, b.shape).result(a.shape.size(), b.shape.size())}};
}

std::vector<Tensor> evaluate_matmul(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const MatMulShapes s = matmul_shapes(inputs[0]->shape, inputs[1]->shape);
  const Dim m = s.a[s.a.size() - 2], k = s.a.back(), n = s.b.back();
  const float* a = inputs[0]->floats().data();
  const float* b = inputs[1]->floats().data();
  float* y = out[0].floats().data();
  const bool shared_b = s.b.size() == 2;
  if (shared_b) {  // one matrix for the whole batch: a single tall product
    multiply(product(s.batch, 0, s.batch.size()) * m, n, k, a, b, y);
    return out;
  }
  const Shape ba(s.a.begin(), s.a.end() - 2), bb(s.b.begin(), s.b.end() - 2);
  Walk walk(s.batch, {broadcast_strides(ba, s.batch), broadcast_strides(bb, s.batch)});
  const std::vector<Dim> step = walk.inner_strides();
  walk.run([&](Dim o, std::span<const Dim> at, Dim run) {
    for (Dim i = 0; i < run; ++i) {
      multiply(m, n, k, a + (at[0] + i * step[0]) * m * k, b + (at[1] + i * step[1]) * k * n, y + (o + i) * m * n);
    }
  });
  return out;
}

}  // namespace mantissa::network::ops
