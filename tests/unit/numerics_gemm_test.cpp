// SPDX-License-Identifier: Apache-2.0
// gemm against the oracle, bit for bit, on every instruction set this machine can run: random and adversarial operands,
// sizes around the kernels' tiles, every datapath of the three chips and some that no chip has.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "base/error.h"
#include "numerics/datapath.h"
#include "unit/numerics_datapaths.h"
#include "unit/numerics_draw.h"
#include "unit/numerics_golden.h"

namespace mantissa::numerics {
namespace {

using golden::datapaths;
using golden::Draw;
using golden::format;
using golden::hopper;
using golden::instruction_sets;
using golden::kAllValues;
using golden::use_only;
using golden::Values;

class OnEveryInstructionSet : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { use_only(GetParam()); }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().DeInit();
  }
};

// Compares one random problem; returns the number of group sums compared.
std::int64_t compare(const Datapath& d, Draw& draw, Values kind) {
  const std::int64_t m = draw.size({1, 2, 3, 5, 13});
  const std::int64_t p = draw.size({1, 7, 16, 33, 40});
  const std::int64_t k = draw.size({1, 4, 9, 25, 32, 65, 131});
  const std::int64_t ldb = p + 3;
  const std::vector<float> a = draw.matrix(d, d.a, m * k, kind);
  const std::vector<float> b = draw.matrix(d, d.b, k * ldb, draw.partner(kind));
  std::vector<float> c(static_cast<std::size_t>(m * p), -1.0F);
  gemm(d, m, p, k, a.data(), k, b.data(), ldb, c.data(), p);
  std::vector<float> column(static_cast<std::size_t>(k));
  for (std::int64_t j = 0; j < p; ++j) {
    for (std::int64_t n = 0; n < k; ++n) {
      column[static_cast<std::size_t>(n)] = b[static_cast<std::size_t>(n * ldb + j)];
    }
    for (std::int64_t i = 0; i < m; ++i) {
      const float expected = dot_oracle(
          d, std::span(a).subspan(static_cast<std::size_t>(i * k), static_cast<std::size_t>(k)), column, 0.0F);
      const float got = c[static_cast<std::size_t>(i * p + j)];
      if (std::bit_cast<std::uint32_t>(expected) != std::bit_cast<std::uint32_t>(got)) {
        ADD_FAILURE() << d.name << " values " << static_cast<int>(kind) << " m " << m << " p " << p << " k " << k
                      << " at " << i << "," << j << ": " << std::hexfloat << got << ", oracle " << expected;
        return 1;
      }
    }
  }
  return m * p * ((k + d.group - 1) / d.group);
}

TEST_P(OnEveryInstructionSet, GemmHasTheBitsOfTheOracle) {
  for (const Datapath& d : datapaths()) {
    Draw draw(42);
    std::int64_t sums = 0;
    while (sums < 10'000) {
      for (const Values kind : kAllValues) {
        sums += compare(d, draw, kind);
        ASSERT_FALSE(HasFailure());
      }
    }
  }
}

class IntegersOnEveryInstructionSet : public OnEveryInstructionSet {};

TEST_P(IntegersOnEveryInstructionSet, Int8GemmIsExactAndWraps) {
  std::mt19937 random(3);
  for (const std::int64_t k : {1, 2, 9, 63, 700, 1301}) {
    for (const bool extreme : {false, true}) {
      const std::int64_t m = 14, p = 37, ldb = 41;
      std::vector<std::int8_t> a(static_cast<std::size_t>(m * k)), b(static_cast<std::size_t>(k * ldb));
      for (std::vector<std::int8_t>* v : {&a, &b}) {
        for (std::int8_t& x : *v) {
          x = extreme ? std::int8_t{-128} : static_cast<std::int8_t>(random() % 256);
        }
      }
      std::vector<std::int32_t> c(static_cast<std::size_t>(m * p));
      gemm(m, p, k, a.data(), k, b.data(), ldb, c.data(), p);
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < p; ++j) {
          std::int32_t sum = 0;
          for (std::int64_t n = 0; n < k; ++n) {
            sum += a[static_cast<std::size_t>(i * k + n)] * b[static_cast<std::size_t>(n * ldb + j)];
          }
          ASSERT_EQ(c[static_cast<std::size_t>(i * p + j)], sum) << k << " " << i << " " << j;
        }
      }
    }
  }
  // 131,073 products of 2^14 pass 2^31: two's complement.
  const std::vector<std::int8_t> ones(131'073, -128);
  std::int32_t wrapped = 0;
  gemm(1, 1, 131'073, ones.data(), 131'073, ones.data(), 1, &wrapped, 1);
  EXPECT_EQ(wrapped, -2147483647 - 1 + (1 << 14));
  EXPECT_EQ(dot_oracle(std::span(ones), std::span(ones), 0), wrapped);
}

