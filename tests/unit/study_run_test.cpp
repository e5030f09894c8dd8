// SPDX-License-Identifier: Apache-2.0
// Whole runs: what must hold for every chip, precision and network, and what a change of a fact must do.
#include <gtest/gtest.h>

#include <cmath>

#include "network/import.h"
#include "study/kernel_rows.h"
#include "study/study.h"

namespace mantissa::study {
namespace {

const std::string kRoot = MANTISSA_SOURCE_DIR;

config::Chip chip_named(const std::string& name) {
  return config::load_chip(kRoot + "/configs/" + name + ".yaml");
}
config::Workload workload_named(const std::string& name) {
  return config::load_workload(kRoot + "/workloads/" + name + ".yaml");
}

report::RunResult run_at(const config::Chip& chip, const std::string& workload, const std::string& precision,
                         std::int64_t batch = 1) {
  RunOptions options;
  options.precision = precision;
  options.batch = batch;
  options.accuracy = false;
  return run(chip, workload_named(workload), options);
}

TEST(Run, TotalsAreTheSumsOfTheKernels) {
  for (const char* name : {"ane_a17_pro", "tpu_v4", "h100_sxm"}) {
    const config::Chip chip = chip_named(name);
    for (const auto& precision : chip.precisions) {
      const report::RunResult r = run_at(chip, "mobilenetv3_small", precision.name);
      double seconds = 0, joules = 0;
      Macs macs{};
      for (const auto& kernel : r.kernels) {
        seconds += kernel.time.count();
        joules += kernel.energy.total().count();
        macs += kernel.counters.macs;
        EXPECT_GE(kernel.time.count(), kernel.roofline.count());
        EXPECT_EQ(kernel.counters.timeline.sum(), kernel.counters.timeline.total);
      }
      EXPECT_EQ(macs, Macs(56'510'400)) << name << " " << precision.name;
      EXPECT_NEAR(r.latency.count(), seconds, 1e-12);
      EXPECT_NEAR(r.energy.total().count(), joules, 1e-9 * joules);
      EXPECT_NEAR(r.average_power.count(), joules / seconds, 1e-6 * joules / seconds);
      EXPECT_NEAR(r.images_per_second, 1 / seconds, 1e-6 / seconds);
      EXPECT_GT(r.average_power, chip.power.idle);
    }
  }
}

TEST(Run, GivesTheSameBytesTwice) {
  const config::Chip chip = chip_named("h100_sxm");
  const report::RunResult a = run_at(chip, "resnet50", "fp16"), b = run_at(chip, "resnet50", "fp16");
  EXPECT_EQ(a.latency.count(), b.latency.count());
  EXPECT_EQ(a.energy.total().count(), b.energy.total().count());
}

TEST(Run, MoreBandwidthShortensWhatDramBinds) {
  config::Chip chip = chip_named("h100_sxm");
  const double before = run_at(chip, "llama2_7b_decode", "fp16").latency.count();
  chip.dram.clock_period_ns /= 2;
  const double after = run_at(chip, "llama2_7b_decode", "fp16").latency.count();
  EXPECT_LT(after, 0.75 * before);
}

TEST(Run, ThePowerLimitLowersTheClock) {
  config::Chip chip = chip_named("h100_sxm");
  const report::RunResult limited = run_at(chip, "llama2_7b_prefill", "fp16");
  EXPECT_LT(limited.clock_mhz, chip.clock_mhz);
  EXPECT_LE(limited.average_power.count(), chip.power.limit->count() * 1.02);
  chip.power.limit.reset();
  const report::RunResult free = run_at(chip, "llama2_7b_prefill", "fp16");
  EXPECT_EQ(free.clock_mhz, chip.clock_mhz);
  EXPECT_LT(free.latency, limited.latency);
  EXPECT_GT(free.average_power, *chip_named("h100_sxm").power.limit);
}

TEST(Run, ANetworkThatDoesNotFitIsRefusedWithTheNumbers) {
  try {
    run_at(chip_named("ane_a17_pro"), "llama2_7b_decode", "fp16");
    FAIL() << "13.5 GB of weights in 8 GB";
  } catch (const ModelError& e) {
    EXPECT_EQ(std::string(e.what()).substr(0, 62), "ane_a17_pro.dram: the network needs 13.5 GB for weights and 0.");
  }
}

TEST(Run, AnUnknownPrecisionIsRefusedWithTheKnownOnes) {
  try {
    run_at(chip_named("tpu_v4"), "resnet50", "bf17");
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_STREQ(e.what(), "tpu_v4 has no precision 'bf17'; did you mean 'bf16'?");
  }
}

TEST(Run, AccuracyComesWithItsReasonWhenItIsMissing) {
  RunOptions options;
  const report::RunResult r = run(chip_named("tpu_v4"), workload_named("mobilenetv3_small"), options);
  EXPECT_FALSE(r.accuracy);
  EXPECT_EQ(r.accuracy_note, "the network is a shape without weights: it can be timed, not executed");
}

TEST(Run, MeasuresAccuracyOnTheImagesAskedFor) {
  RunOptions options;
  options.precision = "int8";
  options.images = 200;
  const report::RunResult r = run(chip_named("ane_a17_pro"), workload_named("fashion_resnet"), options);
  ASSERT_TRUE(r.accuracy);
  EXPECT_EQ(r.accuracy->images, 200);
  EXPECT_GT(r.accuracy->top1_reference, 0.88);
  EXPECT_LE(r.accuracy->difference_low, r.accuracy->difference);
  int measured = 0;
  for (const auto& kernel : r.kernels) {
    measured += kernel.sqnr_db && *kernel.sqnr_db > 15 ? 1 : 0;
  }
  EXPECT_GE(measured, 8);
}

TEST(BoundBy, NamesTheLargestShare) {
  const config::Chip chip = chip_named("tpu_v4");
  energy::Counters c;
  c.timeline = {Cycles(100), Cycles(60), Cycles(0), Cycles(40), Cycles(0), Cycles(0), Cycles(0)};
  EXPECT_EQ(bound_by(chip, c, chip.clock()), "matrix");
  c.timeline = {Cycles(100), Cycles(20), Cycles(0), Cycles(60), Cycles(0), Cycles(0), Cycles(20)};
  EXPECT_EQ(bound_by(chip, c, chip.clock()), "latency");  // every memory is idle
  c.dram_read = Bytes(static_cast<std::int64_t>(60 * chip.dram.peak().count() / chip.clock().count()));
  EXPECT_EQ(bound_by(chip, c, chip.clock()), "dram");
  c.timeline = {Cycles(100), Cycles(20), Cycles(0), Cycles(10), Cycles(0), Cycles(70), Cycles(0)};
  EXPECT_EQ(bound_by(chip, c, chip.clock()), "imbalance");
}

}  // namespace
}  // namespace mantissa::study
