// SPDX-License-Identifier: Apache-2.0
// gemm against the oracle, bit for bit, on every instruction set this machine can run: random and adversarial operands, sizes
// around the kernels' tiles, every datapath of the three chips and some that no chip has.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <random>

#include "base/error.h"
#include "numerics/datapath.h"
#include "unit/numerics_golden.h"

namespace mantissa::numerics {
namespace {

using golden::format;
using golden::hopper;

constexpr std::int64_t kPortable = HWY_SCALAR;

// Each instruction set alone, the portable one always among them.
std::vector<std::int64_t> instruction_sets() {
  hwy::SetSupportedTargetsForTest(0);
  std::vector<std::int64_t> sets = {kPortable};
  for (const std::int64_t set : {HWY_AVX2, HWY_AVX3}) {
    if ((hwy::SupportedTargets() & set) != 0) {
      sets.push_back(set);
    }
  }
  return sets;
}

void use_only(std::int64_t set) {
  hwy::SetSupportedTargetsForTest(set);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

class OnEveryInstructionSet : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { use_only(GetParam()); }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().DeInit();
  }
};

enum class Values { kNormal, kPositive, kWide, kSparse, kTiny, kHuge, kSpecial, kCancelling };
constexpr Values kAllValues[] = {Values::kNormal, Values::kPositive, Values::kWide, Values::kSparse,
                                 Values::kTiny,   Values::kHuge,     Values::kSpecial, Values::kCancelling};

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}

  float value(const Format& f, Values kind) {
    const float normal = normal_(random_);
    const auto any = static_cast<std::uint32_t>(random_());
    switch (kind) {
      case Values::kNormal:
        return normal;
      case Values::kPositive:
        return std::fabs(normal);
      case Values::kSparse:
        return any % 4 == 0 ? normal : any % 8 == 1 ? -0.0F : 0.0F;
      case Values::kTiny:
        return std::ldexp(normal, f.min_exponent() - static_cast<int>(any % 5));
      case Values::kHuge:
        return static_cast<float>(std::ldexp(static_cast<double>(normal), static_cast<int>(std::log2(f.max_finite())) - 1 - static_cast<int>(any % 5)));
      case Values::kCancelling:
        return (any % 2 == 0 ? 1.0F : -1.0F) * (any % 3 == 0 ? 1.0F : std::ldexp(1.0F, static_cast<int>(any % 23) - 11));
      case Values::kWide:
      case Values::kSpecial:
        break;
    }
    const std::uint32_t code = any & ((1U << f.bits()) - 1U);
    const float decoded = f.bits() < 32 ? decode(f, code) : std::bit_cast<float>(any);
    return std::isfinite(decoded) || (kind == Values::kSpecial && any % 5 == 0) ? decoded : 1.0F;
  }

  std::vector<float> matrix(const Datapath& d, const Format& f, std::int64_t count, Values kind) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) {
      values.push_back(value(f, kind));
    }
    prepare_operand(d, f, values);
    return values;
  }

  std::int64_t size(std::initializer_list<std::int64_t> sizes) { return *(sizes.begin() + random_() % sizes.size()); }

 private:
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
};

std::vector<Datapath> datapaths() {
  std::vector<Datapath> all = {hopper("e4m3", "e8m13", 32, 13), hopper("e5m2", "e8m13", 32, 13), hopper("fp16", "fp32", 16, 25),
                               hopper("bf16", "fp32", 16, 25),  hopper("tf32", "fp32", 8, 25),   hopper("fp16", "fp16", 16, 25),
                               hopper("e4m3", "fp16", 32, 13),  golden::tpu_bf16(),              golden::ane_fp16(),
                               fp32_reference()};
  Datapath promoted = hopper("e4m3", "e8m13", 32, 13);
  promoted.promote_every = 128;
  promoted.name = "promoted";
  all.push_back(promoted);
  Datapath mixed = hopper("e4m3", "bf16", 8, 10);
  mixed.name = "mixed operands, narrow accumulator";
  mixed.b = format("e5m2");
  mixed.accumulator_rounding = Rounding::kNearestAway;
  mixed.output = format("bf16");
  all.push_back(mixed);
  Datapath deep = hopper("fp16", "fp32", 40, 26);
  deep.name = "long group";
  all.push_back(deep);
  Datapath odd = golden::tpu_bf16();
  odd.name = "exact, group 5, e5m10 toward zero, promoted";
  odd.group = 5;
  odd.promote_every = 10;
  odd.accumulator = format("fp16");
  odd.accumulator_rounding = Rounding::kTowardZero;
  all.push_back(odd);
  Datapath chain = fp32_reference();
  chain.name = "fp16 fma chain";
  chain.a = chain.b = chain.accumulator = format("fp16");
  all.push_back(chain);
  chain.name = "bf16 fma chain toward zero";
  chain.a = chain.b = chain.accumulator = chain.output = format("bf16");
  chain.accumulator_rounding = Rounding::kTowardZero;
  all.push_back(chain);
  Datapath slow = hopper("fp32", "fp32", 4, 30);
  slow.name = "outside the kernel";
  all.push_back(slow);
  return all;
}

// Compares one random problem; returns the number of group sums compared.
std::int64_t compare(const Datapath& d, Draw& draw, Values kind) {
  const std::int64_t m = draw.size({1, 2, 3, 5, 13});
  const std::int64_t p = draw.size({1, 7, 16, 33, 40});
  const std::int64_t k = draw.size({1, 4, 9, 25, 32, 65, 131});
  const std::int64_t ldb = p + 3;
  const std::vector<float> a = draw.matrix(d, d.a, m * k, kind);
  const std::vector<float> b = draw.matrix(d, d.b, k * ldb, kind);
  std::vector<float> c(static_cast<std::size_t>(m * p), -1.0F);
  gemm(d, m, p, k, a.data(), k, b.data(), ldb, c.data(), p);
  std::vector<float> column(static_cast<std::size_t>(k));
  for (std::int64_t j = 0; j < p; ++j) {
    for (std::int64_t n = 0; n < k; ++n) {
      column[static_cast<std::size_t>(n)] = b[static_cast<std::size_t>(n * ldb + j)];
    }
    for (std::int64_t i = 0; i < m; ++i) {
      const float expected = dot_oracle(d, std::span(a).subspan(static_cast<std::size_t>(i * k), static_cast<std::size_t>(k)), column, 0.0F);
      const float got = c[static_cast<std::size_t>(i * p + j)];
      if (std::bit_cast<std::uint32_t>(expected) != std::bit_cast<std::uint32_t>(got)) {
        ADD_FAILURE() << d.name << " values " << static_cast<int>(kind) << " m " << m << " p " << p << " k " << k << " at " << i << ","
                      << j << ": " << std::hexfloat << got << ", oracle " << expected;
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
    while (sums < 100'000) {
      for (const Values kind : kAllValues) {
        sums += compare(d, draw, kind);
        ASSERT_FALSE(HasFailure());
      }
    }
  }
}

TEST_P(OnEveryInstructionSet, Int8GemmIsExactAndWraps) {
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
    for (const Accumulation accumulation : {Accumulation::kAligned, Accumulation::kExact, Accumulation::kSequentialFma}) {
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

INSTANTIATE_TEST_SUITE_P(Each, OnEveryInstructionSet, ::testing::ValuesIn(instruction_sets()),
                         [](const auto& set) { return std::string(hwy::TargetName(set.param)); });

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
