// SPDX-License-Identifier: Apache-2.0
// Sweep files: ranges, the order of points, ties, and what is refused before anything runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "config/chip.h"
#include "config/sweep.h"
#include "config/workload.h"
#include "support/files.h"

namespace mantissa::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SweepFile : public ::testing::Test {
 protected:
  Sweep load(const std::string& text) const { return load_sweep(folder_.write("sweep.yaml", text)); }

  // The first mistake, without the file's name.
  std::string mistake(const std::string& text) const {
    try {
      load(text);
    } catch (const ConfigError& e) {
      const Diagnostic& d = e.diagnostics().front();
      return std::to_string(d.pos.line) + ":" + std::to_string(d.pos.column) + ": " + d.message;
    }
    return "no mistake";
  }

  std::vector<std::string> values(const std::string& range) const {
    const Sweep sweep = load(kHead + "axes:\n  - chip.clock_mhz: " + range + "\n");
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < sweep.axes[0].size(); ++i) {
      texts.push_back(sweep.axes[0].keys[0].text(i));
    }
    return texts;
  }

  const std::string kHead = "measure: accuracy\nchip: h100_sxm\nworkload: fashion_resnet\nprecision: fp16\n";
  test::TemporaryFolder folder_;
};

TEST_F(SweepFile, ListsAndRangesGiveTheirValues) {
  EXPECT_THAT(values("[1000, 1500, 1200]"), ElementsAre("1000", "1500", "1200"));
  EXPECT_THAT(values("{from: 700, to: 710, step: 4}"), ElementsAre("700", "704", "708"));
}

TEST_F(SweepFile, RangesEndWhereTheySay) {
  EXPECT_THAT(values("{from: 700, to: 702}"), ElementsAre("700", "701", "702"));
  EXPECT_THAT(values("{from: 702, to: 700, step: -1}"), ElementsAre("702", "701", "700"));
  EXPECT_THAT(values("{from: 100, to: 100.3, step: 0.1}"), ElementsAre("100", "100.1", "100.2", "100.3"));
  EXPECT_THAT(values("{from: 100, to: 1600, factor: 4}"), ElementsAre("100", "400", "1600"));
  EXPECT_THAT(values("{from: 1600, to: 100, factor: 0.25}"), ElementsAre("1600", "400", "100"));
  EXPECT_THAT(values("{from: 100, to: 200, count: 3}"), ElementsAre("100", "150", "200"));
  EXPECT_THAT(values("{from: 10, to: 1000, count: 3, spacing: log}"), ElementsAre("10", "100", "1000"));
}

TEST_F(SweepFile, AxesAreCrossedAndTheLastVariesFastest) {
  const Sweep sweep = load(kHead + "axes:\n  - chip.clock_mhz: [1000, 1100]\n  - batch: [1, 2, 3]\n");
  ASSERT_EQ(sweep.points(), 6u);
  EXPECT_THAT(sweep.places(0), ElementsAre(0, 0));
  EXPECT_THAT(sweep.places(2), ElementsAre(0, 2));
  EXPECT_THAT(sweep.places(3), ElementsAre(1, 0));
  const SweepPoint point = sweep.point(sweep.places(4));
  EXPECT_EQ(point.batch, 2);
  EXPECT_EQ(point.precision, "fp16");
  EXPECT_EQ(parse_chip(sweep.chip_document(point), point.chip).clock_mhz, 1100);
}

TEST_F(SweepFile, KeysOfOneAxisAreTied) {
  const Sweep sweep = load(
      "measure: [accuracy, latency]\nworkload: fashion_resnet\naxes:\n"
      "  - chip: [tpu_v4, h100_sxm]\n    precision: [int8, fp8_e4m3]\n    label: [a, b]\n");
  ASSERT_EQ(sweep.points(), 2u);
  EXPECT_EQ(sweep.point({1}).precision, "fp8_e4m3");
  EXPECT_THAT(sweep.point({1}).chip, HasSubstr("h100_sxm.yaml"));
  EXPECT_TRUE(sweep.measure.accuracy && sweep.measure.latency && !sweep.measure.energy);
  EXPECT_THAT(mistake("measure: energy\nworkload: fashion_resnet\naxes:\n"
                      "  - {chip: [tpu_v4, h100_sxm], precision: [int8]}\n"),
              "4:32: keys of one axis are tied and need equally many values; 'chip' has 2, 'precision' 1");
}

TEST_F(SweepFile, ARecipeKeyChangesTheRecipeOfThePointsPrecision) {
  const Sweep sweep = load(
      "measure: accuracy\nchip: h100_sxm\nworkload: fashion_resnet\naxes:\n"
      "  - precision: [fp8_e4m3, int8]\n  - recipe.activations: [{calibrator: percentile, percentile: 99}]\n");
  const SweepPoint point = sweep.point({0, 0});
  const Workload w = parse_workload(sweep.workload_document(point, "fp8_e4m3"), point.workload);
  EXPECT_EQ(w.recipe_for("fp8_e4m3").activations.percentile, 99);
  EXPECT_EQ(w.recipe_for("fp8_e4m3").weights.granularity, Granularity::kPerTensor);  // the file's own
  EXPECT_EQ(w.recipe_for("int8").activations.percentile, 99.99);
  EXPECT_EQ(sweep.axes[1].keys[0].text(0), "calibrator: percentile, percentile: 99");
}

