// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "numerics/exact_sum.h"
#include "numerics/format.h"

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
  }
  return x;
}

}  // namespace

float largest_integer(const Format& format) {
  const double most = format.max_finite();
  const auto nearest = static_cast<float>(most);
  return static_cast<double>(nearest) > most ? std::nextafterf(nearest, 0.0F) : nearest;
}

float round_to(const Format& format, float x, Rounding rounding) {
  if (std::isnan(x)) {
    return canonical_nan();
  }
  if (format.integer) {
    const double low = -std::ldexp(1.0, format.mantissa_bits - 1);
    const double whole =
        std::clamp<double>(round_whole(static_cast<double>(x), rounding), low, largest_integer(format));
    return static_cast<float>(whole + 0.0);  // -0 + 0 is +0
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
  const double rounded = std::ldexp(round_whole(std::ldexp(magnitude, -last), rounding), last);
  if (rounded > format.max_finite()) {
    return overflowed(format, negative);
  }
  return static_cast<float>(negative ? -rounded : rounded);
}

}  // namespace mantissa::numerics
