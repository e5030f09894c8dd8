// SPDX-License-Identifier: Apache-2.0
// Scales, zero points and codes, each against its formula written out again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "quantize/scheme.h"

namespace mantissa::quantize {
namespace {

using config::Granularity;
using config::TensorRecipe;
using network::Shape;
using network::Tensor;
using testing::Each;
using testing::ElementsAre;

numerics::Format format(const char* name) {
  return *numerics::find_format(name);
}

TensorRecipe recipe(bool symmetric, Granularity granularity = Granularity::kPerTensor) {
  TensorRecipe result;
  result.symmetric = symmetric;
  result.granularity = granularity;
  return result;
}

std::vector<float> codes(const Scheme& scheme, const std::vector<float>& x) {
  std::vector<float> q(x.size());
  quantize(scheme, Shape{static_cast<std::int64_t>(x.size())}, x, std::span<float>(q));
  return q;
}

TEST(Scheme, SymmetricInt8ScaleIsTheLargestMagnitudeOver127) {
  const Scheme scheme = choose_scheme(format("int8"), recipe(true), -2.54F, 1.0F);
  EXPECT_FLOAT_EQ(scheme.scales[0], 0.02F);
  EXPECT_EQ(scheme.zero_points[0], 0);
  EXPECT_THAT(codes(scheme, {-2.54F, 0.0F, 0.02F, 2.54F}), ElementsAre(-127, 0, 1, 127));
}

TEST(Scheme, SymmetricInt8NeverUsesTheLowestCode) {
  const Scheme scheme = choose_scheme(format("int8"), recipe(true), -1.0F, 1.0F);
  EXPECT_THAT(codes(scheme, {-5.0F, 5.0F, -std::numeric_limits<float>::infinity()}), ElementsAre(-127, 127, -127));
}

TEST(Scheme, AffineInt8CoversTheRangeWith255StepsAndHoldsZeroExactly) {
  // Range 5.1 in 255 steps of 0.02; -128 stands for -1.1, so zero is the code -128 + 55 = -73.
  const Scheme scheme = choose_scheme(format("int8"), recipe(false), -1.1F, 4.0F);
  EXPECT_FLOAT_EQ(scheme.scales[0], 0.02F);
  EXPECT_EQ(scheme.zero_points[0], -73);
  EXPECT_THAT(codes(scheme, {0.0F, -1.1F, 4.0F, -9.0F, 9.0F}), ElementsAre(-73, -128, 127, -128, 127));
}

TEST(Scheme, AffineRangeIsExtendedToZero) {
  const Scheme positive = choose_scheme(format("int8"), recipe(false), 2.0F, 5.1F);
  EXPECT_FLOAT_EQ(positive.scales[0], 5.1F / 255);
  EXPECT_EQ(positive.zero_points[0], -128);
  const Scheme negative = choose_scheme(format("int8"), recipe(false), -5.1F, -2.0F);
  EXPECT_FLOAT_EQ(negative.scales[0], 5.1F / 255);
  EXPECT_EQ(negative.zero_points[0], 127);
}

TEST(Scheme, AffineErrorIsAtMostHalfAStepInsideTheRange) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 200; ++trial) {
    std::uniform_real_distribution<float> ends(-10.0F, 10.0F);
    const float a = ends(random), b = ends(random), low = std::min({a, b, 0.0F}), high = std::max({a, b, 0.0F});
    const Scheme scheme = choose_scheme(format("int8"), recipe(false), low, high);
    std::uniform_real_distribution<float> inside(low, high);
    for (int i = 0; i < 20; ++i) {
      const float x = inside(random), q = codes(scheme, {x})[0];
      const float back = (q - static_cast<float>(scheme.zero_points[0])) * scheme.scales[0];
      // The rounded zero point may push one end half a step out of reach.
      EXPECT_LE(std::abs(back - x), 1.001F * scheme.scales[0]) << x << " in " << low << ".." << high;
    }
  }
}

