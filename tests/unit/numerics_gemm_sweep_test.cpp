// SPDX-License-Identifier: Apache-2.0
// gemm against the integer model, bit for bit, on many group sums: random, adversarial and full-range operands through
// every kernel on every instruction set. MANTISSA_NIGHTLY_GROUP_SUMS sets how many group sums each instruction set does
// (a million unless set; 100000000 for the nightly run).
#include <gtest/gtest.h>

#include <cstdlib>

#include "unit/numerics_datapaths.h"
#include "unit/numerics_draw.h"
#include "unit/numerics_integer_model.h"

namespace mantissa::numerics {
namespace {

using golden::datapaths;
using golden::Draw;
using golden::IntegerModel;
using golden::kAllValues;
using golden::Values;

std::int64_t wanted_group_sums() {
  const char* text = std::getenv("MANTISSA_NIGHTLY_GROUP_SUMS");
  const std::int64_t wanted = text == nullptr ? 0 : std::strtoll(text, nullptr, 10);
  return wanted > 0 ? wanted : 1'000'000;
}

bool same_bits_or_nan(float got, float expected) {
  const auto bits = std::bit_cast<std::uint32_t>(got);
  return std::isnan(expected) ? bits == 0x7FFF'FFFFU : bits == std::bit_cast<std::uint32_t>(expected);
}

TEST(IntegerModel, AgreesWithTheOracle) {
  for (const Datapath& d : datapaths()) {
    IntegerModel model(d);
    Draw draw(7);
    std::int64_t products = 0;
    for (int round = 0; round < 12; ++round) {
      for (const Values kind : kAllValues) {
        const std::int64_t k = draw.size({1, 3, 9, 32, 70, 131});
        const std::vector<float> a = draw.matrix(d, d.a, k, kind);
        const std::vector<float> b = draw.matrix(d, d.b, k, draw.partner(kind));
        const float expected = dot_oracle(d, a, b, 0.0F);
        const float got = model.dot(a, b);
        products += k;
        ASSERT_TRUE(golden::same(got, expected)) << d.name << " values " << static_cast<int>(kind) << " k " << k
                                                 << std::hexfloat << ": " << got << ", oracle " << expected;
      }
    }
    EXPECT_LE(model.oracle_calls(), products) << d.name;  // products of one group each at the worst
  }
}

struct Tally {
  std::int64_t group_sums = 0, oracle_calls = 0;
};

// One random problem through gemm and the model.
void compare(const Datapath& d, Draw& draw, Values kind, IntegerModel& model, Tally& tally) {
  const std::int64_t m = draw.size({1, 4, 7, 13, 24});
  const std::int64_t p = draw.size({1, 15, 33, 64});
  const std::int64_t k = draw.size({1, 9, 32, 65, 257, 600});
  const std::vector<float> a = draw.matrix(d, d.a, m * k, kind);
  const std::vector<float> b = draw.matrix(d, d.b, k * p, draw.partner(kind));
  std::vector<float> c(static_cast<std::size_t>(m * p), -1.0F);
  gemm(d, m, p, k, a.data(), k, b.data(), p, c.data(), p);
  std::vector<float> column(static_cast<std::size_t>(k));
  for (std::int64_t j = 0; j < p; ++j) {
    for (std::int64_t n = 0; n < k; ++n) {
      column[static_cast<std::size_t>(n)] = b[static_cast<std::size_t>(n * p + j)];
    }
    for (std::int64_t i = 0; i < m; ++i) {
      const float expected =
          model.dot(std::span(a).subspan(static_cast<std::size_t>(i * k), static_cast<std::size_t>(k)), column);
      const float got = c[static_cast<std::size_t>(i * p + j)];
      ASSERT_TRUE(same_bits_or_nan(got, expected))
          << d.name << " values " << static_cast<int>(kind) << " m " << m << " p " << p << " k " << k << " at " << i
          << "," << j << ": " << std::hexfloat << got << ", model " << expected;
    }
  }
  tally.group_sums += m * p * ((k + d.group - 1) / d.group) * std::max(1, d.split_passes);
}

class Sweep : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { golden::use_only(GetParam()); }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().DeInit();
  }
};

