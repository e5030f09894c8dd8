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

namespace mantissa::quantize {

// Whether tensors of this format carry a scale: integers, and floats too narrow to hold a network's values as they are
// (8 bits or fewer, or fewer than 5 exponent bits). Wider floats are plain casts.
bool needs_scale(const numerics::Format& format);

// One scale for the tensor, or one for each channel along `axis`.
struct Scheme {
  numerics::Format format;
  int axis = -1;                          // -1: per tensor
  bool symmetric = true;                  // integers: the code -2^(n-1) is not used
  std::vector<float> scales;              // > 0
  std::vector<std::int32_t> zero_points;  // integers: as many as scales; else empty

  std::int32_t zero_point(std::size_t channel) const { return zero_points.empty() ? 0 : zero_points[channel]; }
  // Smallest and largest code of an integer format.
  std::int32_t lowest() const { return -(1 << (format.mantissa_bits - 1)) + (symmetric ? 1 : 0); }
  std::int32_t highest() const { return (1 << (format.mantissa_bits - 1)) - 1; }
};

// Watches values and gives the range to cover. Minimum and maximum are exact; percentiles come from histograms of the
// positive and the negative magnitudes whose bins, 2^e wide, double in width as larger values come. The state does not
// depend on the order in which values are seen. NaNs and infinities are passed over.
class Observer {
 public:
  void observe(std::span<const float> values);
  void merge(const Observer& other);
  std::int64_t count() const { return count_; }  // of finite values
  // The range that the recipe covers; throws std::invalid_argument when nothing finite was observed.
  //   min-max                 [minimum, maximum]
  //   percentile, symmetric   the smallest bin edge m such that `percentile` % of the values have |x| <= m, cut to the
  //   extremes percentile, affine      bin edges with at most (100 - percentile) / 2 % of the values beyond each
  std::pair<float, float> range(const config::TensorRecipe& recipe) const;

 private:
  void reserve(float magnitude);
  void coarsen(int exponent);
  double edge(std::size_t bin) const;
  double symmetric_edge(double percentile) const;
  double affine_edge(bool top, std::int64_t beyond) const;

  float min_ = 0, max_ = 0;
  std::int64_t count_ = 0;
  int exponent_ = 0;  // bins are 2^exponent_ wide
  std::vector<std::int64_t> positive_, negative_;
};

// The scale (and zero point) that maps [low, high], extended to contain 0, onto the format. An all-zero range gets
// scale 1, and so does a format that needs no scale. Throws std::invalid_argument for a range that is not finite.
Scheme choose_scheme(const numerics::Format& format, const config::TensorRecipe& recipe, float low, float high);
// channel_axis -1: per tensor whatever the recipe says. Throws std::invalid_argument for weights that are not finite.
Scheme choose_weight_scheme(const numerics::Format& format, const config::TensorRecipe& recipe,
                            const network::Tensor& weights, int channel_axis);

// Codes q (integers, or floats on the format's grid, both as float) of x; the zero point is included. Beyond the
// format's range values saturate; NaN becomes the code of zero in integer formats and stays NaN in floating-point ones.
void quantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<float> q);
// The same for integer formats of at most 8 bits.
void quantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<std::int8_t> q);

}  // namespace mantissa::quantize
