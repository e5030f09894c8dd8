// SPDX-License-Identifier: Apache-2.0
// Inside quantize: how far the range may be cut so that the tensor as a whole loses least.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "config/workload.h"
#include "numerics/format.h"
#include "quantize/observer.h"

namespace mantissa::quantize {

// Natural logarithm, to about 1e-16, from basic operations alone: the C library's differs between processors in the
// last digit, which could tip a comparison. REQUIRES: x > 0, finite.
double portable_log(double x);

// The histogram of magnitudes in at most 2,048 bins, up to the one that holds the largest.
struct Magnitudes {
  double width = 0;
  std::vector<std::int64_t> bins;
};
Magnitudes coarse_magnitudes(const Histogram& histogram);

// The number of bins that the entropy calibrator keeps (NVIDIA's rule as ModelOpt has it); `levels` is 2^(bits - 1).
// REQUIRES: the last bin is not empty.
std::size_t entropy_bins(std::vector<std::int64_t> bins, std::int64_t levels);

// Values with weights, and the ends that the range may have.
struct ClipSearch {
  std::vector<float> values;
  std::vector<double> counts;      // as many
  std::vector<float> lows, highs;  // ascending magnitudes, the last ones the observed extremes; without zeros
};
ClipSearch search_of(const Observer& observed);
// 128 ends, equally far apart.
ClipSearch search_of(std::span<const float> values);

// The range with the least sum of counts * (x - x')^2 of the format's quantization; the widest of equals. Symmetric
// (and floating-point) schemes try every magnitude. Affine ones try every high end with the widest low end, then every
// low end with the best high end, and so on until neither changes (at most 8 rounds).
std::pair<float, float> least_squares_range(const numerics::Format& format, const config::TensorRecipe& recipe,
                                            const ClipSearch& search);

}  // namespace mantissa::quantize
