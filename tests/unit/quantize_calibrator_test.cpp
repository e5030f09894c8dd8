// SPDX-License-Identifier: Apache-2.0
// Calibrators that weigh errors, against brute force that follows their definitions word by word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "quantize/clip.h"
#include "quantize/scheme.h"

namespace mantissa::quantize {
namespace {

using config::Calibrator;
using config::TensorRecipe;
using testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

numerics::Format format(const char* name) {
  return *numerics::find_format(name);
}

TensorRecipe with(Calibrator calibrator, bool symmetric = true) {
  TensorRecipe recipe;
  recipe.calibrator = calibrator;
  recipe.symmetric = symmetric;
  return recipe;
}

Observer observer_of(const std::vector<float>& values) {
  Observer observer;
  observer.observe(values);
  return observer;
}

// Sharp in the middle, with a heavy tail: clipping pays.
std::vector<float> heavy_tailed(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::student_t_distribution<float> values(3.0F);
  std::vector<float> result(count);
  std::generate(result.begin(), result.end(), [&] { return values(random); });
  return result;
}

// The KL divergence with both distributions written out.
double written_out_divergence(std::vector<std::int64_t> bins, std::size_t kept, std::int64_t levels) {
  bins[0] = bins[1];
  std::vector<double> p(bins.begin(), bins.begin() + static_cast<std::ptrdiff_t>(kept)), q(kept, 0.0);
  for (std::size_t i = kept; i < bins.size(); ++i) {
    p[kept - 1] += static_cast<double>(bins[i]);
  }
  const auto level_of = [&](std::size_t bin) {
    return static_cast<std::int64_t>(bin) * levels / static_cast<std::int64_t>(kept);
  };
  for (std::int64_t level = 0; level < levels; ++level) {
    double sum = 0, filled = 0;
    for (std::size_t i = 0; i < kept; ++i) {
      if (level_of(i) == level && bins[i] > 0) {
        sum += static_cast<double>(bins[i]);
        ++filled;
      }
    }
    for (std::size_t i = 0; i < kept; ++i) {
      if (level_of(i) == level && bins[i] > 0) {
        q[i] = sum / filled;
      }
    }
  }
  double p_sum = 0, q_sum = 0, divergence = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    p_sum += p[i];
    q_sum += q[i];
  }
  for (std::size_t i = 0; i < kept; ++i) {
    if (p[i] > 0) {
      divergence += q[i] > 0 ? p[i] / p_sum * std::log(p[i] / p_sum * q_sum / q[i]) : kInfinity;
    }
  }
  return divergence;
}

void expect_least_divergence(const std::vector<std::int64_t>& bins, std::int64_t levels, std::size_t chosen) {
  double least = kInfinity;
  for (std::size_t kept = 128; kept <= bins.size(); ++kept) {
    least = std::min(least, written_out_divergence(bins, kept, levels));
  }
  EXPECT_NEAR(written_out_divergence(bins, chosen, levels), least, 1e-12);
  for (std::size_t kept = chosen + 1; kept <= bins.size(); ++kept) {  // the last of the least
    EXPECT_GT(written_out_divergence(bins, kept, levels), least - 1e-12);
  }
}

TEST(Entropy, ChoosesTheLeastDivergenceOfSmallHistograms) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 12; ++trial) {
    const std::size_t size = 140 + random() % 100;
    std::vector<std::int64_t> bins(size);
    for (std::size_t i = 0; i < size; ++i) {  // falling, with gaps
      bins[i] = random() % 4 == 0 ? 0 : static_cast<std::int64_t>(random() % (1 + 20000 / (1 + i * i / 64)));
    }
    bins.back() = 1 + static_cast<std::int64_t>(random() % 3);
    for (const std::int64_t levels : {8, 100, 128}) {
      expect_least_divergence(bins, levels, entropy_bins(bins, levels));
    }
  }
}

TEST(Entropy, ItsLogarithmIsExactToTheLastDigits) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const double x =
        std::ldexp(1.0 + static_cast<double>(random() >> 12) * 0x1p-52, static_cast<int>(random() % 120) - 60);
    EXPECT_NEAR(portable_log(x), std::log(x), 4e-16 * std::max(1.0, std::abs(std::log(x))));
  }
  EXPECT_EQ(portable_log(1.0), 0.0);
}

TEST(Entropy, KeepsEverythingWhereNothingIsLost) {
  // A bin for each level: P and Q are equal.
  EXPECT_EQ(entropy_bins(std::vector<std::int64_t>(128, 5), 128), 128u);
  // Uniform: levels lose nothing, cutting does.
  EXPECT_EQ(entropy_bins(std::vector<std::int64_t>(512, 5), 128), 512u);
  // More levels than bins, as with INT16.
  EXPECT_EQ(entropy_bins(std::vector<std::int64_t>(300, 5), 32768), 300u);
  EXPECT_EQ(entropy_bins({7}, 128), 1u);
}

