// SPDX-License-Identifier: Apache-2.0
// Cast and CastLike between numbers and booleans. Reals become integers by truncation; what does not fit int64
// saturates there, NaN becomes 0, and the result wraps to the width of its type.
#include <algorithm>
#include <cmath>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

Dim to_integer(double x, ElementType type) {
  if (type == ElementType::kBool) {
    return x != 0;
  }
  if (std::isnan(x)) {
    return 0;
  }
  if (type == ElementType::kUint64 && x >= 0x1p63) {
    return static_cast<Dim>(x < 0x1p64 ? static_cast<std::uint64_t>(x) : ~std::uint64_t{0});
  }
  const double limit = 0x1p63;
  return wrap(type, x >= limit   ? std::numeric_limits<Dim>::max()
                    : x < -limit ? std::numeric_limits<Dim>::min()
                                 : static_cast<Dim>(x));
}

ElementType target(const Node& node, Values inputs) {
  if (node.op == Op::kCastLike) {
    return need(inputs, 1).type;
  }
  require(node.attributes.contains("to"), "attribute 'to' is missing");
  return from_onnx_type(node.integer("to", 0));
}

}  // namespace

Types infer_cast(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const ElementType to = target(node, inputs);
  require(x.type != ElementType::kString && to != ElementType::kString, "string tensors are not supported");
  return {{to, x.shape}};
}

std::vector<Tensor> evaluate_cast(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Tensor& in = *inputs[0];
  Tensor& y = out[0];
  for (Dim i = 0; i < checked_count(y.shape); ++i) {
    if (y.type == ElementType::kFloat) {
      y.floats()[idx(i)] = static_cast<float>(real_at(in, i));
    } else if (y.type == ElementType::kDouble) {
      std::get<std::vector<double>>(y.data)[idx(i)] = real_at(in, i);
    } else if (is_float(in.type)) {
      y.ints()[idx(i)] = to_integer(real_at(in, i), y.type);
    } else {
      y.ints()[idx(i)] = wrap(y.type, in.ints()[idx(i)]);
    }
  }
  return out;
}

}  // namespace mantissa::network::ops
