// SPDX-License-Identifier: Apache-2.0
#include "numerics/requantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace mantissa::numerics {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kSmallest = std::numeric_limits<std::int32_t>::min();

std::int32_t to_range(std::int64_t scaled, OutputRange range) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(scaled + range.zero_point, range.low, range.high));
}

// x / 2^shift to nearest, ties away from zero.
std::int64_t shift_right_ties_away(std::int64_t x, int shift) {
  if (shift == 0) {
    return x;
  }
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  return x >= 0 ? (x + half) >> shift : -((-x + half) >> shift);
}

}  // namespace

FixedPointScale fixed_point_scale(double scale) {
  check(std::isfinite(scale) && scale >= 0.0, "a requantization scale is finite and not negative");
  int shift = 0;
  auto multiplier = static_cast<std::int64_t>(std::round(std::ldexp(std::frexp(scale, &shift), 31)));
  if (multiplier == kLargest + 1) {
    multiplier /= 2;
    ++shift;
  }
  if (shift < -31) {
    return {0, 0};
  }
  if (shift > 30) {
    return {static_cast<std::int32_t>(kLargest), 30};
  }
  return {static_cast<std::int32_t>(multiplier), shift};
}

std::int32_t requantize_double_rounding(std::int32_t sum, FixedPointScale scale, OutputRange range) {
  const int left = std::max(scale.shift, 0);
  const int right = std::max(-scale.shift, 0);
  const std::int64_t x = std::clamp(std::int64_t{sum} * (std::int64_t{1} << left), kSmallest, kLargest);
  // floor((x * multiplier + 2^30) / 2^31): x * multiplier * 2 / 2^32 to nearest. The multiplier is never -2^31.
  const std::int64_t high = (x * scale.multiplier + (std::int64_t{1} << 30)) >> 31;
  return to_range(shift_right_ties_away(high, right), range);
}

std::int32_t requantize_single_rounding(std::int32_t sum, FixedPointScale scale, OutputRange range) {
  const int shift = 31 - scale.shift;  // 1..62
  return to_range((std::int64_t{sum} * scale.multiplier + (std::int64_t{1} << (shift - 1))) >> shift, range);
}

std::int32_t requantize_float_scale(std::int32_t sum, float scale, OutputRange range) {
  const float scaled = std::nearbyint(static_cast<float>(sum) * scale);
  const float bounded = std::clamp(scaled, -4294967296.0F, 4294967296.0F);
  return to_range(static_cast<std::int64_t>(bounded), range);
}

void requantize(Requantization how, std::span<const std::int32_t> sums, double scale, OutputRange range,
                std::span<std::int8_t> outputs) {
  check(sums.size() == outputs.size(), "as many outputs as sums");
  check(range.low >= -128 && range.high <= 127 && range.low <= range.high, "an output range within int8");
  const FixedPointScale fixed = how == Requantization::kFloatScale ? FixedPointScale{} : fixed_point_scale(scale);
  const auto single = static_cast<float>(scale);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::int32_t q = how == Requantization::kDoubleRounding   ? requantize_double_rounding(sums[i], fixed, range)
                           : how == Requantization::kSingleRounding ? requantize_single_rounding(sums[i], fixed, range)
                                                                    : requantize_float_scale(sums[i], single, range);
    outputs[i] = static_cast<std::int8_t>(q);
  }
}

}  // namespace mantissa::numerics
