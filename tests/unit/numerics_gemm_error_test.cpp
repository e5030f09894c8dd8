// SPDX-License-Identifier: Apache-2.0
// The error that accumulation alone adds to long dot products: what fast accumulation costs FP8, and what promotion
// into an FP32 sum gives back.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "numerics/datapath.h"
#include "unit/numerics_golden.h"

namespace mantissa::numerics {
namespace {

using golden::hopper;

// Signal to noise of 48 x 48 dot products of length 4096, in dB, against exact sums of the same operands.
double signal_to_noise_db(const Datapath& d, const std::function<float(std::mt19937&)>& draw) {
  constexpr std::int64_t kSize = 48;
  constexpr std::int64_t kLength = 4096;
  std::mt19937 random(2024);
  std::vector<float> a(kSize * kLength);
  std::vector<float> b(kSize * kLength);
  for (std::vector<float>* operand : {&a, &b}) {
    for (float& x : *operand) {
      x = draw(random);
    }
    prepare_operand(d, d.a, *operand);
  }
  std::vector<float> c(kSize * kSize);
  gemm(d, kSize, kSize, kLength, a.data(), kLength, b.data(), kSize, c.data(), kSize);
  double signal = 0;
  double noise = 0;
  for (std::int64_t i = 0; i < kSize; ++i) {
    for (std::int64_t j = 0; j < kSize; ++j) {
      double exact = 0;  // products of E4M3 are multiples of 2^-18 below 2^18: exact in double
      for (std::int64_t n = 0; n < kLength; ++n) {
        exact += static_cast<double>(a[static_cast<std::size_t>(i * kLength + n)]) *
                 static_cast<double>(b[static_cast<std::size_t>(n * kSize + j)]);
      }
      const double error = static_cast<double>(c[static_cast<std::size_t>(i * kSize + j)]) - exact;
      signal += exact * exact;
      noise += error * error;
    }
  }
  return 10 * std::log10(signal / noise);
}

float uniform(std::mt19937& random) {
  return std::uniform_real_distribution<float>(0.0F, 1.0F)(random);
}
float gaussian(std::mt19937& random) {
  return std::normal_distribution<float>()(random);
}

Datapath promoted(Datapath d) {
  d.promote_every = 128;
  return d;
}

// The figures, in whole dB but for the first, were found with an independent implementation of the same arithmetic.
// Other draws of the operands move them by less than half a dB.
constexpr double kTolerance = 1.0;

TEST(AccumulationError, OfFp8IsLargeForPositiveOperandsAndSmallWithPromotion) {
  const Datapath fast = hopper("e4m3", "e8m13", 32, 13);
  EXPECT_NEAR(signal_to_noise_db(fast, uniform), 23.6, 0.2);
  EXPECT_NEAR(signal_to_noise_db(promoted(fast), uniform), 66, kTolerance);
}

TEST(AccumulationError, OfFp8IsModerateForOperandsOfBothSigns) {
  const Datapath fast = hopper("e4m3", "e8m13", 32, 13);
  EXPECT_NEAR(signal_to_noise_db(fast, gaussian), 57, kTolerance);
  EXPECT_NEAR(signal_to_noise_db(promoted(fast), gaussian), 77, kTolerance);
}

TEST(AccumulationError, OfFp16WithFp32AccumulatorsIsNegligible) {
  const Datapath d = hopper("fp16", "fp32", 16, 25);
  EXPECT_GT(signal_to_noise_db(d, uniform), 90);
  EXPECT_GT(signal_to_noise_db(d, gaussian), 90);
}

}  // namespace
}  // namespace mantissa::numerics
