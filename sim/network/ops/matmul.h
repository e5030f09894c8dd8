// SPDX-License-Identifier: Apache-2.0
// The shapes of numpy's matmul, for products of floats and of codes.
#pragma once
#include "network/ops/common.h"

namespace mantissa::network::ops {

// A vector is a matrix of one row (left) or one column (right); leading dimensions broadcast.
struct MatMulShapes {
  Shape a, b, batch;  // a, b: of rank 2 at least
  // Of the product; rank_a and rank_b as they were given.
  Shape result(std::size_t rank_a, std::size_t rank_b) const;
  Dim m() const { return a[a.size() - 2]; }
  Dim k() const { return a.back(); }
  Dim n() const { return b.back(); }
};

MatMulShapes matmul_shapes(Shape a, Shape b);

}  // namespace mantissa::network::ops
