// SPDX-License-Identifier: Apache-2.0
// Each option of a datapath on sums small enough to do by hand, and what a description may not say.
#include <gtest/gtest.h>

#include <random>

#include "numerics/datapath.h"
#include "unit/numerics_golden.h"
#include "unit/numerics_integer_model.h"

namespace mantissa::numerics {
namespace {

using golden::format;
using golden::hopper;
using golden::integer;
using golden::tpu_fp32;

float dot(const Datapath& d, const std::vector<float>& a, const std::vector<float>& b, float c = 0.0F) {
  return dot_oracle(d, a, b, c);
}

TEST(DatapathOptions, ZerosRaiseTheAlignmentExponentWhenTheyTakePart) {
  Datapath d = hopper("bf16", "fp32", 16, 25);
  const std::vector<float> a = {0.0F, 0x1p-30F, 0x1p-33F};
  const std::vector<float> b = {0x1p120F, 1.0F, 1.0F};
  EXPECT_EQ(dot(d, a, b), 0x1p-30F + 0x1p-33F);
  d.zero_operands = ZeroOperands::kSmallestNormal;
  EXPECT_EQ(dot(d, a, b), 0x1p-30F);  // 0 * 2^120 has exponent -126 + 120, so terms are cut at 2^(-6 - 25)
  // An accumulator of zero has exponent -126 too: three bits below it are left, and a product of 2^-130 is lost.
  d.align_fraction_bits = 3;
  EXPECT_EQ(dot(d, {0x1p-70F}, {0x1p-60F}), 0.0F);
  d.zero_operands = ZeroOperands::kIgnored;
  EXPECT_EQ(dot(d, {0x1p-70F}, {0x1p-60F}), 0x1p-130F);
}

TEST(DatapathOptions, InterleavingTakesRunsOfNeighboursInTurn) {
  // Steps of two: with interleave 2, run 1, a block of four is summed as (0, 2), (1, 3). Saturation shows the order.
  Datapath d = integer(8, 2, IntegerOverflow::kSaturate);
  const std::vector<std::int8_t> ones(4, 1);
  const std::vector<std::int8_t> a = {100, 100, -90, -90};
  EXPECT_EQ(dot_oracle(d, a, ones, 0), -53);  // 200 -> 127, then -180
  d.interleave = 2;
  EXPECT_EQ(dot_oracle(d, a, ones, 0), 20);  // 10, then 10
  const std::vector<std::int8_t> five = {100, 100, -90, -90, 7};
  EXPECT_EQ(dot_oracle(d, five, std::vector<std::int8_t>(5, 1), 0), 27);  // a last block filled up with zeros
  // Runs of two in steps of four: block 0..7 as (0, 1, 4, 5), (2, 3, 6, 7).
  d = integer(8, 4, IntegerOverflow::kSaturate);
  d.interleave = d.interleave_run = 2;
  const std::vector<std::int8_t> eight = {60, 60, -50, 0, 30, 30, 0, 10};
  EXPECT_EQ(dot_oracle(d, eight, std::vector<std::int8_t>(8, 1), 0), 127 - 40);
}

TEST(DatapathOptions, NarrowIntegerAccumulatorsWrapOrSaturateAfterEachGroup) {
  const std::vector<std::int8_t> a = {100, 100, -100};
  const std::vector<std::int8_t> ones(3, 1);
  EXPECT_EQ(dot_oracle(integer(8, 1, IntegerOverflow::kWrap), a, ones, 0), 100);  // through -56
  EXPECT_EQ(dot_oracle(integer(8, 1, IntegerOverflow::kSaturate), a, ones, 0), 27);
  EXPECT_EQ(dot_oracle(integer(8, 3, IntegerOverflow::kSaturate), a, ones, 0), 100);
  EXPECT_EQ(dot_oracle(integer(8, 2, IntegerOverflow::kWrap), std::span(a).first(2), std::span(ones).first(2), 0), -56);
  // 2^14 * 6 = 98304 in 17 bits (wraps at 65536), in 18, and clamped.
  const std::vector<std::int8_t> least(6, -128);
  EXPECT_EQ(dot_oracle(integer(17, 1, IntegerOverflow::kWrap), least, least, 0), 98304 - 131072);
  EXPECT_EQ(dot_oracle(integer(17, 1, IntegerOverflow::kSaturate), least, least, 0), 65535);
  EXPECT_EQ(dot_oracle(integer(18, 1, IntegerOverflow::kSaturate), least, least, 0), 98304);
  // A c outside the range is wrapped or clamped first.
  const std::vector<std::int8_t> none;
  EXPECT_EQ(dot_oracle(integer(8, 1, IntegerOverflow::kWrap), none, none, 300), 44);
  EXPECT_EQ(dot_oracle(integer(8, 1, IntegerOverflow::kSaturate), none, none, 300), 127);
  EXPECT_EQ(dot_oracle(integer(32, 1, IntegerOverflow::kSaturate), least, least, 2'147'400'000), 2'147'483'647);
}

TEST(DatapathOptions, AnInitialSumIsCutRoundedOrTakenWhole) {
  Datapath d = hopper("bf16", "e8m13", 4, 20);
  const float c = 1.0F + 0x3p-15F;  // three quarters of e8m13's last place above 1
  const auto with = [&](InitialRounding rounding, float product) {
    d.initial_rounding = rounding;
    return dot(d, {product}, {1.0F}, c);
  };
  EXPECT_EQ(with(InitialRounding::kTowardZero, 0x1p-15F), 1.0F);
  EXPECT_EQ(with(InitialRounding::kNearestEven, 0x1p-15F), 1.0F + 0x1p-13F);
  EXPECT_EQ(with(InitialRounding::kNone, 0x1p-15F), 1.0F + 0x1p-13F);  // 3/4 and 1/4
  EXPECT_EQ(with(InitialRounding::kNone, 0x1p-16F), 1.0F);
}

// With no more alignment bits than the accumulator has, as on Hopper, cutting c first changes nothing: alignment cuts
// it.
TEST(DatapathOptions, CuttingTheInitialSumMakesNoDifferenceForHoppersFp8) {
  Datapath cut = hopper("e4m3", "e8m13", 32, 13);
  Datapath whole = cut;
  whole.initial_rounding = InitialRounding::kNone;
  std::mt19937 random(4);
  for (int i = 0; i < 3000; ++i) {
    std::vector<float> a;
    std::vector<float> b;
    for (int k = 0; k < 32; ++k) {
      a.push_back(decode(cut.a, static_cast<std::uint32_t>(random() % 0x7F + (random() % 2) * 0x80)));
      b.push_back(decode(cut.a, static_cast<std::uint32_t>(random() % 0x7F + (random() % 2) * 0x80)));
    }
    const float c = std::bit_cast<float>(0x3000'0000U + static_cast<std::uint32_t>(random() % 0x2000'0000U));
    ASSERT_EQ(dot(cut, a, b, c), dot(whole, a, b, c)) << c;
  }
}

TEST(DatapathOptions, PromotesIntoANarrowSumToNearestEven) {
  Datapath d = hopper("fp16", "fp32", 1, 25);
  d.promote_every = 1;
  const std::vector<float> a = {2048.0F, 1.0F, 1.0F};
  const std::vector<float> ones(3, 1.0F);
  EXPECT_EQ(dot(d, a, ones), 2050.0F);
  d.promotion = format("fp16");
  EXPECT_EQ(dot(d, a, ones), 2048.0F);                  // each 1 is half of the last place
  EXPECT_EQ(dot(d, {1.0F}, {1.0F}, 2049.5F), 2048.0F);  // c is cut to 2048 on its way in
  EXPECT_EQ(dot(d, {30000.0F, 30000.0F, 30000.0F}, ones), HUGE_VALF);
}

// -2^-40 rounds to -0 in e5m12, then the accumulator underflows to -0: the promotion step adds them as IEEE does.
TEST(DatapathOptions, PromotionHasIeeesSignsOfZero) {
  Datapath d = fp32_reference();
  d.a = d.b = d.accumulator = d.output = format("bf16");
  d.accumulator_rounding = Rounding::kTowardZero;
  d.promote_every = 1;
  d.promotion = format("e5m12");
  const std::vector<float> a = {-0x1p-40F, -0x1p-126F};
  const auto sum = [&](float last) {
    const std::vector<float> b = {1.0F, last};
    float product = 1.0F;
    gemm(d, 1, 1, 2, a.data(), 2, b.data(), 1, &product, 1);
    const float result = dot(d, a, b);
    EXPECT_TRUE(golden::same(product, result));
    EXPECT_TRUE(golden::same(golden::IntegerModel(d).dot(a, b), result));
    return result;
  };
  EXPECT_TRUE(golden::same(sum(0x1p-20F), -0.0F));  // -0 + -0
  EXPECT_TRUE(golden::same(sum(-0x1p-20F), 0.0F));  // -0 + 0
}

TEST(DatapathOptions, SplitsOperandsIntoPartsAndMultipliesThemInPasses) {
  // Three parts of BF16: 1 + 2^-9 + 2^-18.
  const float x = 1.0F + 0x1p-9F + 0x1p-18F;
  EXPECT_EQ(dot(tpu_fp32(1), {x}, {1.0F}), 1.0F);
  EXPECT_EQ(dot(tpu_fp32(3), {x}, {1.0F}), 1.0F + 0x1p-9F);
  EXPECT_EQ(dot(tpu_fp32(6), {x}, {1.0F}), x);
  EXPECT_EQ(dot(tpu_fp32(6), {1.0F}, {x}), x);
  // Three passes lack x2*y2 = 2^-18, six have it.
  const float y = 1.0F + 0x1p-9F;
  EXPECT_EQ(dot(tpu_fp32(3), {y}, {y}), 1.0F + 0x1p-8F);
  EXPECT_EQ(dot(tpu_fp32(6), {y}, {y}), 1.0F + 0x1p-8F + 0x1p-18F);
  // c enters the first pass.
  EXPECT_EQ(dot(tpu_fp32(6), {x}, {1.0F}, 1.0F), 2.0F + 0x1p-9F + 0x1p-18F);
  // An infinity has no second part.
  const float infinity = HUGE_VALF;
  EXPECT_EQ(dot(tpu_fp32(6), {infinity, 1.0F}, {x, -x}), infinity);
  EXPECT_EQ(dot(tpu_fp32(3), {-infinity}, {-x}), infinity);
  EXPECT_TRUE(std::isnan(dot(tpu_fp32(6), {infinity}, {0.0F})));
  // A finite value past BF16's range, and one whose lower part is subnormal and flushed.
  EXPECT_EQ(dot(tpu_fp32(6), {0x1.fffffep127F}, {1.0F}), infinity);
  EXPECT_EQ(dot(tpu_fp32(6), {0x1.008p-125F}, {1.0F}), 0x1p-125F);
}

// Six passes leave out products below 2^-24 of the largest, three those below 2^-16.
TEST(DatapathOptions, SixPassesComeCloseToFp32) {
  std::mt19937 random(8);
  std::normal_distribution<float> normal;
  double worst3 = 0;
  double worst6 = 0;
  for (int i = 0; i < 500; ++i) {
    const float x = normal(random);
    const float y = normal(random);
    const double exact = static_cast<double>(x) * static_cast<double>(y);
    worst3 = std::max(worst3, std::fabs(static_cast<double>(dot(tpu_fp32(3), {x}, {y})) / exact - 1));
    worst6 = std::max(worst6, std::fabs(static_cast<double>(dot(tpu_fp32(6), {x}, {y})) / exact - 1));
  }
  EXPECT_LT(worst6, 0x1p-22);
  EXPECT_GT(worst3, 0x1p-19);
  EXPECT_LT(worst3, 0x1p-14);
}

TEST(DatapathOptions, FindsIntegerAccumulatorsOfAnyWidth) {
  EXPECT_EQ(find_accumulator("int24")->bits(), 24);
  EXPECT_EQ(find_accumulator("int16"), find_format("int16"));
  EXPECT_EQ(find_accumulator("e8m13"), find_format("e8m13"));
  EXPECT_FALSE(find_accumulator("int33"));
}

struct Nonsense {
  const char* says;
  void (*change)(Datapath&);
};

TEST(DatapathOptions, RefusesWhatMakesNoSense) {
  const Nonsense of_floats[] = {
      {"group must be 1..1024", [](Datapath& d) { d.group = 1025; }},
      {"interleave must be 1 (consecutive products) to 64", [](Datapath& d) { d.interleave = 65; }},
      {"interleave_run must divide group", [](Datapath& d) { d.interleave_run = 5; }},
      {"interleave_run has no meaning without interleave", [](Datapath& d) { d.interleave_run = 2; }},
      {"align_fraction_bits must be 1..40", [](Datapath& d) { d.align_fraction_bits = 41; }},
      {"zero_operands: smallest_normal goes with accumulation: aligned only",
       [](Datapath& d) {
         d.accumulation = Accumulation::kExact;
         d.zero_operands = ZeroOperands::kSmallestNormal;
       }},
      {"tile_fraction_bits goes with accumulation: exact only", [](Datapath& d) { d.tile_fraction_bits = 4; }},
      {"integer_overflow: saturate goes with accumulation: integer; a floating-point accumulator's format says what "
       "overflows do",
       [](Datapath& d) { d.integer_overflow = IntegerOverflow::kSaturate; }},
      {"split_passes must be 0 (operands are not split), 1 (one part of each), 3 (two parts) or 6 (three parts)",
       [](Datapath& d) { d.split_passes = 2; }},
      {"split_format has no meaning without split_passes", [](Datapath& d) { d.split_format = *find_format("bf16"); }},
      {"split_format must be a floating-point format of at most 8 exponent and 23 fraction bits",
       [](Datapath& d) {
         d.split_passes = 3;
         d.split_format = *find_format("int8");
       }},
      {"promotion has no meaning without promote_every", [](Datapath& d) { d.promotion = *find_format("fp16"); }},
      {"promotion must be a floating-point format of at most 8 exponent and 23 fraction bits",
       [](Datapath& d) {
         d.promote_every = 64;
         d.promotion = *find_format("int32");
       }},
      {"a datapath rounds to nearest_even, nearest_away or toward_zero; stochastic rounding belongs to conversions",
       [](Datapath& d) { d.accumulator_rounding = Rounding::kStochastic; }},
  };
  for (const Nonsense& nonsense : of_floats) {
    Datapath d = hopper("fp16", "fp32", 16, 25);
    ASSERT_EQ(defect(d), "");
    nonsense.change(d);
    EXPECT_EQ(defect(d), nonsense.says);
  }
  const Nonsense of_integers[] = {
      {"accumulation: integer needs an integer accumulator of 8 to 32 bits, int32 say",
       [](Datapath& d) { d.accumulator = *find_format("int4"); }},
      {"accumulation: integer needs an integer output that holds the accumulator; requantization comes after the "
       "datapath",
       [](Datapath& d) { d.output = *find_format("int8"); }},
      {"promote_every has no meaning with accumulation: integer", [](Datapath& d) { d.promote_every = 4; }},
      {"split_passes has no meaning with accumulation: integer", [](Datapath& d) { d.split_passes = 3; }},
      {"align_fraction_bits, tile_fraction_bits and zero_operands have no meaning with accumulation: integer",
       [](Datapath& d) { d.align_fraction_bits = 13; }},
  };
  for (const Nonsense& nonsense : of_integers) {
    Datapath d = integer(24, 4, IntegerOverflow::kSaturate);
    ASSERT_EQ(defect(d), "");
    nonsense.change(d);
    EXPECT_EQ(defect(d), nonsense.says);
  }
}

}  // namespace
}  // namespace mantissa::numerics
