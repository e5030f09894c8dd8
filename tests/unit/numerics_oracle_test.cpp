// SPDX-License-Identifier: Apache-2.0
// The oracle against statements of the same arithmetic in exact rationals (Boost.Multiprecision), against the
// processor's own fused multiply-add, and against sums small enough to do by hand.
#include <boost/multiprecision/cpp_int.hpp>
#include <random>

#include "base/error.h"
#include "numerics/datapath.h"
#include "unit/numerics_golden.h"

namespace mantissa::numerics {
namespace {

using boost::multiprecision::cpp_int;
using boost::multiprecision::cpp_rational;
using golden::format;
using golden::hopper;
using golden::same;

cpp_rational power_of_two(int exponent) {
  const cpp_int power = cpp_int(1) << std::abs(exponent);
  return exponent >= 0 ? cpp_rational(power) : cpp_rational(cpp_int(1), power);
}

cpp_rational exactly(float x) {
  int exponent = 0;
  const float fraction = std::frexp(x, &exponent);
  return cpp_rational(static_cast<std::int64_t>(std::ldexp(fraction, 24))) * power_of_two(exponent - 24);
}

// The e with 2^e <= |x| < 2^(e+1).
int exponent_of(const cpp_rational& x) {
  const cpp_rational magnitude = abs(x);
  int e = static_cast<int>(msb(numerator(magnitude))) - static_cast<int>(msb(denominator(magnitude)));
  return magnitude < power_of_two(e) ? e - 1 : e;
}

cpp_int whole_part(const cpp_rational& x) {
  return numerator(x) / denominator(x);
}  // toward zero

float rounded(const cpp_rational& x, const Format& f, Rounding rounding) {
  if (x == 0) {
    return 0.0F;
  }
  const int last = std::max(exponent_of(x), f.min_exponent()) - f.mantissa_bits;
  const cpp_rational units = abs(x) / power_of_two(last);
  cpp_int n = whole_part(units);
  const cpp_rational twice_rest = 2 * (units - n);
  if (rounding == Rounding::kNearestEven && (twice_rest > 1 || (twice_rest == 1 && n % 2 == 1))) {
    ++n;
  }
  const double magnitude = std::ldexp(static_cast<double>(n), last);
  const double bounded = magnitude > f.max_finite() ? HUGE_VAL : magnitude;
  return static_cast<float>(x < 0 ? -bounded : bounded);
}

float aligned_group(const Datapath& d, std::span<const float> a, std::span<const float> b, float c) {
  const auto exponent = [](float x, const Format& f) { return std::max(exponent_of(exactly(x)), f.min_exponent()); };
  std::vector<cpp_rational> terms;
  int largest = -100000;
  if (c != 0) {
    terms.push_back(exactly(c));
    largest = exponent(c, d.accumulator);
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != 0 && b[i] != 0) {
      terms.push_back(exactly(a[i]) * exactly(b[i]));
      largest = std::max(largest, exponent(a[i], d.a) + exponent(b[i], d.b));
    }
  }
  largest = std::max(largest, d.accumulator.min_exponent() - 7);
  const cpp_rational unit = power_of_two(largest - d.align_fraction_bits);
  cpp_int sum = 0;
  for (const cpp_rational& term : terms) {
    sum += whole_part(term / unit);
  }
  return rounded(cpp_rational(sum) * unit, d.accumulator, d.accumulator_rounding);
}

float exact_group(const Datapath& d, std::span<const float> a, std::span<const float> b, float c) {
  cpp_rational sum = exactly(c);
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += exactly(a[i]) * exactly(b[i]);
  }
  return rounded(sum, d.accumulator, d.accumulator_rounding);
}

cpp_rational cut(const cpp_rational& x, const cpp_rational& unit) {
  return cpp_rational(whole_part(x / unit)) * unit;
}

float tile_group(const Datapath& d, std::span<const float> a, std::span<const float> b, float c) {
  cpp_rational tile = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const cpp_rational product = exactly(a[i]) * exactly(b[i]);
    const cpp_rational larger = std::max<cpp_rational>(abs(tile), abs(product));
    if (larger != 0) {
      const cpp_rational unit = power_of_two(exponent_of(larger) - d.tile_fraction_bits);
      tile = cut(tile, unit) + cut(product, unit);
    }
    if (tile != 0) {
      tile = cut(tile, power_of_two(exponent_of(tile) - d.tile_fraction_bits));
    }
  }
  return rounded(exactly(c) + tile, d.accumulator, d.accumulator_rounding);
}

// Finite values of the format; often near each other, sometimes anywhere, now and then zero.
std::vector<float> draw(std::mt19937& random, const Format& f, std::size_t count) {
  std::vector<float> values;
  while (values.size() < count) {
    const auto any = static_cast<std::uint32_t>(random());
    const float wide = decode(f, any);
    const float near =
        round_to(f, std::ldexp(1.0F + static_cast<float>(any % 4096) / 4096.0F, static_cast<int>(any >> 28) - 8));
    const float x = any % 11 == 0 ? 0.0F : any % 3 == 0 ? wide : any % 2 == 0 ? near : -near;
    if (std::isfinite(x)) {
      values.push_back(x);
    }
  }
  return values;
}

