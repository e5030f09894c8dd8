// SPDX-License-Identifier: Apache-2.0
// Conditions on the points of a sweep, and the objectives and points that a sweep file asks for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "base/error.h"
#include "study/row_filter.h"
#include "study/search.h"
#include "support/files.h"

namespace mantissa::study {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

report::SweepRow row(const std::string& chip, const std::string& rows, double latency, const std::string& error = "") {
  report::SweepRow r{chip, "net", "bf16", {rows, "it's"}, {}, error};
  if (error.empty()) {
    r.measured.timing = report::SweepMeasurements::Timing{latency, 1 / latency, 1000, 1, 100};
  }
  return r;
}

report::SweepResult example() {
  report::SweepResult r;
  r.keys = {{"chip.tpu.rows"}, {"label"}};
  r.rows = {row("tpu v4", "64", 0.5), row("h100", "128", 0.25), row("tpu v4", "256", 0.1),
            row("h100", "512", 1, "it died")};
  return r;
}

std::vector<std::size_t> matching(const std::string& condition) {
  const report::SweepResult r = example();
  const RowFilter filter(r, condition, "--where");
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < r.rows.size(); ++i) {
    if (filter.matches(r, r.rows[i])) {
      rows.push_back(i);
    }
  }
  return rows;
}

std::string mistake(const std::string& condition) {
  try {
    matching(condition);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "none";
}

TEST(RowFilter, ComparesNumbersAndTexts) {
  EXPECT_THAT(matching("latency_s < 0.3"), ElementsAre(1U, 2U));
  EXPECT_THAT(matching("chip == 'tpu v4'"), ElementsAre(0U, 2U));
  EXPECT_THAT(matching("chip != \"tpu v4\" && chip.tpu.rows >= 128"), ElementsAre(1U, 3U));
  EXPECT_THAT(matching("chip=='h100' || latency_s * chip.tpu.rows > 31"), ElementsAre(0U, 1U, 3U));
  EXPECT_THAT(matching("label == \"it's\" && !(chip == 'h100')"), ElementsAre(0U, 2U));
  EXPECT_THAT(matching("error != ''"), ElementsAre(3U));
}

TEST(RowFilter, LeavesOutPointsWithoutTheValue) {
  EXPECT_THAT(matching("latency_s > 0"), ElementsAre(0U, 1U, 2U));
  EXPECT_THAT(matching("!(latency_s > 0)"), ElementsAre());
}

TEST(RowFilter, RefusesUnknownNamesAndMistakesOfWriting) {
  EXPECT_THAT(mistake("latencys < 1"),
              HasSubstr("--where:1:2: error: no column 'latencys'; did you mean 'latency_s'?"));
  EXPECT_THAT(mistake("chipp == 'h100'"), HasSubstr("no column 'chipp'; did you mean 'chip'?"));
  EXPECT_THAT(mistake("chip < 3"), HasSubstr("'chip' holds texts; compare it with == or != and a quoted text"));
  EXPECT_THAT(mistake("top1_ratio > 0.5"), HasSubstr("no point of this sweep has 'top1_ratio'"));
  EXPECT_NE(mistake("latency_s <"), "none");
  EXPECT_NE(mistake(""), "none");
  EXPECT_NE(mistake("chip == 'h100"), "none");
}

constexpr const char* kSweep = R"(schema: 1
title: A search
measure: [latency]
chip: tpu_v4
workload: resnet50
precision: bf16
axes:
  - chip.tpu.arrays_per_core: [1, 2, 4, 8]
  - chip.dram.channels: [8, 16, 24, 32]
  - batch: [1, 2, 4, 8]
)";

config::Sweep sweep_with(const std::string& more) {
  const test::TemporaryFolder folder;
  return config::load_sweep(folder.write("sweep.yaml", kSweep + more));
}

std::string objective_mistake(const std::string& more) {
  try {
    check_objectives(sweep_with(more));
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "none";
}

TEST(Search, RefusesObjectivesThatItCannotHave) {
  EXPECT_THAT(objective_mistake("objectives: [latency]\n"),
              HasSubstr("sweep.yaml:11:14: error: no objective 'latency'; did you mean 'latency_s'?"));
  EXPECT_THAT(objective_mistake("objectives: [energy_per_input_j]\n"),
              HasSubstr("objective 'energy_per_input_j' is not measured; add energy to 'measure'"));
  EXPECT_THAT(objective_mistake("objectives: [top1_ratio]\n"), HasSubstr("add accuracy to 'measure'"));
  EXPECT_EQ(objective_mistake("objectives: [latency_s, area_mm2]\n"), "none");
}

// Rows as if simulated: latency falls with arrays and channels, area rises.
std::vector<report::SweepRow> pretend(const config::Sweep& sweep, const std::vector<std::size_t>& positions) {
  std::vector<report::SweepRow> rows;
  for (const std::size_t position : positions) {
    const auto places = sweep.places(position);
    const double latency = 1.0 / static_cast<double>(1 + places[0] + places[1]) + static_cast<double>(places[2]);
    rows.push_back(row("tpu_v4", "1", latency));
    rows.back().area_mm2 = 10.0 * static_cast<double>(places[0]) + static_cast<double>(places[1]);
    rows.back().position = position;
  }
  return rows;
}

TEST(Search, AsksForAGridOrASampleAtOnceAndForNsgaInGenerations) {
  const auto asked = [](const std::string& more) {
    const config::Sweep sweep = sweep_with("objectives: [latency_s, area_mm2]\n" + more);
    std::vector<std::size_t> sizes;
    std::set<std::size_t> distinct;
    search(sweep, [&](const std::vector<std::size_t>& positions) {
      sizes.push_back(positions.size());
      distinct.insert(positions.begin(), positions.end());
      return pretend(sweep, positions);
    });
    EXPECT_EQ(distinct.size(), std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}));
    return sizes;
  };
  EXPECT_THAT(asked(""), ElementsAre(64U));
  EXPECT_THAT(asked("constraints: [\"batch * chip.tpu.arrays_per_core <= 8\"]\n"), ElementsAre(40U));
  EXPECT_THAT(asked("search: {method: random, points: 10, seed: 2}\n"), ElementsAre(10U));
  EXPECT_THAT(asked("search: {method: latin_hypercube, points: 12}\n"), ElementsAre(12U));
  EXPECT_THAT(asked("search: {method: nsga2, points: 20, population: 8}\n"), ElementsAre(8U, 8U, 4U));
}

TEST(Search, KnowsWhichAxesHaveNeighbours) {
  const SearchSpace space =
      search_space(sweep_with("  - label: [\"1\", \"2\"]\n  - chip.clock_mhz: [1050, 900, 1000]\n"));
  ASSERT_THAT(space.axes, SizeIs(5));
  EXPECT_TRUE(space.axes[0].ordered);
  EXPECT_EQ(space.axes[0].size, 4U);
  EXPECT_FALSE(space.axes[3].ordered);  // a label only looks like a number
  EXPECT_FALSE(space.axes[4].ordered);  // numbers in no order
}

}  // namespace
}  // namespace mantissa::study
