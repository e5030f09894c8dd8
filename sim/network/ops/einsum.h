// SPDX-License-Identifier: Apache-2.0
// Einsum's letters, and the matrix product that a contraction of two operands is.
#pragma once
#include "network/kernel.h"
#include "network/ops/common.h"

namespace mantissa::network::ops {

// Groups the letters of an equation of two operands: in both and the result: batch; in one and the result: m, n; in
// both only: k. Letters of one operand that are summed away count to k. One operand: m x k with n = 1. REQUIRES: infer
// accepts the node.
GemmWork einsum_work(const Node& node, std::span<const Shape> inputs);

}  // namespace mantissa::network::ops
