// SPDX-License-Identifier: Apache-2.0
// Lone kernels: where operands are, and that energy is conserved on a real run.
#include <gtest/gtest.h>

#include "study/kernel_run.h"
#include "support/chips.h"

namespace mantissa::study {
namespace {

TEST(KernelRun, AnOperandOnChipIsReadThereAndNotFromDram) {
  const config::Chip chip = test::shipped_chip("tpu_v4");
  constexpr Bytes kOperand(512 * 512 * 2);
  LoneKernel kernel = gemm(512, 512, 512);
  const KernelRun dram = run_kernel(chip, "bf16", kernel);
  kernel.place.reads_on_chip = {true, false};
  const KernelRun half = run_kernel(chip, "bf16", kernel);
  EXPECT_GE(dram.counters.dram_read, 2 * kOperand);
  EXPECT_GE(half.counters.dram_read, kOperand);
  EXPECT_LE(half.counters.dram_read, dram.counters.dram_read - kOperand);
  EXPECT_GE(half.counters.shared_read, kOperand);
  EXPECT_EQ(half.counters.dram_write, kOperand);
  EXPECT_EQ(half.counters.macs, Macs(512 * 512 * 512));
  EXPECT_FALSE(half.mapping.empty());
}

TEST(KernelRun, EnergyIsTheSumOfItsPartsAndPowerIsEnergyOverTime) {
  const config::Chip chip = test::shipped_chip("tpu_v4");
  const KernelRun run = run_kernel(chip, "bf16", gemm(1024, 1024, 1024));
  const energy::Breakdown& e = run.energy;
  const double parts = e.matrix.count() + e.vector.count() + e.staging.count() + e.shared.count() + e.dram.count() +
                       e.dram_background.count() + e.idle.count() + e.active.count();
  EXPECT_NEAR(e.total().count(), parts, 1e-12 * parts);
  EXPECT_NEAR(run.power.count(), parts / run.latency.count(), 1e-9 * run.power.count());
  EXPECT_NEAR(e.matrix.count(), 1024.0 * 1024 * 1024 * chip.find_precision("bf16")->mac_pj * 1e-12, 1e-12);
  EXPECT_NEAR(e.idle.count(), chip.power.idle.count() * run.latency.count(), 1e-12);
}

TEST(KernelRun, MorePassesCostMoreTimeAndEnergy) {
  const config::Chip chip = test::shipped_chip("tpu_v4");
  const KernelRun one = run_kernel(chip, "fp32_1pass", gemm(2048, 2048, 2048));
  const KernelRun three = run_kernel(chip, "fp32_3pass", gemm(2048, 2048, 2048));
  const KernelRun six = run_kernel(chip, "fp32", gemm(2048, 2048, 2048));
  EXPECT_NEAR(three.energy.matrix.count(), 3 * one.energy.matrix.count(), 1e-9 * three.energy.matrix.count());
  EXPECT_NEAR(six.energy.matrix.count(), 6 * one.energy.matrix.count(), 1e-9 * six.energy.matrix.count());
  EXPECT_LT(one.latency, three.latency);
  EXPECT_LT(three.latency, six.latency);
  EXPECT_LT(one.energy.total(), six.energy.total());
}

TEST(KernelRun, SeveralKernelsInOneSimulationAreEachAsIfAlone) {
  const config::Chip chip = test::shipped_chip("tpu_v4");
  const std::vector<LoneKernel> kernels = {gemm(256, 256, 256), reduction(network::Op::kSoftmax, {512, 512}),
                                           elementwise(network::Op::kAdd, {64, 1024})};
  const auto runs = run_kernels(chip, "", kernels);
  ASSERT_EQ(runs.size(), 3u);
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const KernelRun alone = run_kernel(chip, "", kernels[i]);
    EXPECT_EQ(runs[i].mapping, alone.mapping) << i;
    EXPECT_EQ(runs[i].counters.dram_read, alone.counters.dram_read) << i;
    EXPECT_NEAR(runs[i].latency.count(), alone.latency.count(), 0.02 * alone.latency.count()) << i;
  }
}

TEST(KernelRun, ACopyReadsAndWritesItsBytesOnceAndComputesNothing) {
  const config::Chip chip = test::shipped_chip("tpu_v4");
  const KernelRun run = run_kernel(chip, "bf16", copy({1024, 1024}, true));
  EXPECT_EQ(run.counters.dram_read, Bytes(2 << 20));
  EXPECT_EQ(run.counters.dram_write, Bytes(0));
  EXPECT_EQ(run.counters.macs, Macs(0));
}

TEST(KernelRun, AConvolutionHasItsOutputSize) {
  const LoneKernel kernel = conv(2, 3, 224, 224, 64, 7, 2, 3);
  const auto& work = std::get<network::ConvWork>(kernel.kernel.work);
  EXPECT_EQ(work.out_h, 112);
  EXPECT_EQ(work.out_w, 112);
  EXPECT_EQ(kernel.kernel.macs(), Macs(2LL * 64 * 112 * 112 * 3 * 49));
}

}  // namespace
}  // namespace mantissa::study
