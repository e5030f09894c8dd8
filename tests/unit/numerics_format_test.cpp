// SPDX-License-Identifier: Apache-2.0
// Number formats against the golden tables, row by row, and against statements of the formats written again here.
#include <gmock/gmock.h>

#include <random>

#include "base/error.h"
#include "numerics/block.h"
#include "numerics/format.h"
#include "unit/numerics_golden.h"

namespace mantissa::numerics {
namespace {

using golden::format;
using golden::hex;
using golden::non_saturating;

// `x` converted to `f` reads like `code`: same code, or both NaN.
bool converts_to(const Format& f, float x, std::uint32_t code, Rounding rounding = Rounding::kNearestEven) {
  const float rounded = round_to(f, x, rounding);
  const float expected = decode(f, code);
  return std::isnan(expected) ? std::isnan(rounded) : golden::same(rounded, expected) && encode(f, rounded) == code;
}

TEST(FormatGolden, DecodesEveryCode) {
  const std::pair<const char*, const char*> tables[] = {{"decode_e4m3fn", "e4m3"},
                                                        {"decode_e5m2", "e5m2"},
                                                        {"decode_e2m1fn", "e2m1"},
                                                        {"decode_e2m3fn", "e2m3"},
                                                        {"decode_e3m2fn", "e3m2"}};
  for (const auto& [table, name] : tables) {
    const Format f = non_saturating(name);  // so that infinities keep their code
    const int rows = golden::for_each_row(table, [&](golden::Cells cells) {
      const std::uint32_t code = hex(cells[0]);
      const auto value = std::bit_cast<float>(hex(cells[2]));
      EXPECT_TRUE(golden::same(decode(f, code), value)) << name << " " << cells[0];
      EXPECT_TRUE(golden::same(decode(f, code), std::strtof(std::string(cells[1]).c_str(), nullptr))) << cells[1];
      if (!std::isnan(value)) {
        EXPECT_EQ(encode(f, value), code) << name;
      }
    });
    EXPECT_EQ(rows, 1 << f.bits());
  }
}

TEST(FormatGolden, DecodesEveryScaleOfMx) {
  const int rows = golden::for_each_row("decode_e8m0fnu", [](golden::Cells cells) {
    const float scale = decode_scale(BlockScale::kE8M0, static_cast<std::uint8_t>(hex(cells[0])));
    EXPECT_TRUE(golden::same(scale, std::bit_cast<float>(hex(cells[2])))) << cells[0];
    EXPECT_TRUE(golden::same(scale, std::strtof(std::string(cells[1]).c_str(), nullptr))) << cells[1];
  });
  EXPECT_EQ(rows, 256);
}

// Three columns, nosat, sat and ocpsat, for one target. `sat` is ml_dtypes' saturation, which lets infinities be: it is
// no mode here, but follows from the two that are.
bool fills_three_columns(const Format& saturating, float x, golden::Cells three) {
  const Format open = non_saturating(saturating.name);
  return converts_to(open, x, hex(three[0])) && converts_to(std::isinf(x) ? open : saturating, x, hex(three[1])) &&
         converts_to(saturating, x, hex(three[2]));
}

TEST(FormatGolden, ConvertsEveryFp16AndBf16ToFp8) {
  for (const auto& [table, source_name] : {std::pair{"fp16_to_fp8", "fp16"}, std::pair{"bf16_to_fp8", "bf16"}}) {
    const Format source = format(source_name);
    const Format targets[] = {format("e4m3"), format("e5m2")};
    int wrong = 0;
    const int rows = golden::for_each_row(table, [&](golden::Cells cells) {
      const float x = decode(source, hex(cells[0]));
      ASSERT_EQ(cells.size(), 7U);
      for (std::size_t t = 0; t < 2; ++t) {
        wrong += fills_three_columns(targets[t], x, cells.subspan(1 + 3 * t, 3)) ? 0 : 1;
      }
    });
    EXPECT_EQ(rows, 65536);
    EXPECT_EQ(wrong, 0) << table;
  }
}

TEST(FormatGolden, ConvertsEveryFiniteBf16ToMxElements) {
  int wrong = 0;
  const int rows = golden::for_each_row("bf16_to_mx", [&](golden::Cells cells) {
    const float x = decode(format("bf16"), hex(cells[0]));
    wrong += converts_to(format("e2m3"), x, hex(cells[1])) && converts_to(format("e3m2"), x, hex(cells[2])) &&
                     converts_to(format("e2m1"), x, hex(cells[3]))
                 ? 0
                 : 1;
  });
  EXPECT_EQ(rows, 65280);
  EXPECT_EQ(wrong, 0);
}

TEST(FormatGolden, ConvertsAdversarialFp32InEveryRounding) {
  struct Column {
    std::size_t cell;
    Format target;
    Rounding rounding;
    int unused_bits;  // TF32 is written in FP32's layout
  };
  const Column columns[] = {
      {1, format("bf16"), Rounding::kNearestEven, 0},         {2, format("bf16"), Rounding::kTowardZero, 0},
      {3, format("fp16"), Rounding::kNearestEven, 0},         {4, format("tf32"), Rounding::kNearestEven, 13},
      {5, format("tf32"), Rounding::kNearestAway, 13},        {6, format("tf32"), Rounding::kTowardZero, 13},
      {7, non_saturating("e4m3"), Rounding::kNearestEven, 0}, {9, non_saturating("e5m2"), Rounding::kNearestEven, 0},
      {11, format("e4m3"), Rounding::kNearestEven, 0},        {12, format("e5m2"), Rounding::kNearestEven, 0}};
  // ml_dtypes' saturation, columns 8 and 10: see fills_three_columns.
  const int rows = golden::for_each_row("fp32_to_small", [&](golden::Cells cells) {
    ASSERT_EQ(cells.size(), 13U);
    const auto x = std::bit_cast<float>(hex(cells[0]));
    const std::string_view e4m3[] = {cells[7], cells[8], cells[11]};
    const std::string_view e5m2[] = {cells[9], cells[10], cells[12]};
    EXPECT_TRUE(fills_three_columns(format("e4m3"), x, e4m3)) << cells[0];
    EXPECT_TRUE(fills_three_columns(format("e5m2"), x, e5m2)) << cells[0];
  });
  EXPECT_EQ(rows, 37666);
  for (const Column& column : columns) {
    int wrong = 0;
    golden::for_each_row("fp32_to_small", [&](golden::Cells cells) {
      const auto x = std::bit_cast<float>(hex(cells[0]));
      if (!converts_to(column.target, x, hex(cells[column.cell]) >> column.unused_bits, column.rounding) &&
          wrong++ < 5) {
        ADD_FAILURE() << column.target.name << " " << cells[0] << " -> " << cells[column.cell];
      }
    });
    EXPECT_EQ(wrong, 0) << column.target.name << " column " << column.cell;
  }
}

// Any bit pattern, with the exponents of small formats drawn often.
std::vector<float> assorted_floats(int count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    const std::uint32_t exponent = random() % 2 == 0 ? bits & 0x7F80'0000U : (100 + bits % 50) << 23;
    const std::uint32_t fraction = random() % 3 == 0 ? bits & 0x7F'0000U : bits & 0x7F'FFFFU;
    values.push_back(std::bit_cast<float>((bits & 0x8000'0000U) | exponent | fraction));
  }
  return values;
}

std::vector<Format> assorted_formats() {
  std::vector<Format> formats(known_formats().begin(), known_formats().end());
  for (const char* name : {"e8m13", "e5m3", "e2m0", "e7m23", "e8m0", "e4m10"}) {
    formats.push_back(format(name));
  }
  formats.push_back(non_saturating("e4m3"));
  formats.push_back(non_saturating("e2m1"));
  return formats;
}

TEST(Format, RoundsToTheNearerOfTheTwoNeighboursOnTheGrid) {
  for (const Format& f : assorted_formats()) {
    if (f.integer || f.bits() > 16) {
      continue;
    }
    std::vector<double> grid;  // the positive finite values in order, by enumeration
    for (std::uint32_t code = 0; code < (1U << (f.bits() - 1)); ++code) {
      if (const float value = decode(f, code); std::isfinite(value)) {
        grid.push_back(static_cast<double>(value));
      }
    }
    ASSERT_TRUE(std::is_sorted(grid.begin(), grid.end())) << f.name;
    ASSERT_EQ(grid.back(), f.max_finite()) << f.name;
    ASSERT_EQ(grid[1], f.mantissa_bits > 0 ? f.min_subnormal() : f.min_normal()) << f.name;
    for (const float x : assorted_floats(2000, 7)) {
      const double magnitude = std::fabs(static_cast<double>(x));
      if (!(magnitude <= f.max_finite())) {
        continue;
      }
      const auto above = std::lower_bound(grid.begin(), grid.end(), magnitude);
      const double high = *above;
      const double low = above == grid.begin() || high == magnitude ? high : *(above - 1);
      // IEEE 754-2019 4.3.1: without fraction bits no last digit is even, and the larger magnitude wins.
      const bool low_is_even = f.mantissa_bits > 0 ? (above - grid.begin()) % 2 == 1 : low == 0.0;
      const double middle = (low + high) / 2;
      const double even = magnitude < middle || (magnitude == middle && low_is_even) ? low : high;
      const double away = magnitude < middle ? low : high;
      const double sign = std::signbit(x) ? -1.0 : 1.0;
      ASSERT_EQ(static_cast<double>(round_to(f, x, Rounding::kNearestEven)), sign * even) << f.name << " " << x;
      ASSERT_EQ(static_cast<double>(round_to(f, x, Rounding::kNearestAway)), sign * away) << f.name << " " << x;
      ASSERT_EQ(static_cast<double>(round_to(f, x, Rounding::kTowardZero)), sign * low) << f.name << " " << x;
      ASSERT_EQ(std::signbit(round_to(f, x)), std::signbit(x)) << f.name << " " << x;
    }
  }
}

TEST(Format, KnowsThePublishedRanges) {
  struct Range {
    const char* name;
    double max_finite, min_normal, min_subnormal;
  };
  // OCP OFP8 1.0, OCP MX 1.0, IEEE 754-2019.
  const Range ranges[] = {{"e4m3", 448, 0x1p-6, 0x1p-9},
                          {"e5m2", 57344, 0x1p-14, 0x1p-16},
                          {"fp16", 65504, 0x1p-14, 0x1p-24},
                          {"bf16", 0x1.fep127, 0x1p-126, 0x1p-133},
                          {"tf32", 0x1.ffcp127, 0x1p-126, 0x1p-136},
                          {"fp32", 0x1.fffffep127, 0x1p-126, 0x1p-149},
                          {"e2m3", 7.5, 1, 0.125},
                          {"e3m2", 28, 0.25, 0.0625},
                          {"e2m1", 6, 1, 0.5},
                          {"int8", 127, 1, 1},
                          {"int32", 2147483647, 1, 1}};
  for (const Range& range : ranges) {
    const Format f = format(range.name);
    EXPECT_EQ(f.max_finite(), range.max_finite) << range.name;
    EXPECT_EQ(f.min_normal(), range.min_normal) << range.name;
    EXPECT_EQ(f.min_subnormal(), range.min_subnormal) << range.name;
  }
}

TEST(Format, ClampsIntegersAndHasNoNegativeZero) {
  const Format int8 = format("int8");
  EXPECT_EQ(round_to(int8, 1e9F), 127.0F);
  EXPECT_EQ(round_to(int8, -1e9F), -128.0F);
  EXPECT_EQ(round_to(int8, 2.5F), 2.0F);
  EXPECT_EQ(round_to(int8, 2.5F, Rounding::kNearestAway), 3.0F);
  EXPECT_EQ(round_to(int8, -2.7F, Rounding::kTowardZero), -2.0F);
  EXPECT_FALSE(std::signbit(round_to(int8, -0.3F)));
  EXPECT_EQ(encode(int8, -1.0F), 0xFFU);
  EXPECT_EQ(decode(int8, 0x80U), -128.0F);
  EXPECT_EQ(round_to(format("int32"), 3e9F), 2147483520.0F);
  EXPECT_EQ(round_to(format("int32"), -3e9F), -2147483648.0F);
}

TEST(Format, OverflowsAsTheFormatSays) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(round_to(format("e4m3"), 464.0F), 448.0F);
  EXPECT_EQ(round_to(format("e4m3"), infinity), 448.0F);
  EXPECT_TRUE(std::isnan(round_to(non_saturating("e4m3"), 465.0F)));
  EXPECT_EQ(round_to(non_saturating("e5m2"), -61440.0F), -infinity);
  EXPECT_EQ(round_to(format("fp16"), 65519.996F), 65504.0F);
  EXPECT_EQ(round_to(format("fp16"), 65520.0F), infinity);
  EXPECT_EQ(round_to(format("fp16"), 65535.0F, Rounding::kTowardZero), 65504.0F);
}

TEST(Format, KeepsNanAndRefusesItsCodeWhereThereIsNone) {
  EXPECT_EQ(encode(format("e4m3"), std::nanf("")), 0x7FU);
  EXPECT_EQ(encode(format("e5m2"), std::nanf("")), 0x7FU);
  EXPECT_EQ(encode(format("fp16"), std::nanf("")), 0x7FFFU);
  EXPECT_THROW(encode(format("e2m1"), std::nanf("")), ModelError);
  EXPECT_THROW(encode(format("int8"), std::nanf("")), ModelError);
  EXPECT_THROW(encode(format("e5m0"), std::nanf("")), ModelError);  // all ones is infinity
  EXPECT_EQ(encode(format("e5m0_fn"), std::nanf("")), 0x1FU);
}

}  // namespace
}  // namespace mantissa::numerics
