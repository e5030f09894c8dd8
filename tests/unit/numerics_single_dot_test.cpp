// SPDX-License-Identifier: Apache-2.0
// The fast single dot product against the oracle, bit for bit: every family of datapaths, random and adversarial
// operands, initial accumulators of all kinds.
#include <gtest/gtest.h>

#include "base/error.h"
#include "numerics/single_dot.h"
#include "unit/numerics_draw.h"
#include "unit/numerics_golden.h"

namespace mantissa::numerics {
namespace {

using golden::Draw;
using golden::hopper;

Datapath exact(const char* operand, const char* accumulator, int group, Rounding rounding) {
  Datapath d = golden::tpu_bf16();
  d.a = d.b = golden::format(operand);
  d.accumulator = golden::format(accumulator);
  d.accumulator_rounding = rounding;
  d.group = group;
  return d;
}

std::vector<Datapath> datapaths() {
  std::vector<Datapath> all = {hopper("fp16", "fp32", 16, 25),
                               hopper("bf16", "fp32", 16, 25),
                               hopper("tf32", "fp32", 8, 25),
                               hopper("fp16", "fp16", 16, 25),
                               hopper("e4m3", "e8m13", 32, 13),
                               hopper("e5m2", "e8m13", 32, 13),
                               hopper("e4m3", "fp16", 32, 13),
                               hopper("fp32", "fp32", 4, 40),
                               golden::tpu_bf16(),
                               golden::ane_fp16(),
                               exact("fp32", "fp32", 4, Rounding::kNearestEven),
                               exact("fp16", "fp16", 8, Rounding::kNearestAway),
                               exact("e4m3", "e5m2", 64, Rounding::kTowardZero),
                               fp32_reference()};
  for (const Rounding rounding : {Rounding::kNearestEven, Rounding::kNearestAway}) {
    all.push_back(hopper("bf16", "e6m9", 5, 17));
    all.back().accumulator_rounding = rounding;
  }
  all.push_back(hopper("e4m3", "e8m13", 32, 13));
  all.back().promote_every = 64;
  for (const InitialRounding entry : {InitialRounding::kNone, InitialRounding::kNearestEven}) {
    all.push_back(hopper("e5m2", "fp16", 32, 13));
    all.back().initial_rounding = entry;
  }
  all.push_back(hopper("bf16", "fp32", 16, 25));  // not covered: through the oracle
  all.back().zero_operands = ZeroOperands::kSmallestNormal;
  all.push_back(golden::tpu_bf16());
  all.back().group = 100;  // more than are split at once
  return all;
}

TEST(SingleDot, AgreesWithTheOracleBitForBit) {
  Draw draw(20);
  int compared = 0;
  for (const Datapath& d : datapaths()) {
    const SingleDot dot(d);
    for (const auto kind : golden::kAllValues) {
      for (int i = 0; i < 60; ++i) {
        const std::int64_t k = draw.size({0, 1, 3, 16, 33, 128});
        const auto a = draw.matrix(d, d.a, k, kind);
        const auto b = draw.matrix(d, d.b, k, kind);
        const float c =
            i % 3 == 0 ? 0.0F : draw.value(golden::format("fp32"), i % 3 == 1 ? kind : golden::Values::kWide);
        const float fast = dot(a, b, c);
        const float oracle = dot_oracle(d, a, b, c);
        ASSERT_EQ(std::bit_cast<std::uint32_t>(fast), std::bit_cast<std::uint32_t>(oracle))
            << d.name << ", kind " << static_cast<int>(kind) << ", k " << k << ", c " << c;
        ++compared;
      }
    }
  }
  EXPECT_EQ(compared, static_cast<int>(datapaths().size()) * 9 * 60);
}

// Sums whose exact value lies on, just below and just above the middle between two numbers of the accumulator.
TEST(SingleDot, BreaksTiesAsTheOracleDoes) {
  for (const Rounding rounding : {Rounding::kNearestEven, Rounding::kNearestAway, Rounding::kTowardZero}) {
    const Datapath d = exact("fp32", "fp16", 4, rounding);
    const SingleDot dot(d);
    for (const float whole : {1024.0F, 1025.0F, 2047.0F, 65504.0F, 65472.0F}) {
      for (const float rest : {0.5F, 0.25F, 16.0F, 15.99999F}) {
        for (const float tail : {0.0F, 0x1p-20F, -0x1p-20F}) {
          const float a[] = {whole, -rest, tail};
          const float b[] = {-1.0F, 1.0F, 1.0F};
          EXPECT_TRUE(golden::same(dot(a, b, 0.0F), dot_oracle(d, a, b, 0.0F))) << whole << " " << rest << " " << tail;
        }
      }
    }
  }
}

TEST(SingleDot, RefusesUnequalLengthsAndUnsoundDatapaths) {
  const SingleDot dot(golden::tpu_bf16());
  const float one[] = {1.0F};
  EXPECT_THROW(dot(one, {}, 0.0F), std::logic_error);
  Datapath bad = golden::tpu_bf16();
  bad.group = 0;
  EXPECT_THROW(SingleDot{bad}, ModelError);
}

}  // namespace
}  // namespace mantissa::numerics
