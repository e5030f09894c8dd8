// SPDX-License-Identifier: Apache-2.0
// Storage formats: weights, activations and KV caches after the round trip.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "quantize/storage.h"

namespace mantissa::quantize {
namespace {

using config::Granularity;
using config::Scaling;
using config::TensorRecipe;
using network::Shape;
using network::Tensor;

std::vector<float> normal(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> values(0.0F, 2.0F);
  std::vector<float> result(count);
  std::generate(result.begin(), result.end(), [&] { return values(random); });
  return result;
}

Tensor weights_of(const Shape& shape, unsigned seed) {
  return {network::ElementType::kFloat, shape, normal(static_cast<std::size_t>(network::element_count(shape)), seed)};
}

TensorRecipe in_format(const char* name, Scaling scaling = Scaling::kDynamic,
                       Granularity granularity = Granularity::kPerTensor) {
  TensorRecipe recipe;
  recipe.format = numerics::find_format(name);
  recipe.block_format = recipe.format ? std::nullopt : numerics::find_block_format(name);
  recipe.scaling = scaling;
  recipe.granularity = granularity;
  return recipe;
}

// Symmetric INT8 with this largest magnitude.
float int8_round_trip(float x, float amax) {
  const float scale = amax == 0 ? 1.0F : static_cast<float>(static_cast<double>(amax) / 127);
  return std::clamp(std::nearbyint(x / scale), -127.0F, 127.0F) * scale;
}

TEST(StoredWeights, AreQuantizedByChannelOrGroupAndScaledBack) {
  const Tensor weights = weights_of({3, 8}, 1);
  for (const std::size_t shared : {8u, 4u}) {
    TensorRecipe recipe =
        in_format("int8", Scaling::kStatic, shared == 8 ? Granularity::kPerChannel : Granularity::kPerGroup);
    recipe.group = 4;
    const Tensor stored = stored_weights(recipe, weights, 0);
    for (std::size_t i = 0; i < 24; ++i) {
      float amax = 0;
      for (std::size_t j = i / shared * shared; j < (i / shared + 1) * shared; ++j) {
        amax = std::max(amax, std::abs(weights.floats()[j]));
      }
      ASSERT_EQ(stored.floats()[i], int8_round_trip(weights.floats()[i], amax)) << i;
    }
  }
}

TEST(StoredWeights, StayAsTheyAreWithoutAFormat) {
  const Tensor weights = weights_of({3, 8}, 2);
  EXPECT_FALSE(has_storage(TensorRecipe()));
  EXPECT_TRUE(std::ranges::equal(stored_weights(TensorRecipe(), weights, 0).floats(), weights.floats()));
}

TEST(StoredWeights, WideFormatsAreCasts) {
  const Tensor weights = weights_of({3, 8}, 3), stored = stored_weights(in_format("bf16"), weights, 0);
  for (std::size_t i = 0; i < 24; ++i) {
    EXPECT_EQ(stored.floats()[i], numerics::round_to(*numerics::find_format("bf16"), weights.floats()[i]));
  }
}

TEST(StoredWeights, BlocksRunAlongTheOrderOfAccumulation) {
  // [2][20][2][2]: 80 positions, tap * 20 + channel, in blocks of 32, 32 and 16.
  const Tensor weights = weights_of({2, 20, 2, 2}, 4);
  for (const char* name : {"mxfp8_e4m3", "mxfp4", "nvfp4"}) {
    const auto block_format = *numerics::find_block_format(name);
    const float scale = numerics::compute_tensor_scale(block_format, weights.floats());
    const Tensor stored = stored_weights(in_format(name), weights, 0);
    for (std::size_t out = 0; out < 2; ++out) {
      std::vector<float> ordered;
      for (std::size_t tap = 0; tap < 4; ++tap) {
        for (std::size_t c = 0; c < 20; ++c) {
          ordered.push_back(weights.floats()[(out * 20 + c) * 4 + tap]);
        }
      }
      const auto length = static_cast<std::size_t>(block_format.block);
      for (std::size_t begin = 0; begin < 80; begin += length) {
        numerics::round_to_blocks(block_format,
                                  std::span(ordered).subspan(begin, std::min<std::size_t>(length, 80 - begin)), scale);
      }
      for (std::size_t p = 0; p < 80; ++p) {
        ASSERT_EQ(stored.floats()[(out * 20 + p % 20) * 4 + p / 20], ordered[p]) << name << p;
      }
    }
  }
}

TEST(StoredWeights, NotFiniteOnesAreRefused) {
  Tensor weights = weights_of({2, 4}, 5);
  weights.floats()[2] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(stored_weights(in_format("mxfp4"), weights, 0), std::invalid_argument);
  EXPECT_THROW(stored_weights(in_format("int8"), weights, 0), std::invalid_argument);
}

// A cache [batch 2][heads 3][tokens 5][elements 4], and the same values with tokens and elements exchanged.
struct Cache {
  Shape rows{2, 3, 5, 4}, columns{2, 3, 4, 5};
  std::vector<float> row_values = normal(120, 6), column_values = std::vector<float>(120);

