// SPDX-License-Identifier: Apache-2.0
// MatMulInteger and QLinearMatMul: exact 32-bit sums of products of codes; QLinearMatMul scales them by one FP32
// factor, rounds half to even and saturates, as ONNX Runtime does. Scales and zero points of A may differ from row to
// row, those of B from column to column.
#include "network/ops/codes.h"
#include "network/ops/families.h"
#include "network/ops/matmul.h"
#include "numerics/requantize.h"

namespace mantissa::network::ops {

namespace {

// Numbers that belong to the rows of A or the columns of B: `count` for each matrix of `batch`.
struct Parameter {
  Shape batch;
  Dim count = 1;
};

// One number, one for each row (column), or one for each row (column) of each matrix: [.., M, 1] or [.., 1, N].
Parameter parameter_of(const Shape& shape, const Shape& matrix, bool of_rows, const char* what) {
  if (checked_count(shape) == 1) {
    return {};
  }
  const Dim lines = of_rows ? matrix[matrix.size() - 2] : matrix.back();
  if (shape.size() == 1) {
    require(shape[0] == lines, "its {} holds {} numbers, expected 1 or {} (one for each {})", what, shape[0], lines,
            of_rows ? "row" : "column");
    return {{}, lines};
  }
  Shape expected = matrix;
  (of_rows ? expected.back() : expected[expected.size() - 2]) = 1;
  require(shape == expected, "its {} has shape {}, expected one number, {} numbers or the shape {}", what,
          to_string(shape), lines, to_string(expected));
  return {Shape(shape.begin(), shape.end() - 2), lines};
}

// Where an operator has its two matrices: the matrix, then (scale,) zero point.
struct Place {
  std::size_t a = 0, b = 1, zero_a = 2, zero_b = 3;
};
Place place_of(const Node& node) {
  return node.op == Op::kQLinearMatMul ? Place{0, 3, 2, 5} : Place{};
}

void check_zero(const Value* zero, const Value& matrix, const Shape& shape, bool of_rows, const char* what) {
  if (zero != nullptr) {
    require(zero->type == matrix.type, "its {} is {}, but what it belongs to is {}", what, type_name(zero->type),
            type_name(matrix.type));
    parameter_of(zero->shape, shape, of_rows, what);
  }
}

MatMulShapes check_matrices(const Node& node, Values inputs) {
  const Place place = place_of(node);
  const Value &a = need(inputs, place.a), &b = need(inputs, place.b);
  require_bytes(a, "its input A");
  require_bytes(b, "its input B");
  const MatMulShapes s = matmul_shapes(a.shape, b.shape);
  check_zero(has(inputs, place.zero_a) ? inputs[place.zero_a] : nullptr, a, s.a, true, "a_zero_point");
  check_zero(has(inputs, place.zero_b) ? inputs[place.zero_b] : nullptr, b, s.b, false, "b_zero_point");
  return s;
}

void check_scales(Values inputs, std::size_t i, const Shape& matrix, bool of_rows, const char* what) {
  const Value& scale = need(inputs, i);
  require_scales(scale, what);
  parameter_of(scale.shape, matrix, of_rows, what);
  require(scale.shape == inputs[i + 1]->shape,
          "its {} has shape {} and the zero point beside it {}; both need the same", what, to_string(scale.shape),
          to_string(inputs[i + 1]->shape));
}

// finish(matrix, index of A's matrix in the batch of its scales, same of B, sums) for each product of the batch.
struct Batch {
  Dim number = 0;
  std::array<Dim, 2> scales{};
};

std::vector<std::int32_t> slice(const std::vector<std::int32_t>& values, Dim from, Dim count) {
  return {values.begin() + from, values.begin() + from + count};
}

template <class Finish>
void each_product(const Node& node, Tensors inputs, Finish&& finish) {
  const Place place = place_of(node);
  const Tensor &a = *inputs[place.a], &b = *inputs[place.b];
  const MatMulShapes s = matmul_shapes(a.shape, b.shape);
  const Dim m = s.m(), n = s.n(), k = s.k();
  const auto shape_of = [&](std::size_t i) { return has(inputs, i) ? inputs[i]->shape : Shape{}; };
  const Parameter pa = parameter_of(shape_of(place.zero_a), s.a, true, "a_zero_point"),
                  pb = parameter_of(shape_of(place.zero_b), s.b, false, "b_zero_point");
  const auto codes_a = signed_codes(a), codes_b = signed_codes(b);
  const auto zero_a = signed_zero_points(zero_points_of(inputs, place.zero_a), a.type),
             zero_b = signed_zero_points(zero_points_of(inputs, place.zero_b), b.type);
  std::vector<std::int32_t> sums(idx(m * n));
  Walk walk(s.batch, {broadcast_strides(Shape(s.a.begin(), s.a.end() - 2), s.batch),
                      broadcast_strides(Shape(s.b.begin(), s.b.end() - 2), s.batch),
                      broadcast_strides(pa.batch, s.batch), broadcast_strides(pb.batch, s.batch)});
  const std::vector<Dim> step = walk.inner_strides();
  walk.run([&](Dim o, std::span<const Dim> at, Dim run) {
    for (Dim i = 0; i < run; ++i) {
      const Batch batch{o + i, {at[2] + i * step[2], at[3] + i * step[3]}};
      multiply_codes(m, n, k, codes_a.data() + (at[0] + i * step[0]) * m * k,
                     slice(zero_a, batch.scales[0] * pa.count, pa.count),
                     codes_b.data() + (at[1] + i * step[1]) * k * n,
                     slice(zero_b, batch.scales[1] * pb.count, pb.count), sums.data());
      finish(batch, sums);
    }
  });
}

}  // namespace

Types infer_matmul_integer(const Node& node, Values inputs) {
  const MatMulShapes s = check_matrices(node, inputs);
  return {{ElementType::kInt32, s.result(inputs[0]->shape.size(), inputs[1]->shape.size())}};
}

std::vector<Tensor> evaluate_matmul_integer(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::span<Dim> y = out[0].ints();
  each_product(node, inputs, [&](const Batch& batch, const std::vector<std::int32_t>& sums) {
    std::ranges::copy(sums, y.begin() + batch.number * len(sums.size()));
  });
  return out;
}

Types infer_qlinear_matmul(const Node& node, Values inputs) {
  const MatMulShapes s = check_matrices(node, inputs);
  check_scales(inputs, 1, s.a, true, "a_scale");
  check_scales(inputs, 4, s.b, false, "b_scale");
  const Value& zero = need(inputs, 7);
  require_bytes(zero, "its y_zero_point");
  check_scale(inputs, 6, "y_scale", {});
  check_zero_point(inputs, 7, zero.type, "y_zero_point", {});
  return {{zero.type, s.result(inputs[0]->shape.size(), inputs[3]->shape.size())}};
}

std::vector<Tensor> evaluate_qlinear_matmul(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::span<Dim> y = out[0].ints();
  const MatMulShapes s = matmul_shapes(inputs[0]->shape, inputs[3]->shape);
  const PerChannel<float> scale_a = scales_of(inputs, 1), scale_b = scales_of(inputs, 4);
  const float scale_y = inputs[6]->floats()[0];
  const numerics::OutputRange range{static_cast<std::int32_t>(zero_points_of(inputs, 7)(0)),
                                    static_cast<std::int32_t>(lowest_code(out[0].type)),
                                    static_cast<std::int32_t>(highest_code(out[0].type))};
  const Dim m = s.m(), n = s.n();
  each_product(node, inputs, [&](const Batch& batch, const std::vector<std::int32_t>& sums) {
    for (Dim row = 0; row < m; ++row) {
      const float of_row = scale_a(batch.scales[0] * m + row);
      for (Dim column = 0; column < n; ++column) {
        const float factor = requantization_scale(of_row, scale_b(batch.scales[1] * n + column), scale_y);
        y[idx((batch.number * m + row) * n + column)] =
            numerics::requantize_float_scale(sums[idx(row * n + column)], factor, range);
      }
    }
  });
  return out;
}

}  // namespace mantissa::network::ops
