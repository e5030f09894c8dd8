// SPDX-License-Identifier: Apache-2.0
// What convolutions of floats and of codes share: the shape of the work, and the gathering of the input into columns
// (im2col) whose elements are ordered kernel position, then channel (innermost).
#pragma once
#include <algorithm>
#include <vector>

#include "network/ops/common.h"
#include "network/ops/window.h"

namespace mantissa::network::ops {

struct Convolution {
  Window window;
  Dim images = 1, groups = 1, in_channels = 1, out_channels = 1;  // channels of one group
  Dim k() const { return window.taps() * in_channels; }
  bool empty() const { return images * groups * out_channels * k() * window.out_size() == 0; }
  TensorType result(ElementType type) const;
};

// Of a node with attributes, inputs and weights as Conv has them. Throws OpError when they do not fit.
Convolution forward_convolution(const Node& node, const Shape& x, const Shape& weights);
// The attribute `group`, which divides the channels.
Dim groups_of(const Node& node, Dim channels, const char* what);

// Outputs of one image and group at a time that make columns of about 64 K elements, so that a block stays in the
// cache.
Dim column_block(const Convolution& conv);

// Whether the input's planes are the columns already.
bool reads_input_directly(const Window& window);

// [out][channel][tap] -> [out][tap][channel].
template <class T>
std::vector<T> pack_weights(const Convolution& conv, const std::vector<T>& weights) {
  const Dim taps = conv.window.taps(), channels = conv.in_channels;
  if (taps == 1 || channels == 1) {
    return weights;
  }
  std::vector<T> packed(weights.size());
  const Dim outputs = conv.k() == 0 ? 0 : len(weights.size()) / conv.k();
  for (Dim o = 0; o < outputs; ++o) {
    const T* from = weights.data() + o * conv.k();
    T* to = packed.data() + o * conv.k();
    for (Dim c = 0; c < channels; ++c) {
      for (Dim t = 0; t < taps; ++t) {
        to[t * channels + c] = from[c * taps + t];
      }
    }
  }
  return packed;
}

// One tap of one output line: the run of outputs [first, last) on output row (od, oh).
struct ColumnLine {
  Dim od, oh, first, last;
};

// The line for all channels, into rows of columns `channel_pitch` apart.
template <class T>
void fill_column_line(const Convolution& conv, const T* image, const ColumnLine& line, const Triple& tap, T padding,
                      T* to, Dim channel_pitch) {
  const auto floor_div = [](Dim a, Dim b) { return a >= 0 ? a / b : -((-a + b - 1) / b); };
  const Window& w = conv.window;
  const Dim id = w.at(0, line.od, tap[0]), ih = w.at(1, line.oh, tap[1]), shift = w.at(2, 0, tap[2]),
            stride = w.stride[2];
  Dim lo = line.first, hi = line.first;  // outputs that read inside the input
  if (id >= 0 && id < w.in[0] && ih >= 0 && ih < w.in[1]) {
    lo = std::clamp(-floor_div(shift, stride), line.first, line.last);
    hi = std::clamp(floor_div(w.in[2] - 1 - shift, stride) + 1, lo, line.last);
  }
  const Dim row = (id * w.in[1] + ih) * w.in[2] + shift;
  for (Dim c = 0; c < conv.in_channels; ++c, to += channel_pitch) {
    std::fill(to, to + (lo - line.first), padding);
    std::fill(to + (hi - line.first), to + (line.last - line.first), padding);
    if (hi <= lo) {
      continue;
    }
    const T* from = image + (c * w.in_size() + row + lo * stride);
    T* inside = to + (lo - line.first);
    if (stride == 1) {
      std::copy(from, from + (hi - lo), inside);
      continue;
    }
    for (Dim o = 0; o < hi - lo; ++o) {
      inside[o] = from[o * stride];
    }
  }
}

// Outputs [begin, end) of one image and group as columns of length k; row-major with end - begin columns. What lies
// outside the input reads `padding`.
template <class T>
void im2col(const Convolution& conv, const T* image, Dim begin, Dim end, T padding, T* columns) {
  const Window& w = conv.window;
  const Dim pitch = end - begin;
  for (Dim t = 0; t < w.taps(); ++t) {
    const Triple tap{t / (w.kernel[1] * w.kernel[2]), t / w.kernel[2] % w.kernel[1], t % w.kernel[2]};
    for (Dim p = begin; p < end;) {
      const Dim first = p % w.out[2], count = std::min(w.out[2] - first, end - p);
      const ColumnLine line{p / w.out[2] / w.out[1], p / w.out[2] % w.out[1], first, first + count};
      fill_column_line(conv, image, line, tap, padding, columns + t * conv.in_channels * pitch + (p - begin), pitch);
      p += count;
    }
  }
}

}  // namespace mantissa::network::ops
