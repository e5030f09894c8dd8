// SPDX-License-Identifier: Apache-2.0
// Conv, Gemm and MatMul nodes through any datapath.
#pragma once
#include <memory>
#include <span>

#include "execute/matrix/matrix_product.h"
#include "network/graph.h"

namespace mantissa::execute {

// How a node's operands are treated: a is inputs[0], b inputs[1].
using MatrixRules = ProductRules;

// Plain FP32: operands as they are.
MatrixRules reference_rules();

class MatrixOperation {
 public:
  virtual ~MatrixOperation() = default;
  virtual network::Tensor run(std::span<const network::Tensor* const> inputs) const = 0;
};

// nullptr for what goes through no datapath here: other operators, convolutions with computed weights. Throws
// std::invalid_argument for weights that cannot be quantized.
std::unique_ptr<MatrixOperation> make_matrix_operation(const network::Graph& graph, const network::Node& node,
                                                       const MatrixRules& rules);

}  // namespace mantissa::execute
