// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "numerics/exact_sum.h"
#include "numerics/format.h"
#include "numerics/kernels.h"
#include "numerics/philox.h"

namespace mantissa::numerics {
namespace {

double round_whole(double x, Rounding rounding) {
  switch (rounding) {
    case Rounding::kNearestEven:
      return std::nearbyint(x);
    case Rounding::kNearestAway:
      return std::round(x);
    case Rounding::kTowardZero:
      return std::trunc(x);
    case Rounding::kStochastic:
      break;
  }
  check(false, "stochastic rounding needs a seed: round_stochastic");
  return x;
}

// `whole` rounds a finite double of magnitude below 2^200 to a whole number.
template <class Whole>
float round_on_grid(const Format& format, float x, Whole whole) {
  if (std::isnan(x)) {
    return canonical_nan();
  }
  if (format.integer) {
    const double low = -std::ldexp(1.0, format.mantissa_bits - 1);
    const double clamped = std::clamp<double>(static_cast<double>(x), low, largest_integer(format));
    return static_cast<float>(whole(clamped) + 0.0);  // -0 + 0 is +0
  }
  const bool negative = std::signbit(x);
  if (std::isinf(x)) {
    return overflowed(format, negative);
  }
  if (x == 0.0F) {
    return x;
  }
  const double magnitude = std::fabs(static_cast<double>(x));
  const int last = std::max(std::ilogb(magnitude), format.min_exponent()) - format.mantissa_bits;
  const double rounded = std::ldexp(whole(std::ldexp(magnitude, -last)), last);
  if (rounded > format.max_finite()) {
    return overflowed(format, negative);
  }
  return static_cast<float>(negative ? -rounded : rounded);
}

}  // namespace

float largest_integer(const Format& format) {
  const double most = format.max_finite();
  const auto nearest = static_cast<float>(most);
  return static_cast<double>(nearest) > most ? std::nextafterf(nearest, 0.0F) : nearest;
}

float round_to(const Format& format, float x, Rounding rounding) {
  return round_on_grid(format, x, [rounding](double value) { return round_whole(value, rounding); });
}

float round_stochastic(const Format& format, float x, std::uint64_t seed, std::uint64_t index) {
  const auto [first, second, third, fourth] = philox(seed, index);
  const double random = std::ldexp(static_cast<double>((std::uint64_t{first} << 20) | (second >> 12)), -52);
  return round_on_grid(format, x, [random](double value) {
    const double cut = std::trunc(value);
    return std::fabs(value - cut) > random ? cut + std::copysign(1.0, value) : cut;
  });
}

void round_to(const Format& format, std::span<float> values, Rounding rounding) {
  check(rounding != Rounding::kStochastic, "stochastic rounding needs a seed: round_stochastic");
  detail::round_span(format, rounding, values.data(), static_cast<std::int64_t>(values.size()));
}

void round_stochastic(const Format& format, std::span<float> values, std::uint64_t seed, std::uint64_t first_index) {
  detail::round_span_stochastic(format, seed, first_index, values.data(), static_cast<std::int64_t>(values.size()));
}

}  // namespace mantissa::numerics
