// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "quantize/scheme.h"

namespace mantissa::quantize {
namespace {

using config::Calibrator;
using config::TensorRecipe;

TensorRecipe min_max() {
  return {};
}

TensorRecipe percentile(double p, bool symmetric) {
  TensorRecipe recipe;
  recipe.calibrator = Calibrator::kPercentile;
  recipe.percentile = p;
  recipe.symmetric = symmetric;
  return recipe;
}

std::vector<float> normal(std::size_t count, unsigned seed, float mean = 0, float sigma = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> values(mean, sigma);
  std::vector<float> result(count);
  std::generate(result.begin(), result.end(), [&] { return values(random); });
  return result;
}

TEST(Observer, MinimumAndMaximumAreExactOverAllCalls) {
  Observer observer;
  observer.observe(std::vector<float>{0.5F, 3.25F});
  observer.observe(std::vector<float>{-7.125F});
  observer.observe(std::vector<float>{});
  EXPECT_EQ(observer.range(min_max()), std::pair(-7.125F, 3.25F));
  EXPECT_EQ(observer.count(), 3);
}

TEST(Observer, RangeMayExcludeZero) {
  Observer observer;
  observer.observe(std::vector<float>{2.0F, 3.0F});
  EXPECT_EQ(observer.range(min_max()), std::pair(2.0F, 3.0F));
}

TEST(Observer, PassesOverNansAndInfinities) {
  Observer observer;
  const float infinity = std::numeric_limits<float>::infinity();
  observer.observe(std::vector<float>{std::nanf(""), 1.0F, infinity, -2.0F, -infinity});
  EXPECT_EQ(observer.range(min_max()), std::pair(-2.0F, 1.0F));
  EXPECT_EQ(observer.count(), 2);
}

TEST(Observer, RefusesARangeOfNothing) {
  Observer observer;
  EXPECT_THROW(observer.range(min_max()), std::invalid_argument);
  observer.observe(std::vector<float>{std::nanf("")});
  EXPECT_THROW(observer.range(percentile(99.9, true)), std::invalid_argument);
}

TEST(Observer, SymmetricPercentileIsThatOfTheMagnitudes) {
  const auto values = normal(100000, 1);
  std::vector<float> magnitudes(values.size());
  std::transform(values.begin(), values.end(), magnitudes.begin(), [](float x) { return std::abs(x); });
  std::sort(magnitudes.begin(), magnitudes.end());
  Observer observer;
  observer.observe(values);
  for (const double p : {50.0, 90.0, 99.0, 99.9, 99.99}) {
    const auto [low, high] = observer.range(percentile(p, true));
    const float exact = magnitudes[static_cast<std::size_t>(std::ceil(p / 100 * 100000)) - 1];
    EXPECT_EQ(low, -high);
    // The bin's upper edge: not below, and at most a bin (1/4096 of the largest magnitude) above.
    EXPECT_GE(high, exact);
    EXPECT_LE(high, exact + magnitudes.back() / 4096);
  }
}

TEST(Observer, AffinePercentileCutsBothTailsAlike) {
  auto values = normal(100000, 2, 1.0F, 2.0F);
  Observer observer;
  observer.observe(values);
  std::sort(values.begin(), values.end());
  const float bin = std::max(values.back(), -values.front()) / 4096;
  const auto [low, high] = observer.range(percentile(99.0, false));  // 500 values beyond each end
  EXPECT_NEAR(low, values[500], bin);
  EXPECT_NEAR(high, values[100000 - 1 - 500], bin);
}

TEST(Observer, AffinePercentileOfPositiveValuesStaysPositive) {
  std::vector<float> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 1.0F + static_cast<float>(i) / 1000.0F;
  }
  Observer observer;
  observer.observe(values);
  const auto [low, high] = observer.range(percentile(90.0, false));
  EXPECT_NEAR(low, 1.05F, 0.001F);
  EXPECT_NEAR(high, 1.95F, 0.001F);
}

TEST(Observer, TheHundredthPercentileIsTheExtreme) {
  const auto values = normal(5000, 3);
  Observer observer;
  observer.observe(values);
  const auto extremes = observer.range(min_max());
  EXPECT_EQ(observer.range(percentile(100, false)), extremes);
  const auto [low, high] = observer.range(percentile(100, true));
  EXPECT_EQ(std::max(-low, high), std::max(-extremes.first, extremes.second));
}

TEST(Observer, StateDoesNotDependOnOrderOrSplitting) {
  std::vector<std::vector<float>> parts{normal(1000, 4, 0, 0.001F), normal(1000, 5, 0, 1000.0F), normal(1000, 6),
                                        std::vector<float>(100, 0.0F)};
  Observer forward, backward, merged;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    forward.observe(parts[i]);
    backward.observe(parts[parts.size() - 1 - i]);
    Observer one;
    one.observe(parts[parts.size() - 1 - i]);
    merged.merge(one);
  }
  for (const double p : {20.0, 50.0, 90.0, 99.9}) {
    for (const bool symmetric : {true, false}) {
      const auto range = forward.range(percentile(p, symmetric));
      EXPECT_EQ(range, backward.range(percentile(p, symmetric)));
      EXPECT_EQ(range, merged.range(percentile(p, symmetric)));
    }
  }
}

TEST(Observer, TakesZerosAloneAndTheSmallestFloats) {
  Observer zeros;
  zeros.observe(std::vector<float>{0.0F, -0.0F});
  EXPECT_EQ(zeros.range(percentile(99, true)), std::pair(0.0F, 0.0F));
  Observer tiny;
  const float least = std::numeric_limits<float>::denorm_min(), most = std::numeric_limits<float>::max();
  tiny.observe(std::vector<float>{least});
  EXPECT_EQ(tiny.range(percentile(99, true)).second, least);
  tiny.observe(std::vector<float>{-most});
  EXPECT_EQ(tiny.range(percentile(100, true)).first, -most);
}

}  // namespace
}  // namespace mantissa::quantize
