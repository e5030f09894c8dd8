// SPDX-License-Identifier: Apache-2.0
// Stochastic rounding: the generator's published answers, the probabilities, and that nothing but seed and index
// counts.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "numerics/format.h"
#include "numerics/philox.h"

namespace mantissa::numerics {
namespace {

Format format(std::string_view name) {
  return find_format(name).value();
}

// Random123's published known answers for philox4x32 with 10 rounds.
TEST(Philox, GivesThePublishedAnswers) {
  using Four = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({0, 0}, {0, 0, 0, 0}), (Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0U, ~0U}, {~0U, ~0U, ~0U, ~0U}), (Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}),
            (Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(StochasticRounding, RoundsUpAsOftenAsTheFractionSays) {
  constexpr int kDraws = 40000;
  for (const char* name : {"e4m3", "bf16", "e2m1", "int8"}) {
    const Format f = format(name);
    const double low = 2.0, high = f.integer ? 3.0 : 2.0 + std::ldexp(2.0, -f.mantissa_bits);
    for (const double fraction : {1.0 / 64, 0.25, 0.5, 0.828125}) {
      for (const double sign : {1.0, -1.0}) {
        std::vector<float> values(kDraws, static_cast<float>(sign * (low + fraction * (high - low))));
        round_stochastic(f, values, 7, 0);
        int up = 0;
        for (const float v : values) {
          ASSERT_TRUE(std::fabs(static_cast<double>(v)) == low || std::fabs(static_cast<double>(v)) == high) << v;
          up += std::fabs(static_cast<double>(v)) == high ? 1 : 0;
        }
        const double deviation = std::sqrt(kDraws * fraction * (1 - fraction));
        EXPECT_LT(std::fabs(up - kDraws * fraction), 4.5 * deviation) << name << " " << fraction;
      }
    }
  }
}

TEST(StochasticRounding, HasNoBiasWhereRoundingToNearestLosesEverything) {
  // Half a million values of 1/1000 of the smallest E4M3 number: to nearest all become zero.
  std::vector<float> values(500000, std::ldexp(1.0F, -9) / 1000);
  const double sum = static_cast<double>(values[0]) * static_cast<double>(values.size());
  round_stochastic(format("e4m3"), values, 11, 0);
  double rounded = 0;
  for (const float v : values) {
    rounded += static_cast<double>(v);
  }
  const double deviation = std::ldexp(std::sqrt(500000 * 0.001 * 0.999), -9);
  EXPECT_LT(std::fabs(rounded - sum), 4.5 * deviation);
  EXPECT_GT(rounded, 0.0);
}

TEST(StochasticRounding, HasAMeanErrorOfZeroOnMixedValues) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(200000);
  for (float& v : values) {
    v = normal(random);
  }
  std::vector<float> rounded = values;
  const Format e5m2 = format("e5m2");
  round_stochastic(e5m2, rounded, 99, 1000);
  double error = 0, square = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double e = static_cast<double>(rounded[i]) - static_cast<double>(values[i]);
    error += e;
    square += e * e;
  }
  EXPECT_LT(std::fabs(error), 4.5 * std::sqrt(square));
}

TEST(StochasticRounding, NeverMovesWhatIsOnTheGrid) {
  for (const char* name : {"e4m3", "e5m2", "e2m1", "fp16"}) {
    const Format f = format(name);
    for (std::uint32_t code = 0; code < (1U << f.bits()); code += name == std::string_view("fp16") ? 7 : 1) {
      const float x = decode(f, code);
      if (std::isfinite(x)) {
        EXPECT_EQ(std::bit_cast<std::uint32_t>(round_stochastic(f, x, code, 3 * code)),
                  std::bit_cast<std::uint32_t>(x));
      }
    }
  }
}

TEST(StochasticRounding, DependsOnSeedAndIndexAloneHoweverATensorIsSplit) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  std::vector<float> values(1003);
  for (float& v : values) {
    v = normal(random);
  }
  const Format e4m3 = format("e4m3");
  std::vector<float> whole = values;
  round_stochastic(e4m3, whole, 5, 0);
  std::vector<float> parts = values;
  for (std::size_t first = 0; first < parts.size();) {
    const std::size_t count = std::min<std::size_t>(1 + random() % 50, parts.size() - first);
    round_stochastic(e4m3, std::span(parts).subspan(first, count), 5, first);
    first += count;
  }
  EXPECT_EQ(parts, whole);
  std::vector<float> again = values;
  round_stochastic(e4m3, again, 6, 0);
  EXPECT_NE(again, whole);
  // These very bits are a promise: results with a seed stay the same from version to version.
  const float x = 1.0625F;  // half of the way between neighbours
  std::string decisions;
  for (std::uint64_t i = 0; i < 32; ++i) {
    decisions += round_stochastic(e4m3, x, 2026, i) > 1.0F ? '1' : '0';
  }
  EXPECT_EQ(decisions, "10000100001111011000011001111001");
}

TEST(StochasticRounding, IsRefusedWithoutASeed) {
  std::vector<float> values = {1.0F};
  EXPECT_THROW(round_to(format("e4m3"), 1.1F, Rounding::kStochastic), std::logic_error);
  EXPECT_THROW(round_to(format("e4m3"), values, Rounding::kStochastic), std::logic_error);
}

}  // namespace
}  // namespace mantissa::numerics
