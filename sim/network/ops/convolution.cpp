// SPDX-License-Identifier: Apache-2.0
#include "network/ops/convolution.h"

namespace mantissa::network::ops {

namespace {

constexpr Dim kBlockElements = 1 << 16;

}  // namespace

TensorType Convolution::result(ElementType type) const {
  TensorType result{type, {images, out_channels * groups}};
  append_spatial(result.shape, window.out, window.rank);
  return result;
}

Dim groups_of(const Node& node, Dim channels, const char* what) {
  const Dim groups = node.integer("group", 1);
  require(groups >= 1, "group must be at least 1, not {}", groups);
  require(channels % groups == 0, "{} {} are not divisible by group {}", channels, what, groups);
  return groups;
}

Convolution forward_convolution(const Node& node, const Shape& x, const Shape& weights) {
  Convolution conv;
  conv.groups = groups_of(node, weights[0], "output channels");
  require(x[1] % conv.groups == 0 && weights[1] == x[1] / conv.groups,
          "the weights expect {} input channels, the input has {}", weights[1] * conv.groups, x[1]);
  conv.window =
      forward_window(node, x, kernel_of(node, x.size() - 2, Shape(weights.begin() + 2, weights.end())), false);
  conv.images = x[0];
  conv.in_channels = weights[1];
  conv.out_channels = weights[0] / conv.groups;
  return conv;
}

Dim column_block(const Convolution& conv) {
  return std::min(std::max(kBlockElements / conv.k() / 64 * 64, Dim{64}), std::max(conv.window.out_size(), Dim{1}));
}

bool reads_input_directly(const Window& w) {
  return w.taps() == 1 && w.stride == Triple{1, 1, 1} && w.pad == Triple{0, 0, 0} && w.out == w.in;
}

}  // namespace mantissa::network::ops
