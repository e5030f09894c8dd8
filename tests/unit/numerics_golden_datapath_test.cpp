// SPDX-License-Identifier: Apache-2.0
// The datapath descriptions of Hopper against outputs of a real H200 and against the MMA-Sim model, row by row, through the
// oracle and through gemm (which starts from a zero accumulator: rows with c = 0 only).
#include "numerics/datapath.h"

#include "unit/numerics_golden.h"

namespace mantissa::numerics {
namespace {

using golden::decode_all;
using golden::format;
using golden::hex;
using golden::hopper;
using golden::same;

struct Table {
  const char* name;
  Datapath datapath;
  int rows;
  std::size_t a_cell = 0;  // MMA-Sim tables begin with the class of the inputs
};

// Rows whose d differs; each is reported.
int differing_rows(const Table& table, bool through_gemm) {
  const Datapath& d = table.datapath;
  int different = 0;
  const int rows = golden::for_each_row(table.name, [&](golden::Cells cells) {
    const std::vector<float> a = decode_all(d.a, cells[table.a_cell]);
    const std::vector<float> b = decode_all(d.b, cells[table.a_cell + 1]);
    // The MMA-Sim FP8 rows give c with all of FP32's fraction bits, of which the instruction takes 13.
    const float c = round_to(d.accumulator, decode(d.output, hex(cells[table.a_cell + 2])), Rounding::kTowardZero);
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
    if (!same(result, expected) && different++ < 8) {
      ADD_FAILURE() << table.name << ": got " << std::hex << std::bit_cast<std::uint32_t>(result) << " for row " << cells[0] << ","
                    << cells[1] << "," << cells[2] << "," << cells[3] << (table.a_cell > 0 ? "," + std::string(cells[4]) : "");
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
    EXPECT_EQ(differing_rows(table, false), 0) << table.name;
    EXPECT_EQ(differing_rows(table, true), 0) << table.name;
  }
}

TEST(HopperDatapath, MatchesMmaSim) {
  const Table tables[] = {{"tensorcore_hopper_fp16_f32_mmasim", hopper("fp16", "fp32", 16, 25), 453, 1},
                          {"tensorcore_hopper_bf16_f32_mmasim", hopper("bf16", "fp32", 16, 25), 453, 1},
                          {"tensorcore_hopper_tf32_f32_mmasim", hopper("tf32", "fp32", 8, 25), 453, 1},
                          {"tensorcore_hopper_fp16_f16_mmasim", hopper("fp16", "fp16", 16, 25), 453, 1},
                          {"tensorcore_hopper_e4m3_f32_mmasim", hopper("e4m3", "e8m13", 32, 13), 453, 1},
                          {"tensorcore_hopper_e5m2_f32_mmasim", hopper("e5m2", "e8m13", 32, 13), 453, 1},
                          {"tensorcore_hopper_e4m3_f16_mmasim", hopper("e4m3", "fp16", 32, 13), 453, 1},
                          {"tensorcore_hopper_e5m2_f16_mmasim", hopper("e5m2", "fp16", 32, 13), 453, 1}};
  for (const Table& table : tables) {
    EXPECT_EQ(differing_rows(table, false), 0) << table.name;
  }
}

}  // namespace
}  // namespace mantissa::numerics
