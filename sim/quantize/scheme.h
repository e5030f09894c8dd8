// SPDX-License-Identifier: Apache-2.0
// Post-training quantization: scales and zero points from observed ranges, and tensors on the quantized grid.
// q = clamp(round(x / scale) + zero_point); x' = (q - zero_point) * scale. Floating-point formats have zero_point 0 and
// round to the format's grid instead of to integers.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "config/chip.h"
#include "config/workload.h"
#include "network/graph.h"
#include "network/kernel.h"

namespace mantissa::quantize {

// One scale for the tensor, or one for each channel along `axis`.
struct Scheme {
  numerics::Format format;
  int axis = -1;                          // -1: per tensor
  std::vector<float> scales;              // > 0
  std::vector<std::int32_t> zero_points;  // integer formats; same length as scales
};

// Watches values and gives the range to cover. Minimum and maximum are exact; percentiles come from a histogram of |x| (and of
// x for affine schemes) that grows by doubling its width.
class Observer {
 public:
  void observe(std::span<const float> values);
  // The range that the recipe covers; throws ConfigError-free std::invalid_argument when nothing finite was observed.
  std::pair<float, float> range(const config::TensorRecipe& recipe) const;

 private:
  float min_ = 0, max_ = 0;
  std::int64_t count_ = 0;
  double width_ = 0;                      // of one bin
  std::vector<std::int64_t> positive_, negative_;
};

// The scale (and zero point) that maps [low, high] onto the format. An all-zero range gets scale 1.
Scheme choose_scheme(const numerics::Format& format, const config::TensorRecipe& recipe, float low, float high);
Scheme choose_weight_scheme(const numerics::Format& format, const config::TensorRecipe& recipe, const network::Tensor& weights,
                            int channel_axis);

// Grid values q (integers, or floats on the format's grid, both as float) of x; before the zero point is taken off.
void quantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<float> q);

}  // namespace mantissa::quantize
