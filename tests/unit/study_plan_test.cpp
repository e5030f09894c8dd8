// SPDX-License-Identifier: Apache-2.0
// Timing and energy of a network whose layers run at different precisions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "chips/placement.h"
#include "network/import.h"
#include "study/study.h"
#include "study/timed_run.h"

namespace mantissa::study {
namespace {

using ::testing::HasSubstr;

const std::string kRoot = MANTISSA_SOURCE_DIR;
const std::string kConv = "/blocks/blocks.2/conv2/Conv";  // its input and output go to other kernels than its own

config::Chip chip_named(const std::string& name) {
  return config::load_chip(kRoot + "/configs/" + name + ".yaml");
}

class MixedTiming : public ::testing::Test {
 protected:
  report::RunResult timed(const config::PrecisionPlan& plan) const { return time_run(chip_, workload_, plan, graph_); }
  const config::Precision& at(const char* name) const { return find_precision(chip_, name); }
  static const report::KernelRow& row(const report::RunResult& r, const std::string& name) {
    return *std::find_if(r.kernels.begin(), r.kernels.end(), [&](const auto& k) { return k.name == name; });
  }

  config::Chip chip_ = chip_named("h100_sxm");
  config::Workload workload_ = config::load_workload(kRoot + "/workloads/fashion_resnet.yaml");
  network::Graph graph_ = network::load_network(workload_, 256);
};

TEST_F(MixedTiming, AllLayersAtAnotherPrecisionAreThatPrecision) {
  config::PrecisionPlan plan(at("fp8_e4m3"));
  for (const auto& kernel : network::lower(graph_)) {
    if (kernel.is_matrix()) {
      plan.assign(kernel.name, at("fp16"));
    }
  }
  const report::RunResult mixed = timed(plan), whole = timed(at("fp16"));
  ASSERT_EQ(mixed.kernels.size(), whole.kernels.size());
  for (std::size_t i = 0; i < whole.kernels.size(); ++i) {
    EXPECT_EQ(mixed.kernels[i].counters.timeline.total, whole.kernels[i].counters.timeline.total);
    EXPECT_EQ(mixed.kernels[i].energy.total().count(), whole.kernels[i].energy.total().count());
  }
  EXPECT_EQ(mixed.weights, whole.weights);
  EXPECT_DOUBLE_EQ(mixed.peak_macs_per_second, whole.peak_macs_per_second);
}

TEST_F(MixedTiming, OneLayerAtAnotherPrecisionCostsWhatItDoesThere) {
  config::PrecisionPlan plan(at("fp8_e4m3"));
  plan.assign(kConv, at("fp16"));
  const report::RunResult mixed = timed(plan), fp8 = timed(at("fp8_e4m3")), fp16 = timed(at("fp16"));
  EXPECT_EQ(row(mixed, kConv).counters.timeline.matrix, row(fp16, kConv).counters.timeline.matrix);
  EXPECT_EQ(row(mixed, kConv).energy.matrix.count(), row(fp16, kConv).energy.matrix.count());
  EXPECT_EQ(row(mixed, kConv).precision, "fp16");
  EXPECT_EQ(row(mixed, "/stem/Conv").precision, "fp8_e4m3");
  EXPECT_EQ(row(mixed, "/stem/Conv").counters.timeline.total, row(fp8, "/stem/Conv").counters.timeline.total);
  EXPECT_EQ(row(mixed, "/GlobalAveragePool").precision, "");
  // Its weights take two bytes each in place of one: 64 x 64 x 3 x 3 of them.
  EXPECT_EQ(mixed.weights - fp8.weights, Bytes(64 * 64 * 9));
  // Multiplications at peak rate take twice as long for its share of them.
  const double share =
      static_cast<double>(row(fp8, kConv).counters.macs.count()) / static_cast<double>(fp8.macs.count());
  EXPECT_NEAR(mixed.peak_macs_per_second, fp8.peak_macs_per_second / (1 + share), 1e-6 * fp8.peak_macs_per_second);
}

TEST_F(MixedTiming, ATensorIsStoredInTheFormatOfItsReaders) {
  // conv2 of the last block reads what conv1 writes, and nothing else does.
  const auto kernels = network::lower(graph_);
  const auto written = [&](const config::PrecisionPlan& plan) {
    const chips::Placement placement = chips::place(chip_, plan, graph_, kernels);
    for (const auto& kernel : placement.kernels) {
      if (kernel.kernel->name == "/blocks/blocks.2/conv1/Conv") {
        return kernel.writes.front().bytes;
      }
    }
    return Bytes(0);
  };
  config::PrecisionPlan reader(at("fp8_e4m3")), writer(at("fp8_e4m3"));
  reader.assign(kConv, at("fp16"));
  writer.assign("/blocks/blocks.2/conv1/Conv", at("fp16"));
  const Bytes one(256 * 64 * 7 * 7);
  EXPECT_EQ(written(at("fp8_e4m3")), one);
  EXPECT_EQ(written(reader), one * 2);
  EXPECT_EQ(written(writer), one);
  EXPECT_EQ(written(at("fp16")), one * 2);
}

TEST_F(MixedTiming, RunFollowsTheLayersOfTheRecipe) {
  workload_.recipes["fp8_e4m3"].layers = {{kConv, "fp16"}};
  RunOptions options;
  options.precision = "fp8_e4m3";
  options.accuracy = false;
  const report::RunResult r = run(chip_, workload_, options);
  EXPECT_EQ(row(r, kConv).precision, "fp16");
  options.precision = "fp16";
  EXPECT_EQ(row(run(chip_, workload_, options), kConv).precision, "");  // its recipe has no layers
}

TEST_F(MixedTiming, LayersThatDoNotExistAreRefused) {
  RunOptions options;
  options.precision = "fp8_e4m3";
  options.accuracy = false;
  const auto message = [&](const std::string& layer, const std::string& precision) {
    workload_.recipes["fp8_e4m3"].layers = {{layer, precision}};
    try {
      run(chip_, workload_, options);
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message("/stem/Con", "fp16"), HasSubstr("/stem/Con"));
  EXPECT_THAT(message("/stem/Conv", "fp17"), HasSubstr("fp17"));
  EXPECT_THAT(message("/GlobalAveragePool", "fp16"), HasSubstr("/GlobalAveragePool"));
}

}  // namespace
}  // namespace mantissa::study
