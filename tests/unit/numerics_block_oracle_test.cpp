// SPDX-License-Identifier: Apache-2.0
// Block-scaled formats against their conversion stated again in exact rationals (Boost.Multiprecision): scale codes,
// element codes and values, for random blocks of every size and where the rules turn.
#include <gtest/gtest.h>

#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "numerics/block.h"

namespace mantissa::numerics {
namespace {

using Integer = boost::multiprecision::cpp_int;
using Rational = boost::multiprecision::cpp_rational;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMost = std::numeric_limits<float>::max();

BlockFormat block_format(std::string_view name) {
  return find_block_format(name).value();
}

// Exact: every finite double is a rational.
Rational rational(double x) {
  int exponent = 0;
  const auto significand = static_cast<std::int64_t>(std::ldexp(std::frexp(x, &exponent), 53));
  exponent -= 53;
  const Integer power = Integer(1) << std::abs(exponent);
  return exponent < 0 ? Rational(Integer(significand), power) : Rational(Integer(significand) * power);
}

// The nearest of all non-negative numbers `grid` (ascending; an element's place is its code), ties to the even place.
std::size_t nearest_place(const std::vector<Rational>& grid, const Rational& x) {
  const auto above = std::lower_bound(grid.begin(), grid.end(), x);
  if (above == grid.end()) {
    return grid.size() - 1;
  }
  const auto place = static_cast<std::size_t>(above - grid.begin());
  if (*above == x || place == 0) {
    return place;
  }
  const Rational middle = (grid[place - 1] + grid[place]) / 2;
  return x < middle || (x == middle && place % 2 == 1) ? place - 1 : place;
}

// The non-negative elements of a block format as the OCP specification's tables have them.
std::vector<Rational> elements(std::string_view name) {
  std::vector<Rational> grid;
  if (name.starts_with("mxint8")) {
    for (int k = 0; k <= 127; ++k) {
      grid.emplace_back(k, 64);
    }
    return grid;
  }
  const auto has = [&](const char* part) { return name.find(part) != std::string_view::npos; };
  const bool e4m3 = has("e4m3"), e5m2 = has("e5m2"), e2m3 = has("e2m3"), e3m2 = has("e3m2");
  const int bias = e4m3 ? 7 : e5m2 ? 15 : e3m2 ? 3 : 1;
  const int fraction_codes = e4m3 || e2m3 ? 8 : e5m2 || e3m2 ? 4 : 2;
  const int finite = e4m3 ? 0x7F : e5m2 ? 0x7C : e2m3 || e3m2 ? 0x20 : 8;
  for (int code = 0; code < finite; ++code) {
    const int exponent = std::max(code / fraction_codes, 1) - bias;
    const int significand = code % fraction_codes + (code < fraction_codes ? 0 : fraction_codes);
    grid.push_back(rational(std::ldexp(significand, exponent)) / fraction_codes);
  }
  return grid;
}

const std::vector<Rational>& e4m3_numbers() {
  static const std::vector<Rational> numbers = elements("mxfp8_e4m3");
  return numbers;
}

// One block's scale: its code, and its value with the tensor's scale.
struct ExpectedScale {
  int code;
  Rational value;
};

ExpectedScale expected_scale(const BlockFormat& f, const std::vector<Rational>& grid, const Rational& amax,
                             float tensor_scale) {
  if (f.scale == BlockScale::kE4M3) {
    const std::vector<Rational>& scales = e4m3_numbers();
    const auto per_tensor = rational(static_cast<double>(tensor_scale));
    const std::size_t code = nearest_place(scales, amax / (grid.back() * per_tensor));
    return {static_cast<int>(code), scales[code] * per_tensor};
  }
  // Every scale from small to large. kFloor: the last whose largest power of two among the elements does not exceed
  // amax; kCeil: the first for which amax does not exceed the largest element.
  Rational top = 1;
  while (top * 2 <= grid.back()) {
    top *= 2;
  }
  int code = 0;
  for (; code < 254; ++code) {
    const Rational here = rational(std::ldexp(1.0, code - 127));
    if (f.rule == ScaleRule::kCeil ? amax <= grid.back() * here : amax < top * here * 2) {
      break;
    }
  }
  return {code, rational(std::ldexp(1.0, code - 127))};
}

float nearest_float(const Rational& x) {
  if (x == 0) {
    return 0.0F;
  }
  int exponent = static_cast<int>(msb(numerator(x))) - static_cast<int>(msb(denominator(x)));
  exponent -= rational(std::ldexp(1.0, exponent)) > x ? 1 : 0;
  const int last = std::max(exponent, -126) - 23;
  const Rational units = x / rational(std::ldexp(1.0, last));
  Integer whole = numerator(units) / denominator(units);
  const Rational rest = units - whole;
  whole += rest > Rational(1, 2) || (rest == Rational(1, 2) && whole % 2 == 1) ? 1 : 0;
  return static_cast<float>(std::ldexp(whole.convert_to<double>(), last));
}

void expect_exact(const BlockFormat& f, const std::vector<float>& values, float tensor_scale) {
  std::vector<float> got = values;
  round_to_blocks(f, got, tensor_scale);
  const EncodedBlocks codes = encode_blocks(f, values, tensor_scale);
  const std::vector<float> decoded = decode_blocks(f, codes);
  const std::vector<Rational> grid = elements(f.name == "nvfp4" ? "mxfp4" : f.name);
  const auto length = static_cast<std::size_t>(f.block);
  ASSERT_EQ(codes.scales.size(), (values.size() + length - 1) / length);
  ASSERT_EQ(codes.elements.size(), values.size());
  for (std::size_t first = 0; first < values.size(); first += length) {
    const std::size_t end = std::min(first + length, values.size());
    float amax = 0;
    for (std::size_t i = first; i < end; ++i) {
      amax = std::max(amax, std::fabs(values[i]));
    }
    const ExpectedScale scale = expected_scale(f, grid, rational(static_cast<double>(amax)), tensor_scale);
    ASSERT_EQ(codes.scales[first / length], scale.code) << f.name << " amax " << amax;
    for (std::size_t i = first; i < end; ++i) {
      const bool negative = std::signbit(values[i]);
      const Rational x = rational(static_cast<double>(std::fabs(values[i])));
      const std::size_t place = scale.value == 0 ? 0 : nearest_place(grid, x / scale.value);
      const float magnitude = nearest_float(grid[place] * scale.value);
      const bool keeps_sign = negative && !(f.element.integer && place == 0);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(keeps_sign ? -magnitude : magnitude))
          << f.name << " " << values[i] << " of amax " << amax;
      ASSERT_EQ(decoded[i], got[i]) << f.name;
      const auto code = static_cast<unsigned>(place);
      const unsigned sign = 1U << (f.element.bits() - 1);
      const unsigned expected = f.element.integer  ? (negative ? 256 - code : code) & 0xFFU
                                : scale.value == 0 ? 0U
                                                   : code | (negative ? sign : 0U);
      ASSERT_EQ(codes.elements[i], expected) << f.name << " " << values[i];
    }
  }
}

TEST(BlockOracle, AgreesWithExactRationals) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const char* name :
       {"mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e2m3", "mxfp6_e3m2", "mxfp4", "mxint8", "mxfp8_e4m3_ceil", "mxfp8_e5m2_ceil",
        "mxfp6_e2m3_ceil", "mxfp6_e3m2_ceil", "mxfp4_ceil", "mxint8_ceil", "nvfp4"}) {
    const BlockFormat f = block_format(name);
    for (const int exponent : {0, 40, -40, -120, -135, 100}) {
      const int count = exponent == 0 ? 32 * 66 + 5 : 32 * 9 + 5;  // 66: more than are worked on at a time; a short one
      std::vector<float> values;
      for (int i = 0; i < count; ++i) {
        // Few fraction bits now and then, for ties; each block has its own size.
        const float x = i % 3 == 0 ? static_cast<float>(static_cast<int>(random() % 129) - 64) / 16 : normal(random);
        values.push_back(std::ldexp(x, exponent + i / 32 % 7 - (i % 5 == 0 ? 6 : 0)));
      }
      ASSERT_NO_FATAL_FAILURE(expect_exact(f, values, compute_tensor_scale(f, values)));
      if (f.tensor_scale) {  // of a calibration that saw smaller and larger values
        ASSERT_NO_FATAL_FAILURE(expect_exact(f, values, compute_tensor_scale(f, values) / 50));
        ASSERT_NO_FATAL_FAILURE(expect_exact(f, values, std::min(kMost, compute_tensor_scale(f, values) * 900)));
      }
    }
  }
}

TEST(BlockOracle, AgreesWithExactRationalsWhereTheRulesTurn) {
  for (const char* name : {"mxfp8_e4m3", "mxfp8_e5m2", "mxfp4", "mxint8", "mxfp8_e4m3_ceil", "mxfp8_e5m2_ceil",
                           "mxfp4_ceil", "mxint8_ceil"}) {
    const BlockFormat f = block_format(name);
    for (const double base : {1.0, f.max_element(), 2.0 * f.max_element()}) {
      for (const int exponent : {-149, -130, -126, 0, 110}) {
        const auto at = static_cast<float>(std::ldexp(base, exponent));
        for (const float amax : {std::nextafterf(at, 0.0F), at, std::nextafterf(at, kInfinity)}) {
          ASSERT_NO_FATAL_FAILURE(expect_exact(f, {amax, amax / 3, -amax / 7, 0.0F, -0.0F}, 1.0F));
        }
      }
    }
  }
}

}  // namespace
}  // namespace mantissa::numerics
