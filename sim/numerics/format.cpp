// SPDX-License-Identifier: Apache-2.0
#include "numerics/format.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace mantissa::numerics {
namespace {

std::uint32_t low_bits(int count) {
  return count >= 32 ? ~0U : (1U << count) - 1U;
}

}  // namespace

int Format::storage_bytes() const {
  return bits() <= 8 ? 1 : bits() <= 16 ? 2 : 4;
}

double Format::max_finite() const {
  if (integer) {
    return std::ldexp(1.0, mantissa_bits - 1) - 1.0;
  }
  const int top = (1 << exponent_bits) - 1;  // the all-ones exponent code
  const double fraction_steps = std::ldexp(1.0, mantissa_bits);
  switch (specials) {
    case Specials::kIeee:
      return std::ldexp(2.0 - 1.0 / fraction_steps, top - 1 - bias());
    case Specials::kNanOnly:
      if (mantissa_bits == 0) {
        return std::ldexp(1.0, top - 1 - bias());
      }
      return std::ldexp(2.0 - 2.0 / fraction_steps, top - bias());
    case Specials::kNone:
      return std::ldexp(2.0 - 1.0 / fraction_steps, top - bias());
  }
  return 0.0;
}

double Format::min_normal() const {
  return integer ? 1.0 : std::ldexp(1.0, min_exponent());
}
double Format::min_subnormal() const {
  return integer ? 1.0 : std::ldexp(1.0, min_exponent() - mantissa_bits);
}

float canonical_nan() {
  return std::bit_cast<float>(0x7FFF'FFFFU);
}

std::uint32_t encode(const Format& format, float x) {
  const float value = round_to(format, x);
  if (std::isnan(value)) {
    const bool has_code =
        format.specials == Specials::kNanOnly || (format.specials == Specials::kIeee && format.mantissa_bits > 0);
    if (format.integer || !has_code) {
      throw ModelError("numerics", "NaN has no code in format " + format.name);
    }
    return low_bits(format.bits() - 1);
  }
  if (format.integer) {
    return static_cast<std::uint32_t>(static_cast<std::int32_t>(value)) & low_bits(format.bits());
  }
  const std::uint32_t sign = std::signbit(value) ? 1U << (format.bits() - 1) : 0U;
  if (std::isinf(value)) {
    return sign | (low_bits(format.exponent_bits) << format.mantissa_bits);
  }
  if (value == 0.0F) {
    return sign;
  }
  const int exponent = std::max(std::ilogb(value), format.min_exponent());
  // The significand in units of the last fraction bit; 2^mantissa_bits and more is a normal number.
  const auto units = static_cast<std::uint32_t>(std::ldexp(std::fabs(value), format.mantissa_bits - exponent));
  const auto code = static_cast<std::uint32_t>(exponent - format.min_exponent()) << format.mantissa_bits;
  return sign | (code + units);  // a normal number's hidden bit adds the one that subnormals lack in the exponent code
}

float decode(const Format& format, std::uint32_t code) {
  code &= low_bits(format.bits());
  if (format.integer) {
    const int unused = 32 - format.bits();
    return static_cast<float>(static_cast<std::int32_t>(code << unused) >> unused);
  }
  const bool negative = (code >> (format.bits() - 1)) != 0;
  const std::uint32_t fraction = code & low_bits(format.mantissa_bits);
  const std::uint32_t exponent_code = (code >> format.mantissa_bits) & low_bits(format.exponent_bits);
  const bool all_ones = exponent_code == low_bits(format.exponent_bits);
  const float sign = negative ? -1.0F : 1.0F;
  if (all_ones && format.specials == Specials::kIeee) {
    return fraction == 0 ? sign * std::numeric_limits<float>::infinity() : canonical_nan();
  }
  if (all_ones && format.specials == Specials::kNanOnly && fraction == low_bits(format.mantissa_bits)) {
    return canonical_nan();
  }
  const std::uint32_t hidden = exponent_code == 0 ? 0U : 1U << format.mantissa_bits;
  const int exponent = exponent_code == 0 ? format.min_exponent() : static_cast<int>(exponent_code) - format.bias();
  return sign * static_cast<float>(std::ldexp(static_cast<double>(hidden + fraction), exponent - format.mantissa_bits));
}

}  // namespace mantissa::numerics
