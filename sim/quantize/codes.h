// SPDX-License-Identifier: Apache-2.0
// Inside quantize: runs of elements that share a scale.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "quantize/scheme.h"

namespace mantissa::quantize {

// Codes of n elements with the scale (and zero point) number `index` of the scheme.
void quantize_run(const Scheme& scheme, std::size_t index, const float* x, float* q, std::size_t n);

// Weights [out][in][taps...] of one out channel: where the element at a position of the order of accumulation lies.
struct AccumulationOrder {
  std::size_t channels = 1, taps = 1;

  explicit AccumulationOrder(const network::Shape& shape);  // REQUIRES: rank >= 1
  std::size_t k() const { return channels * taps; }
  std::size_t source(std::size_t position) const { return position % channels * taps + position / channels; }
};

}  // namespace mantissa::quantize
