// SPDX-License-Identifier: Apache-2.0
// Integer results for integer readers: int32 sums, with an int32 bias, straight to the int8 codes that the next matrix
// operation reads. numerics/requantize.h has the roundings.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "numerics/requantize.h"
#include "quantize/scheme.h"

namespace mantissa::execute {

struct Requantizer {
  numerics::Requantization how{};
  quantize::Scheme output;      // of the readers: one scale
  numerics::OutputRange range;  // its zero point; its codes, cut by a fused Relu or Clip
  std::vector<float> bias;      // of each channel; empty: none

  // Of one channel; `scale` is what a unit of the sums is worth. The values that the codes stand for, (code - zero
  // point) x output scale in FP32, which readers code back without a change.
  void apply(std::span<const std::int32_t> sums, double scale, std::size_t channel, std::span<float> values) const;
};

}  // namespace mantissa::execute
