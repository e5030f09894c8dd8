// SPDX-License-Identifier: Apache-2.0
// Sweep files: ranges, the order of points, ties, and what is refused before anything runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "config/area.h"
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

class SweepDesign : public SweepFile {
 protected:
  // A TPU with an array of 64, 128 or 256 rows and columns, at four clocks.
  const std::string kGrid =
      "measure: latency\nchip: tpu_v4\nworkload: resnet50\naxes:\n"
      "  - {chip.tpu.rows: [64, 128, 256], chip.tpu.cols: [64, 128, 256]}\n"
      "  - chip.clock_mhz: {from: 1050, to: 1350, step: 100}\n";
  std::size_t left(const Sweep& sweep) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < sweep.points(); ++i) {
      count += sweep.allowed(sweep.places(i)) ? 1 : 0;
    }
    return count;
  }
  // Of a file that goes on as `text` after line 6.
  std::string design_mistake(const std::string& text) const { return mistake(kGrid + text); }
};

TEST_F(SweepDesign, ConstraintsLeavePointsOut) {
  EXPECT_EQ(left(load(kGrid)), 12u);
  EXPECT_EQ(left(load(kGrid + "constraints: ['chip.tpu.rows <= 128']\n")), 8u);
  EXPECT_EQ(left(load(kGrid + "constraints: ['chip.tpu.rows <= 128', 'chip.clock_mhz < 1200']\n")), 4u);
  // 64: all four clocks; 128: 2^14 * 1050 and * 1150 are below 2e7; 256: none.
  EXPECT_EQ(left(load(kGrid + "derived: {macs: 'chip.tpu.rows * chip.tpu.cols'}\n"
                              "constraints: ['macs * chip.clock_mhz <= 2e7']\n")),
            6u);
}

TEST_F(SweepDesign, NamesOfTheFilesAndTheRunCanBeUsed) {
  EXPECT_EQ(left(load(kGrid + "constraints: ['chip.dram.channels == 32 && chip.dram.pseudo_channels == 2']\n")), 12u);
  EXPECT_EQ(left(load(kGrid + "set: {chip.dram.channels: 16}\nconstraints: ['chip.dram.channels == 16']\n")), 12u);
  EXPECT_EQ(left(load(kGrid + "constraints: ['workload.batch == batch']\n")), 12u);
  EXPECT_EQ(left(load(kGrid + "  - batch: [1, 8]\nconstraints: ['batch >= 8']\n")), 12u);
}

TEST_F(SweepDesign, AMapOnAnAxisGivesItsNumbers) {
  const Sweep sweep =
      load(kHead +
           "axes:\n  - chip.power: [{idle_w: 1, active_w: 2, min_clock_mhz: 345, voltage_slope: 0.5}, {idle_w: 5, "
           "active_w: 2, min_clock_mhz: 345, voltage_slope: 0.5}]\nconstraints: ['chip.power.idle_w > 3']\n");
  EXPECT_FALSE(sweep.allowed({0}));
  EXPECT_TRUE(sweep.allowed({1}));
}

TEST_F(SweepDesign, TheAreaIsThatOfThePointsChip) {
  const Sweep sweep = load(kGrid + "derived: {mm2: area_mm2, per_mac: 'mm2 / (chip.tpu.rows * chip.tpu.cols)'}\n");
  for (std::size_t i = 0; i < sweep.points(); ++i) {
    const auto places = sweep.places(i);
    const SweepPoint point = sweep.point(places);
    const double total = chip_area(parse_chip(sweep.chip_document(point), point.chip))->total();
    const double rows = 64 << places[0];
    EXPECT_NEAR(std::stod(sweep.derived_values(places)[0].second), total, 1e-8);
    EXPECT_NEAR(std::stod(sweep.derived_values(places)[1].second), total / (rows * rows), 1e-8);
  }
}

