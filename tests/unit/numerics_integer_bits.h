// SPDX-License-Identifier: Apache-2.0
// Floats as integers, and integers rounded to a format: the tools of numerics_integer_model.h.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "numerics/format.h"

namespace mantissa::numerics::golden {

struct Number {  // +-significand * 2^exponent
  bool negative;
  std::uint64_t significand;
  int exponent;
};
inline Number number(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const int code = static_cast<int>(bits >> 23 & 255U);
  const std::uint32_t fraction = bits & 0x7F'FFFFU;
  return {(bits >> 31) != 0, code == 0 ? fraction : fraction | 0x80'0000U, (code == 0 ? 1 : code) - 150};
}
inline Number times(const Number& x, const Number& y) {
  return {x.negative != y.negative, x.significand * y.significand, x.exponent + y.exponent};
}
// magnitude * 2^exponent rounded to the format, with the sign.
inline float rounded(bool negative, unsigned __int128 magnitude, int exponent, const Format& f, Rounding how) {
  const float sign = negative ? -1.0F : 1.0F;
  if (magnitude == 0) {
    return 0.0F;
  }
  const auto high = static_cast<std::uint64_t>(magnitude >> 64);
  const auto low = static_cast<std::uint64_t>(magnitude);
  const int leading = high != 0 ? 127 - std::countl_zero(high) : 63 - std::countl_zero(low);
  const int last = std::max(leading + exponent, 1 - f.bias()) - f.mantissa_bits;  // exponent of the result's last place
  const int cut = last - exponent;
  if (cut > 0) {
    const bool all = cut > 127;
    const unsigned __int128 kept = all ? 0 : magnitude >> cut;
    const unsigned __int128 rest = all ? magnitude : magnitude - (kept << cut);
    const unsigned __int128 half = all ? 0 : static_cast<unsigned __int128>(1) << (cut - 1);
    const bool up = !all && (how == Rounding::kNearestAway   ? rest >= half
                             : how == Rounding::kNearestEven ? rest > half || (rest == half && (kept & 1U) != 0)
                                                             : false);
    magnitude = kept + (up ? 1U : 0U);
    exponent = last;
  }
  const double value = std::ldexp(static_cast<double>(magnitude), exponent);
  if (value > f.max_finite()) {
    return sign * static_cast<float>(f.overflow == Overflow::kSaturate ? f.max_finite()
                                     : f.specials == Specials::kIeee   ? HUGE_VAL
                                                                       : std::nan(""));
  }
  return sign * static_cast<float>(value);
}

// |n| cut to a multiple of 2^last, in units of it.
inline std::int64_t units(const Number& n, int last) {
  const int shift = n.exponent - last;
  const std::uint64_t cut = n.significand == 0 || shift < -63 ? 0
                            : shift < 0                       ? n.significand >> -shift
                                                              : n.significand << shift;
  return n.negative ? -static_cast<std::int64_t>(cut) : static_cast<std::int64_t>(cut);
}
inline int leading(const Number& n) {
  return n.exponent + 63 - std::countl_zero(n.significand);
}

}  // namespace mantissa::numerics::golden