using GroupStatement = float (*)(const Datapath&, std::span<const float>, std::span<const float>, float);

void compare(const Datapath& d, GroupStatement statement, int rounds) {
  std::mt19937 random(17);
  for (int round = 0; round < rounds; ++round) {
    const auto group = static_cast<std::size_t>(d.group);
    const std::vector<float> a = draw(random, d.a, group);
    const std::vector<float> b = draw(random, d.b, group);
    const float c = draw(random, d.accumulator, 1)[0];
    const float stated = round_to(d.output, statement(d, a, b, c), d.output_rounding);
    const float result = dot_oracle(d, a, b, c);
    ASSERT_TRUE(same(result, stated)) << d.name << " round " << round << ": " << std::hexfloat << result << ", stated "
                                      << stated;
  }
}

TEST(Oracle, AgreesWithTheStatementOfAlignedGroupsInRationals) {
  for (const Datapath& d :
       {hopper("e4m3", "e8m13", 32, 13), hopper("e5m2", "fp16", 32, 13), hopper("fp16", "fp32", 16, 25),
        hopper("bf16", "fp32", 16, 25), hopper("tf32", "fp32", 8, 25), hopper("fp16", "fp16", 16, 25),
        hopper("e5m3", "e6m9", 5, 10), hopper("fp32", "fp32", 3, 40)}) {
    compare(d, aligned_group, 1500);
  }
}

TEST(Oracle, AgreesWithTheStatementOfExactGroupsInRationals) {
  compare(golden::tpu_bf16(), exact_group, 4000);
  Datapath d = golden::tpu_bf16();
  d.a = d.b = format("fp32");
  d.accumulator = d.output = format("tf32");
  d.accumulator_rounding = Rounding::kTowardZero;
  compare(d, exact_group, 4000);
}

TEST(Oracle, AgreesWithTheStatementOfTilesInRationals) {
  compare(golden::ane_fp16(), tile_group, 4000);
  Datapath d = golden::ane_fp16();
  d.tile_fraction_bits = 5;
  d.group = 7;
  d.output = format("fp32");
  compare(d, tile_group, 2000);
}