TEST_F(SweepDesign, TheAreaFollowsChangesThatNoNumberOfTheFileHolds) {
  const std::string text =
      "measure: latency\nworkload: fashion_resnet\naxes:\n  - chip: [h100_sxm, tpu_v4]\n"
      "  - chip.datapaths.bf16.accumulator: [e8m10, e8m23]\n  - chip.cores: [2, 132]\n"
      "  - chip.datapaths.bf16.group: [4, 32]\n";
  const Sweep sweep = load(text + "derived: {mm2: area_mm2}\n");
  for (std::size_t i = 0; i < sweep.points(); ++i) {
    const auto places = sweep.places(i);
    const SweepPoint point = sweep.point(places);
    const double total = chip_area(parse_chip(sweep.chip_document(point), point.chip))->total();
    EXPECT_NEAR(std::stod(sweep.derived_values(places)[0].second), total, 1e-8) << i;
  }
}

TEST_F(SweepDesign, TheAreaFollowsMultipliersAndDatapaths) {
  const Sweep sweep = load(
      "measure: latency\nworkload: fashion_resnet\nchip: h100_sxm\naxes:\n"
      "  - chip.precisions.fp16.macs_per_cycle: [1024, 4096]\n  - chip.datapaths.fp16.align_fraction_bits: [12, 40]\n"
      "  - chip.dram.channels: [16]\n    chip.shared: [{capacity_kib: 10, bytes_per_cycle: 1, latency_cycles: 1, "
      "pj_per_byte: 1}]\nset: {chip.shared.capacity_kib: 999}\nderived: {mm2: area_mm2}\n");
  for (std::size_t i = 0; i < sweep.points(); ++i) {
    const auto places = sweep.places(i);
    const SweepPoint point = sweep.point(places);
    const double total = chip_area(parse_chip(sweep.chip_document(point), point.chip))->total();
    EXPECT_NEAR(std::stod(sweep.derived_values(places)[0].second), total, 1e-8) << i;
  }
}

TEST_F(SweepDesign, ADerivedKeyIsSet) {
  const Sweep sweep = load(kGrid +
                           "derived:\n  kib: 'chip.tpu.rows * 64'\n  chip.staging.capacity_kib: 'kib * 2'\n"
                           "  batch: 'chip.tpu.rows / 32'\n  mm2: area_mm2\n");
  const SweepPoint point = sweep.point({2, 0});
  const Chip chip = parse_chip(sweep.chip_document(point), point.chip);
  EXPECT_EQ(chip.staging.capacity.count(), 32768 * 1024);
  EXPECT_EQ(point.batch, 8);
  const auto values = sweep.derived_values({2, 0});
  ASSERT_EQ(values.size(), 4u);
  EXPECT_EQ(values[0], (std::pair<std::string, std::string>("kib", "16384")));
  EXPECT_EQ(values[1].second, "32768");
  EXPECT_NEAR(std::stod(values[3].second), chip_area(chip)->total(), 1e-8);
}

TEST_F(SweepDesign, ASearchHasItsPoints) {
  const Sweep grid = load(kGrid + "search: grid\ntime_limit_s: 5\n");
  EXPECT_EQ(grid.search.method, SweepSearch::Method::kGrid);
  EXPECT_EQ(grid.time_limit_s, 5);
  EXPECT_EQ(load(kGrid).time_limit_s, 600);
  const Sweep sweep = load(kGrid +
                           "search: {method: nsga2, points: 9, seed: 7, population: 4}\n"
                           "objectives: [latency_s, area_mm2]\n");
  EXPECT_EQ(sweep.search.method, SweepSearch::Method::kNsga2);
  EXPECT_EQ(sweep.search.points, 9u);
  EXPECT_EQ(sweep.search.seed, 7u);
  EXPECT_EQ(sweep.search.population, 4u);
  ASSERT_EQ(sweep.objectives.size(), 2u);
  EXPECT_EQ(sweep.objectives[1].name, "area_mm2");
  EXPECT_EQ(sweep.objectives[1].node.pos().line, 8);
}

