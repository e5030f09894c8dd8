// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "quantize/observer.h"
#include "quantize/scheme.h"
#include "quantize/smooth.h"

namespace mantissa::quantize {
namespace {

using network::Tensor;
using testing::ElementsAre;
using testing::IsEmpty;

Tensor matrix(std::int64_t out, std::int64_t in, std::vector<float> values) {
  return {network::ElementType::kFloat, {out, in}, std::move(values)};
}

TEST(ChannelObserver, KeepsTheLargestFiniteMagnitudeOfEachChannel) {
  const float infinity = std::numeric_limits<float>::infinity();
  ChannelObserver one, other, merged;
  EXPECT_THAT(one.magnitudes(), IsEmpty());
  one.observe(std::vector<float>{1.0F, -5.0F, 0.0F, -2.0F, 3.0F, std::nanf("")}, 3);
  EXPECT_THAT(one.magnitudes(), ElementsAre(2.0F, 5.0F, 0.0F));
  other.observe(std::vector<float>{-7.0F, infinity, -0.5F}, 3);
  merged.merge(other);
  merged.merge(one);
  merged.merge(ChannelObserver());
  EXPECT_THAT(merged.magnitudes(), ElementsAre(7.0F, 5.0F, 0.5F));
}

TEST(Smooth, FactorsFollowThePapersFormula) {
  const std::vector<float> x{8.0F, 0.25F, 3.0F}, w{0.5F, 4.0F, 0.1F};
  EXPECT_THAT(smooth_factors(0.5, x, w),
              ElementsAre(4.0F, 0.25F, static_cast<float>(std::sqrt(3.0 / static_cast<double>(0.1F)))));
  EXPECT_THAT(smooth_factors(1.0, x, w), ElementsAre(8.0F, 0.25F, 3.0F));
  EXPECT_THAT(smooth_factors(0.0, x, w), ElementsAre(2.0F, 0.25F, 1 / 0.1F));
  EXPECT_FLOAT_EQ(smooth_factors(0.75, x, w)[0],
                  static_cast<float>(std::exp(0.75 * std::log(8.0) - 0.25 * std::log(0.5))));
}

TEST(Smooth, ChannelsOfZerosStayAsTheyAre) {
  EXPECT_THAT(smooth_factors(0.5, std::vector<float>{0.0F, 4.0F, 0.0F}, std::vector<float>{9.0F, 0.0F, 0.0F}),
              ElementsAre(1.0F, 1.0F, 1.0F));
}

TEST(Smooth, ExtremeFactorsAreCut) {
  const float most = std::numeric_limits<float>::max(), least = std::numeric_limits<float>::denorm_min();
  EXPECT_THAT(smooth_factors(0.5, std::vector<float>{most, least}, std::vector<float>{least, most}),
              ElementsAre(0x1p20F, 0x1p-20F));
}

TEST(Smooth, LayersThatShareAnInputShareTheJointMagnitudes) {
  std::vector<float> magnitudes;
  add_input_magnitudes(matrix(2, 3, {1, -2, 0, -3, 1, 0}), magnitudes);
  EXPECT_THAT(magnitudes, ElementsAre(3, 2, 0));
  add_input_magnitudes(matrix(1, 3, {-1, 6, 0.5F}), magnitudes);
  EXPECT_THAT(magnitudes, ElementsAre(3, 6, 0.5F));
  EXPECT_THROW(add_input_magnitudes(matrix(1, 3, {1, std::nanf(""), 0}), magnitudes), std::invalid_argument);
}

TEST(Smooth, LeavesTheProductAsItIsAndTamesOutliers) {
  std::mt19937 random(2);
  std::normal_distribution<float> values;
  constexpr std::size_t kRows = 20, kIn = 16, kOut = 8;
  std::vector<float> x(kRows * kIn), w(kOut * kIn);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = values(random) * (i % kIn == 5 ? 100.0F : 1.0F);  // an outlier channel
  }
  for (float& v : w) {
    v = values(random);
  }
  ChannelObserver observed;
  observed.observe(x, kIn);
  Tensor weights = matrix(kOut, kIn, w);
  std::vector<float> magnitudes, smoothed = x;
  add_input_magnitudes(weights, magnitudes);
  const auto factors = smooth_factors(0.5, observed.magnitudes(), magnitudes);
  smooth_activations(factors, smoothed);
  smooth_weights(factors, weights);
  const auto product = [&](std::span<const float> a, std::span<const float> b, std::size_t row, std::size_t out) {
    double sum = 0;
    for (std::size_t j = 0; j < kIn; ++j) {
      sum += static_cast<double>(a[row * kIn + j]) * static_cast<double>(b[out * kIn + j]);
    }
    return sum;
  };
  const auto int8_error = [&](const std::vector<float>& data, const Tensor& matrix_b) {
    const numerics::Format int8 = *numerics::find_format("int8");
    config::TensorRecipe recipe;
    auto a = data;
    std::vector<float> b(w.size());
    const Scheme sa = dynamic_scheme(int8, recipe, a, 1), sb = choose_weight_scheme(int8, recipe, matrix_b, -1);
    quantize(sa, {static_cast<std::int64_t>(a.size())}, data, a);
    dequantize(sa, {static_cast<std::int64_t>(a.size())}, a, a);
    quantize(sb, matrix_b.shape, matrix_b.floats(), b);
    dequantize(sb, matrix_b.shape, b, b);
    double sum = 0;
    for (std::size_t i = 0; i < kRows * kOut; ++i) {
      sum += std::pow(product(a, b, i / kOut, i % kOut) - product(x, w, i / kOut, i % kOut), 2);
    }
    return sum;
  };
  for (std::size_t i = 0; i < kRows * kOut; ++i) {
    EXPECT_NEAR(product(smoothed, weights.floats(), i / kOut, i % kOut), product(x, w, i / kOut, i % kOut), 1e-4);
  }
  EXPECT_LT(int8_error(smoothed, weights), 0.2 * int8_error(x, matrix(kOut, kIn, w)));
}

}  // namespace
}  // namespace mantissa::quantize
