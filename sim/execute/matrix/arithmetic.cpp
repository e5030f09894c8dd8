// SPDX-License-Identifier: Apache-2.0
#include "execute/matrix/arithmetic.h"

#include <utility>

#include "base/error.h"

namespace mantissa::execute {

float OperandRule::scale(std::size_t channel) const {
  return !scheme ? 1.0F : scheme->scales[scheme->scales.size() == 1 ? 0 : channel];
}

std::int32_t OperandRule::zero_point(std::size_t channel) const {
  return !scheme || scheme->zero_points.empty() ? 0
                                                : scheme->zero_points[scheme->zero_points.size() == 1 ? 0 : channel];
}

Arithmetic Arithmetic::reference() {
  const numerics::Datapath fp32 = numerics::fp32_reference();
  return {fp32, {fp32.a, {}}, {fp32.b, {}}};
}

bool is_ready(const Arithmetic& arithmetic, const OperandRule& rule) {
  const auto& f = rule.format;
  return !rule.scheme && !f.integer && f.exponent_bits == 8 && f.mantissa_bits == 23 &&
         !arithmetic.datapath.flush_subnormal_operands;
}

std::vector<float> prepare(const Arithmetic& arithmetic, const OperandRule& rule, const network::Tensor& operand) {
  const auto values = operand.floats();
  std::vector<float> result(values.begin(), values.end());
  if (rule.scheme) {
    quantize::quantize(*rule.scheme, operand.shape, values, std::span<float>(result));
  }
  numerics::prepare_operand(arithmetic.datapath, rule.format, result);
  return result;
}

std::vector<std::int8_t> prepare_codes(const OperandRule& rule, const network::Tensor& operand) {
  check(rule.scheme.has_value(), "integer operands have a scale");
  std::vector<std::int8_t> codes(operand.floats().size());
  quantize::quantize(*rule.scheme, operand.shape, operand.floats(), std::span<std::int8_t>(codes));
  return codes;
}

numerics::Datapath weights_first(numerics::Datapath datapath) {
  std::swap(datapath.a, datapath.b);
  return datapath;
}

}  // namespace mantissa::execute