TEST(Entropy, CutsAFewFarOutliers) {
  std::vector<std::int64_t> bins(2048, 0);
  for (std::size_t i = 0; i < 256; ++i) {
    bins[i] = static_cast<std::int64_t>(1e6 * std::exp(-static_cast<double>(i * i) / 8000));
  }
  bins[2047] = 3;
  const std::size_t kept = entropy_bins(bins, 128);
  EXPECT_GE(kept, 128u);
  EXPECT_LE(kept, 256u);
}

// Half of the values are one number: a threshold just behind it hides the clipped tail in a bin that is tall anyway,
// and any wider one spreads the bin over its level. See docs/accuracy.md.
TEST(Entropy, CutsBehindAnIsolatedTallBin) {
  std::vector<std::int64_t> bins(1036, 100);
  bins[414] = 100000;
  const std::size_t kept = entropy_bins(bins, 128);
  EXPECT_GE(kept, 415u);
  EXPECT_LE(kept, 420u);
}

TEST(Entropy, ReadsTheHistogramOfMagnitudesIn2048Bins) {
  auto values = heavy_tailed(20000, 3);
  float amax = 0;
  for (const float x : values) {
    amax = std::max(amax, std::abs(x));
  }
  const double width = std::exp2(std::floor(std::log2(static_cast<double>(amax))) + 1 - 11);
  std::vector<std::int64_t> bins(static_cast<std::size_t>(static_cast<double>(amax) / width) + 1);
  for (const float x : values) {
    ++bins[static_cast<std::size_t>(std::abs(static_cast<double>(x)) / width)];
  }
  ASSERT_GT(bins.size(), 1024u);
  ASSERT_LE(bins.size(), 2048u);
  const double limit = std::min<double>(amax, static_cast<double>(entropy_bins(bins, 128)) * width);
  const Scheme scheme = choose_scheme(format("int8"), with(Calibrator::kEntropy), observer_of(values));
  EXPECT_EQ(scheme.scales[0], static_cast<float>(limit / 127));
  EXPECT_LT(limit, amax / 2);  // the tail is cut
}

TEST(Entropy, GivesFewerBitsATighterRange) {
  const Observer observer = observer_of(heavy_tailed(20000, 4));
  const Scheme four = choose_scheme(format("int4"), with(Calibrator::kEntropy), observer),
               eight = choose_scheme(format("int8"), with(Calibrator::kEntropy), observer);
  EXPECT_LT(four.scales[0] * 7, eight.scales[0] * 127);
}

TEST(Entropy, RefusesFloatingPointFormats) {
  try {
    choose_scheme(format("e4m3"), with(Calibrator::kEntropy), observer_of({1.0F}));
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "the entropy calibrator is for integer formats, and 'e4m3' is none; use calibrator: mse "
                 "or min_max");
  }
}

// x through a symmetric scheme with this clip, element by element.
double round_trip(const numerics::Format& f, double clip, float x) {
  const double top = f.integer ? std::exp2(f.mantissa_bits - 1) - 1 : f.max_finite();
  const auto scale = static_cast<float>(clip / top);
  const float quotient = std::clamp(x / scale, static_cast<float>(-top), static_cast<float>(top));
  const float code = f.integer ? std::nearbyint(quotient) : numerics::round_to(f, quotient);
  return static_cast<double>(code) * static_cast<double>(scale);
}

double square_error(const numerics::Format& f, double clip, const std::vector<float>& values) {
  double sum = 0;
  for (const float x : values) {
    sum += std::pow(round_trip(f, clip, x) - static_cast<double>(x), 2);
  }
  return sum;
}

TEST(Mse, ChoosesTheBestOf128ClipsForWeights) {
  for (const char* name : {"int4", "int8", "e4m3", "e5m2", "e2m1", "e3m2"}) {
    const auto values = heavy_tailed(500, 5);
    double amax = 0, best = 0, least = kInfinity;
    for (const float x : values) {
      amax = std::max(amax, std::abs(static_cast<double>(x)));
    }
    for (int i = 1; i <= 128; ++i) {
      const double clip = static_cast<float>(amax * i / 128), error = square_error(format(name), clip, values);
      if (error <= least) {
        least = error;
        best = clip;
      }
    }
    network::Tensor weights{network::ElementType::kFloat, {500}, values};
    const Scheme scheme = choose_weight_scheme(format(name), with(Calibrator::kMse), weights, -1);
    const double top = format(name).integer ? std::exp2(format(name).mantissa_bits - 1) - 1 : format(name).max_finite();
    EXPECT_EQ(scheme.scales[0], static_cast<float>(best / top)) << name;
  }
}

