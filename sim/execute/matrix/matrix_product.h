// SPDX-License-Identifier: Apache-2.0
// Gemm and MatMul through any datapath, for operands that are computed and for constants, which are prepared once.
//
//   a [m x k]  .  b [k x n]  ->  scaled by (a's scale of the row x b's scale of the column), in FP32
//
// Where one operand has a scale for each group of k, the products of a group start from a zero accumulator, and the
// scaled results are added in FP32, group by group.
#pragma once
#include <optional>

#include "execute/matrix/operand.h"
#include "execute/matrix/requantizer.h"

namespace mantissa::execute {

struct ProductRules {
  numerics::Datapath datapath;
  OperandRule a, b;    // of computed operands
  WeightRule weights;  // of constant ones
  // Integer datapaths with a static scale of a and weights without groups: results are those of codes.
  std::optional<Requantizer> requantizer{};
};

class MatrixProduct {
 public:
  // Shapes as numpy's matmul takes them; constants are null where an operand is computed. A constant's rows (a) or
  // columns (b) are its channels. Throws std::invalid_argument for constants that cannot be quantized.
  MatrixProduct(ProductRules rules, const network::Shape& a, const network::Tensor* constant_a, const network::Shape& b,
                const network::Tensor* constant_b);

  // numpy's matmul: leading dimensions broadcast; a vector is a row (a) or a column (b). out has the result's shape and
  // is overwritten. REQUIRES: a and b have the shapes of the constructor; constants are not looked at.
  void run(std::span<const float> a, std::span<const float> b, float alpha, std::span<float> out) const;

 private:
  // An operand with what its vectors (all rows of a, all columns of b) need when a product is done: [group][vector].
  struct Factor {
    Prepared operand;
    std::int64_t vectors = 0;
    std::vector<float> scales;
    std::vector<std::uint32_t> zero_points;  // empty: all zero
    std::vector<std::uint32_t> code_sums;    // empty where the other operand has no zero points
  };
  // One product, or some rows of it.
  struct Part {
    std::int64_t row, rows;         // of all rows of a
    std::int64_t matrix_b, column;  // of all columns of b
    float* out;
  };

  Factor make_factor(Prepared operand, std::int64_t vectors) const;
  void add_code_sums(Factor& factor, bool is_b) const;
  void multiply(const Factor& a, const Factor& b, const Part& part, float alpha) const;
  void multiply_floats(const Factor& a, const Factor& b, const Part& part, std::vector<float>& sums) const;
  void multiply_codes(const Factor& a, const Factor& b, const Part& part, std::vector<std::int32_t>& sums) const;
  void requantize(const Factor& a, const Factor& b, const Part& part, std::span<const std::int32_t> sums) const;
  std::int64_t groups() const { return group_ == 0 ? 1 : (k_ + group_ - 1) / group_; }
  std::int64_t group_size(std::int64_t g) const { return group_ == 0 ? k_ : std::min(group_, k_ - g * group_); }

  ProductRules rules_;
  network::Shape a_, b_;  // two axes at least
  std::int64_t m_ = 0, n_ = 0, k_ = 0, matrices_a_ = 0, matrices_b_ = 0;
  std::int64_t group_ = 0;  // of k; 0: no groups
  std::optional<Factor> constant_a_, constant_b_;
};

}  // namespace mantissa::execute