TEST(Scheme, Fp8ScaleMapsTheLargestMagnitudeToTheFormatsMaximum) {
  EXPECT_FLOAT_EQ(choose_scheme(format("e4m3"), recipe(true), -4.48F, 2.0F).scales[0], 0.01F);
  EXPECT_FLOAT_EQ(choose_scheme(format("e5m2"), recipe(true), -1.0F, 57344.0F).scales[0], 1.0F);
  const Scheme scheme = choose_scheme(format("e4m3"), recipe(false), -4.48F, 2.0F);
  EXPECT_TRUE(scheme.zero_points.empty());
  EXPECT_THAT(codes(scheme, {4.48F, -100.0F, 0.01F, 0.017F}), ElementsAre(448, -448, 1, 1.75F));
}

TEST(Scheme, WideFloatsHaveScaleOne) {
  for (const char* name : {"fp16", "bf16", "tf32", "fp32"}) {
    EXPECT_FALSE(needs_scale(format(name)));
    EXPECT_THAT(choose_scheme(format(name), recipe(true), -3.0F, 7.0F).scales, ElementsAre(1.0F));
  }
  for (const char* name : {"int8", "int4", "e4m3", "e5m2", "e4m4"}) {
    EXPECT_TRUE(needs_scale(format(name)));
  }
  EXPECT_THAT(codes(choose_scheme(format("bf16"), recipe(true), 0, 1), {1.00390625F, 1.01171875F}),
              ElementsAre(1.0F, 1.015625F));
}

TEST(Scheme, AnAllZeroRangeHasScaleOne) {
  for (const char* name : {"int8", "e4m3"}) {
    const Scheme scheme = choose_scheme(format(name), recipe(name[0] == 'e'), 0.0F, 0.0F);
    EXPECT_THAT(scheme.scales, ElementsAre(1.0F));
    EXPECT_THAT(codes(scheme, {0.0F}), ElementsAre(0.0F));
  }
}

TEST(Scheme, AConstantRangeIsCoveredFromZero) {
  const Scheme scheme = choose_scheme(format("int8"), recipe(false), 3.0F, 3.0F);
  EXPECT_THAT(codes(scheme, {3.0F, 0.0F}), ElementsAre(127, -128));
}

TEST(Scheme, AVanishingRangeKeepsAPositiveScale) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  EXPECT_GT(choose_scheme(format("int8"), recipe(true), -tiny, tiny).scales[0], 0.0F);
  EXPECT_GT(choose_scheme(format("e4m3"), recipe(true), -tiny, tiny).scales[0], 0.0F);
}

TEST(Scheme, ARangeThatIsNotFiniteIsRefused) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_THROW(choose_scheme(format("int8"), recipe(true), -1.0F, infinity), std::invalid_argument);
  EXPECT_THROW(choose_scheme(format("int8"), recipe(true), std::nanf(""), 1.0F), std::invalid_argument);
}

TEST(Scheme, RoundsHalvesToEven) {
  Scheme scheme = choose_scheme(format("int8"), recipe(true), -127.0F, 127.0F);
  EXPECT_THAT(codes(scheme, {0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 126.5F}), ElementsAre(0, 2, 2, 0, -2, 126));
  scheme = choose_scheme(format("int8"), recipe(false), -127.0F, 128.0F);  // scale 1, zero point -1
  EXPECT_EQ(scheme.zero_points[0], -1);
  // Rounded before the zero point is added: 0.5 -> 0 -> -1, 1.5 -> 2 -> 1.
  EXPECT_THAT(codes(scheme, {0.5F, 1.5F, 2.5F}), ElementsAre(-1, 1, 1));
}