TEST_F(SweepDesign, ASearchMayPickFromALargeGrid) {
  const std::string axes =
      "  - chip.power.idle_w: {from: 1, to: 10000}\n  - chip.power.active_w: {from: 1, to: 10000}\n";
  EXPECT_THAT(design_mistake(axes),
              HasSubstr("4:1: the axes span 1200000000 points; at most 100000 are run: narrow them, or "
                        "pick some of them with search: {method: random, points: 1000}"));
  const Sweep sweep =
      load(kGrid + axes + "search: {method: random, points: 10}\nconstraints: ['chip.power.idle_w < 9000']\n");
  EXPECT_EQ(sweep.points(), 1'200'000'000u);
  EXPECT_THAT(design_mistake(axes + "  - batch: {from: 1, to: 10000}\n  - images: {from: 1, to: 10000}\n"
                                    "search: {method: random, points: 10}\n"),
              HasSubstr("the axes span 1.2e+17 points; a search picks from at most 10^15"));
}

TEST_F(SweepDesign, MistakesOfFormulasAreToldWhereTheyStand) {
  EXPECT_EQ(design_mistake("constraints: ['chip.tpu.rows <= chip.tpu.colums']\n"),
            "7:33: nothing in this sweep is called 'chip.tpu.colums'; did you mean 'chip.tpu.cols'?");
  EXPECT_EQ(design_mistake("constraints: ['mac <= 5']\nderived: {macs: '1'}\n"),
            "7:16: nothing in this sweep is called 'mac'; did you mean 'macs'?");
  EXPECT_THAT(design_mistake("constraints: ['xyzzy.plugh <= 5']\n"),
              HasSubstr("'xyzzy.plugh'; names are keys of the sweep"));
  EXPECT_EQ(design_mistake("constraints: ['precision == 5']\n"),
            "7:16: 'precision' is no number; formulas are made of numbers");
  EXPECT_EQ(design_mistake("constraints: ['batch = 5']\n"), "7:22: a formula does not assign; compare with '=='");
  EXPECT_THAT(design_mistake("constraints: ['1 < 2']\n"), HasSubstr("7:15: this is the same for every point"));
  EXPECT_EQ(design_mistake("constraints: batch\n"), "7:14: 'constraints' must be a list; found a single value");
  EXPECT_THAT(design_mistake("constraints: []\n"), HasSubstr("needs 1 to 100 formulas"));
  EXPECT_EQ(design_mistake("derived: {a: b + 1, b: 'c', c: 'a * 2'}\n"),
            "7:14: 'a' depends on itself: a -> b -> c -> a; break the circle");
  EXPECT_EQ(design_mistake("derived: {chip.cores: 'ceil(area_mm2 / 100)'}\n"),
            "7:29: 'chip.cores' depends on itself: chip.cores -> area_mm2 -> chip.cores; break the circle");
  EXPECT_EQ(design_mistake("derived: {chip.tpu.rows: '8'}\n"),
            "7:11: 'chip.tpu.rows' is given twice in this sweep: as a key with values, and derived");
  EXPECT_EQ(design_mistake("derived: {chip.tpu.raws: '8'}\n").substr(0, 6), "7:11: ");
  EXPECT_THAT(design_mistake("derived: {precision: '8'}\n"), HasSubstr("cannot be the name of a derived value"));
  EXPECT_THAT(design_mistake("derived: {max: '8'}\n"), HasSubstr("cannot be the name of a derived value"));
  EXPECT_THAT(design_mistake("derived: {a: }\n"), HasSubstr("a formula is missing here"));
}

TEST_F(SweepDesign, FormulasWithoutAValueAreToldBeforeAnythingRuns) {
  EXPECT_THAT(design_mistake("derived: {a: '1 / (chip.tpu.rows - 128)'}\n"),
              HasSubstr("7:14: '1 / (chip.tpu.rows - 128)' has no finite value where chip.tpu.rows = 128"));
  // A constraint before it leaves that point out.
  EXPECT_EQ(design_mistake("derived: {a: '1 / (chip.tpu.rows - 128)'}\nconstraints: ['chip.tpu.rows != 128']\n"),
            "no mistake");
  EXPECT_THAT(design_mistake("derived: {batch: 'chip.tpu.rows / 3'}\n"),
              HasSubstr("7:18: 'batch' must be a whole number between 1 and 1048576; 'chip.tpu.rows / 3' gives 21.33"));
  EXPECT_THAT(design_mistake("derived: {chip.cores: 'chip.tpu.rows / 3'}\n"),
              HasSubstr("7:23: 'cores' must be a whole number; found 21.33"));
}

TEST_F(SweepDesign, ConstraintsThatNoPointMeetsAreRefused) {
  EXPECT_EQ(design_mistake("constraints: ['chip.tpu.rows > 64', 'area_mm2 < 100']\n"),
            "7:1: contradictory constraints: none of the 12 points is left; 'area_mm2 < 100' is the first to fail for "
            "8 of them: "
            "widen it or the axes");
  EXPECT_THAT(design_mistake("  - chip.power.idle_w: {from: 1, to: 10000}\n  - batch: {from: 1, to: 10000}\n"
                             "search: {method: random, points: 10}\nconstraints: ['batch > 10000']\n"),
              HasSubstr("none of the 10000 points looked at (at random) is left"));
}

TEST_F(SweepDesign, MistakesOfTheSearchAreTold) {
  EXPECT_EQ(design_mistake("search: randm\n"), "7:9: 'randm' is no search; did you mean 'random'?");
  EXPECT_EQ(design_mistake("search: random\n"),
            "7:9: say how many points are run: search: {method: random, points: 200}");
  EXPECT_EQ(design_mistake("search: {method: random}\n"), "7:1: missing key 'search.points'; add it here");
  EXPECT_EQ(design_mistake("search: {method: grid, points: 3}\n"), "7:24: unknown key 'search.points'; known: method");
  EXPECT_EQ(design_mistake("search: {method: nsga2, points: 3}\n"),
            "7:1: nsga2 looks for the best of several objectives; add objectives: [latency_s, ...]");
  EXPECT_EQ(design_mistake("search: {method: random, points: 3, population: 9}\n"),
            "7:37: a population goes with method: nsga2; remove this key");
  EXPECT_EQ(design_mistake("objectives: [latency_s, latency_s]\n"), "7:25: 'latency_s' is given twice");
  EXPECT_THAT(design_mistake("objectives: []\n"), HasSubstr("needs 1 to 8 names"));
  EXPECT_THAT(design_mistake("time_limit_s: 0\n"), HasSubstr("'time_limit_s' must be between 0.1 and"));
}

TEST_F(SweepDesign, AWrongValueOfALongAxisIsFound) {
  const auto axis = [&](const std::string& text) { return mistake(kHead + "axes:\n  - " + text + "\n"); };
  EXPECT_EQ(axis("chip.dram.channels: {from: 1, to: 4100}"),
            "6:25: 'dram.channels' must be between 1 and 4096; found 4097");
  EXPECT_EQ(axis("chip.dram.channels: {from: 1, to: 50, step: 0.5}"),
            "6:25: 'dram.channels' must be a whole number; found 1.5");
}

TEST(ShippedSweeps, AreRead) {
  for (const char* name :
       {"accumulator_width", "align_bits", "calibrators", "formats", "group_size", "mantissa_bits"}) {
    EXPECT_GT(load_sweep(test::source_file(std::string("configs/sweeps/") + name + ".yaml")).points(), 10u) << name;
  }
}

}  // namespace
}  // namespace mantissa::config
