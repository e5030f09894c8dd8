// SPDX-License-Identifier: Apache-2.0
// FP8 delayed scaling: the history of largest magnitudes, against TransformerEngine's update batch after batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantize/scheme.h"

namespace mantissa::quantize {
namespace {

using config::Calibrator;
using config::TensorRecipe;
using testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

numerics::Format format(const char* name) {
  return *numerics::find_format(name);
}

TensorRecipe with(Calibrator calibrator) {
  TensorRecipe recipe;
  recipe.calibrator = calibrator;
  return recipe;
}

TEST(AmaxHistory, KeepsTheLargestMagnitudeOfEachBatchInTheirOrder) {
  Observer all, third, first;
  all.observe(std::vector<float>{1.0F, -2.0F}, 0);
  all.observe(std::vector<float>{0.5F, kInfinity}, 1);
  all.observe(std::vector<float>{-3.0F, std::nanf("")}, 2);
  EXPECT_THAT(all.history(), ElementsAre(2.0F, kInfinity, 3.0F));
  // Threads finish in any order, and a batch may come in parts.
  third.observe(std::vector<float>{std::nanf("")}, 2);
  first.observe(std::vector<float>{1.0F}, 0);
  Observer merged, second;
  second.observe(std::vector<float>{kInfinity}, 1);
  third.observe(std::vector<float>{-3.0F}, 2);
  first.observe(std::vector<float>{-2.0F}, 0);
  merged.merge(third);
  merged.merge(second);
  merged.merge(first);
  merged.observe(std::vector<float>{0.5F}, 1);
  EXPECT_EQ(merged.history(), all.history());
  EXPECT_EQ(merged.range(with(Calibrator::kMinMax)), all.range(with(Calibrator::kMinMax)));
  Observer other_way = first;
  other_way.merge(second);
  EXPECT_THAT(other_way.history(), ElementsAre(2.0F, kInfinity));
}

// TransformerEngine's update, batch after batch: the factor that values are multiplied with.
double delayed_factor(const std::vector<float>& batches, std::size_t window, bool most_recent, int margin) {
  double factor = 1;
  std::vector<float> history;
  for (const float amax : batches) {
    history.insert(history.begin(), amax);
    history.resize(std::min(history.size(), window));
    const double chosen = most_recent ? history.front() : *std::max_element(history.begin(), history.end());
    const double next = 448 / chosen / std::exp2(margin);
    factor = chosen > 0 && std::isfinite(chosen) ? next : factor;
  }
  return factor;
}

TEST(AmaxHistory, GivesTransformerEnginesScaleAfterTheLastBatch) {
  const std::vector<std::vector<float>> histories{{1, 2, 3, 4},
                                                  {4, 3, 2, 1},
                                                  {8, 1, 1, 1, 1},
                                                  {1, 2, 0},
                                                  {1, 2, 0, 0, 0, 0},
                                                  {1, 2, kInfinity},
                                                  {kInfinity, 2},
                                                  {kInfinity, 2, 3, 5},
                                                  {0, 0},
                                                  {kInfinity},
                                                  {5, kInfinity, 1, 1, 1, 0},
                                                  {0, 7, kInfinity, 0}};
  for (const auto& batches : histories) {
    for (const std::int64_t window : {1, 2, 3, 1024}) {
      for (const bool most_recent : {false, true}) {
        for (const int margin : {0, 2}) {
          TensorRecipe recipe = with(Calibrator::kAmaxHistory);
          recipe.history = window;
          recipe.most_recent = most_recent;
          recipe.margin = margin;
          Observer observer;
          for (std::size_t i = 0; i < batches.size(); ++i) {
            observer.observe(std::vector<float>{0.0F, -batches[i]}, static_cast<std::int64_t>(i));
          }
          const double factor = delayed_factor(batches, static_cast<std::size_t>(window), most_recent, margin);
          EXPECT_FLOAT_EQ(choose_scheme(format("e4m3"), recipe, observer).scales[0], static_cast<float>(1 / factor));
        }
      }
    }
  }
}

TEST(AmaxHistory, MarginLeavesHeadroom) {
  TensorRecipe recipe;
  recipe.margin = 3;
  EXPECT_FLOAT_EQ(choose_scheme(format("e4m3"), recipe, -448.0F, 1.0F).scales[0], 8.0F);
  EXPECT_FLOAT_EQ(choose_scheme(format("int8"), recipe, -127.0F, 1.0F).scales[0], 8.0F);
}

TEST(AmaxHistory, ScalesThatOverflowStopAtTheLargestFloat) {
  TensorRecipe recipe;
  recipe.margin = 30;
  const float most = std::numeric_limits<float>::max();
  const Scheme scheme = choose_scheme(format("e4m3"), recipe, -most, most);
  EXPECT_THAT(scheme.scales, ElementsAre(most));
  std::vector<float> q(1);
  quantize(scheme, {1}, std::vector<float>{most}, q);
  EXPECT_THAT(q, ElementsAre(1.0F));
}

}  // namespace
}  // namespace mantissa::quantize
