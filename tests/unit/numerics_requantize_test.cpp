// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "numerics/requantize.h"
#include "unit/numerics_golden.h"

namespace mantissa::numerics {
namespace {

TEST(RequantizeGolden, MatchesAllRowsInAllThreeRoundings) {
  int wrong = 0;
  int roundings_differ = 0;
  const int rows = golden::for_each_row("requant_int8", [&](golden::Cells cells) {
    const auto number = [&](std::size_t i) {
      return static_cast<std::int32_t>(std::strtol(std::string(cells[i]).c_str(), nullptr, 10));
    };
    const double scale = std::strtod(std::string(cells[1]).c_str(), nullptr);
    const std::int32_t sum = number(0);
    const OutputRange range{.zero_point = number(2)};
    const FixedPointScale fixed = fixed_point_scale(scale);
    const bool good = fixed == FixedPointScale{number(3), number(4)} &&
                      requantize_double_rounding(sum, fixed, range) == number(5) &&
                      requantize_single_rounding(sum, fixed, range) == number(6) &&
                      requantize_float_scale(sum, static_cast<float>(scale), range) == number(7);
    if (!good && wrong++ < 5) {
      ADD_FAILURE() << "sum " << cells[0] << " scale " << cells[1];
    }
    roundings_differ += number(5) != number(6) || number(6) != number(7) ? 1 : 0;
  });
  EXPECT_EQ(rows, 20000);
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(roundings_differ, 1000) << "the table should tell the roundings apart";
}

TEST(Requantize, SplitsAScaleIntoMultiplierAndShift) {
  EXPECT_EQ(fixed_point_scale(0.5), (FixedPointScale{1 << 30, 0}));
  EXPECT_EQ(fixed_point_scale(1.0), (FixedPointScale{1 << 30, 1}));
  EXPECT_EQ(fixed_point_scale(0.0), (FixedPointScale{0, 0}));
  EXPECT_EQ(fixed_point_scale(0x1p-40), (FixedPointScale{0, 0}));
  EXPECT_EQ(fixed_point_scale(1.0 - 0x1p-40), (FixedPointScale{1 << 30, 1}));
  EXPECT_EQ(fixed_point_scale(1e12), (FixedPointScale{2147483647, 30}));
  EXPECT_THROW(fixed_point_scale(-1.0), std::logic_error);
  EXPECT_THROW(fixed_point_scale(std::nan("")), std::logic_error);
}

TEST(Requantize, AgreesWithTheRealProductAwayFromTies) {
  for (const double scale : {0.00037, 0.0123, 0.77, 1.9, 13.0}) {
    for (std::int32_t sum = -50000; sum <= 50000; sum += 317) {
      const double product = sum * scale;
      if (std::fabs(product - std::floor(product) - 0.5) < 1e-3) {
        continue;
      }
      const auto expected = static_cast<std::int32_t>(std::min(100.0, std::max(-100.0, std::nearbyint(product) + 3)));
      const OutputRange range{.zero_point = 3, .low = -100, .high = 100};
      EXPECT_EQ(requantize_double_rounding(sum, fixed_point_scale(scale), range), expected) << sum << " " << scale;
      EXPECT_EQ(requantize_single_rounding(sum, fixed_point_scale(scale), range), expected) << sum << " " << scale;
      EXPECT_EQ(requantize_float_scale(sum, static_cast<float>(scale), range), expected) << sum << " " << scale;
    }
  }
}

TEST(Requantize, TakesTheExtremesOfInt32) {
  for (const double scale : {0x1p-31, 0.25, 1.0, 4096.0}) {
    const FixedPointScale fixed = fixed_point_scale(scale);
    const std::int32_t high = scale >= 0.25 ? 127 : 1;
    const std::int32_t low = scale >= 0.25 ? -128 : -1;
    EXPECT_EQ(requantize_double_rounding(2147483647, fixed), high) << scale;
    EXPECT_EQ(requantize_double_rounding(-2147483647 - 1, fixed), low) << scale;
    EXPECT_EQ(requantize_single_rounding(2147483647, fixed), high) << scale;
    EXPECT_EQ(requantize_single_rounding(-2147483647 - 1, fixed), low) << scale;
    EXPECT_EQ(requantize_float_scale(2147483647, static_cast<float>(scale)), high) << scale;
  }
}

TEST(Requantize, FillsASpanInTheChosenRounding) {
  const std::vector<std::int32_t> sums = {-3, -1, 1, 3, 5, 400, -400};
  std::vector<std::int8_t> outputs(sums.size());
  requantize(Requantization::kFloatScale, sums, 0.5, {}, outputs);
  EXPECT_EQ(outputs, (std::vector<std::int8_t>{-2, 0, 0, 2, 2, 127, -128}));  // ties to even
  requantize(Requantization::kSingleRounding, sums, 0.5, {}, outputs);
  EXPECT_EQ(outputs, (std::vector<std::int8_t>{-1, 0, 1, 2, 3, 127, -128}));  // ties up
  requantize(Requantization::kDoubleRounding, sums, 0.25, {}, outputs);
  EXPECT_EQ(outputs, (std::vector<std::int8_t>{-1, 0, 1, 1, 2, 100, -100}));  // 1.25 -> 2.5 halves -> 3 -> 2
}

}  // namespace
}  // namespace mantissa::numerics
