// SPDX-License-Identifier: Apache-2.0
// Who shares a scale: groups of weights, samples and tokens of activations. Every element is computed again by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "quantize/scheme.h"

namespace mantissa::quantize {
namespace {

using config::Calibrator;
using config::Granularity;
using config::Scaling;
using config::TensorRecipe;
using network::Shape;
using network::Tensor;
using testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

numerics::Format format(const char* name) {
  return *numerics::find_format(name);
}

std::vector<float> normal(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> values(0.2F, 1.5F);
  std::vector<float> result(count);
  std::generate(result.begin(), result.end(), [&] { return values(random); });
  return result;
}

Tensor weights_of(const Shape& shape, unsigned seed) {
  return {network::ElementType::kFloat, shape, normal(static_cast<std::size_t>(network::element_count(shape)), seed)};
}

TensorRecipe grouped(std::int64_t group, bool symmetric = true) {
  TensorRecipe recipe;
  recipe.granularity = Granularity::kPerGroup;
  recipe.group = group;
  recipe.symmetric = symmetric;
  return recipe;
}

// The code of one value among those that share its scale.
struct OneScale {
  float low = 0, high = 0;

  void see(float x) {
    low = std::isfinite(x) ? std::min(low, x) : low;
    high = std::isfinite(x) ? std::max(high, x) : high;
  }
  std::pair<float, double> fit(const numerics::Format& f, bool symmetric) const {
    const double l = low, h = high, top = f.integer ? std::exp2(f.mantissa_bits - 1) - 1 : f.max_finite();
    if (low == high) {
      return {1.0F, 0.0};
    }
    if (symmetric || !f.integer) {
      return {static_cast<float>(std::max(-l, h) / top), 0.0};
    }
    const auto scale = static_cast<float>((h - l) / (2 * top + 1));
    return {scale, std::clamp(std::nearbyint(-top - 1 - l / static_cast<double>(scale)), -top - 1, top)};
  }
  double code(const numerics::Format& f, bool symmetric, float x) const {
    const auto [scale, zero] = fit(f, symmetric);
    const double top = f.integer ? std::exp2(f.mantissa_bits - 1) - 1 : f.max_finite();
    const float quotient = x / scale;
    if (!f.integer) {
      return numerics::round_to(f, std::clamp(quotient, static_cast<float>(-top), static_cast<float>(top)));
    }
    const double bottom = symmetric ? -top : -top - 1;
    return std::isnan(quotient) ? zero : std::clamp(std::nearbyint(static_cast<double>(quotient)) + zero, bottom, top);
  }
};

// Weights [out][in][height][width]: the group of an element counts positions kernel row, kernel column, in channel.
void expect_groups(const char* name, bool symmetric, const Shape& shape, std::int64_t group) {
  const Tensor weights = weights_of(shape, 21);
  const std::int64_t in = shape[1], taps = shape[2] * shape[3], k = in * taps, groups = (k + group - 1) / group;
  const Scheme scheme = choose_weight_scheme(format(name), grouped(group, symmetric), weights, 0);
  ASSERT_EQ(scheme.scales.size(), static_cast<std::size_t>(shape[0] * groups));
  EXPECT_EQ(scheme.groups(k), groups);
  const auto group_of = [&](std::int64_t i) {
    const std::int64_t out = i / k, c = i % k / taps, tap = i % taps;
    return static_cast<std::size_t>(out * groups + (tap * in + c) / group);
  };
  const auto w = weights.floats();
  std::vector<OneScale> shared(scheme.scales.size());
  for (std::size_t i = 0; i < w.size(); ++i) {
    shared[group_of(static_cast<std::int64_t>(i))].see(w[i]);
  }
  std::vector<float> q(w.size()), back(w.size());
  quantize(scheme, shape, w, std::span<float>(q));
  dequantize(scheme, shape, q, back);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const std::size_t g = group_of(static_cast<std::int64_t>(i));
    const auto [scale, zero] = shared[g].fit(scheme.format, symmetric);
    ASSERT_EQ(scheme.scales[g], scale);
    ASSERT_EQ(q[i], shared[g].code(scheme.format, symmetric, w[i])) << i;
    ASSERT_EQ(back[i], (q[i] - static_cast<float>(zero)) * scale);
  }
  if (scheme.format.integer) {
    std::vector<std::int8_t> bytes(w.size());
    quantize(scheme, shape, w, std::span<std::int8_t>(bytes));
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), q.begin(),
                           [](std::int8_t a, float b) { return static_cast<float>(a) == b; }));
  }
}

TEST(Groups, FollowTheOrderOfAccumulationOfAConvolution) {
  for (const std::int64_t group : {2, 5, 6, 12, 64}) {
    expect_groups("int4", true, {3, 6, 2, 2}, group);
    expect_groups("int4", false, {3, 6, 2, 2}, group);
    expect_groups("e2m1", true, {3, 6, 2, 2}, group);
  }
}

TEST(Groups, AreConsecutiveElementsOfALinearLayersRows) {
  expect_groups("int8", true, {5, 300, 1, 1}, 128);  // 128, 128 and 44
  const Tensor weights = weights_of({2, 4}, 3);
  const Scheme scheme = choose_weight_scheme(format("int4"), grouped(3), weights, 0);
  const auto w = weights.floats();
  EXPECT_THAT(scheme.scales,
              ElementsAre(std::max({std::abs(w[0]), std::abs(w[1]), std::abs(w[2])}) / 7, std::abs(w[3]) / 7,
                          std::max({std::abs(w[4]), std::abs(w[5]), std::abs(w[6])}) / 7, std::abs(w[7]) / 7));
}

