// SPDX-License-Identifier: Apache-2.0
// Matrix products of two operands that are both known only at run time (attention scores), or that have batch
// dimensions of their own, through any datapath. Both operands are quantized per tensor.
#pragma once
#include "execute/matrix/arithmetic.h"

namespace mantissa::execute {

class BatchedProduct {
 public:
  explicit BatchedProduct(Arithmetic arithmetic) : arithmetic_(std::move(arithmetic)) {}

  // numpy's matmul: leading dimensions broadcast; a vector is a row (a) or a column (b). out has the result's shape.
  void run(const network::Tensor& a, const network::Tensor& b, float alpha, network::Tensor& out) const;

 private:
  Arithmetic arithmetic_;
};

}  // namespace mantissa::execute
