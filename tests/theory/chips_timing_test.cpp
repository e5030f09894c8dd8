// SPDX-License-Identifier: Apache-2.0
// Closed forms of the three matrix units, stated again and held against published micro-benchmarks.
#include <gtest/gtest.h>

#include "chips/ane/ane_mapper.h"
#include "chips/hopper/timing.h"
#include "chips/tpu/plan.h"
#include "chips/tpu/timing.h"
#include "hardware/machine.h"
#include "support/chips.h"

namespace mantissa::chips {
namespace {

using test::shipped_chip;

// Luo et al. (arXiv 2501.12084), wgmma on H800: m64n256k16 completes in 128 cycles for FP16 as for FP8, TF32 and INT8.
TEST(HopperTiming, OneLargeInstructionTakes128CyclesInEveryFormat) {
  const config::Chip chip = shipped_chip("h100_sxm");
  const auto& spec = std::get<config::Hopper>(chip.architecture);
  for (const char* name : {"fp16", "bf16", "tf32", "fp8_e4m3", "fp8_e5m2", "int8"}) {
    const auto* precision = chip.find_precision(name);
    ASSERT_NE(precision, nullptr) << name;
    const int bytes = precision->matrix.a.storage_bytes();
    EXPECT_EQ(hopper::stage_cycles(spec, precision->macs_per_cycle, 64, 256, 32 / bytes, bytes), Cycles(128)) << name;
  }
}

// The same source: m64n64k16 with both operands in shared memory is bound by 128 B per cycle exactly where the tensor
// cores are; m64n8k16 takes (64 + 8) x 32 / 128 = 18 cycles (measured 19.1).
TEST(HopperTiming, NarrowInstructionsAreBoundBySharedMemory) {
  const config::Chip chip = shipped_chip("h100_sxm");
  const auto& spec = std::get<config::Hopper>(chip.architecture);
  EXPECT_EQ(hopper::stage_cycles(spec, 2048, 64, 64, 16, 2), Cycles(32));
  EXPECT_EQ(hopper::stage_cycles(spec, 2048, 64, 8, 16, 2), Cycles(18));
}

TEST(HopperTiming, PartialInstructionsTakeWholeOnes) {
  const config::Chip chip = shipped_chip("h100_sxm");
  const auto& spec = std::get<config::Hopper>(chip.architecture);
  EXPECT_EQ(hopper::stage_cycles(spec, 2048, 65, 256, 1, 2), Cycles(2 * 128));
}

config::Tpu four_arrays(int weight_rows_per_cycle) {
  config::Tpu spec;
  spec.arrays_per_core = 4;
  spec.rows = spec.cols = 128;
  spec.weight_rows_per_cycle = weight_rows_per_cycle;
  return spec;
}

config::Precision passes(int count) {
  config::Precision precision;
  precision.passes = count;
  return precision;
}

TEST(TpuTiming, TilesAreDealtToTheArraysAndRowsWhereTilesAreFew) {
  const config::Tpu spec = four_arrays(1);
  // 512 x 512 weights are 16 tiles, 4 for each array; 1024 rows stream past each.
  EXPECT_EQ(tpu::array_cycles(spec, passes(1), {1024, 512, 512}), Cycles(4 * 1024));
  // One tile: its rows are split over the four arrays.
  EXPECT_EQ(tpu::array_cycles(spec, passes(1), {1024, 128, 128}), Cycles(1024 / 4));
  // FP32 as six BF16 passes.
  EXPECT_EQ(tpu::array_cycles(spec, passes(6), {1024, 512, 512}), Cycles(6 * 4 * 1024));
  // Rows enter in groups of eight.
  EXPECT_EQ(tpu::array_cycles(spec, passes(1), {4 * 1001, 128, 128}), Cycles(1008));
}

TEST(TpuTiming, FewRowsAreBoundByTheWeightPush) {
  // 16 tiles on 4 arrays, 128 or 16 cycles of weights each. Sums meet in the vector unit, so no tile waits for another.
  EXPECT_EQ(tpu::array_cycles(four_arrays(1), passes(1), {1, 512, 512}), Cycles(4 * 128));
  EXPECT_EQ(tpu::array_cycles(four_arrays(8), passes(1), {1, 512, 512}), Cycles(4 * 16));
}

TEST(TpuTiming, TwoProductsInACellHalveTheTilesAlongK) {
  config::Precision int8 = passes(1);
  int8.products_per_cell = 2;
  EXPECT_EQ(tpu::array_cycles(four_arrays(1), int8, {1024, 512, 512}), Cycles(2 * 1024));
}

// Vector registers hold 8 x 128 elements. Of a block of 16 x 256 by k = 384: two row groups, two column tiles and three
// k tiles make 12 pushes and 12 pops of a register; the weights are 384 x 256.
TEST(TpuTiming, TheVectorUnitConvertsWhatIsPushedAndAddsWhatIsPopped) {
  config::Tpu spec = four_arrays(1);
  spec.accumulate_ops = 1;
  config::Precision precision = passes(1);
  precision.operand_ops = 5;
  const double expected = 12 * 1024 * 5 + 12 * 1024 * 1 + 384 * 256 * 5;
  EXPECT_DOUBLE_EQ(tpu::stream_ops(spec, precision, {16, 256, 384}), expected);
  EXPECT_DOUBLE_EQ(tpu::stream_ops(spec, precision, {9, 129, 257}), expected) << "registers count whole";
  config::VectorUnit vector;
  vector.ops_per_cycle = 2048;
  EXPECT_EQ(tpu::block_cycles(spec, vector, precision, {16, 256, 384}),
            Cycles(static_cast<std::int64_t>(expected / 2048)));
}

// Softmax of rows of four: 3 passes of 2 operations and one special function an element; fused behind it 5 operations
// and 1 special function for each of the 2 results. Unpacking costs 7 in every pass, packing 11 once a result.
TEST(StreamWork, EveryPassOfAReductionUnpacksAndComputesAgain) {
  const config::Chip chip = shipped_chip("tpu_v4");
  config::Precision precision = *chip.find_precision("bf16");
  precision.unpack_ops = 7, precision.pack_ops = 11;
  network::Kernel kernel{"reduce", {}, network::ReduceWork{2, 4, 3, 2, 1}, {}, {}, 5, 1, 1};
  kernel.writes = {{0, 2, network::Storage::kVector, false}};
  const StreamWork work = stream_work(chip, precision, kernel);
  ASSERT_EQ(work.elements, 8);
  EXPECT_DOUBLE_EQ(work.ops * 8, 8 * 3 * (2 + 7) + 2 * (5 + 11));
  EXPECT_DOUBLE_EQ(work.specials * 8, 8 * 3 * 1 + 2 * 1);
}

// An addition of two tensors unpacks two elements and packs one; indices are not unpacked.
TEST(StreamWork, ElementWiseWorkUnpacksEachOperandAndPacksTheResult) {
  const config::Chip chip = shipped_chip("tpu_v4");
  config::Precision precision = *chip.find_precision("bf16");
  precision.unpack_ops = 7, precision.pack_ops = 11;
  network::Kernel kernel{"add", {}, network::VectorWork{100, 1, 0}, {}, {}, 0, 0, 1};
  kernel.reads = {{0, 100, network::Storage::kVector, false},
                  {1, 100, network::Storage::kVector, false},
                  {2, 100, network::Storage::kIndex, false}};
  EXPECT_DOUBLE_EQ(stream_work(chip, precision, kernel).ops, 1 + 2 * 7 + 11);
}

TEST(StreamWork, TheChipFileSaysHowItIsCut) {
  config::Chip chip = shipped_chip("tpu_v4");
  auto& spec = std::get<config::Tpu>(chip.architecture);
  const auto blocks = [&](std::int64_t bytes) {
    const test::TestKernel kernel({"relu", {}, network::VectorWork{bytes / 4, 1, 0}, {}, {}, 0, 0, 1}, {bytes / 2},
                                  bytes / 2);
    return make_mapper(chip, *chip.find_precision("bf16"))->map(kernel.placed).mapping;
  };
  spec.stream_blocks = 12, spec.stream_largest = Bytes(1 << 20), spec.stream_smallest = Bytes(1 << 16);
  EXPECT_EQ(blocks(1 << 20), "12 blocks");  // the least number
  EXPECT_EQ(blocks(1 << 25), "32 blocks");  // of the largest size
  EXPECT_EQ(blocks(1 << 17), "2 blocks");   // of the smallest size
}

TEST(TpuPlan, AProductLargerThanTheWindowIsCutIntoTheFewestStepsThatFit) {
  const config::Chip chip = shipped_chip("tpu_v4");
  const auto& spec = std::get<config::Tpu>(chip.architecture);
  for (const std::int64_t size : {128, 512, 1000, 4096}) {
    const test::TestKernel kernel = test::placed_gemm(size, size, size, 2, 2);
    const MatrixProblem problem = matrix_problem(kernel.placed);
    const tpu::Plan plan = tpu::choose_plan(chip, *chip.find_precision("bf16"), problem);
    EXPECT_LE((plan.bm + plan.bn) * round_up(plan.bk, 128) * 2, spec.window.count()) << size;
    EXPECT_GE(plan.m_blocks * plan.bm, plan.m) << size;
    EXPECT_GE(plan.n_blocks * plan.bn, plan.n) << size;
    EXPECT_EQ(plan.tasks() == 1, size <= 1000) << size;
  }
}

// MODEL: a copy from HBM to CMEM passes no core's port: 32 MiB at 1.0 TB/s (Dang et al., ss_copy rows: 33.5 us).
TEST(TpuPrefetch, RunsAtTheRateOfTheCopyEngineNotOfACoresPort) {
  const config::Chip chip = shipped_chip("tpu_v4");
  const std::int64_t bytes = 32 << 20;
  test::TestKernel kernel(
      {"copy", {}, network::CopyWork{bytes / 2, bytes / 2}, {}, {{1, bytes / 2, {}, false}}, 0, 0, 1}, {bytes}, bytes);
  kernel.placed.writes[0].on_chip = true;
  const auto mapper = make_mapper(chip, *chip.find_precision("bf16"));
  hardware::Machine machine("chip", chip);
  const MappedKernel mapped = mapper->map(kernel.placed);
  const energy::Counters c = machine.run(mapped.schedule, mapped.overhead);
  EXPECT_NEAR(at(c.timeline.total, chip.clock()).count() * 1e6, 33.5, 33.5 * 0.05);
  EXPECT_EQ(c.dram_read, Bytes(bytes));
  EXPECT_EQ(c.shared_write, Bytes(bytes));
}

// PMU counters on M4 Pro (freedomtan, measure_ane_capacity): 50 convolutions 3x3, 256 -> 256 channels on 256x256
// pixels: 205.48 ms in FP16 and 101.67 ms in INT8 at 2.364 GHz; the array alone may not take longer, and takes at least
// 95 % of it.
TEST(AneTiming, ChainedConvolutionsRunNearThePeakThatWasMeasured) {
  const double clock = 2.364e9;
  const auto seconds = [&](std::int64_t channels_per_cycle) {
    const Cycles c = ane::core_cycles(256 * 256, 256 / 16, 9 * 256, channels_per_cycle, 64);
    return 50 * static_cast<double>(c.count()) / clock;
  };
  EXPECT_LE(seconds(4), 0.20548);
  EXPECT_GE(seconds(4), 0.20548 * 0.95);
  EXPECT_LE(seconds(8), 0.10167);
  EXPECT_GE(seconds(8), 0.10167 * 0.95);
}

TEST(Peaks, FollowFromTheUnits) {
  const auto tops = [](const char* chip_name, const char* precision_name) {
    const config::Chip chip = shipped_chip(chip_name);
    const auto mapper = make_mapper(chip, *chip.find_precision(precision_name));
    return 2 * mapper->peak_macs_per_cycle(test::gemm_kernel(1, 1, 1, 1)) * chip.clock_mhz * 1e-6;
  };
  EXPECT_NEAR(tops("ane_a17_pro", "int8"), 35.4, 0.05);
  EXPECT_NEAR(tops("ane_a17_pro", "fp16"), 17.7, 0.05);
  EXPECT_NEAR(tops("tpu_v4", "bf16"), 275.3, 0.1);
  EXPECT_NEAR(tops("tpu_v4", "int8"), 275.3, 0.1);
  EXPECT_NEAR(tops("h100_sxm", "bf16"), 989.4 * 1980 / 1830, 1);
  EXPECT_NEAR(tops("h100_sxm", "fp8_e4m3"), 1978.9 * 1980 / 1830, 2);
}

}  // namespace
}  // namespace mantissa::chips
