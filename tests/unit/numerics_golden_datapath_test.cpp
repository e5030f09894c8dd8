// SPDX-License-Identifier: Apache-2.0
// The datapath descriptions of Hopper against outputs of a real H200 and against the MMA-Sim model, row by row, and
// that of the ANE against published probes.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "numerics/datapath.h"
#include "unit/numerics_golden.h"

namespace mantissa::numerics {
namespace {

using golden::decode_all;
using golden::format;
using golden::hex;
using golden::hopper;
using golden::same;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Table {
  const char* name;
  Datapath datapath;
  int rows;
  std::size_t a_cell = 0;  // MMA-Sim tables begin with the class of the inputs
};

// The rows whose d differs, as "a,b,c,d,result". Through gemm: only those with c = 0, from which it starts.
std::vector<std::string> differing_rows(const Table& table, bool through_gemm = false) {
  const Datapath& d = table.datapath;
  std::vector<std::string> different;
  const int rows = golden::for_each_row(table.name, [&](golden::Cells cells) {
    const std::vector<float> a = decode_all(d.a, cells[table.a_cell]);
    const std::vector<float> b = decode_all(d.b, cells[table.a_cell + 1]);
    // The MMA-Sim FP8 rows give c with all of FP32's fraction bits, of which the instruction takes 13:
    // initial_rounding.
    const float c = decode(d.output, hex(cells[table.a_cell + 2]));
    const float expected = decode(d.output, hex(cells[table.a_cell + 3]));
    EXPECT_EQ(a.size(), b.size());
    float result = 0.0F;
    if (!through_gemm) {
      result = dot_oracle(d, a, b, c);
    } else if (c == 0.0F) {
      gemm(d, 1, 1, static_cast<std::int64_t>(a.size()), a.data(), 99, b.data(), 1, &result, 1);
    } else {
      return;
    }
    if (!same(result, expected)) {
      std::string row;
      for (std::size_t i = 0; i < 4; ++i) {
        row += std::string(cells[table.a_cell + i]) + ",";
      }
      different.push_back(row + fmt::format("{:08x}", std::bit_cast<std::uint32_t>(result)));
    }
  });
  EXPECT_EQ(rows, table.rows) << table.name;
  return different;
}

TEST(HopperDatapath, MatchesEveryRowFromRealSilicon) {
  const Table tables[] = {{"tensorcore_h200silicon_fp16_f32", hopper("fp16", "fp32", 16, 25), 1500},
                          {"tensorcore_h200silicon_bf16_f32", hopper("bf16", "fp32", 16, 25), 1500},
                          {"tensorcore_h200silicon_tf32_f32", hopper("tf32", "fp32", 8, 25), 1500},
                          {"tensorcore_h200silicon_fp16_f16", hopper("fp16", "fp16", 16, 25), 1500},
                          {"tensorcore_h200silicon_e4m3_f32", hopper("e4m3", "e8m13", 32, 13), 1500},
                          {"tensorcore_h200silicon_e5m2_f32", hopper("e5m2", "e8m13", 32, 13), 1500}};
  for (const Table& table : tables) {
    EXPECT_THAT(differing_rows(table), IsEmpty()) << table.name;
    EXPECT_THAT(differing_rows(table, true), IsEmpty()) << table.name;
  }
}

TEST(HopperDatapath, MatchesMmaSim) {
  const Table tables[] = {{"tensorcore_hopper_fp16_f32_mmasim", hopper("fp16", "fp32", 16, 25), 453, 1},
                          {"tensorcore_hopper_bf16_f32_mmasim", hopper("bf16", "fp32", 16, 25), 453, 1},
                          {"tensorcore_hopper_fp16_f16_mmasim", hopper("fp16", "fp16", 16, 25), 453, 1},
                          {"tensorcore_hopper_e4m3_f32_mmasim", hopper("e4m3", "e8m13", 32, 13), 453, 1},
                          {"tensorcore_hopper_e5m2_f32_mmasim", hopper("e5m2", "e8m13", 32, 13), 453, 1},
                          {"tensorcore_hopper_e4m3_f16_mmasim", hopper("e4m3", "fp16", 32, 13), 453, 1},
                          {"tensorcore_hopper_e5m2_f16_mmasim", hopper("e5m2", "fp16", 32, 13), 453, 1}};
  for (const Table& table : tables) {
    EXPECT_THAT(differing_rows(table), IsEmpty()) << table.name;
  }
}

// The one open row: a product of zero and 2^120. MMA-Sim lets the zero raise the alignment exponent (a993c000); without
// the switch, as in Khattak and Mikaitis's model, zeros take no part (a993da40). No silicon output for such a row is
// known.
TEST(HopperDatapath, MatchesMmaSimInTf32ButForOneRowWithAZeroTimesAHugeNumber) {
  const Table table{"tensorcore_hopper_tf32_f32_mmasim", hopper("tf32", "fp32", 8, 25), 453, 1};
  EXPECT_THAT(differing_rows(table),
              ElementsAre("57a10531614aa71785c00575b000004000074d6d,402f540000000004000041e82400007751d000da,072181cd,"
                          "a993c000,a993da40"));
}

TEST(HopperDatapath, MatchesEveryMmaSimRowWhenZerosTakePartInTheAlignment) {
  Table tables[] = {{"tensorcore_hopper_tf32_f32_mmasim", hopper("tf32", "fp32", 8, 25), 453, 1},
                    {"tensorcore_hopper_fp16_f32_mmasim", hopper("fp16", "fp32", 16, 25), 453, 1},
                    {"tensorcore_hopper_bf16_f32_mmasim", hopper("bf16", "fp32", 16, 25), 453, 1},
                    {"tensorcore_hopper_fp16_f16_mmasim", hopper("fp16", "fp16", 16, 25), 453, 1},
                    {"tensorcore_hopper_e4m3_f32_mmasim", hopper("e4m3", "e8m13", 32, 13), 453, 1},
                    {"tensorcore_hopper_e5m2_f32_mmasim", hopper("e5m2", "e8m13", 32, 13), 453, 1},
                    {"tensorcore_hopper_e4m3_f16_mmasim", hopper("e4m3", "fp16", 32, 13), 453, 1},
                    {"tensorcore_hopper_e5m2_f16_mmasim", hopper("e5m2", "fp16", 32, 13), 453, 1}};
  for (Table& table : tables) {
    table.datapath.zero_operands = ZeroOperands::kSmallestNormal;
    EXPECT_THAT(differing_rows(table), IsEmpty()) << table.name;
    EXPECT_THAT(differing_rows(table, true), IsEmpty()) << table.name;
  }
}

// A wrong width, group or rounding is caught by the silicon rows: they tell the neighbours apart.
TEST(HopperDatapath, SiliconRejectsItsNeighbours) {
  const auto misses = [](const char* table, const Datapath& d) { return differing_rows({table, d, 1500}).size(); };
  EXPECT_GT(misses("tensorcore_h200silicon_fp16_f32", hopper("fp16", "fp32", 16, 24)), 100U);
  EXPECT_GT(misses("tensorcore_h200silicon_fp16_f32", hopper("fp16", "fp32", 16, 26)), 100U);
  EXPECT_GT(misses("tensorcore_h200silicon_e4m3_f32", hopper("e4m3", "e8m13", 32, 12)), 100U);
  EXPECT_GT(misses("tensorcore_h200silicon_e4m3_f32", hopper("e4m3", "e8m13", 32, 14)), 100U);
  EXPECT_GT(misses("tensorcore_h200silicon_e4m3_f32", hopper("e4m3", "e8m13", 16, 13)), 100U);
  Datapath nearest = hopper("bf16", "fp32", 16, 25);
  nearest.accumulator_rounding = Rounding::kNearestEven;
  EXPECT_GT(misses("tensorcore_h200silicon_bf16_f32", nearest), 100U);
}

// mma.sync with FP8 operands and an FP16 result: two FP16 steps from zero, over the elements k % 4 < 2 and then the
// others, and one FP16 addition of c.
TEST(HopperDatapath, MatchesTheEmulatedFp8MmaSyncOfRealSilicon) {
  for (const char* name : {"e4m3", "e5m2"}) {
    const Table table{name[1] == '4' ? "tensorcore_h200silicon_e4m3_f16_mmasync_emulated"
                                     : "tensorcore_h200silicon_e5m2_f16_mmasync_emulated",
                      golden::hopper_fp8_mma_sync(name), 1500};
    EXPECT_THAT(differing_rows(table), IsEmpty()) << name;
    EXPECT_THAT(differing_rows(table, true), IsEmpty()) << name;
    Table neighbour = table;
    neighbour.datapath.interleave = neighbour.datapath.interleave_run = 1;  // consecutive elements
    EXPECT_GT(differing_rows(neighbour).size(), 100U) << name;
    neighbour = table;
    neighbour.datapath.promote_every = 0;  // c enters the first step
    neighbour.datapath.promotion = format("fp32");
    EXPECT_GT(differing_rows(neighbour).size(), 100U) << name;
  }
}

// Measured on an M1 by the author of the ANE guide (docs/numerics.md): sums against a vector of ones.
float ane_sum(const std::vector<float>& values) {
  const std::vector<float> ones(values.size(), 1.0F);
  float result = 0.0F;
  gemm(golden::ane_fp16(), 1, 1, static_cast<std::int64_t>(values.size()), values.data(), 1, ones.data(), 1, &result,
       1);
  EXPECT_TRUE(same(result, dot_oracle(golden::ane_fp16(), values, ones, 0.0F)));
  return result;
}

TEST(AneDatapath, KeepsAsManyOnesBetweenCancellingValuesAsMeasured) {
  const std::pair<float, float> magnitude_and_survivors[] = {{1024, 16}, {3000, 16}, {4000, 16}, {4090, 16},
                                                             {4096, 4},  {8000, 4},  {16000, 4}, {30000, 4}};
  for (const auto& [big, survivors] : magnitude_and_survivors) {
    std::vector<float> one_last;
    std::vector<float> one_between;
    for (int i = 0; i < 16; ++i) {
      one_last.insert(one_last.end(), {big, -big, 1.0F});
      one_between.insert(one_between.end(), {big, 1.0F, -big});
    }
    EXPECT_EQ(ane_sum(one_last), survivors) << big;
    EXPECT_EQ(ane_sum(one_between), survivors) << big;
  }
}

TEST(AneDatapath, AddsOnesToALargeValueAsMeasured) {
  const auto with_ones = [](float first, std::size_t ones) {
    std::vector<float> values(ones + 1, 1.0F);
    values[0] = first;
    return values;
  };
  EXPECT_EQ(ane_sum(with_ones(4096, 1024)), 5116.0F);  // exact: 5120; a running FP16 sum: 4096
  EXPECT_EQ(ane_sum(with_ones(8192, 16)), 8208.0F);
  EXPECT_EQ(ane_sum(with_ones(1, 15999)), 16000.0F);
}

// The guide says that tiles of four are rounded to FP16. Taken literally (to nearest, or cut) that contradicts its own
// table.
TEST(AneDatapath, TilesRoundedToFp16WouldNotGiveTheMeasuredCounts) {
  for (const Rounding rounding : {Rounding::kNearestEven, Rounding::kTowardZero}) {
    int agree = 0;
    for (const auto& [big, survivors] : {std::pair{3000.0F, 16.0F}, std::pair{4096.0F, 4.0F}}) {
      float sum = 0.0F;
      for (int tile = 0; tile < 12; ++tile) {
        float exact = 0.0F;
        for (int i = 4 * tile; i < 4 * tile + 4; ++i) {
          exact += i % 3 == 0 ? big : i % 3 == 1 ? -big : 1.0F;
        }
        sum += round_to(format("fp16"), exact, rounding);
      }
      agree += sum == survivors ? 1 : 0;
    }
    EXPECT_LT(agree, 2);
  }
}

}  // namespace
}  // namespace mantissa::numerics
