// SPDX-License-Identifier: Apache-2.0
// Conv, Gemm and MatMul nodes through any datapath.
#pragma once
#include <functional>
#include <memory>
#include <span>

#include "execute/matrix/arithmetic.h"
#include "network/graph.h"

namespace mantissa::execute {

// How a node's operands are treated; the rule of constant weights is made from their data, channels along axis 0 (-1:
// none).
struct MatrixRules {
  numerics::Datapath datapath;
  OperandRule data;    // inputs[0]
  OperandRule second;  // inputs[1] where it is computed
  std::function<OperandRule(const network::Tensor& weights, int channel_axis)>
      weights;  // inputs[1] where it is constant

  static MatrixRules reference();
};

class MatrixOperation {
 public:
  virtual ~MatrixOperation() = default;
  virtual network::Tensor run(std::span<const network::Tensor* const> inputs) const = 0;
};

// nullptr for what goes through no datapath here: other operators, convolutions with computed weights.
std::unique_ptr<MatrixOperation> make_matrix_operation(const network::Graph& graph, const network::Node& node,
                                                       const MatrixRules& rules);

}  // namespace mantissa::execute