TEST(Scheme, NanBecomesTheCodeOfZeroInIntegersAndStaysInFloats) {
  const float nan = std::nanf("");
  const Scheme affine = choose_scheme(format("int8"), recipe(false), -1.1F, 4.0F);
  EXPECT_THAT(codes(affine, {nan}), ElementsAre(-73));
  EXPECT_TRUE(std::isnan(codes(choose_scheme(format("e4m3"), recipe(true), -1, 1), {nan})[0]));
}

TEST(Scheme, ByteCodesEqualFloatCodes) {
  std::mt19937 random(3);
  std::normal_distribution<float> values(0.3F, 2.0F);
  for (const bool symmetric : {true, false}) {
    const Scheme scheme = choose_scheme(format("int8"), recipe(symmetric), -3.0F, 4.0F);
    std::vector<float> x(1001);
    for (float& v : x) {
      v = values(random);
    }
    const auto expected = codes(scheme, x);
    std::vector<std::int8_t> bytes(x.size());
    quantize(scheme, Shape{1001}, x, std::span<std::int8_t>(bytes));
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(static_cast<float>(bytes[i]), expected[i]);
      const double rounded = std::nearbyint(static_cast<double>(x[i] / scheme.scales[0])) + scheme.zero_points[0];
      ASSERT_EQ(expected[i], std::clamp(rounded, symmetric ? -127.0 : -128.0, 127.0));
    }
  }
}

TEST(WeightScheme, PerChannelScalesFollowEachChannel) {
  Tensor weights = Tensor::zeros(network::ElementType::kFloat, {3, 2, 1});
  const std::vector<float> values{1.27F, -0.5F, 0.0F, 0.0F, -0.127F, 0.1F};
  std::copy(values.begin(), values.end(), weights.floats().begin());
  const Scheme scheme = choose_weight_scheme(format("int8"), recipe(true, Granularity::kPerChannel), weights, 0);
  ASSERT_EQ(scheme.axis, 0);
  EXPECT_FLOAT_EQ(scheme.scales[0], 0.01F);
  EXPECT_FLOAT_EQ(scheme.scales[1], 1.0F);  // a channel of zeros
  EXPECT_FLOAT_EQ(scheme.scales[2], 0.001F);
  std::vector<float> q(6);
  quantize(scheme, weights.shape, weights.floats(), std::span<float>(q));
  EXPECT_THAT(q, ElementsAre(127, -50, 0, 0, -127, 100));
}

TEST(WeightScheme, ChannelsMayLieAlongAnInnerAxis) {
  Tensor weights = Tensor::zeros(network::ElementType::kFloat, {2, 2});
  const std::vector<float> values{1.27F, 12.7F, -0.6F, 5.0F};
  std::copy(values.begin(), values.end(), weights.floats().begin());
  const Scheme scheme = choose_weight_scheme(format("int8"), recipe(true, Granularity::kPerChannel), weights, 1);
  EXPECT_FLOAT_EQ(scheme.scales[0], 0.01F);
  EXPECT_FLOAT_EQ(scheme.scales[1], 0.1F);
  std::vector<float> q(4);
  quantize(scheme, weights.shape, weights.floats(), std::span<float>(q));
  EXPECT_THAT(q, ElementsAre(127, 127, -60, 50));
}

TEST(WeightScheme, PerTensorTakesTheLargestOfAll) {
  Tensor weights = Tensor::zeros(network::ElementType::kFloat, {2, 2});
  weights.floats()[3] = -1.27F;
  const Scheme scheme = choose_weight_scheme(format("int8"), recipe(true), weights, 0);
  EXPECT_EQ(scheme.axis, -1);
  EXPECT_THAT(scheme.scales, ElementsAre(1.27F / 127));
}

TEST(WeightScheme, WeightsThatAreNotFiniteAreRefused) {
  Tensor weights = Tensor::zeros(network::ElementType::kFloat, {2, 2});
  weights.floats()[1] = std::nanf("");
  EXPECT_THROW(choose_weight_scheme(format("int8"), recipe(true), weights, 0), std::invalid_argument);
}

}  // namespace
}  // namespace mantissa::quantize