TEST_F(SweepFile, WhatIsSetHoldsForAllPoints) {
  const Sweep sweep = load(kHead + "set: {chip.dram.channels: 40}\naxes:\n  - chip.clock_mhz: [1000, 1100]\n");
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(parse_chip(sweep.chip_document(sweep.point({i})), "x").dram.channels, 40);
  }
}

TEST_F(SweepFile, MistakesAreToldWhereTheyStand) {
  const auto axis = [&](const std::string& text) { return kHead + "axes:\n  - " + text + "\n"; };
  EXPECT_THAT(mistake(axis("chip.dram.chanels: [1]")), HasSubstr("6:5: "));
  EXPECT_THAT(mistake(axis("chip.dram.chanels: [1]")), HasSubstr("did you mean 'dram.channels'?"));
  EXPECT_THAT(mistake(axis("dram.channels: [1]")), HasSubstr("6:5: 'dram.channels' is no key of a sweep; paths begin"));
  EXPECT_THAT(mistake(axis("chip.dram.channels: [1, x]")), "6:29: 'dram.channels' must be a whole number; found 'x'");
  EXPECT_THAT(mistake(axis("chip.dram.channels: {from: 1, to: 2, count: 3}")),
              "6:25: 'dram.channels' must be a whole number; found 1.5");
  EXPECT_THAT(mistake(axis("chip.dram.channels: {from: 2, to: 1}")),
              "6:25: the range is empty: steps of 1 do not lead from 2 to 1");
  EXPECT_THAT(mistake(axis("chip.clock_mhz: {from: 1, to: 1e12, step: 1}")), HasSubstr("the range has 1e+12 values"));
  EXPECT_THAT(mistake(axis("chip.clock_mhz: {from: 0, to: 8, factor: 2}")), HasSubstr("above 0"));
  EXPECT_THAT(mistake(axis("chip.clock_mhz: {from: 1, to: 8, factor: 2, step: 1}")), HasSubstr("one of step, factor"));
  EXPECT_THAT(mistake(axis("chip.clock_mhz: 1000")), HasSubstr("needs a list of values, or a range"));
  EXPECT_THAT(mistake(axis("chip.clock_mhz: []")), HasSubstr("needs 1 to 10000 values"));
  EXPECT_THAT(mistake(axis("batch: [0]")), HasSubstr("'batch' must be a whole number between 1 and"));
  EXPECT_THAT(mistake(axis("precision: [int8]")), "6:5: 'precision' is given twice in this sweep");
  EXPECT_THAT(mistake("measure: speed\nchip: tpu_v4\nworkload: fashion_resnet\n"),
              "1:10: 'speed' cannot be measured; known: accuracy, latency, energy");
  EXPECT_THAT(mistake("measure: energy\nchip: tpu_v5\nworkload: fashion_resnet\n"), HasSubstr("2:7: 'tpu_v5' is"));
  EXPECT_THAT(mistake("measure: energy\nchip: tpu_v4\nworkload: fashion_resnet\nprecision: int7\n"),
              "4:12: no chip of this sweep has a precision 'int7'; did you mean 'int8'?");
  EXPECT_THAT(mistake("measure: energy\nchip: tpu_v4\n"), HasSubstr("the sweep names no workload"));
  EXPECT_THAT(mistake(axis("chip.clock_mhz: {from: 1, to: 9000}") + "  - {batch: {from: 1, to: 9000}}\n"),
              HasSubstr("the axes span 81000000 points; at most 100000 are run"));
}

TEST_F(SweepFile, AValueThatNeedsAnotherAxisIsNoMistake) {
  EXPECT_EQ(mistake("measure: accuracy\nchip: ane_a17_pro\nworkload: fashion_resnet\naxes:\n"
                    "  - recipe.activations.calibrator: [min_max, percentile]\n"
                    "  - recipe.activations.percentile: [99, 99.9]\n"),
            "no mistake");
  EXPECT_THAT(mistake("measure: accuracy\nchip: ane_a17_pro\nworkload: fashion_resnet\naxes:\n"
                      "  - recipe.activations.calibrator: [min_max]\n"
                      "  - recipe.activations.percentile: [99, 99.9]\n"),
              HasSubstr("percentile has no effect without calibrator: percentile"));
}

TEST(ShippedSweeps, AreRead) {
  for (const char* name :
       {"accumulator_width", "align_bits", "calibrators", "formats", "group_size", "mantissa_bits"}) {
    EXPECT_GT(load_sweep(test::source_file(std::string("configs/sweeps/") + name + ".yaml")).points(), 10u) << name;
  }
}

}  // namespace
}  // namespace mantissa::config
