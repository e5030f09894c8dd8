// SPDX-License-Identifier: Apache-2.0
// Searches of design spaces: samples without repetition, strata, and how much of a known Pareto front NSGA-II finds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "study/draws.h"
#include "study/nsga2.h"
#include "unit/study_design_space.h"

namespace mantissa::study {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::size_t distinct(const std::vector<std::size_t>& points) {
  return std::set<std::size_t>(points.begin(), points.end()).size();
}

TEST(Draws, AreUniformAndTheSameEverywhere) {
  Draws draws(7);
  std::map<std::uint64_t, int> counts;
  for (int i = 0; i < 60'000; ++i) {
    ++counts[draws.below(6)];
  }
  ASSERT_EQ(counts.size(), 6U);
  for (const auto& [value, count] : counts) {
    EXPECT_NEAR(count, 10'000, 500) << value;  // five standard deviations
  }
  // Philox4x32-10 of counter and key zero, from the known answers of its authors' Random123.
  EXPECT_EQ(Draws(0).bits(), 0xE169C58D'6627E8D5ULL);
}

TEST(SearchSpace, PositionsCountWithTheLastAxisFastest) {
  const SearchSpace space{{{3, true}, {4, true}, {5, true}}, {}};
  EXPECT_EQ(space.points(), 60U);
  EXPECT_THAT(space.genome(33), ElementsAre(1U, 2U, 3U));  // 33 = (1 * 4 + 2) * 5 + 3
  for (std::size_t i = 0; i < 60; ++i) {
    EXPECT_EQ(space.position(space.genome(i)), i);
  }
}

TEST(RandomOrder, VisitsEveryNumberOnce) {
  for (const std::size_t count : {1U, 2U, 3U, 7U, 8U, 9U, 100U, 1000U, 4096U}) {
    const RandomOrder order(count, 5);
    std::set<std::size_t> seen;
    for (std::size_t i = 0; i < count; ++i) {
      seen.insert(order.at(i));
    }
    EXPECT_EQ(seen.size(), count);
    EXPECT_EQ(*seen.rbegin(), count - 1);
  }
}

TEST(RandomOrder, StartsAnywhereEquallyOften) {
  std::vector<int> first(10, 0);
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    ++first[RandomOrder(10, seed).at(0)];
  }
  EXPECT_THAT(first, Each(::testing::AllOf(::testing::Gt(850), ::testing::Lt(1150))));
}

TEST(RandomPoints, AreDistinctAllowedAndFixedByTheSeed) {
  SearchSpace space{{{100, true}, {100, true}}, [](std::size_t p) { return p % 3 == 0; }};
  const auto points = random_points(space, 500, 1);
  EXPECT_THAT(points, SizeIs(500));
  EXPECT_EQ(distinct(points), 500U);
  EXPECT_TRUE(std::all_of(points.begin(), points.end(), space.allowed));
  EXPECT_EQ(random_points(space, 500, 1), points);
  EXPECT_NE(random_points(space, 500, 2), points);
  // A longer sample begins with the shorter one: a sweep can be widened.
  const auto more = random_points(space, 600, 1);
  EXPECT_TRUE(std::equal(points.begin(), points.end(), more.begin()));
}

TEST(RandomPoints, EndWhereNothingMoreIsAllowed) {
  SearchSpace space{{{50, true}, {50, true}}, [](std::size_t p) { return p == 77 || p == 2400; }};
  EXPECT_THAT(random_points(space, 10, 1), ::testing::UnorderedElementsAre(77U, 2400U));
  space.allowed = [](std::size_t) { return false; };
  EXPECT_THAT(random_points(space, 10, 1), IsEmpty());
  // 10^15 places, none allowed: it ends all the same.
  const SearchSpace huge{{{100'000, true}, {100'000, true}, {100'000, true}}, [](std::size_t) { return false; }};
  EXPECT_THAT(random_points(huge, 10, 1), IsEmpty());
}

TEST(LatinHypercube, TakesEachValueOfEachAxisEquallyOften) {
  const SearchSpace space{{{10, true}, {20, true}, {40, true}}, {}};
  const auto points = latin_hypercube(space, 40, 3);
  ASSERT_EQ(distinct(points), 40U);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    std::vector<int> counts(space.axes[axis].size, 0);
    for (const std::size_t point : points) {
      ++counts[space.genome(point)[axis]];
    }
    EXPECT_THAT(counts, Each(40 / static_cast<int>(space.axes[axis].size))) << axis;
  }
}

TEST(LatinHypercube, HasOnePointInEachStratumOfALongAxis) {
  const SearchSpace space{{{1000, true}, {1000, true}}, {}};
  const auto points = latin_hypercube(space, 50, 3);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    std::set<std::size_t> strata;
    for (const std::size_t point : points) {
      strata.insert(space.genome(point)[axis] / 20);
    }
    EXPECT_EQ(strata.size(), 50U);
  }
}

TEST(LatinHypercube, KeepsToConstraintsAndFillsSmallSpaces) {
  SearchSpace space{{{10, true}, {10, true}}, [](std::size_t p) { return p / 10 + p % 10 < 12; }};
  const auto points = latin_hypercube(space, 30, 1);
  EXPECT_EQ(distinct(points), 30U);
  EXPECT_TRUE(std::all_of(points.begin(), points.end(), space.allowed));
  EXPECT_EQ(distinct(latin_hypercube(space, 1000, 1)), 72U);  // 100 less 7 + ... + 1 of the corner
  EXPECT_THAT(latin_hypercube({{}, {}}, 5, 1), ElementsAre(0U));
}

TEST(CrowdingDistance, SumsTheGapsBetweenNeighbours) {
  // Of the middle points: (8 - 0) / 10 + (10 - 1) / 10 and (10 - 2) / 10 + (4 - 0) / 10.
  const auto distances = crowding_distances({{0, 10}, {8, 1}, {2, 4}, {10, 0}});
  EXPECT_TRUE(std::isinf(distances[0]) && std::isinf(distances[3]));
  EXPECT_DOUBLE_EQ(distances[2], (8.0 - 0) / 10 + (10.0 - 1) / 10);
  EXPECT_DOUBLE_EQ(distances[1], (10.0 - 2) / 10 + (4.0 - 0) / 10);
  EXPECT_THAT(crowding_distances({{1, 1}, {1, 1}}), Each(0.0));
}

// What a search found of the design space's front.
struct Found {
  double points = 0;       // share of the front's points
  double hypervolume = 0;  // against the worst of the grid
  double strict = 0;       // of the logarithms, against the worst of the front itself
};

class DesignSpaceSearch : public ::testing::Test {
 protected:
  static constexpr std::size_t kBudget = 1000;  // a tenth of the grid

  DesignSpaceSearch() : all_(design_.all()), front_(non_dominated(all_)), worst_(all_[0]), nadir_(all_[front_[0]]) {
    for (std::size_t k = 0; k < 3; ++k) {
      for (const Costs& costs : all_) {
        worst_[k] = std::max(worst_[k], costs[k]);
      }
      for (const std::size_t i : front_) {
        nadir_[k] = std::max(nadir_[k], all_[i][k]);
      }
    }
  }

  std::vector<std::size_t> nsga(std::uint64_t seed, std::size_t budget = kBudget) const {
    return nsga2(design_.space, {budget, 24, seed}, [&](const std::vector<std::size_t>& points) {
      std::vector<std::optional<Costs>> costs;
      for (const std::size_t point : points) {
        costs.emplace_back(all_[point]);
      }
      return costs;
    });
  }

  Found found(const std::vector<std::size_t>& points) const {
    const std::set<std::size_t> front(front_.begin(), front_.end());
    const auto hits = std::count_if(points.begin(), points.end(), [&](std::size_t p) { return front.contains(p); });
    return {static_cast<double>(hits) / static_cast<double>(front_.size()),
            hypervolume(costs_of(points), worst_) / hypervolume(costs_of(front_), worst_),
            hypervolume(logs(costs_of(points)), log(nadir_)) / hypervolume(logs(costs_of(front_)), log(nadir_))};
  }

  std::vector<Costs> costs_of(const std::vector<std::size_t>& points) const {
    std::vector<Costs> costs;
    std::transform(points.begin(), points.end(), std::back_inserter(costs), [&](std::size_t p) { return all_[p]; });
    return costs;
  }
  static Costs log(Costs costs) {
    std::transform(costs.begin(), costs.end(), costs.begin(), [](double c) { return std::log(c); });
    return costs;
  }
  static std::vector<Costs> logs(std::vector<Costs> points) {
    std::transform(points.begin(), points.end(), points.begin(), log);
    return points;
  }

  DesignSpace design_;
  std::vector<Costs> all_;
  std::vector<std::size_t> front_;
  Costs worst_, nadir_;
};

TEST_F(DesignSpaceSearch, NsgaFindsTheFrontWithATenthOfTheGrid) {
  ASSERT_EQ(all_.size(), 10'000U);
  ASSERT_GT(front_.size(), 300U);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto points = nsga(seed);
    ASSERT_EQ(distinct(points), kBudget);
    const Found by_search = found(points);
    EXPECT_GE(by_search.hypervolume, 0.99) << seed;
    EXPECT_GE(by_search.strict, 0.975) << seed;
    EXPECT_GE(by_search.points, 0.55) << seed;
    const Found by_chance = found(random_points(design_.space, kBudget, seed));
    EXPECT_LT(by_chance.hypervolume, by_search.hypervolume) << seed;
    EXPECT_LT(by_chance.strict, 0.93) << seed;
    EXPECT_LT(by_chance.points, 0.15) << seed;
  }
}

TEST_F(DesignSpaceSearch, MorePointsFindMore) {
  EXPECT_GT(found(nsga(1, 1000)).points, found(nsga(1, 500)).points);
  EXPECT_GE(found(nsga(1, 2500)).points, 0.9);
}

TEST_F(DesignSpaceSearch, DependsOnTheSeedAlone) {
  EXPECT_EQ(nsga(4, 300), nsga(4, 300));
  EXPECT_NE(nsga(4, 300), nsga(5, 300));
  // A resumed search with a larger budget asks for the same points first (whole generations).
  const auto few = nsga(4, 240), more = nsga(4, 300);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), more.begin()));
}

