// SPDX-License-Identifier: Apache-2.0
// The grammar of format names, and what is said of a name outside it.
#include <gtest/gtest.h>

#include <cmath>

#include "numerics/format.h"

namespace mantissa::numerics {
namespace {

Format format(std::string_view name) {
  const auto found = find_format(name);
  EXPECT_TRUE(found) << format_defect(name);
  return found.value_or(Format{});
}

TEST(FormatNames, GiveThePartsThatTheySay) {
  struct Row {
    const char* written;
    const char* name;
    int exponent_bits, mantissa_bits;
    Specials specials;
    Overflow overflow;
  };
  constexpr auto kIeee = Specials::kIeee;
  constexpr auto kFn = Specials::kNanOnly;
  constexpr auto kFinite = Specials::kNone;
  constexpr auto kOpen = Overflow::kInfinity;
  constexpr auto kSat = Overflow::kSaturate;
  const Row rows[] = {{"fp32", "fp32", 8, 23, kIeee, kOpen},
                      {"e8m23", "fp32", 8, 23, kIeee, kOpen},
                      {"float32_sat", "fp32_sat", 8, 23, kIeee, kSat},
                      {"e8m10_ieee_nosat", "tf32", 8, 10, kIeee, kOpen},
                      {"bfloat16", "bf16", 8, 7, kIeee, kOpen},
                      {"e5m10_sat", "fp16_sat", 5, 10, kIeee, kSat},
                      {"fp16_ieee", "fp16", 5, 10, kIeee, kOpen},
                      {"e5m10_fn", "e5m10_fn", 5, 10, kFn, kSat},
                      {"fp8_e4m3", "e4m3", 4, 3, kFn, kSat},
                      {"e4m3_fn_sat", "e4m3", 4, 3, kFn, kSat},
                      {"fp8_e4m3_nosat", "e4m3_nosat", 4, 3, kFn, kOpen},
                      {"e4m3_ieee", "e4m3_ieee", 4, 3, kIeee, kOpen},
                      {"e4m3_ieee_sat", "e4m3_ieee_sat", 4, 3, kIeee, kSat},
                      {"e5m2", "e5m2", 5, 2, kIeee, kSat},
                      {"e5m2_ieee", "e5m2", 5, 2, kIeee, kSat},
                      {"e5m2_nosat", "e5m2_nosat", 5, 2, kIeee, kOpen},
                      {"e5m2_finite", "e5m2_finite", 5, 2, kFinite, kSat},
                      {"fp4_e2m1", "e2m1", 2, 1, kFinite, kSat},
                      {"e2m1_finite", "e2m1", 2, 1, kFinite, kSat},
                      {"e2m1_ieee", "e2m1_ieee", 2, 1, kIeee, kOpen},
                      {"e2m1_fn_nosat", "e2m1_fn_nosat", 2, 1, kFn, kOpen},
                      {"e8m13", "e8m13", 8, 13, kIeee, kOpen},
                      {"e5m3", "e5m3", 5, 3, kIeee, kOpen},
                      {"e5m3_fn", "e5m3_fn", 5, 3, kFn, kSat},
                      {"e5m3_finite", "e5m3_finite", 5, 3, kFinite, kSat},
                      {"e7m23_fn", "e7m23_fn", 7, 23, kFn, kSat},
                      {"e8m0", "e8m0", 8, 0, kIeee, kOpen},
                      {"e1m2", "e1m2", 1, 2, kFinite, kSat},
                      {"e1m0_finite", "e1m0", 1, 0, kFinite, kSat},
                      {"e1m1_fn", "e1m1_fn", 1, 1, kFn, kSat}};
  for (const Row& row : rows) {
    const Format f = format(row.written);
    EXPECT_EQ(f.name, row.name) << row.written;
    EXPECT_FALSE(f.integer) << row.written;
    EXPECT_EQ(f.exponent_bits, row.exponent_bits) << row.written;
    EXPECT_EQ(f.mantissa_bits, row.mantissa_bits) << row.written;
    EXPECT_EQ(f.specials, row.specials) << row.written;
    EXPECT_EQ(f.overflow, row.overflow) << row.written;
    EXPECT_EQ(find_format(f.name), f) << row.written;
    EXPECT_EQ(format_defect(row.written), "");
    EXPECT_EQ(defect(f), "");
  }
  for (int bits = 2; bits <= 32; bits = bits == 16 ? 32 : bits + 1) {
    const Format f = format("int" + std::to_string(bits));
    EXPECT_TRUE(f.integer);
    EXPECT_EQ(f.bits(), bits);
    EXPECT_EQ(f.max_finite(), std::ldexp(1.0, bits - 1) - 1);
  }
}

TEST(FormatNames, GiveTheirMemory) {
  EXPECT_EQ(format("e8m13").storage_bytes(), 4);
  EXPECT_EQ(format("tf32").storage_bytes(), 4);
  EXPECT_EQ(format("tf32").bits(), 19);
  EXPECT_EQ(format("bf16").storage_bytes(), 2);
  EXPECT_EQ(format("e4m3").storage_bytes(), 1);
}

TEST(FormatNames, OfOneExponentBitAreEvenlySpaced) {
  const Format f = format("e1m2");
  for (std::uint32_t code = 0; code < 8; ++code) {
    EXPECT_EQ(decode(f, code), 0.5F * static_cast<float>(code));
  }
  EXPECT_EQ(round_to(format("e1m0"), 1.5F), 2.0F);  // 0 and 2
  EXPECT_EQ(round_to(format("e1m0"), 1.0F), 0.0F);
}

TEST(FormatNames, OutsideTheGrammarAreToldWhyAndWhatToDo) {
  const std::pair<const char*, const char*> rows[] = {
      {"e0m0",
       "'e0m0' is not a number format: 0 exponent and 0 fraction bits; use 1..8 exponent and 0..23 fraction bits, or "
       "intN for fixed point"},
      {"e9m40",
       "'e9m40' is not a number format: 9 exponent and 40 fraction bits; use 1..8 exponent and 0..23 fraction bits"},
      {"e4m24_fn",
       "'e4m24_fn' is not a number format: 4 exponent and 24 fraction bits; use 1..8 exponent and 0..23 fraction bits"},
      {"e8m3_fn", "'e8m3_fn' is not a number format: its largest values lie beyond FP32's; use e8m3_ieee or e7m3_fn"},
      {"e8m0_finite_sat",
       "'e8m0_finite_sat' is not a number format: its largest values lie beyond FP32's; use e8m0_ieee or e7m0_finite"},
      {"e1m0_ieee",
       "'e1m0_ieee' is not a number format: infinities and NaNs take all normal numbers where there is one exponent "
       "bit; use e1m0_finite"},
      {"e1m0_fn", "'e1m0_fn' is not a number format: NaN takes its only value but zero; use e1m0_finite"},
      {"e2m1_nosat",
       "'e2m1_nosat' is not a number format: no code is left for overflow without infinities and NaN; leave out "
       "_nosat"},
      {"fp16_fn", "'fp16_fn' is not a number format: fp16 has infinities; write e5m10_fn"},
      {"int17", "'int17' is not a number format: integers have 2..16 or 32 bits"},
      {"int1", "'int1' is not a number format: integers have 2..16 or 32 bits"},
      {"int8_sat", "'int8_sat' is not a number format: integers always saturate; write int8"},
      {"mxfp8_e4m3", "'mxfp8_e4m3' is not a number format: it scales blocks of values; name the format of one value"},
      {"init8", "'init8' is not a number format; did you mean 'int8'?"},
      {"posit16",
       "'posit16' is not a number format; known: fp32, tf32, fp16, bf16, fp8_e4m3, fp8_e5m2, int8, other intN, and "
       "eXmY with X 1..8 and Y 0..23 (then perhaps _ieee, _fn or _finite, then perhaps _sat or _nosat)"}};
  for (const auto& [name, message] : rows) {
    EXPECT_EQ(find_format(name), std::nullopt) << name;
    EXPECT_EQ(format_defect(name), message);
  }
  for (const char* name : {"",
                           "e",
                           "e4",
                           "em",
                           "e4m",
                           "em3",
                           "e04m3",
                           "e4m03",
                           "e4m3x",
                           "E4M3",
                           "fp64",
                           "e-4m3",
                           "e4m-3",
                           "e4m3_",
                           "_sat",
                           "e4m3_sat_fn",
                           "e4m3_fn_fn",
                           "e4m3_sat_sat",
                           "int",
                           "int08",
                           "int-8",
                           "uint8",
                           "e99999999999m1",
                           "int99999999999"}) {
    EXPECT_EQ(find_format(name), std::nullopt) << name;
    EXPECT_NE(format_defect(name), "") << name;
  }
  EXPECT_LT(format_defect(std::string(100000, 'x')).size(), 400U);
}

TEST(FormatNames, AreNotNeededToSeeThatAFormatIsUnsound) {
  Format f = format("e4m3");
  f.exponent_bits = 9;
  EXPECT_EQ(defect(f), "9 exponent and 3 fraction bits; use 1..8 exponent and 0..23 fraction bits");
  f = format("int8");
  f.mantissa_bits = 31;
  EXPECT_EQ(defect(f), "integers have 2..16 or 32 bits");
}

}  // namespace
}  // namespace mantissa::numerics
