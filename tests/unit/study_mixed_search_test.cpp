// SPDX-License-Identifier: Apache-2.0
// The search for formats of layers, on problems small enough to try every assignment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "study/mixed_search.h"

namespace mantissa::study {
namespace {

using ::testing::ElementsAre;

// The cheapest of all assignments that keep to the bound; infinite cost when there is none.
double best_cost(const MixedProblem& problem, double max_loss, const std::function<double(const Assignment&)>& loss) {
  const std::size_t layers = problem.cost.size(), formats = problem.cost.front().size();
  double best = std::numeric_limits<double>::infinity();
  const auto count = static_cast<std::size_t>(std::llround(std::pow(formats, layers)));
  for (std::size_t code = 0; code < count; ++code) {
    Assignment assignment;
    for (std::size_t i = 0, rest = code; i < layers; ++i, rest /= formats) {
      assignment.push_back(rest % formats);
    }
    if (loss(assignment) <= max_loss) {
      best = std::min(best, problem.total_cost(assignment));
    }
  }
  return best;
}

// Costs and noise of layers over two decades; the second format costs more and has less noise.
MixedProblem random_problem(std::mt19937& random, std::size_t layers, std::size_t formats) {
  std::uniform_real_distribution<double> decade(-1, 1), part(0.05, 0.7);
  MixedProblem problem;
  for (std::size_t i = 0; i < layers; ++i) {
    std::vector<double> cost = {std::pow(10, decade(random))}, noise = {std::pow(10, decade(random))};
    for (std::size_t f = 1; f < formats; ++f) {
      cost.push_back(cost.back() / part(random));
      noise.push_back(noise.back() * part(random));
    }
    problem.cost.push_back(cost);
    problem.noise.push_back(noise);
  }
  return problem;
}

TEST(UpgradePath, TakesTheMostNoiseForTheCostFirst) {
  //                           gains: 8/1, 1/4, 6/2
  const MixedProblem problem{{{1, 2}, {1, 5}, {1, 3}}, {{9, 1}, {2, 1}, {7, 1}}};
  EXPECT_THAT(upgrade_path(problem),
              ElementsAre(Assignment{0, 0, 0}, Assignment{1, 0, 0}, Assignment{1, 0, 1}, Assignment{1, 1, 1}));
}

TEST(UpgradePath, LeavesOutFormatsThatAnotherOneBeats) {
  // Format 1 costs more than 2 and is noisier; format 3 lies above the line between 0 and 2 in gain.
  const MixedProblem problem{{{1, 4, 3, 2}}, {{10, 6, 2, 9}}};
  EXPECT_THAT(upgrade_path(problem), ElementsAre(Assignment{0}, Assignment{2}));
}

TEST(UpgradePath, OfFormatsThatCostTheSameTakesTheQuietOne) {
  const MixedProblem problem{{{1, 1}, {1, 1}}, {{3, 2}, {2, 3}}};
  EXPECT_THAT(upgrade_path(problem), ElementsAre(Assignment{1, 0}));
}

TEST(SearchMixed, TakesTheCheapestWhereItLosesLittle) {
  const MixedProblem problem{{{1, 2}, {1, 2}}, {{1, 0}, {1, 0}}};
  const MixedAnswer answer = search_mixed(problem, 0.5, [](const Assignment&) { return 0.5; });
  EXPECT_TRUE(answer.found);
  EXPECT_THAT(answer.assignment, ElementsAre(0, 0));
  EXPECT_EQ(answer.measured, 1u);
}

TEST(SearchMixed, SaysWhenNoAssignmentKeepsToTheBound) {
  const MixedProblem problem{{{1, 2}, {1, 2}}, {{1, 0}, {1, 0}}};
  const MixedAnswer answer = search_mixed(problem, 0.1, [](const Assignment&) { return 0.2; });
  EXPECT_FALSE(answer.found);
  EXPECT_THAT(answer.assignment, ElementsAre(1, 1));
  EXPECT_EQ(answer.loss, 0.2);
}

TEST(SearchMixed, TheAnswerKeepsToTheMeasuredBoundWhateverTheNoiseSays) {
  // Layer 2 matters, and its noise says that it does not.
  const MixedProblem problem{{{1, 2}, {1, 2}, {1, 2}}, {{8, 1}, {6, 1}, {0.2, 0.1}}};
  const auto loss = [](const Assignment& a) { return a[2] == 1 ? 0.0 : 1.0; };
  const MixedAnswer answer = search_mixed(problem, 0.5, loss);
  EXPECT_TRUE(answer.found);
  EXPECT_THAT(answer.assignment, ElementsAre(0, 0, 1));  // the others go back to the cheap format
  EXPECT_EQ(answer.loss, 0.0);
}

// docs/accuracy.md quotes the two numbers.
TEST(SearchMixed, ComesCloseToTheBestOfAllAssignments) {
  std::mt19937 random(1);
  double sum = 0, worst = 0;
  int problems = 0;
  for (const std::size_t formats : {2u, 3u}) {
    for (int i = 0; i < 200; ++i) {
      const MixedProblem problem = random_problem(random, 8, formats);
      // The loss grows with the noise, but not by the model's sum alone: each layer's part is off by up to 30 %.
      std::vector<double> weight;
      for (std::size_t layer = 0; layer < 8; ++layer) {
        weight.push_back(std::uniform_real_distribution<double>(0.7, 1.3)(random));
      }
      const auto loss = [&](const Assignment& a) {
        double total = 0;
        for (std::size_t layer = 0; layer < a.size(); ++layer) {
          total += weight[layer] * problem.noise[layer][a[layer]];
        }
        return total;
      };
      const double all = loss(Assignment(8, 0)), none = loss(Assignment(8, formats - 1));
      const double bound = none + (all - none) * std::uniform_real_distribution<double>(0.05, 0.9)(random);
      const MixedAnswer answer = search_mixed(problem, bound, loss);
      ASSERT_TRUE(answer.found);
      EXPECT_LE(loss(answer.assignment), bound);
      const double excess = problem.total_cost(answer.assignment) / best_cost(problem, bound, loss) - 1;
      EXPECT_GE(excess, -1e-12);
      sum += excess;
      worst = std::max(worst, excess);
      ++problems;
    }
  }
  RecordProperty("mean_excess", std::to_string(sum / problems));
  RecordProperty("worst_excess", std::to_string(worst));
  EXPECT_LT(sum / problems, 0.02);
  EXPECT_LT(worst, 0.80);
}

}  // namespace
}  // namespace mantissa::study
