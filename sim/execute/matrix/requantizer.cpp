// SPDX-License-Identifier: Apache-2.0
#include "execute/matrix/requantizer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mantissa::execute {
namespace {

// To nearest, halves to even; int32 saturates. A NaN counts as zero.
std::uint32_t integer_bias(double bias, double scale) {
  using Limits = std::numeric_limits<std::int32_t>;
  const double code = std::nearbyint(bias / scale);
  if (std::isnan(code)) {
    return 0;
  }
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(std::clamp<double>(code, Limits::min(), Limits::max())));
}

}  // namespace

void Requantizer::apply(std::span<const std::int32_t> sums, double scale, std::size_t channel,
                        std::span<float> values) const {
  const std::uint32_t addend = bias.empty() ? 0 : integer_bias(static_cast<double>(bias[channel]), scale);
  std::vector<std::int32_t> biased(sums.size());
  std::transform(sums.begin(), sums.end(), biased.begin(),
                 [&](std::int32_t sum) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) + addend); });
  std::vector<std::int8_t> codes(sums.size());
  const float unit = output.scales[0];
  const double factor = std::min<double>(scale / static_cast<double>(unit), std::numeric_limits<float>::max());
  numerics::requantize(how, biased, factor, range, codes);
  std::transform(codes.begin(), codes.end(), values.begin(),
                 [&](std::int8_t code) { return static_cast<float>(std::int32_t{code} - range.zero_point) * unit; });
}

}  // namespace mantissa::execute