TEST_F(DesignSpaceSearch, KeepsToConstraintsAndSurvivesFailures) {
  design_.space.allowed = [&](std::size_t point) { return all_[point][2] < 150; };
  std::size_t failed = 0;
  const auto points = nsga2(design_.space, {400, 20, 9}, [&](const std::vector<std::size_t>& asked) {
    std::vector<std::optional<Costs>> costs;
    for (const std::size_t point : asked) {
      const bool fails = point % 4 == 0;
      failed += fails ? 1 : 0;
      costs.push_back(fails ? std::nullopt : std::optional(all_[point]));
    }
    return costs;
  });
  EXPECT_EQ(distinct(points), 400U);
  EXPECT_TRUE(std::all_of(points.begin(), points.end(), design_.space.allowed));
  EXPECT_GT(failed, 0U);
}

TEST(Nsga2, EndsWhenEveryAllowedPointIsKnown) {
  const SearchSpace space{{{4, true}, {3, false}}, [](std::size_t p) { return p != 5; }};
  std::size_t calls = 0;
  const auto points = nsga2(space, {1000, 4, 1}, [&](const std::vector<std::size_t>& asked) {
    ++calls;
    EXPECT_LE(asked.size(), 4U);
    return std::vector<std::optional<Costs>>(asked.size(), std::nullopt);  // all of them fail
  });
  EXPECT_EQ(distinct(points), 11U);
  EXPECT_EQ(points.size(), 11U);
  EXPECT_EQ(calls, 3U);
  const auto one = nsga2({{}, {}}, {10, 4, 1}, [](const auto& asked) {
    return std::vector<std::optional<Costs>>(asked.size(), Costs{1, 2});
  });
  EXPECT_THAT(one, ElementsAre(0U));
}

}  // namespace
}  // namespace mantissa::study
