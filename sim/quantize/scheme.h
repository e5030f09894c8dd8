// SPDX-License-Identifier: Apache-2.0
// Post-training quantization: scales and zero points from observed ranges, and tensors on the quantized grid.
// q = clamp(round(x / scale) + zero_point); x' = (q - zero_point) * scale. Floating-point formats have no zero point
// and round to the format's grid instead of to integers. The exact rules are in docs/quantization.md.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/workload.h"
#include "network/graph.h"
#include "numerics/format.h"
#include "quantize/observer.h"

namespace mantissa::quantize {

// Whether tensors of this format carry a scale: integers, and floats too narrow to hold a network's values as they are
// (8 bits or fewer, or fewer than 5 exponent bits). Wider floats are plain casts.
bool needs_scale(const numerics::Format& format);

// Which elements of a tensor share a scale:
//   axis kTensor            all of them
//   axis a >= 0             those with the same index along axis a
//   axis kParts             the tensor's scales.size() consecutive equal parts: the samples of a batch, or the tokens
//                           (rows) of an activation
//   axis 0 and group > 0    weights [out][in][taps...]: runs of `group` elements of an out channel in the order of
//                           accumulation, which is tap by tap with `in` innermost: element [out][c][t] has position
//                           t * in + c. The last run may be shorter. scales[out * groups + position / group] with
//                           groups = ceil(in * taps / group). A matrix [out][k] has one tap.
struct Scheme {
  static constexpr int kTensor = -1, kParts = -2;

  numerics::Format format;
  int axis = kTensor;
  bool symmetric = true;                  // integers: the code -2^(n-1) is not used
  std::vector<float> scales;              // 2^-126 .. the largest float
  std::vector<std::int32_t> zero_points;  // integers: as many as scales; else empty
  std::int64_t group = 0;                 // 0: no groups

  std::int32_t zero_point(std::size_t channel) const { return zero_points.empty() ? 0 : zero_points[channel]; }
  // Smallest and largest code of an integer format.
  std::int32_t lowest() const { return -(1 << (format.mantissa_bits - 1)) + (symmetric ? 1 : 0); }
  std::int32_t highest() const { return (1 << (format.mantissa_bits - 1)) - 1; }
  // Of k elements of an out channel.
  std::int64_t groups(std::int64_t k) const { return group == 0 ? 1 : (k + group - 1) / group; }
};

// The scale (and zero point) that maps [low, high], extended to contain 0, onto the format. An all-zero range gets
// scale 1, and so does a format that needs no scale. Symmetric schemes leave 2^recipe.margin of headroom. Throws
// std::invalid_argument for a range that is not finite.
Scheme choose_scheme(const numerics::Format& format, const config::TensorRecipe& recipe, float low, float high);

// Static activations: one scale, from what calibration saw and the recipe's calibrator. Throws std::invalid_argument
// when nothing finite was observed, and for the entropy calibrator with a floating-point format.
Scheme choose_scheme(const numerics::Format& format, const config::TensorRecipe& recipe, const Observer& observed);

// Dynamic activations: a scale for each of `parts` equal consecutive parts of x, from the part's own smallest and
// largest finite value. `parts`: the samples (granularity per tensor) or the rows (per token; a convolution's data has
// no rows, and its samples are taken). REQUIRES: parts divides x.
Scheme dynamic_scheme(const numerics::Format& format, const config::TensorRecipe& recipe, std::span<const float> x,
                      std::int64_t parts);

// Weights: a scale for the tensor, for each index along channel_axis, or for each group (channel_axis 0 only), as the
// recipe says. channel_axis -1: per tensor whatever the recipe says. Throws std::invalid_argument for weights that are
// not finite.
Scheme choose_weight_scheme(const numerics::Format& format, const config::TensorRecipe& recipe,
                            const network::Tensor& weights, int channel_axis);

// Codes q (integers, or floats on the format's grid, both as float) of x; the zero point is included. Beyond the
// format's range values saturate; NaN becomes the code of zero in integer formats and stays NaN in floating-point ones.
void quantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<float> q);
// The same for integer formats of at most 8 bits.
void quantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<std::int8_t> q);
// x' = (q - zero point) * scale, one FP32 product; q may be x.
void dequantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> q, std::span<float> x);

}  // namespace mantissa::quantize
