// SPDX-License-Identifier: Apache-2.0
// Pareto fronts and hypervolumes against definitions written again here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "study/draws.h"
#include "study/pareto.h"

namespace mantissa::study {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Few different values, so that ties and repeated points are common.
std::vector<Costs> draw_points(Draws& draws, std::size_t count, std::size_t objectives, std::uint64_t values) {
  std::vector<Costs> points(count, Costs(objectives));
  for (Costs& point : points) {
    for (double& cost : point) {
      cost = static_cast<double>(draws.below(values));
    }
  }
  return points;
}

// By the definition: for each point, is there one that is nowhere worse and somewhere better?
std::vector<std::size_t> front_by_definition(const std::vector<Costs>& points) {
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    bool beaten = false;
    for (const Costs& other : points) {
      bool worse_somewhere = false, better_somewhere = false;
      for (std::size_t k = 0; k < other.size(); ++k) {
        worse_somewhere = worse_somewhere || other[k] > points[i][k];
        better_somewhere = better_somewhere || other[k] < points[i][k];
      }
      beaten = beaten || (better_somewhere && !worse_somewhere);
    }
    if (!beaten) {
      front.push_back(i);
    }
  }
  return front;
}

// With whole coordinates: the unit cells below the reference whose lower corner some point reaches.
double cells_by_counting(const std::vector<Costs>& points, const Costs& reference) {
  const auto size = [&](std::size_t k) { return k < reference.size() ? static_cast<int>(reference[k]) : 1; };
  double cells = 0;
  for (int x = 0; x < size(0); ++x) {
    for (int y = 0; y < size(1); ++y) {
      for (int z = 0; z < size(2); ++z) {
        const int corner[] = {x, y, z};
        for (const Costs& point : points) {
          bool covers = true;
          for (std::size_t k = 0; k < point.size(); ++k) {
            covers = covers && point[k] <= corner[k];
          }
          if (covers) {
            cells += 1;
            break;
          }
        }
      }
    }
  }
  return cells;
}

TEST(Pareto, FrontIsWhatTheDefinitionSaysTiesIncluded) {
  Draws draws(1);
  for (int round = 0; round < 60; ++round) {
    for (const std::size_t objectives : {1U, 2U, 3U, 4U}) {
      const auto points = draw_points(draws, 1 + draws.below(60), objectives, 2 + draws.below(12));
      EXPECT_EQ(non_dominated(points), front_by_definition(points));
    }
  }
  EXPECT_THAT(non_dominated({{1, 2}, {1, 2}, {2, 2}, {0, 3}}), ElementsAre(0U, 1U, 3U));
  EXPECT_THAT(non_dominated({}), IsEmpty());
}

TEST(Pareto, FrontsPeelTheSetInOrder) {
  Draws draws(2);
  for (int round = 0; round < 20; ++round) {
    const auto points = draw_points(draws, 50, 2, 10);
    std::vector<bool> taken(points.size(), false);
    std::size_t held = 0;
    for (const auto& front : fronts(points, points.size())) {
      std::vector<Costs> rest;
      std::vector<std::size_t> where, expected;
      for (std::size_t i = 0; i < points.size(); ++i) {
        if (!taken[i]) {
          rest.push_back(points[i]);
          where.push_back(i);
        }
      }
      for (const std::size_t i : front_by_definition(rest)) {
        expected.push_back(where[i]);
      }
      EXPECT_EQ(front, expected);
      for (const std::size_t i : front) {
        taken[i] = true;
      }
      held += front.size();
    }
    EXPECT_EQ(held, points.size());
  }
  EXPECT_EQ(fronts({{1}, {2}, {3}}, 2).size(), 2U);  // no more than are wanted
}

TEST(Hypervolume, IsTheVolumeThatPointsDominate) {
  Draws draws(3);
  for (int round = 0; round < 60; ++round) {
    for (const std::size_t objectives : {1U, 2U, 3U}) {
      const auto points = draw_points(draws, draws.below(25), objectives, 12);
      const Costs reference(objectives, 9);  // some points lie beyond it
      EXPECT_DOUBLE_EQ(hypervolume(points, reference), cells_by_counting(points, reference));
    }
  }
  EXPECT_DOUBLE_EQ(hypervolume({{1, 1}, {0, 3}}, {4, 4}), 9 + 1);
  EXPECT_DOUBLE_EQ(hypervolume({{4, 0}}, {4, 4}), 0);  // no better than the reference in one of them
}

report::SweepRow row(double latency, double throughput, std::optional<double> area, const std::string& error = "") {
  report::SweepRow r{"chip", "net", "bf16", {"8", "a"}, {}, error};
  r.measured.timing = report::SweepMeasurements::Timing{latency, throughput, 1000, 1, 100};
  r.area_mm2 = area;
  return r;
}

report::SweepResult example() {
  report::SweepResult r;
  r.keys = {{"chip.rows"}, {"label"}};
  r.rows = {row(1, 10, 5), row(2, 30, 4), row(2, 20, 4), row(0.1, 99, 1, "died"), row(9, 1, std::nullopt)};
  return r;
}

TEST(Pareto, KnowsWhichWayEachObjectiveIsBetter) {
  const report::SweepResult r = example();
  const Objective latency = read_objective(r, "latency_s"), throughput = read_objective(r, "inputs_per_s");
  EXPECT_FALSE(latency.maximize);
  EXPECT_TRUE(throughput.maximize);
  EXPECT_TRUE(read_objective(r, "chip.rows:max").maximize);
  EXPECT_FALSE(read_objective(r, "inputs_per_s:min").maximize);
  // The failed point would beat all others.
  EXPECT_THAT(pareto_front(r, {latency, throughput}).rows, ElementsAre(0U, 1U));
  EXPECT_THAT(pareto_front(r, {latency, {"inputs_per_s", false}}).rows, ElementsAre(0U, 4U));
}

TEST(Pareto, CountsWhatItLeavesOut) {
  const report::SweepResult r = example();
  const ParetoFront front = pareto_front(r, {read_objective(r, "inputs_per_s"), read_objective(r, "area_mm2")});
  EXPECT_THAT(front.rows, ElementsAre(1U));
  EXPECT_EQ(front.compared, 3U);
  EXPECT_EQ(front.failed, 1U);
  EXPECT_EQ(front.incomplete, 1U);
}

TEST(Pareto, TakesInfiniteValuesAndLeavesOutWhatIsNoNumber) {
  report::SweepResult r = example();
  r.rows = {row(kInfinity, 1, 1), row(1, 2, 1), row(std::nan(""), 3, 1)};
  const ParetoFront front = pareto_front(r, {read_objective(r, "latency_s")});
  EXPECT_THAT(front.rows, ElementsAre(1U));
  EXPECT_EQ(front.incomplete, 1U);
}

std::string usage_error(const std::string& objective) {
  try {
    read_objective(example(), objective);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "none";
}

TEST(Pareto, RefusesUnknownObjectivesAndKeysWithoutADirection) {
  EXPECT_EQ(usage_error("latency"), "no objective 'latency' in these results; did you mean 'latency_s'?");
  EXPECT_EQ(usage_error("chip.rows"),
            "'chip.rows' is a key, not a result: say which way is better, chip.rows:min or chip.rows:max");
  EXPECT_EQ(usage_error("latency_s:up"), "'latency_s:up': the direction of an objective is min or max, not 'up'");
}

}  // namespace
}  // namespace mantissa::study
