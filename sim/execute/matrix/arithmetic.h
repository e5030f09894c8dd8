// SPDX-License-Identifier: Apache-2.0
// The arithmetic of one matrix operation: how its operands get onto the grid that the datapath multiplies, and how what
// leaves the datapath is scaled back. docs/quantization.md states the semantics.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "network/graph.h"
#include "numerics/datapath.h"
#include "quantize/scheme.h"

namespace mantissa::execute {

struct OperandRule {
  numerics::Format format;
  std::optional<quantize::Scheme> scheme;  // of formats that need a scale; absent: a plain cast

  float scale(std::size_t channel = 0) const;
  std::int32_t zero_point(std::size_t channel = 0) const;
};

struct Arithmetic {
  numerics::Datapath datapath;  // a: the data operand; b: the weights, or the second data operand
  OperandRule data, weights;

  bool integer() const { return datapath.accumulation == numerics::Accumulation::kInteger; }
  // Plain FP32: operands as they are.
  static Arithmetic reference();
};

// Whether prepare() would give the operand's own values back.
bool is_ready(const Arithmetic& arithmetic, const OperandRule& rule);
// The operand's values on the datapath's grid; REQUIRES: not integer().
std::vector<float> prepare(const Arithmetic& arithmetic, const OperandRule& rule, const network::Tensor& operand);
// The operand's codes; REQUIRES: integer().
std::vector<std::int8_t> prepare_codes(const OperandRule& rule, const network::Tensor& operand);

// The datapath with the weights as operand a, as numerics::gemm is called here. Products commute, so no bit changes.
numerics::Datapath weights_first(numerics::Datapath datapath);

}  // namespace mantissa::execute