TEST(Mse, ChoosesTheBestEdgeOfTheHistogramForActivations) {
  // Values in the middle of their bins (2^-13 wide, as the largest lies in [0.5, 1)): the histogram loses nothing.
  std::mt19937 random(6);
  std::exponential_distribution<double> bins(1.0 / 300);
  std::vector<float> values;
  for (int i = 0; i < 400; ++i) {
    const double middle = (std::min(std::floor(bins(random)), 5000.0) + 0.5) / 8192;
    values.push_back(static_cast<float>(random() % 2 == 0 ? middle : -middle));
  }
  values.push_back(5000.5F / 8192);
  for (const char* name : {"int4", "int8", "e4m3", "e2m1"}) {
    double best = 0, least = kInfinity;
    for (int i = 1; i <= 1251; ++i) {  // every fourth edge, the last one cut to the extreme
      const double clip = std::min(4.0 * i, 5000.5) / 8192, error = square_error(format(name), clip, values);
      if (error <= least) {
        least = error;
        best = clip;
      }
    }
    const Scheme scheme = choose_scheme(format(name), with(Calibrator::kMse), observer_of(values));
    const double top = format(name).integer ? std::exp2(format(name).mantissa_bits - 1) - 1 : format(name).max_finite();
    EXPECT_EQ(scheme.scales[0], static_cast<float>(best / top)) << name;
  }
}

double affine_error(float low, float high, const std::vector<float>& values) {
  const auto scale = static_cast<float>((static_cast<double>(high) - static_cast<double>(low)) / 15);
  const double zero = std::clamp(std::nearbyint(-8 - static_cast<double>(low) / static_cast<double>(scale)), -8.0, 7.0);
  double sum = 0;
  for (const float x : values) {
    const double code = std::clamp(std::nearbyint(static_cast<double>(x / scale)) + zero, -8.0, 7.0);
    sum += std::pow((code - zero) * static_cast<double>(scale) - static_cast<double>(x), 2);
  }
  return sum;
}

TEST(Mse, NoSingleEndOfAnAffineRangeCouldBeBetter) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    auto values = heavy_tailed(300, seed);
    for (float& x : values) {
      x = x < 0 ? x / 4 : x;  // lopsided
    }
    const ClipSearch search = search_of(values);
    ASSERT_EQ(std::max(search.highs.size(), search.lows.size()), 128u);
    const auto [low, high] = least_squares_range(format("int4"), with(Calibrator::kMse, false), search);
    const double error = affine_error(low, high, values);
    EXPECT_LT(error, affine_error(search.lows.back(), search.highs.back(), values));
    for (const float end : search.highs) {
      EXPECT_LE(error, affine_error(low, end, values) * (1 + 1e-9));
    }
    for (const float end : search.lows) {
      EXPECT_LE(error, affine_error(end, high, values) * (1 + 1e-9));
    }
  }
}

TEST(Mse, AnAffineRangeOfOneSideStaysThere) {
  std::vector<float> values;
  for (int i = 1; i <= 50; ++i) {
    values.push_back(static_cast<float>(i));
  }
  const auto [low, high] = least_squares_range(format("int8"), with(Calibrator::kMse, false), search_of(values));
  EXPECT_EQ(low, 0.0F);
  EXPECT_GT(high, 45.0F);
}

TEST(Calibrators, ZerosAloneAndConstantsAreDefined) {
  for (const Calibrator c : {Calibrator::kMinMax, Calibrator::kPercentile, Calibrator::kEntropy, Calibrator::kMse,
                             Calibrator::kAmaxHistory}) {
    EXPECT_THAT(choose_scheme(format("int8"), with(c), observer_of({0.0F, -0.0F})).scales, ElementsAre(1.0F));
    // One value: nothing may be cut, so that it has the largest code.
    const Scheme constant = choose_scheme(format("int8"), with(c), observer_of(std::vector<float>(100, -3.0F)));
    EXPECT_FLOAT_EQ(constant.scales[0], 3.0F / 127) << static_cast<int>(c);
    EXPECT_THROW(choose_scheme(format("int8"), with(c), Observer()), std::invalid_argument);
    EXPECT_THROW(choose_scheme(format("int8"), with(c), observer_of({std::nanf(""), kInfinity})),
                 std::invalid_argument);
  }
}

TEST(Calibrators, FormatsWithoutScalesNeedNoObservation) {
  EXPECT_THAT(choose_scheme(format("bf16"), with(Calibrator::kEntropy), Observer()).scales, ElementsAre(1.0F));
}

TEST(Calibrators, SurviveTheSmallestAndTheLargestFloats) {
  const float least = std::numeric_limits<float>::denorm_min(), most = std::numeric_limits<float>::max();
  for (const Calibrator c : {Calibrator::kMinMax, Calibrator::kPercentile, Calibrator::kEntropy, Calibrator::kMse}) {
    // amax / 127 underflows: the scale stops at the smallest normal number.
    EXPECT_EQ(choose_scheme(format("int8"), with(c), observer_of({least, -least})).scales[0],
              std::numeric_limits<float>::min());
    const float scale = choose_scheme(format("int8"), with(c), observer_of({most, -most, 1.0F})).scales[0];
    EXPECT_FLOAT_EQ(scale, most / 127);
  }
}

}  // namespace
}  // namespace mantissa::quantize