TEST_P(Sweep, GemmHasTheBitsOfTheIntegerModel) {
  const std::vector<Datapath> all = datapaths();
  Tally tally;
  std::int64_t oracle_calls = 0;
  for (const Datapath& d : all) {
    const std::int64_t end = tally.group_sums + wanted_group_sums() / static_cast<std::int64_t>(all.size()) + 1;
    Draw draw(static_cast<unsigned>(wanted_group_sums()));
    IntegerModel model(d);
    while (tally.group_sums < end) {
      for (const Values kind : kAllValues) {
        compare(d, draw, kind, model, tally);
        ASSERT_FALSE(HasFatalFailure());
      }
    }
    oracle_calls += model.oracle_calls();
  }
  RecordProperty("group_sums", std::to_string(tally.group_sums));
  RecordProperty("by_the_oracle", std::to_string(oracle_calls));
}

class IntegerSweep : public Sweep {};

TEST_P(IntegerSweep, IntegerGemmHasTheBitsOfItsStatement) {
  std::mt19937 random(11);
  std::int64_t sums = 0;
  while (sums < wanted_group_sums() / 10) {
    for (const int bits : {8, 13, 16, 24, 31, 32}) {
      for (const IntegerOverflow overflow : {IntegerOverflow::kWrap, IntegerOverflow::kSaturate}) {
        Draw draw(static_cast<unsigned>(random()));
        Datapath d = golden::integer(bits, static_cast<int>(draw.size({1, 3, 4, 32, 1024})), overflow);
        d.interleave = static_cast<int>(draw.size({1, 1, 2, 3}));
        const std::int64_t m = draw.size({1, 4, 7, 13, 27}), p = draw.size({1, 15, 33, 64, 70}),
                           k = draw.size({1, 9, 32, 65, 257, 1300});
        const bool extreme = random() % 3 == 0;
        std::vector<std::int8_t> a(static_cast<std::size_t>(m * k)), b(static_cast<std::size_t>(k * p));
        for (std::vector<std::int8_t>* values : {&a, &b}) {
          for (std::int8_t& x : *values) {
            x = extreme ? static_cast<std::int8_t>(random() % 8 == 0 ? 127 : -128)
                        : static_cast<std::int8_t>(random() % 256);
          }
        }
        std::vector<std::int32_t> c(static_cast<std::size_t>(m * p), -7);
        gemm(d, m, p, k, a.data(), k, b.data(), p, c.data(), p);
        std::vector<std::int8_t> column(static_cast<std::size_t>(k));
        for (std::int64_t j = 0; j < p; ++j) {
          for (std::int64_t n = 0; n < k; ++n) {
            column[static_cast<std::size_t>(n)] = b[static_cast<std::size_t>(n * p + j)];
          }
          for (std::int64_t i = 0; i < m; ++i) {
            const auto row = std::span(a).subspan(static_cast<std::size_t>(i * k), static_cast<std::size_t>(k));
            ASSERT_EQ(c[static_cast<std::size_t>(i * p + j)], dot_oracle(d, row, column, 0))
                << d.name << " group " << d.group << " k " << k << " at " << i << "," << j;
          }
        }
        sums += m * p * ((k + d.group - 1) / d.group);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Sweep, ::testing::ValuesIn(golden::instruction_sets()),
                         [](const auto& set) { return golden::name_of_set(set.param); });

INSTANTIATE_TEST_SUITE_P(Each, IntegerSweep, ::testing::ValuesIn(golden::integer_instruction_sets()),
                         [](const auto& set) { return golden::name_of_set(set.param); });

}  // namespace
}  // namespace mantissa::numerics
