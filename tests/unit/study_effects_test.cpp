// SPDX-License-Identifier: Apache-2.0
// Sensitivities against values worked out by hand or by another route.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "study/additive_fit.h"
#include "study/draws.h"
#include "study/effects.h"

namespace mantissa::study {
namespace {

using report::KeyEffect;
using Direction = KeyEffect::Direction;

constexpr double kExact = 1e-9;

report::SweepRow row(const std::vector<std::string>& values, double latency) {
  report::SweepRow r{"chip", "net", "bf16", values, {}, ""};
  r.measured.timing = report::SweepMeasurements::Timing{latency, 1 / latency, 1000, 1, 100};
  return r;
}

// All combinations of a and b.
report::SweepResult grid(const std::vector<int>& a, const std::vector<int>& b,
                         const std::function<double(int, int)>& latency) {
  report::SweepResult r;
  r.keys = {{"a"}, {"b"}};
  for (const int i : a) {
    for (const int j : b) {
      r.rows.push_back(row({std::to_string(i), std::to_string(j)}, latency(i, j)));
    }
  }
  return r;
}

report::ObjectiveEffects on_latency(const report::SweepResult& r) {
  return effects(r, {{"latency_s", false}}).objectives.at(0);
}

const KeyEffect& of_key(const report::ObjectiveEffects& o, const std::string& key) {
  for (const KeyEffect& effect : o.effects) {
    if (effect.key == key) {
      return effect;
    }
  }
  throw std::logic_error("no effect of " + key);
}

TEST(Effects, OfAnAdditiveGridAddUpToAllOfTheVariance) {
  // a adds 0, 10, 20 (variance 200/3), b adds 0 or 2 (variance 1).
  const auto o = on_latency(grid({0, 1, 2}, {0, 1}, [](int a, int b) { return 5 + 10.0 * a + 2.0 * b; }));
  EXPECT_TRUE(o.full_grid);
  EXPECT_EQ(o.points, 6U);
  EXPECT_DOUBLE_EQ(o.mean, 16);
  ASSERT_EQ(o.effects.size(), 2U);
  const double all = 200.0 / 3 + 1;
  EXPECT_EQ(o.effects[0].key, "a");
  EXPECT_NEAR(o.effects[0].range, 20, kExact);
  EXPECT_NEAR(o.effects[0].relative_range, 20.0 / 16, kExact);
  EXPECT_NEAR(o.effects[0].share, 200.0 / 3 / all, kExact);
  EXPECT_NEAR(*o.effects[0].total_share, 200.0 / 3 / all, kExact);
  EXPECT_NEAR(o.effects[1].range, 2, kExact);
  EXPECT_NEAR(o.effects[1].share, 1 / all, kExact);
  EXPECT_NEAR(o.unexplained, 0, kExact);
  EXPECT_NEAR(o.effects[0].levels[1].mean, 16, kExact);
  EXPECT_EQ(o.effects[0].levels[1].points, 2U);
  EXPECT_EQ(o.effects[0].direction, Direction::kRises);
  EXPECT_EQ(o.effects[0].best, "0");
}

TEST(Effects, TellWhatKeysDoTogether) {
  // Of 1 + a b with a, b in {-1, 1} neither key does anything alone; together they do everything.
  const auto o = on_latency(grid({-1, 1}, {-1, 1}, [](int a, int b) { return 2.0 + a * b; }));
  for (const KeyEffect& effect : o.effects) {
    EXPECT_NEAR(effect.share, 0, kExact);
    EXPECT_NEAR(*effect.total_share, 1, kExact);
    EXPECT_NEAR(effect.range, 0, kExact);
  }
  EXPECT_NEAR(o.unexplained, 1, kExact);
}

TEST(Effects, OfAGridAreTheIndicesOfSobol) {
  // By their definition: variance of the conditional mean, and mean of the conditional variance, over all variance.
  const auto f = [](int a, int b) { return std::max(3.0 * a, 1.0 * b * b) + 0.1 * a * b; };
  const std::vector<int> as = {1, 2, 3, 4}, bs = {1, 2, 3};
  std::vector<double> all, means, variances;
  const auto mean = [](const std::vector<double>& v) {
    double sum = 0;
    for (const double x : v) {
      sum += x;
    }
    return sum / static_cast<double>(v.size());
  };
  const auto variance = [&](const std::vector<double>& v) {
    std::vector<double> squares;
    for (const double x : v) {
      squares.push_back(x * x);
    }
    return mean(squares) - mean(v) * mean(v);
  };
  for (const int b : bs) {
    std::vector<double> given_b;
    for (const int a : as) {
      given_b.push_back(f(a, b));
      all.push_back(f(a, b));
    }
    means.push_back(mean(given_b));
    variances.push_back(variance(given_b));
  }
  const auto o = on_latency(grid(as, bs, f));
  EXPECT_NEAR(of_key(o, "b").share, variance(means) / variance(all), kExact);
  EXPECT_NEAR(*of_key(o, "a").total_share, mean(variances) / variance(all), kExact);
  EXPECT_NEAR(o.deviation * o.deviation, variance(all), kExact);
}

TEST(Effects, TellTheDirectionAndTheBestValue) {
  // Latency has its minimum at a = 2; throughput falls with b.
  const auto r = grid({1, 2, 3}, {8, 16, 128}, [](int a, int b) { return 1 + (a - 2) * (a - 2) + 0.01 * b; });
  const auto latency = on_latency(r);
  EXPECT_EQ(of_key(latency, "a").direction, Direction::kNeither);
  EXPECT_EQ(of_key(latency, "a").best, "2");
  EXPECT_EQ(of_key(latency, "b").direction, Direction::kRises);
  EXPECT_EQ(of_key(latency, "b").best, "8");
  EXPECT_EQ(of_key(latency, "b").levels.back().value, "128");  // as numbers, not as text
  const auto throughput = effects(r, {{"inputs_per_s", true}}).objectives.at(0);
  EXPECT_EQ(of_key(throughput, "b").direction, Direction::kFalls);
  EXPECT_EQ(of_key(throughput, "b").best, "8");
}

TEST(Effects, CountTiedKeysAsOneAndLeaveDerivedOnesOut) {
  report::SweepResult r;
  r.keys = {{"rows"}, {"cols"}, {"clock"}, {"macs"}, {"still"}};
  r.keys[3].derived = true;
  for (const int rows : {64, 128}) {
    for (const int clock : {1, 2, 3}) {
      r.rows.push_back(row(
          {std::to_string(rows), std::to_string(rows / 2), std::to_string(clock), std::to_string(rows * rows / 2), "7"},
          1000.0 / rows / clock));
      r.rows.back().chip = rows == 64 ? "small" : "big";
    }
  }
  const auto o = on_latency(r);
  EXPECT_TRUE(o.full_grid);
  ASSERT_EQ(o.effects.size(), 2U);
  EXPECT_EQ(of_key(o, "chip = rows = cols").levels.size(), 2U);
  EXPECT_EQ(of_key(o, "chip = rows = cols").direction, Direction::kNames);
  EXPECT_EQ(of_key(o, "clock").direction, Direction::kFalls);
}

TEST(Effects, OfAGridWithHolesAreThoseOfTheModelUnderIt) {
  // Additive, so that the fit is exact wherever points are missing; plain averages would be far off.
  auto r = grid({0, 1, 2, 3}, {0, 1, 2, 3}, [](int a, int b) { return 100 + 10.0 * a + 3.0 * b; });
  for (const std::size_t hole : {3U, 2U, 7U}) {  // a small with b large
    r.rows[hole].error = "too large";
  }
  const auto o = on_latency(r);
  EXPECT_FALSE(o.full_grid);
  EXPECT_EQ(o.points, 13U);
  EXPECT_EQ(o.left_out, 3U);
  EXPECT_NEAR(of_key(o, "a").range, 30, 1e-6);
  EXPECT_NEAR(of_key(o, "b").range, 9, 1e-6);
  EXPECT_FALSE(of_key(o, "a").total_share);
  EXPECT_GT(of_key(o, "a").share, of_key(o, "b").share);
}

TEST(Effects, OfASampleComeNearThoseOfTheGrid) {
  const auto f = [](int a, int b) { return 50 + 4.0 * a + 0.5 * b + 0.2 * a * b; };
  std::vector<int> values(20);
  for (int i = 0; i < 20; ++i) {
    values[static_cast<std::size_t>(i)] = i;
  }
  report::SweepResult whole = grid(values, values, f), sample = whole;
  for (report::SweepRow& r : whole.rows) {
    r.values.emplace_back("noise");
  }
  whole.keys.push_back({"noise"});
  sample.rows.clear();
  sample.keys.push_back({"noise"});
  Draws draws(3);
  for (int i = 0; i < 150; ++i) {
    sample.rows.push_back(whole.rows[draws.below(whole.rows.size())]);
    sample.rows.back().values[2] = std::to_string(draws.below(5));  // a key that does nothing
  }
  const auto exact = on_latency(whole), estimate = on_latency(sample);
  EXPECT_NEAR(of_key(estimate, "a").share, of_key(exact, "a").share, 0.08);
  EXPECT_NEAR(of_key(estimate, "b").share, of_key(exact, "b").share, 0.08);
  EXPECT_LT(of_key(estimate, "noise").share, 0.02);
  EXPECT_EQ(of_key(estimate, "a").levels.size(), kMaxSampleLevels);  // in classes
  EXPECT_EQ(of_key(estimate, "noise").levels.size(), 5U);            // few enough to be themselves
  EXPECT_THAT(of_key(estimate, "a").levels[0].value, ::testing::StartsWith("0 .. "));
}

TEST(Effects, SurviveNothingAndSameness) {
  report::SweepResult r;
  EXPECT_EQ(on_latency(r).points, 0U);
  r = grid({1, 2}, {1, 2}, [](int, int) { return 3.0; });
  const auto o = on_latency(r);
  EXPECT_DOUBLE_EQ(o.deviation, 0);
  EXPECT_DOUBLE_EQ(o.effects.at(0).share, 0);
  EXPECT_EQ(o.effects.at(0).best, "");
  EXPECT_EQ(o.effects.at(0).direction, Direction::kNeither);
}

TEST(AdditiveFit, LeavesAnErrorThatNoFactorCorrelatesWith) {
  // The conditions of least squares: what is left sums to zero over every level of every factor.
  Draws draws(11);
  const std::size_t rows = 60;
  std::vector<double> y;
  std::vector<std::vector<std::size_t>> levels(3, std::vector<std::size_t>(rows));
  for (std::size_t i = 0; i < rows; ++i) {
    y.push_back(static_cast<double>(draws.below(1000)));
    for (std::size_t k = 0; k < 3; ++k) {
      levels[k][i] = i < 5 ? i % (k + 2) : draws.below(k + 2);
    }
  }
  const AdditiveFit fit = additive_fit(y, levels);
  double squares = 0;
  std::vector<std::vector<double>> sums = {{0, 0}, {0, 0, 0}, {0, 0, 0, 0}};
  for (std::size_t i = 0; i < rows; ++i) {
    double rest = y[i] - fit.mean;
    for (std::size_t k = 0; k < 3; ++k) {
      rest -= fit.effects[k][levels[k][i]];
    }
    squares += rest * rest;
    for (std::size_t k = 0; k < 3; ++k) {
      sums[k][levels[k][i]] += rest;
    }
  }
  for (const auto& of_factor : sums) {
    EXPECT_THAT(of_factor, ::testing::Each(::testing::DoubleNear(0, 1e-6)));
  }
  EXPECT_NEAR(fit.squared_error, squares, 1e-6);
}

}  // namespace
}  // namespace mantissa::study