TEST(Groups, AGroupOfZerosHasScaleOne) {
  const Tensor weights{network::ElementType::kFloat, {1, 4}, std::vector<float>{0.0F, -0.0F, 7.0F, 0.0F}};
  EXPECT_THAT(choose_weight_scheme(format("int4"), grouped(2), weights, 0).scales, ElementsAre(1.0F, 1.0F));
}

TEST(Groups, EachMayBeClippedForTheLeastError) {
  TensorRecipe recipe = grouped(64), mse = grouped(64);
  mse.calibrator = Calibrator::kMse;
  const Tensor weights = weights_of({4, 128}, 8);
  const auto error = [&](const TensorRecipe& r) {
    const Scheme scheme = choose_weight_scheme(format("int4"), r, weights, 0);
    std::vector<float> x(512);
    quantize(scheme, weights.shape, weights.floats(), x);
    dequantize(scheme, weights.shape, x, x);
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum += std::pow(static_cast<double>(x[i] - weights.floats()[i]), 2);
    }
    return sum;
  };
  EXPECT_LT(error(mse), 0.95 * error(recipe));
}

TEST(Dynamic, EachPartHasTheRangeOfItsOwnFiniteValues) {
  auto x = normal(60, 31);
  x[3] = std::nanf("");
  x[7] = kInfinity;
  std::fill(x.begin() + 40, x.end(), 0.0F);
  for (const char* name : {"int8", "int4", "e4m3"}) {
    for (const bool symmetric : {true, false}) {
      for (const std::int64_t parts : {1, 3, 6, 60}) {
        TensorRecipe recipe;
        recipe.symmetric = symmetric;
        recipe.scaling = Scaling::kDynamic;
        const Scheme scheme = dynamic_scheme(format(name), recipe, x, parts);
        ASSERT_EQ(scheme.scales.size(), static_cast<std::size_t>(parts));
        std::vector<float> q(x.size());
        quantize(scheme, {3, 4, 5}, x, std::span<float>(q));
        const std::size_t length = x.size() / static_cast<std::size_t>(parts);
        for (std::size_t i = 0; i < x.size(); ++i) {
          OneScale part;
          for (std::size_t j = i / length * length; j < (i / length + 1) * length; ++j) {
            part.see(x[j]);
          }
          ASSERT_EQ(scheme.scales[i / length], part.fit(scheme.format, symmetric).first);
          if (std::isnan(x[i]) && !scheme.format.integer) {
            ASSERT_TRUE(std::isnan(q[i]));
          } else {
            ASSERT_EQ(q[i], part.code(scheme.format, symmetric, x[i])) << name << i;
          }
        }
      }
    }
  }
}

TEST(Dynamic, PartsWithoutAFiniteValueHaveScaleOne) {
  const std::vector<float> x{0.0F, -0.0F, std::nanf(""), kInfinity};
  const Scheme scheme = dynamic_scheme(format("int8"), {}, x, 2);
  EXPECT_THAT(scheme.scales, ElementsAre(1.0F, 1.0F));
  std::vector<float> q(4);
  quantize(scheme, {4}, x, std::span<float>(q));
  EXPECT_THAT(q, ElementsAre(0, 0, 0, 127));
}

TEST(Dynamic, TakesEmptyTensorsAndWideFormats) {
  EXPECT_TRUE(dynamic_scheme(format("int8"), {}, {}, 0).scales.empty());
  quantize(dynamic_scheme(format("int8"), {}, {}, 0), {0, 3}, std::span<const float>(), std::span<float>());
  EXPECT_THAT(dynamic_scheme(format("fp16"), {}, std::vector<float>(6), 3).scales, ElementsAre(1.0F));
}

TEST(Dynamic, TheScaleOfASubnormalPartStopsAtTheSmallestNormalNumber) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  EXPECT_THAT(dynamic_scheme(format("int8"), {}, std::vector<float>{tiny, -tiny}, 1).scales,
              ElementsAre(std::numeric_limits<float>::min()));
}

TEST(Quantize, TheWholeSpanGivesWhatEachElementGivesAlone) {
  auto x = normal(1003, 41);
  x[10] = std::nanf("");
  x[20] = kInfinity;
  x[30] = -kInfinity;
  x[40] = -0.0F;
  for (const char* name : {"int4", "int8", "int16", "e4m3", "e5m2", "e2m1", "fp16", "bf16"}) {
    for (const bool symmetric : {true, false}) {
      TensorRecipe recipe;
      recipe.symmetric = symmetric;
      const Scheme scheme = choose_scheme(format(name), recipe, -3.0F, 4.0F);
      std::vector<float> q(x.size()), back(x.size()), one(1);
      quantize(scheme, {1003}, x, std::span<float>(q));
      dequantize(scheme, {1003}, q, back);
      for (std::size_t i = 0; i < x.size(); ++i) {
        quantize(scheme, {1}, std::span<const float>(x).subspan(i, 1), std::span<float>(one));
        ASSERT_TRUE(one[0] == q[i] || (std::isnan(one[0]) && std::isnan(q[i]))) << name << i;
        dequantize(scheme, {1}, one, one);
        ASSERT_TRUE(one[0] == back[i] || (std::isnan(one[0]) && std::isnan(back[i]))) << name << i;
      }
    }
  }
}

}  // namespace
}  // namespace mantissa::quantize
