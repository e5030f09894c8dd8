// SPDX-License-Identifier: Apache-2.0
// Operators of the compact form of shape-only networks: RmsNorm, Rotary (rotary position embedding), Attention with an
// optional key/value cache. Silu and Gelu are in unary.cpp.
#include <cmath>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

Dim positive(const Node& node, const char* name) {
  const Dim value = node.integer(name, 0);
  require(value >= 1 && value < kMaxDim, "{} must be at least 1, not {}", name, value);
  return value;
}

// batch x length x heads * head_dim
void check_heads(const Value& x, const char* what, Dim heads, Dim head_dim) {
  require_kfloat(x, what);
  require(x.shape.size() == 3, "{} has shape {}, expected batch x length x features", what, to_string(x.shape));
  require(x.shape[2] == heads * head_dim, "{} has {} features, expected {} heads of {}", what, x.shape[2], heads,
          head_dim);
}

}  // namespace

Types infer_rms_norm(const Node&, Values inputs) {
  const Value& x = need(inputs, 0);
  require_kfloat(x, "its input");
  require(!x.shape.empty(), "its input is a scalar");
  require(need(inputs, 1).shape == Shape{x.shape.back()}, "its scale has shape {}, expected {} features",
          to_string(inputs[1]->shape), x.shape.back());
  require_kfloat(*inputs[1], "its scale");
  return {{x.type, x.shape}};
}

std::vector<Tensor> evaluate_rms_norm(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::span<const float> x = inputs[0]->floats(), scale = inputs[1]->floats();
  const double epsilon = static_cast<double>(node.real("epsilon", 1e-5F));
  for (std::size_t row = 0; row < x.size(); row += scale.size()) {
    double sum = 0;
    for (std::size_t i = 0; i < scale.size(); ++i) {
      sum += static_cast<double>(x[row + i]) * static_cast<double>(x[row + i]);
    }
    const double inverse = 1.0 / std::sqrt(sum / static_cast<double>(scale.size()) + epsilon);
    for (std::size_t i = 0; i < scale.size(); ++i) {
      out[0].floats()[row + i] =
          static_cast<float>(static_cast<double>(x[row + i]) * inverse * static_cast<double>(scale[i]));
    }
  }
  return out;
}

Types infer_rotary(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const Dim head_dim = positive(node, "head_dim");
  require(head_dim % 2 == 0, "head_dim must be even: features rotate in pairs");
  check_heads(x, "its input", positive(node, "heads"), head_dim);
  return {{x.type, x.shape}};
}

Types infer_attention(const Node& node, Values inputs) {
  const Dim heads = positive(node, "heads"), kv_heads = positive(node, "kv_heads"),
            head_dim = positive(node, "head_dim");
  require(heads % kv_heads == 0, "{} heads do not share {} key/value heads evenly", heads, kv_heads);
  const Value& q = need(inputs, 0);
  const Value& k = need(inputs, 1);
  check_heads(q, "Q", heads, head_dim);
  check_heads(k, "K", kv_heads, head_dim);
  require(need(inputs, 2).shape == k.shape, "V has shape {}, K has {}", to_string(inputs[2]->shape),
          to_string(k.shape));
  require(q.shape[0] == k.shape[0], "Q has batch {}, K has {}", q.shape[0], k.shape[0]);
  require(has(inputs, 3) == has(inputs, 4), "it has a cache of keys or of values, but not both");
  if (has(inputs, 3)) {
    check_heads(*inputs[3], "the key cache", kv_heads, head_dim);
    require(inputs[4]->shape == inputs[3]->shape, "the value cache has shape {}, the key cache {}",
            to_string(inputs[4]->shape), to_string(inputs[3]->shape));
    require(inputs[3]->shape[0] == q.shape[0] && inputs[3]->shape[1] >= k.shape[1],
            "the key cache {} must have the batch of Q and room for the {} new positions", to_string(inputs[3]->shape),
            k.shape[1]);
  }
  return {{q.type, q.shape}};
}

}  // namespace mantissa::network::ops
