// SPDX-License-Identifier: Apache-2.0
#include "numerics/format.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "numerics/kernels.h"

namespace mantissa::numerics {
namespace {

constexpr auto kIeee = Specials::kIeee;
constexpr auto kToInf = Overflow::kInfinity;
constexpr auto kClamp = Overflow::kSaturate;

const std::array<Format, 13>& catalog() {
  static const std::array<Format, 13> formats = {{
      {"fp32", false, 8, 23, kIeee, kToInf},
      {"tf32", false, 8, 10, kIeee, kToInf},
      {"fp16", false, 5, 10, kIeee, kToInf},
      {"bf16", false, 8, 7, kIeee, kToInf},
      {"e4m3", false, 4, 3, Specials::kNanOnly, kClamp},
      {"e5m2", false, 5, 2, kIeee, kClamp},
      {"e2m3", false, 2, 3, Specials::kNone, kClamp},
      {"e3m2", false, 3, 2, Specials::kNone, kClamp},
      {"e2m1", false, 2, 1, Specials::kNone, kClamp},
      {"int4", true, 0, 4, Specials::kNone, kClamp},
      {"int8", true, 0, 8, Specials::kNone, kClamp},
      {"int16", true, 0, 16, Specials::kNone, kClamp},
      {"int32", true, 0, 32, Specials::kNone, kClamp},
  }};
  return formats;
}

struct Spelling {
  std::string_view written, name;
};
constexpr std::array<Spelling, 8> kSpellings = {{{"fp8_e4m3", "e4m3"},
                                                 {"fp8_e5m2", "e5m2"},
                                                 {"fp6_e2m3", "e2m3"},
                                                 {"fp6_e3m2", "e3m2"},
                                                 {"fp4_e2m1", "e2m1"},
                                                 {"float32", "fp32"},
                                                 {"float16", "fp16"},
                                                 {"bfloat16", "bf16"}}};

// The digits of `text` from `from` on as a number without a leading zero ("0" itself is fine), or -1.
int whole_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) {
    return -1;
  }
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

// "eXmY" as an IEEE-like format.
std::optional<Format> parse_ieee_like(std::string_view name) {
  const auto m = name.find('m');
  if (name.empty() || name[0] != 'e' || m == std::string_view::npos) {
    return std::nullopt;
  }
  const int exponent_bits = whole_number(name.substr(1, m - 1));
  const int mantissa_bits = whole_number(name.substr(m + 1));
  if (exponent_bits < 2 || exponent_bits > 8 || mantissa_bits < 0 || mantissa_bits > 23) {
    return std::nullopt;
  }
  return Format{std::string(name), false, exponent_bits, mantissa_bits, kIeee, kToInf};
}

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

std::span<const Format> known_formats() {
  return catalog();
}

std::optional<Format> find_format(std::string_view name) {
  for (const auto& [written, canonical] : kSpellings) {
    if (name == written) {
      name = canonical;
    }
  }
  for (const Format& format : catalog()) {
    if (format.name == name) {
      return format;
    }
  }
  return parse_ieee_like(name);
}

float canonical_nan() {
  return std::bit_cast<float>(0x7FFF'FFFFU);
}

void round_to(const Format& format, std::span<float> values, Rounding rounding) {
  detail::round_span(format, rounding, values.data(), static_cast<std::int64_t>(values.size()));
}

std::uint32_t encode(const Format& format, float x) {
  const float value = round_to(format, x);
  if (std::isnan(value)) {
    if (format.integer || format.specials == Specials::kNone) {
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
