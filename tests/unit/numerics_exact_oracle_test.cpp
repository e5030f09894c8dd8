// SPDX-License-Identifier: Apache-2.0
// Formats without a golden table against the exact statement of numerics_exact.h: all codes, ties and neighbours of
// every format of at most 12 bits, adversarial values for all others, in every rounding; spans like single values on
// every instruction set.
#include <gtest/gtest.h>

#include <random>

#include "unit/numerics_exact.h"

namespace mantissa::numerics {
namespace {

constexpr Rounding kSeedless[] = {Rounding::kNearestEven, Rounding::kNearestAway, Rounding::kTowardZero};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::uint32_t bits_of(float x) {
  return std::bit_cast<std::uint32_t>(x);
}

// A value and what it becomes in the order of kSeedless.
struct Case {
  float x;
  float expected[3];
};

// All codes of the format with their ties and neighbours, without any rounding algorithm: the order of codes is the
// order of values.
std::vector<Case> every_neighbourhood(const Format& f) {
  const exact::Float definition(f);
  const float beyond = definition.overflowed(false);
  std::vector<Case> cases = {{kInfinity, {beyond, beyond, beyond}}};
  const std::uint32_t count = definition.finite_codes();
  const exact::Number last_step = exact::power_of_two(exact::exponent_of(definition.largest()) - f.mantissa_bits);
  const auto value = [&](std::uint32_t code) {
    return code < count ? exact::to_float(definition.magnitude(code)) : beyond;
  };
  for (std::uint32_t code = 0; code < count; ++code) {
    const exact::Number low = definition.magnitude(code);
    const exact::Number high = code + 1 < count ? definition.magnitude(code + 1) : exact::Number(low + last_step);
    const float at = exact::to_float(low);
    const float tie = exact::to_float((low + high) / 2);
    // Where no last digit is even (no fraction bits), the larger magnitude counts as even; zero always does.
    const bool low_is_even = f.mantissa_bits > 0 ? code % 2 == 0 : code == 0;
    const float below = value(code), above = value(code + 1);
    cases.push_back({at, {below, below, below}});
    cases.push_back({std::nextafterf(at, kInfinity), {below, below, below}});
    cases.push_back({std::nextafterf(tie, 0.0F), {below, below, below}});
    cases.push_back({tie, {low_is_even ? below : above, above, below}});
    cases.push_back({std::nextafterf(tie, kInfinity), {above, above, below}});
    if (high < exact::power_of_two(128)) {
      cases.push_back({std::nextafterf(exact::to_float(high), 0.0F), {above, above, below}});
    }
  }
  return cases;
}

void expect_rounds(const Format& f, const std::vector<Case>& cases) {
  for (std::size_t how = 0; how < 3; ++how) {
    std::vector<float> span;
    for (const Case& c : cases) {
      const float result = round_to(f, c.x, kSeedless[how]);
      ASSERT_EQ(bits_of(result), bits_of(c.expected[how])) << f.name << " " << c.x << " rounding " << how;
      const float mirrored = std::isnan(c.expected[how]) ? c.expected[how] : -c.expected[how];
      ASSERT_EQ(bits_of(round_to(f, -c.x, kSeedless[how])), bits_of(mirrored)) << f.name << " " << -c.x;
      span.push_back(c.x);
      span.push_back(-c.x);
    }
    round_to(f, span, kSeedless[how]);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const float mirrored = std::isnan(cases[i].expected[how]) ? cases[i].expected[how] : -cases[i].expected[how];
      ASSERT_EQ(bits_of(span[2 * i]), bits_of(cases[i].expected[how])) << f.name << " span " << cases[i].x;
      ASSERT_EQ(bits_of(span[2 * i + 1]), bits_of(mirrored)) << f.name << " span " << -cases[i].x;
    }
  }
}

void expect_codes(const Format& f) {
  const exact::Float definition(f);
  const std::uint32_t sign = 1U << (f.bits() - 1);
  for (std::uint32_t code = 0; code < definition.finite_codes(); ++code) {
    const float value = exact::to_float(definition.magnitude(code));
    ASSERT_EQ(bits_of(decode(f, code)), bits_of(value)) << f.name << " " << code;
    ASSERT_EQ(bits_of(decode(f, code | sign)), bits_of(-value)) << f.name << " " << code;
    ASSERT_EQ(encode(f, value), code) << f.name;
    ASSERT_EQ(encode(f, -value), code | sign) << f.name;
  }
  for (std::uint32_t code = definition.finite_codes(); code < sign; ++code) {
    const bool infinite = f.specials == Specials::kIeee && code == definition.finite_codes();
    ASSERT_EQ(bits_of(decode(f, code)), infinite ? 0x7F80'0000U : 0x7FFF'FFFFU) << f.name << " " << code;
    ASSERT_EQ(bits_of(decode(f, code | sign)), infinite ? 0xFF80'0000U : 0x7FFF'FFFFU) << f.name << " " << code;
  }
}

TEST(ExactOracle, AgreesOnEveryCodeTieAndNeighbourOfEveryFormatUpTo12Bits) {
  int formats = 0;
  for (int exponent_bits = 1; exponent_bits <= 8; ++exponent_bits) {
    for (int mantissa_bits = 0; exponent_bits + mantissa_bits <= 11; ++mantissa_bits) {
      for (const Format& f : exact::all_formats(exponent_bits, mantissa_bits)) {
        ++formats;
        ASSERT_NO_FATAL_FAILURE(expect_codes(f));
        ASSERT_NO_FATAL_FAILURE(expect_rounds(f, every_neighbourhood(f)));
      }
    }
  }
  // X = 2..7: five each; X = 8: IEEE, two; X = 1: FN two and finite one, but e1m0 has no FN.
  EXPECT_EQ(formats, 5 * (10 + 9 + 8 + 7 + 6 + 5) + 2 * 4 + 3 * 11 - 2);
}

// Values around random codes, the ends of the range, infinities, NaN and random floats.
std::vector<float> adversarial(const Format& f, int count, std::mt19937& random) {
  const exact::Float definition(f);
  std::vector<float> values = {0.0F, -0.0F, kInfinity, -kInfinity, std::nanf("1"), 0x1p-149F, 0x1.fffffep127F};
  const auto around = [&](const exact::Number& x) {
    const float at = exact::to_float(x);
    const float sign = random() % 2 == 0 ? 1.0F : -1.0F;
    for (const float y : {std::nextafterf(at, 0.0F), at, std::nextafterf(at, kInfinity)}) {
      values.push_back(sign * y);
    }
  };
  const auto around_code = [&](std::uint32_t code) {
    const exact::Number low = definition.magnitude(code);
    around(low);
    around((low + definition.magnitude(code + 1)) / 2);
  };
  const std::uint32_t ones = 1U << f.mantissa_bits;
  const std::uint32_t finite = definition.finite_codes();
  for (const std::uint32_t code : {0U, 1U, 2U, ones - 1, ones, finite - 2, finite - 1}) {
    around_code(std::min(code, finite - 1));
  }
  for (int i = 0; i < count; ++i) {
    around_code(static_cast<std::uint32_t>(random()) % finite);
    values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
  }
  return values;
}

TEST(ExactOracle, AgreesOnAdversarialValuesForEveryWiderFormat) {
  std::mt19937 random(3);
  int formats = 0;
  for (int exponent_bits = 1; exponent_bits <= 8; ++exponent_bits) {
    for (int mantissa_bits = 12 - exponent_bits; mantissa_bits <= 23; ++mantissa_bits) {
      for (const Format& f : exact::all_formats(exponent_bits, mantissa_bits)) {
        ++formats;
        const std::vector<float> values = adversarial(f, 16, random);
        std::vector<Case> cases;
        for (const float x : values) {
          const float expected[] = {exact::rounded(f, x, kSeedless[0]), exact::rounded(f, x, kSeedless[1]),
                                    exact::rounded(f, x, kSeedless[2])};
          if (!std::isnan(x)) {
            cases.push_back({x, {expected[0], expected[1], expected[2]}});
          }
          if (!std::isnan(expected[0])) {
            ASSERT_EQ(bits_of(decode(f, encode(f, x))), bits_of(expected[0])) << f.name << " " << x;
          }
        }
        ASSERT_NO_FATAL_FAILURE(expect_rounds(f, cases));
      }
    }
  }
  EXPECT_GT(formats, 500);
}

TEST(ExactOracle, AgreesOnIntegers) {
  std::mt19937 random(4);
  for (int bits = 2; bits <= 32; bits = bits == 16 ? 32 : bits + 1) {
    const Format f = find_format("int" + std::to_string(bits)).value();
    std::vector<float> values = {0.0F,          -0.0F,     kInfinity,   -kInfinity,
                                 std::nanf(""), 0x1p-149F, 0.49999997F, 0.50000006F};
    for (int i = 0; i < 2000; ++i) {  // halves and quarters, some beyond the ends
      const int shift = static_cast<int>(random() % static_cast<unsigned>(bits + 2));
      const auto whole = static_cast<float>(random() % (1U << std::min(shift, 31)));
      const float x = (random() % 2 == 0 ? 1.0F : -1.0F) * (whole + static_cast<float>(random() % 4) / 4.0F);
      values.push_back(x);
      values.push_back(std::nextafterf(x, kInfinity));
    }
    for (const Rounding how : kSeedless) {
      std::vector<float> span = values;
      round_to(f, span, how);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const float expected = exact::rounded(f, values[i], how);
        ASSERT_EQ(bits_of(round_to(f, values[i], how)), bits_of(expected)) << f.name << " " << values[i];
        ASSERT_EQ(bits_of(span[i]), bits_of(expected)) << f.name << " span " << values[i];
      }
    }
    for (int i = 0; i < 1000; ++i) {
      const auto code = static_cast<std::uint32_t>(random()) & (bits == 32 ? ~0U << 8 : (1U << bits) - 1);
      ASSERT_EQ(encode(f, decode(f, code)), code == 0x7FFF'FF00U ? 0x7FFF'FF80U & code : code) << f.name;
    }
  }
}