TEST(Oracle, AgreesWithTheProcessorsFusedMultiplyAdd) {
  const Datapath d = fp32_reference();
  std::mt19937 random(23);
  for (int i = 0; i < 200'000; ++i) {
    const auto bits = [&] {
      const auto any = static_cast<std::uint32_t>(random());
      return std::bit_cast<float>(i % 2 == 0 ? any : (any & 0x83FF'FFFFU) | 0x3C00'0000U);
    };
    const float a = i % 97 == 0 ? -0.0F : bits();
    const float b = bits();
    const float c = i % 89 == 0 ? -0.0F : i % 5 == 0 ? -a * b : bits();
    const float expected = std::fma(a, b, c);
    ASSERT_TRUE(same(dot_oracle(d, std::span(&a, 1), std::span(&b, 1), c), expected)) << a << " " << b << " " << c;
  }
}

TEST(Datapath, TruncatesEachTermTowardZero) {
  const Datapath d = hopper("bf16", "fp32", 16, 25);
  // Largest exponent 0, so terms are cut at 2^-25: 1 - 2^-26 - 2^-26 stays 1, and so does 1 + 2^-26 + 2^-26.
  const std::vector<float> a = {1.0F, 0x1p-26F, 0x1p-26F};
  const std::vector<float> plus = {1.0F, 1.0F, 1.0F};
  const std::vector<float> minus = {1.0F, -1.0F, -1.0F};
  EXPECT_EQ(dot_oracle(d, a, plus, 0.0F), 1.0F);
  EXPECT_EQ(dot_oracle(d, a, minus, 0.0F), 1.0F);
  // 2^-25 is kept, and then the result is cut to 24 bits.
  const std::vector<float> kept = {1.0F, -0x1p-25F};
  EXPECT_EQ(dot_oracle(d, kept, std::vector<float>{1.0F, 1.0F}, 0.0F), 1.0F - 0x1p-24F);
}

TEST(Datapath, AlignsToProductsThatAreNotNormalised) {
  // 1.75 * 1.75 = 3.0625 has exponent 0 here, not 1: with F = 2 the terms are cut at 1/4, so 3.0625 -> 3 and 0.25
  // stays.
  const Datapath d = hopper("fp16", "fp32", 4, 2);
  EXPECT_EQ(dot_oracle(d, std::vector<float>{1.75F, 0.5F}, std::vector<float>{1.75F, 0.5F}, 0.0F), 3.25F);
}

TEST(Datapath, SwallowsSmallTermsInAnFp8Accumulator) {
  // 4096 + 32 * (1/4): a group's exponent of 12 cuts at 2^-1.
  const Datapath d = hopper("e4m3", "e8m13", 32, 13);
  const std::vector<float> a(32, 0.5F);
  EXPECT_EQ(dot_oracle(d, a, a, 4096.0F), 4096.0F);
  EXPECT_EQ(dot_oracle(d, a, a, 2048.0F), 2056.0F);
}

TEST(Datapath, PromotesIntoAnFp32SumAtTheInterval) {
  Datapath chain = hopper("e4m3", "e8m13", 32, 13);
  const std::vector<float> a(4096, 0.5F);  // products of 1/4, sum 1024
  Datapath promoted = chain;
  promoted.promote_every = 128;
  EXPECT_EQ(dot_oracle(promoted, a, a, 0.0F), 1024.0F);
  EXPECT_EQ(dot_oracle(promoted, a, a, 8192.0F), 9216.0F);  // c goes to the FP32 sum
  EXPECT_EQ(dot_oracle(chain, a, a, 8192.0F), 8192.0F);     // and is where everything drowns without promotion
  // 130 products: the last, short interval is added too.
  const auto part = std::span(a).first(130);
  EXPECT_EQ(dot_oracle(promoted, part, part, 0.0F), 32.5F);
}

TEST(Datapath, RoundsOncePerGroupOnTheTpu) {
  const Datapath d = golden::tpu_bf16();
  // 2^24 + 1 + 1: exact sum 2^24 + 2 in one group; two groups lose each 1 to ties-to-even.
  const std::vector<float> together = {1.0F, 1.0F};
  EXPECT_EQ(dot_oracle(d, together, together, 0x1p24F), 0x1p24F + 2.0F);
  const std::vector<float> apart = {1.0F, 0.0F, 0.0F, 0.0F, 1.0F};
  EXPECT_EQ(dot_oracle(d, apart, apart, 0x1p24F), 0x1p24F);
}

TEST(Datapath, KeepsIeeeSignsOfZeroOnlyInFusedMultiplyAdds) {
  const float minus_zero = -0.0F;
  const float one = 1.0F;
  const auto sum_is_negative = [&](const Datapath& d) {
    return std::signbit(dot_oracle(d, std::span(&minus_zero, 1), std::span(&one, 1), -0.0F));
  };
  EXPECT_TRUE(sum_is_negative(fp32_reference()));
  EXPECT_FALSE(sum_is_negative(golden::tpu_bf16()));
  EXPECT_FALSE(sum_is_negative(hopper("fp16", "fp32", 16, 25)));
}

TEST(Datapath, GivesOneNanForEveryInvalidSum) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Datapath& d : {hopper("fp16", "fp32", 16, 25), golden::tpu_bf16(), fp32_reference()}) {
    const auto bits = [&](float a, float b, float c) {
      return std::bit_cast<std::uint32_t>(dot_oracle(d, std::span(&a, 1), std::span(&b, 1), c));
    };
    EXPECT_EQ(bits(infinity, 0.0F, 1.0F), 0x7FFF'FFFFU);
    EXPECT_EQ(bits(infinity, 1.0F, -infinity), 0x7FFF'FFFFU);
    EXPECT_EQ(bits(std::nanf("1"), 1.0F, 1.0F), 0x7FFF'FFFFU);
    EXPECT_EQ(bits(-infinity, 1.0F, 1.0F), 0xFF80'0000U);
  }
}

TEST(Datapath, RefusesOperandsOffTheirGrid) {
  const float x = 1.0F + 0x1p-20F;
  EXPECT_THROW(dot_oracle(golden::tpu_bf16(), std::span(&x, 1), std::span(&x, 1), 0.0F), std::logic_error);
}

TEST(Datapath, PreparesOperandsByRoundingAndFlushing) {
  std::vector<float> values = {1.0F + 0x1p-8F, 1.0F + 0x1.8p-7F, -0x1p-127F, 0x1.fcp-127F, 0x1.fep-127F};
  prepare_operand(golden::tpu_bf16(), format("bf16"), values);
  // Ties to even; subnormals to signed zeros; what rounds up to the smallest normal number stays.
  EXPECT_EQ(values, (std::vector<float>{1.0F, 1.0F + 0x1p-6F, -0.0F, 0.0F, 0x1p-126F}));
  EXPECT_TRUE(std::signbit(values[2]));
  std::vector<float> tf32 = {1.0F + 0x1.ffp-10F, -1.0F - 0x1.ffp-10F};
  prepare_operand(hopper("tf32", "fp32", 8, 25), format("tf32"), tf32);
  EXPECT_EQ(tf32, (std::vector<float>{1.0F + 0x1p-10F, -1.0F - 0x1p-10F}));
}

}  // namespace
}  // namespace mantissa::numerics