TEST_P(OnEveryInstructionSet, LongProblemsCrossEveryBlockBoundary) {
  for (const char* name : {"e4m3", "fp16"}) {
    Datapath d = hopper(name, name[0] == 'e' ? "e8m13" : "fp32", name[0] == 'e' ? 32 : 16, name[0] == 'e' ? 13 : 25);
    for (const Accumulation accumulation :
         {Accumulation::kAligned, Accumulation::kExact, Accumulation::kSequentialFma}) {
      d.accumulation = accumulation;
      d.group = accumulation == Accumulation::kSequentialFma ? 1 : d.group;
      d.promote_every = accumulation == Accumulation::kExact ? 96 : 0;
      const std::int64_t k = 1500;
      Draw draw(5);
      const std::vector<float> a = draw.matrix(d, d.a, 2 * k, Values::kNormal);
      const std::vector<float> b = draw.matrix(d, d.b, k * 3, Values::kNormal);
      std::vector<float> c(6);
      gemm(d, 2, 3, k, a.data(), k, b.data(), 3, c.data(), 3);
      for (std::size_t j = 0; j < 6; ++j) {
        std::vector<float> column;
        for (std::int64_t n = 0; n < k; ++n) {
          column.push_back(b[static_cast<std::size_t>(n) * 3 + j % 3]);
        }
        const auto row = std::span(a).subspan(j / 3 * static_cast<std::size_t>(k), static_cast<std::size_t>(k));
        EXPECT_TRUE(golden::same(c[j], dot_oracle(d, row, column, 0.0F))) << name << " " << j;
      }
    }
  }
}