TEST(ExactOracle, AgreesOnSpansOfEveryLengthOnEveryInstructionSet) {
  std::mt19937 random(5);
  std::vector<Format> formats(known_formats().begin(), known_formats().end());
  for (const char* name : {"e8m13", "e5m3_fn", "e4m0_finite", "e6m0_fn", "e8m0", "e8m0_sat", "e1m2", "e1m0",
                           "e7m23_finite", "e3m20_nosat", "e4m3_nosat", "e4m3_ieee_sat", "int2", "int13"}) {
    formats.push_back(find_format(name).value());
  }
  exact::on_each_instruction_set([&] {
    for (const Format& f : formats) {
      std::vector<float> values = adversarial(f.integer ? find_format("fp16").value() : f, 20, random);
      values.resize(values.size() - random() % 16);
      for (const Rounding how : kSeedless) {
        std::vector<float> span = values;
        round_to(f, span, how);
        for (std::size_t i = 0; i < values.size(); ++i) {
          ASSERT_EQ(bits_of(span[i]), bits_of(exact::rounded(f, values[i], how))) << f.name << " " << values[i];
        }
      }
    }
  });
}

TEST(StochasticRounding, AgreesWithItsDefinitionOnEveryInstructionSet) {
  std::mt19937 random(6);
  std::vector<Format> formats(known_formats().begin(), known_formats().end());
  for (const char* name : {"e8m13", "e5m3_fn", "e4m0_finite", "e8m0", "e1m2", "e4m3_nosat", "int5"}) {
    formats.push_back(find_format(name).value());
  }
  constexpr std::uint64_t kSeed = 0x1234'5678'9ABC'DEF1;
  exact::on_each_instruction_set([&] {
    for (const Format& f : formats) {
      const std::vector<float> values = adversarial(f.integer ? find_format("fp16").value() : f, 20, random);
      const std::uint64_t first = (std::uint64_t{1} << 33) - 50;  // the lower word of the counter runs over
      std::vector<float> span = values;
      round_stochastic(f, span, kSeed, first);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const float expected =
            exact::rounded(f, values[i], Rounding::kStochastic, exact::random_bits(kSeed, first + i));
        ASSERT_EQ(bits_of(round_stochastic(f, values[i], kSeed, first + i)), bits_of(expected))
            << f.name << " " << values[i];
        ASSERT_EQ(bits_of(span[i]), bits_of(expected)) << f.name << " span " << values[i];
      }
    }
  });
}

}  // namespace
}  // namespace mantissa::numerics
