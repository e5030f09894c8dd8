// SPDX-License-Identifier: Apache-2.0
// Weights and activations that pass through a storage format before they reach the datapath, element by element.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "execute/executor.h"
#include "support/linear_layer.h"
#include "support/quantized_oracle.h"

namespace mantissa::execute {
namespace {

using config::Granularity;
using config::Precision;
using config::Recipe;
using network::Graph;
using network::Op;
using network::Tensor;
using testing::HasSubstr;
using tests::Ints;
using tests::LinearLayer;
using tests::same_bits;
using tests::samples_of_different_size;

// INT4 with a scale for each group of 4, kept in FP16's products: code, back, rounded to FP16.
TEST(QuantizedStorage, WeightsInAStorageFormatAreRoundedTwice) {
  const LinearLayer layer;
  const Precision precision = tests::precision("fp16");
  Recipe recipe;
  recipe.weights.format = tests::format("int4");
  recipe.weights.granularity = Granularity::kPerGroup;
  recipe.weights.group = 4;
  const Tensor x = samples_of_different_size();
  const auto out = make_quantized(layer.graph(), precision, recipe, {})->run({&x, 1})[0];
  for (std::size_t i = 0; i < out.floats().size(); ++i) {
    std::vector<float> row, stored = layer.column(i % LinearLayer::kN);
    for (std::size_t first = 0; first < stored.size(); first += 4) {
      const std::size_t end = std::min(first + 4, stored.size());
      float largest = 0;
      for (std::size_t j = first; j < end; ++j) {
        largest = std::max(largest, std::abs(stored[j]));
      }
      const float scale = largest / 7;
      for (std::size_t j = first; j < end; ++j) {
        stored[j] = numerics::round_to(tests::format("fp16"), std::nearbyintf(stored[j] / scale) * scale);
      }
    }
    for (std::size_t j = 0; j < LinearLayer::kK; ++j) {
      const float v = x.floats()[i / LinearLayer::kN * LinearLayer::kK + j];
      row.push_back(numerics::round_to(tests::format("fp16"), v));
    }
    const float y = numerics::dot_oracle(precision.matrix, row, stored, 0.0F);
    EXPECT_TRUE(same_bits(out.floats()[i], numerics::round_to(precision.vector, y))) << i;
  }
}

// OCP MX 1.0: scale 2^(floor(log2(largest)) - 2) for a block of 32, elements rounded to E2M1 and clamped to 6.
std::vector<float> mxfp4(const std::vector<float>& x) {
  std::vector<float> result;
  for (std::size_t first = 0; first < x.size(); first += 32) {
    const std::size_t end = std::min(first + 32, x.size());
    float largest = 0;
    for (std::size_t j = first; j < end; ++j) {
      largest = std::max(largest, std::abs(x[j]));
    }
    const float scale = std::ldexp(1.0F, std::ilogb(largest) - 2);
    for (std::size_t j = first; j < end; ++j) {
      result.push_back(numerics::round_to(tests::format("e2m1"), x[j] / scale) * scale);
    }
  }
  return result;
}

TEST(QuantizedStorage, BlockFormatsRunAlongTheReductionOfBothOperands) {
  constexpr std::size_t kK = 40, kN = 3;  // a whole block and a short one
  const Tensor w = tests::random_tensor({kK, kN}, 3), x = tests::random_tensor({2, 4, kK}, 4, 2.0F);
  tests::NetworkBuilder b;
  const auto input = b.input({2, 4, kK});
  const Graph graph = b.build({b.node(Op::kMatMul, {input, b.weights(w)})});
  const Precision precision = tests::precision("bf16");
  Recipe recipe;
  recipe.weights.block_format = recipe.activations.block_format = numerics::find_block_format("mxfp4");
  ASSERT_TRUE(recipe.weights.block_format);
  const auto out = make_quantized(graph, precision, recipe, {})->run({&x, 1})[0];
  for (std::size_t i = 0; i < out.floats().size(); ++i) {
    std::vector<float> row, column;
    for (std::size_t j = 0; j < kK; ++j) {
      row.push_back(x.floats()[i / kN * kK + j]);
      column.push_back(w.floats()[j * kN + i % kN]);
    }
    const float y = numerics::dot_oracle(precision.matrix, mxfp4(row), mxfp4(column), 0.0F);  // E2M1 fits BF16
    EXPECT_TRUE(same_bits(out.floats()[i], numerics::round_to(precision.vector, y))) << i;
  }
}

TEST(QuantizedStorage, BlocksOfAConvolutionRunAlongTheChannelsOfAPixel) {
  const Tensor w = tests::random_tensor({2, 40, 1, 1}, 3), x = tests::random_tensor({1, 40, 2, 2}, 4);
  tests::NetworkBuilder b;
  const auto input = b.input({1, 40, 2, 2});
  const Graph graph = b.build({b.node(Op::kConv, {input, b.weights(w)}, {{"kernel_shape", Ints{1, 1}}})});
  const Precision precision = tests::precision("bf16");
  Recipe recipe;
  recipe.weights.block_format = recipe.activations.block_format = numerics::find_block_format("mxfp4");
  const auto out = make_quantized(graph, precision, recipe, {})->run({&x, 1})[0];
  for (std::size_t i = 0; i < out.floats().size(); ++i) {
    std::vector<float> pixel, weights;
    for (std::size_t c = 0; c < 40; ++c) {
      pixel.push_back(x.floats()[c * 4 + i % 4]);
      weights.push_back(w.floats()[i / 4 * 40 + c]);
    }
    const float y = numerics::dot_oracle(precision.matrix, mxfp4(pixel), mxfp4(weights), 0.0F);
    EXPECT_TRUE(same_bits(out.floats()[i], numerics::round_to(precision.vector, y))) << i;
  }
}

TEST(QuantizedStorage, WeightsThatAreNotFiniteAreRefusedByStorageFormats) {
  LinearLayer layer;
  layer.w.floats()[7] = std::nanf("");
  Recipe recipe;
  EXPECT_NO_THROW(make_quantized(layer.graph(), tests::precision("bf16"), recipe, {})) << "a plain cast";
  for (const char* name : {"mxfp4", "int4"}) {
    recipe.weights.block_format = numerics::find_block_format(name);
    recipe.weights.format = numerics::find_format(name);
    try {
      make_quantized(layer.graph(), tests::precision("bf16"), recipe, {});
      ADD_FAILURE() << name;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr("node 'MatMul0': ")) << name;
      EXPECT_THAT(error.what(), HasSubstr("not finite")) << name;
    }
  }
}

}  // namespace
}  // namespace mantissa::execute