TEST_P(OnEveryInstructionSet, RoundsAndFlushesASpanLikeEachElement) {
  Draw draw(9);
  std::vector<Format> formats(known_formats().begin(), known_formats().end());
  for (const char* name : {"e8m13", "e5m3", "e2m0", "e7m23", "e8m0"}) {
    formats.push_back(format(name));
  }
  formats.push_back(golden::non_saturating("e4m3"));
  for (const Format& f : formats) {
    std::vector<float> values;
    for (int i = 0; i < 4003; ++i) {
      const float x = draw.value(format(i % 2 == 0 ? "fp32" : "fp16"), i % 3 == 0 ? Values::kSpecial : Values::kWide);
      values.push_back(i % 5 == 0 && !f.integer ? x * static_cast<float>(f.min_normal()) : x);
    }
    for (const Rounding rounding : {Rounding::kNearestEven, Rounding::kNearestAway, Rounding::kTowardZero}) {
      Datapath d = golden::tpu_bf16();  // flushes
      d.operand_rounding = rounding;
      std::vector<float> rounded = values;
      round_to(f, rounded, rounding);
      std::vector<float> prepared = values;
      prepare_operand(d, f, prepared);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const float expected = round_to(f, values[i], rounding);
        ASSERT_EQ(std::bit_cast<std::uint32_t>(rounded[i]), std::bit_cast<std::uint32_t>(expected))
            << f.name << " " << values[i];
        const bool subnormal = !f.integer && std::fabs(static_cast<double>(expected)) < f.min_normal();
        const float flushed = subnormal ? std::copysign(0.0F, expected) : expected;
        ASSERT_EQ(std::bit_cast<std::uint32_t>(prepared[i]), std::bit_cast<std::uint32_t>(flushed))
            << f.name << " " << values[i];
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, OnEveryInstructionSet, ::testing::ValuesIn(instruction_sets()),
                         [](const auto& set) { return golden::name_of_set(set.param); });

INSTANTIATE_TEST_SUITE_P(Each, IntegersOnEveryInstructionSet, ::testing::ValuesIn(golden::integer_instruction_sets()),
                         [](const auto& set) { return golden::name_of_set(set.param); });

TEST(Gemm, LeavesZerosForAnEmptySum) {
  for (const Datapath& d : datapaths()) {
    std::vector<float> c(6, 7.0F);
    gemm(d, 2, 3, 0, nullptr, 0, nullptr, 0, c.data(), 3);
    EXPECT_EQ(c, std::vector<float>(6, 0.0F)) << d.name;
  }
  std::vector<std::int32_t> c(6, 7);
  gemm(2, 3, 0, nullptr, 0, nullptr, 0, c.data(), 3);
  EXPECT_EQ(c, std::vector<std::int32_t>(6, 0));
}

// However the caller splits the rows and columns of the result over threads.
TEST(Gemm, HasTheSameBitsForAnyNumberOfThreads) {
  const std::int64_t m = 29, p = 75, k = 140;
  for (const Datapath& d : datapaths()) {
    Draw draw(31);
    const std::vector<float> a = draw.matrix(d, d.a, m * k, Values::kWide);
    const std::vector<float> b = draw.matrix(d, d.b, k * p, Values::kNormal);
    std::vector<float> whole(static_cast<std::size_t>(m * p));
    gemm(d, m, p, k, a.data(), k, b.data(), p, whole.data(), p);
    for (const int count : {2, 3, 5}) {
      std::vector<float> c(static_cast<std::size_t>(m * p), -1.0F);
      std::vector<std::thread> threads;
      for (std::int64_t t = 0; t < count; ++t) {
        threads.emplace_back([&, t] {
          const std::int64_t row = count == 3 ? m * t / count : 0, column = count == 3 ? 0 : p * t / count;
          const std::int64_t rows = count == 3 ? m * (t + 1) / count - row : m;
          const std::int64_t columns = count == 3 ? p : p * (t + 1) / count - column;
          gemm(d, rows, columns, k, a.data() + row * k, k, b.data() + column, p, c.data() + row * p + column, p);
        });
      }
      for (std::thread& thread : threads) {
        thread.join();
      }
      for (std::size_t i = 0; i < c.size(); ++i) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(c[i]), std::bit_cast<std::uint32_t>(whole[i])) << d.name << " " << i;
      }
    }
  }
}

TEST(Gemm, RefusesUnsoundDatapaths) {
  float c = 0;
  const float x = 1;
  const auto run = [&](const Datapath& d) { gemm(d, 1, 1, 1, &x, 1, &x, 1, &c, 1); };
  Datapath d = hopper("e4m3", "e8m13", 32, 13);
  EXPECT_EQ(defect(d), "");
  d.promote_every = 100;
  EXPECT_THROW(run(d), ModelError);
  EXPECT_EQ(defect(d), "promote_every must be 0 or a multiple of group");
  d = hopper("e4m3", "e8m13", 32, 0);
  EXPECT_THROW(run(d), ModelError);
  d = fp32_reference();
  d.group = 2;
  EXPECT_THROW(run(d), ModelError);
  d = fp32_reference();
  d.accumulation = Accumulation::kInteger;
  EXPECT_THROW(run(d), std::logic_error);
  EXPECT_NE(defect(d), "");
  d.a = d.b = format("int8");
  d.accumulator = d.output = format("int32");
  EXPECT_EQ(defect(d), "");
}

}  // namespace
}  // namespace mantissa::numerics
