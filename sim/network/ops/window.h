// SPDX-License-Identifier: Apache-2.0
// The sliding window that convolutions and pooling share: 1 to 3 spatial dimensions, held as three with leading ones.
#pragma once
#include <array>

#include "network/ops/common.h"

namespace mantissa::network::ops {

using Triple = std::array<Dim, 3>;  // depth, height, width

struct Window {
  std::size_t rank = 2;  // spatial dimensions of the tensors
  Triple in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1};
  Triple pad{0, 0, 0}, pad_end{0, 0, 0};

  Dim in_size() const { return in[0] * in[1] * in[2]; }
  Dim out_size() const { return out[0] * out[1] * out[2]; }
  Dim taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  // Input position that tap t of output o reads along dimension d; may lie in the padding.
  Dim at(std::size_t d, Dim o, Dim t) const { return o * stride[d] - pad[d] + t * dilation[d]; }
};

// Spatial sizes of an N x C x ... tensor as a triple. Throws OpError unless there are 1 to 3 of them.
Triple spatial(const Shape& shape, const char* what);
// The rank-th-from-last dimensions of a triple as a shape tail.
void append_spatial(Shape& shape, const Triple& triple, std::size_t rank);

// Reads strides, dilations, pads and auto_pad, and computes the output size of a convolution or pooling (ceil_mode:
// pooling only).
Window forward_window(const Node& node, const Shape& input, const Shape& kernel, bool ceil_mode);
// The same for a transposed convolution: output_padding and output_shape too. `pad` and `pad_end` are those of the
// attribute.
Window transposed_window(const Node& node, const Shape& input, const Shape& kernel);

// kernel_shape of a node, checked against `from_weights` where there are weights (empty: pooling).
Shape kernel_of(const Node& node, std::size_t rank, const Shape& from_weights);

}  // namespace mantissa::network::ops
