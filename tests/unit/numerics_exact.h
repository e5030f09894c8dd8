// SPDX-License-Identifier: Apache-2.0
// Number formats stated a second time, in exact integers (Boost.Multiprecision): the value
// of a code from the definition of the format, the neighbours of a number on the grid by whole-number division. Nothing
// here uses floating-point arithmetic but the conversion of a result that fits.
#pragma once
#include <hwy/targets.h>

#include <algorithm>
#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "numerics/format.h"
#include "numerics/philox.h"

namespace mantissa::numerics::exact {

// Numbers are whole multiples of 2^-160, which every float, every tie between two floats and every value of a format
// here is.
using Number = boost::multiprecision::int512_t;
inline constexpr int kUnit = -160;

inline Number power_of_two(int exponent) {
  return Number(1) << (exponent - kUnit);
}

// A finite float from its bits.
inline Number value_of(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto fraction = static_cast<int>(bits & 0x7F'FFFF);
  const auto code = static_cast<int>((bits >> 23) & 0xFF);
  const Number magnitude = Number(code == 0 ? fraction : fraction + 0x80'0000) << (std::max(code, 1) - 150 - kUnit);
  return (bits >> 31) != 0 ? Number(-magnitude) : magnitude;
}

// floor(log2(x)), x > 0.
inline int exponent_of(const Number& x) {
  return static_cast<int>(msb(x)) + kUnit;
}

// The float of a number that is one.
inline float to_float(const Number& x) {
  return static_cast<float>(std::ldexp(x.convert_to<double>(), kUnit));
}

// A float format's parts, from its definition.
struct Float {
  explicit Float(const Format& f) : format(f), bias((1 << (f.exponent_bits - 1)) - 1), least_exponent(1 - bias) {}

  // How many codes from zero on are finite, the sign aside.
  std::uint32_t finite_codes() const {
    const std::uint32_t all = 1U << (format.exponent_bits + format.mantissa_bits);
    switch (format.specials) {
      case Specials::kIeee:
        return all - (1U << format.mantissa_bits);
      case Specials::kNanOnly:
        return all - 1;
      default:
        return all;
    }
  }
  // Of a code without sign; codes past the finite ones as if they were numbers as well.
  Number magnitude(std::uint32_t code) const {
    const std::uint32_t ones = 1U << format.mantissa_bits;
    const auto exponent = static_cast<int>(code / ones);
    const Number fraction = code % ones;
    return exponent == 0 ? fraction * power_of_two(least_exponent - format.mantissa_bits)
                         : (fraction + ones) * power_of_two(exponent - bias - format.mantissa_bits);
  }
  Number largest() const { return magnitude(finite_codes() - 1); }
  float overflowed(bool negative) const {
    const float sign = negative ? -1.0F : 1.0F;
    if (format.overflow == Overflow::kSaturate) {
      return sign * to_float(largest());
    }
    return format.specials == Specials::kIeee ? sign * std::numeric_limits<float>::infinity() : canonical_nan();
  }

  Format format;
  int bias, least_exponent;
};

// Whether `rest` (0 <= rest < step) above an even or odd number of steps is rounded up. `random`: of kStochastic, in
// 1/2^52.
inline bool rounds_up(const Number& rest, const Number& step, bool odd, Rounding rounding, std::uint64_t random) {
  switch (rounding) {
    case Rounding::kNearestEven:
      return 2 * rest > step || (2 * rest == step && odd);
    case Rounding::kNearestAway:
      return 2 * rest >= step;
    case Rounding::kTowardZero:
      return false;
    case Rounding::kStochastic:
      return (rest << 52) > random * step;
  }
  return false;
}

// The first 52 of Philox's bits.
inline std::uint64_t random_bits(std::uint64_t seed, std::uint64_t index) {
  const auto words = philox(seed, index);
  return (std::uint64_t{words[0]} << 20) + (words[1] >> 12);
}

// `x` rounded to the format, as round_to and round_stochastic must do it.
inline float rounded(const Format& format, float x, Rounding rounding, std::uint64_t random = 0) {
  if (std::isnan(x)) {
    return canonical_nan();
  }
  const bool negative = std::signbit(x);
  const Float definition(format.integer ? Format{} : format);
  if (std::isinf(x) && !format.integer) {
    return definition.overflowed(negative);
  }
  const Number magnitude = std::isinf(x) ? power_of_two(200) : abs(value_of(x));
  if (magnitude == 0) {
    return format.integer ? 0.0F : x;
  }
  const Number step = power_of_two(
      format.integer ? 0 : std::max(exponent_of(magnitude), definition.least_exponent) - format.mantissa_bits);
  Number whole = magnitude / step;
  if (rounds_up(magnitude % step, step, whole % 2 == 1, rounding, random)) {
    ++whole;
  }
  if (format.integer) {
    const Number most = (Number(1) << (format.bits() - 1)) - (negative ? 0 : 1);
    whole = std::min(whole, most);
    // 2^31 - 1 is no float; the largest one below it stands for it.
    const float result = !negative && whole > (Number(1) << 31) - 128 ? 0x1.fffffep30F : whole.convert_to<float>();
    return result == 0.0F ? 0.0F : negative ? -result : result;
  }
  const Number result = whole * step;
  if (result > definition.largest()) {
    return definition.overflowed(negative);
  }
  return negative ? -to_float(result) : to_float(result);
}

inline std::string suffix_of(Specials specials) {
  return specials == Specials::kIeee ? "_ieee" : specials == Specials::kNanOnly ? "_fn" : "_finite";
}

// Every sound format of these bits, by its full name.
inline std::vector<Format> all_formats(int exponent_bits, int mantissa_bits) {
  std::vector<Format> formats;
  for (const Specials specials : {Specials::kIeee, Specials::kNanOnly, Specials::kNone}) {
    for (const Overflow overflow : {Overflow::kInfinity, Overflow::kSaturate}) {
      const std::string name = "e" + std::to_string(exponent_bits) + "m" + std::to_string(mantissa_bits) +
                               suffix_of(specials) + (overflow == Overflow::kSaturate ? "_sat" : "_nosat");
      if (const auto format = find_format(name)) {
        formats.push_back(*format);
      }
    }
  }
  return formats;
}

// Calls `test` with one-lane portable code and with each instruction set of this processor that has kernels.
inline void on_each_instruction_set(const std::function<void()>& test) {
  hwy::SetSupportedTargetsForTest(0);
  const std::int64_t here = hwy::SupportedTargets();
  for (const std::int64_t set : {HWY_SCALAR, HWY_AVX2, HWY_AVX3}) {
    if (set == HWY_SCALAR || (here & set) != 0) {
      hwy::SetSupportedTargetsForTest(set);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
      test();
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

}  // namespace mantissa::numerics::exact