  Cache() {
    for (std::size_t i = 0; i < 120; ++i) {
      column_values[transposed(i)] = row_values[i];
    }
  }
  static std::size_t transposed(std::size_t i) {
    const std::size_t head = i / 20, token = i / 4 % 5, element = i % 4;
    return head * 20 + element * 5 + token;
  }
};

TEST(Storage, ATokensScaleIsItsOwnInBothLayouts) {
  Cache cache;
  const Storage storage(in_format("int8", Scaling::kDynamic, Granularity::kPerToken));
  auto rows = cache.row_values, columns = cache.column_values;
  storage.apply(cache.rows, -1, 2, rows);
  storage.apply(cache.columns, -2, 2, columns);
  for (std::size_t i = 0; i < 120; ++i) {
    float amax = 0;
    for (std::size_t j = i / 4 * 4; j < i / 4 * 4 + 4; ++j) {
      amax = std::max(amax, std::abs(cache.row_values[j]));
    }
    ASSERT_EQ(rows[i], int8_round_trip(cache.row_values[i], amax)) << i;
    ASSERT_EQ(columns[Cache::transposed(i)], rows[i]) << i;
  }
}

TEST(Storage, DynamicScalesPerTensorAreThoseOfASample) {
  Cache cache;
  const Storage storage(in_format("int8"));
  auto rows = cache.row_values, columns = cache.column_values;
  storage.apply(cache.rows, -1, 2, rows);
  storage.apply(cache.columns, 2, 2, columns);
  for (std::size_t i = 0; i < 120; ++i) {
    float amax = 0;
    for (std::size_t j = i / 60 * 60; j < i / 60 * 60 + 60; ++j) {
      amax = std::max(amax, std::abs(cache.row_values[j]));
    }
    ASSERT_EQ(rows[i], int8_round_trip(cache.row_values[i], amax));
    ASSERT_EQ(columns[Cache::transposed(i)], rows[i]);
  }
}

TEST(Storage, StaticScalesComeFromCalibration) {
  Cache cache;
  const TensorRecipe recipe = in_format("int8", Scaling::kStatic);
  EXPECT_TRUE(Storage::needs_calibration(recipe));
  EXPECT_THROW(Storage{recipe}, std::invalid_argument);
  EXPECT_THROW((Storage{recipe, std::make_unique<Observer>().get()}), std::invalid_argument);
  Observer observer;
  observer.observe(std::vector<float>{-2.54F, 1.0F});
  auto values = cache.row_values;
  Storage(recipe, &observer).apply(cache.rows, -1, 2, values);
  for (std::size_t i = 0; i < 120; ++i) {
    ASSERT_EQ(values[i], int8_round_trip(cache.row_values[i], 2.54F));
  }
}

TEST(Storage, BlocksStartAnewInEachToken) {
  // 20 elements a token: MX takes them as one block, not 32 across tokens; NVFP4 as 16 and 4.
  const Shape shape{3, 2, 20}, transposed{3, 20, 2};
  const auto values = normal(120, 7);
  std::vector<float> exchanged(120);
  const auto at = [](std::size_t i) { return i / 40 * 40 + i % 20 * 2 + i / 20 % 2; };
  for (std::size_t i = 0; i < 120; ++i) {
    exchanged[at(i)] = values[i];
  }
  for (const char* name : {"mxfp8_e4m3", "mxfp6_e2m3", "nvfp4"}) {
    const auto block_format = *numerics::find_block_format(name);
    const Storage storage(in_format(name));
    auto rows = values, columns = exchanged, expected = values;
    storage.apply(shape, -1, 3, rows);
    storage.apply(transposed, -2, 3, columns);
    for (std::size_t token = 0; token < 6; ++token) {
      const auto sample = std::span<const float>(values).subspan(token / 2 * 40, 40);
      const float scale = numerics::compute_tensor_scale(block_format, sample);
      numerics::round_to_blocks(block_format, std::span(expected).subspan(token * 20, 20), scale);
    }
    for (std::size_t i = 0; i < 120; ++i) {
      ASSERT_EQ(rows[i], expected[i]) << name << i;
      ASSERT_EQ(columns[at(i)], expected[i]) << name << i;
    }
  }
}

TEST(Storage, AStaticTensorScaleOfBlocksComesFromCalibration) {
  const TensorRecipe recipe = in_format("nvfp4", Scaling::kStatic);
  EXPECT_TRUE(Storage::needs_calibration(recipe));
  EXPECT_FALSE(Storage::needs_calibration(in_format("mxfp4", Scaling::kStatic)));
  EXPECT_FALSE(Storage::needs_calibration(in_format("nvfp4", Scaling::kDynamic)));
  EXPECT_FALSE(Storage::needs_calibration(in_format("fp16", Scaling::kStatic)));
  Observer observer;
  observer.observe(std::vector<float>{-268.8F, 3.0F});
  auto values = normal(32, 8), expected = values;
  Storage(recipe, &observer).apply({32}, 0, 1, values);
  numerics::round_to_blocks(*recipe.block_format, expected, 268.8F / (448 * 6));
  EXPECT_EQ(values, expected);
}

TEST(Storage, TakesEmptyTensors) {
  Storage(in_format("int8", Scaling::kDynamic, Granularity::kPerToken)).apply({2, 0, 4}, -1, 2, {});
  Storage(in_format("mxfp4")).apply({0, 4}, -2, 1, {});
}

}  // namespace
}  // namespace mantissa::quantize
