// SPDX-License-Identifier: Apache-2.0
// Requantization between integer layers: sums plus an int32 bias straight to the next layer's codes, element by
// element.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "execute/executor.h"
#include "numerics/requantize.h"
#include "support/quantized_oracle.h"

namespace mantissa::execute {
namespace {

using config::Precision;
using config::Recipe;
using network::Graph;
using network::Op;
using network::Tensor;
using network::ValueId;
using numerics::Requantization;
using tests::Codes;
using tests::idx;
using tests::Ints;
using tests::Oracle;
using tests::same_bits;

std::int32_t round_code(Requantization how, std::int32_t sum, double scale, std::int32_t zero, std::int32_t low,
                        std::int32_t high) {
  const numerics::OutputRange range{zero, low, high};
  switch (how) {
    case Requantization::kDoubleRounding:
      return numerics::requantize_double_rounding(sum, numerics::fixed_point_scale(scale), range);
    case Requantization::kSingleRounding:
      return numerics::requantize_single_rounding(sum, numerics::fixed_point_scale(scale), range);
    default:
      return numerics::requantize_float_scale(sum, static_cast<float>(scale), range);
  }
}

// x [2 x 3 x 4 x 4] -> Conv 3x3, bias, tail -> Conv 1x1 (the reader)
struct TwoConvolutions {
  Tensor w1 = tests::random_tensor({5, 3, 3, 3}, 1, 0.4F), b1 = tests::random_tensor({5}, 2),
         w2 = tests::random_tensor({2, 5, 1, 1}, 3);
  ValueId x = 0, middle = 0;
  Graph graph;

  TwoConvolutions(Op tail, bool read_twice) {
    tests::NetworkBuilder b;
    x = b.input({2, 3, 4, 4});
    middle = b.node(Op::kConv, {x, b.weights(w1), b.weights(b1)},
                    {{"pads", Ints{1, 1, 1, 1}}, {"kernel_shape", Ints{3, 3}}});
    if (tail == Op::kRelu || tail == Op::kSigmoid) {
      middle = b.node(tail, {middle});
    } else if (tail == Op::kClip) {
      const auto limit = [&](float v) { return b.weights({network::ElementType::kFloat, {}, std::vector<float>{v}}); };
      middle = b.node(tail, {middle, limit(-0.3F), limit(0.9F)});
    }
    std::vector<ValueId> outputs{b.node(Op::kConv, {middle, b.weights(w2)}, {{"kernel_shape", Ints{1, 1}}})};
    if (read_twice) {
      outputs.push_back(middle);
    }
    graph = b.build(outputs);
  }
};

void expect_equals_oracle(Requantization how, bool symmetric, Op tail) {
  SCOPED_TRACE(testing::Message() << static_cast<int>(how) << symmetric << network::info(tail).name);
  const TwoConvolutions net(tail, false);
  const Precision precision = tests::precision("int8");
  Recipe recipe;
  recipe.activations.symmetric = symmetric;
  recipe.requantization = how;
  const Tensor batch = tests::random_tensor({2, 3, 4, 4}, 7), image = tests::random_tensor({2, 3, 4, 4}, 8, 1.2F);
  const Calibration calibration = calibrate(net.graph, {&batch, 1});
  const Oracle oracle{precision, recipe, &calibration};
  std::map<ValueId, Tensor> seen;
  const auto out =
      make_quantized(net.graph, precision, recipe, calibration)->run({&image, 1}, [&](ValueId id, const Tensor& t) {
        seen[id] = t;
      })[0];
  const Codes data = oracle.data(precision.matrix, net.x, image), w = oracle.weights(precision.matrix, net.w1);
  const Codes reader = oracle.data(precision.matrix, net.middle, image);  // for its scale
  const float unit = reader.scale[0];
  const std::int32_t zero = reader.zero[0], lowest = symmetric ? -127 : -128;
  std::int32_t low = lowest, high = 127;
  if (tail == Op::kRelu) {
    low = zero;
  } else if (tail == Op::kClip) {
    low = std::max(lowest, static_cast<std::int32_t>(std::lround(-0.3 / static_cast<double>(unit))) + zero);
    high = std::min(127, static_cast<std::int32_t>(std::lround(0.9 / static_cast<double>(unit))) + zero);
  }
  Tensor middle = Tensor::zeros(network::ElementType::kFloat, {2, 5, 4, 4});
  for (std::int64_t i = 0; i < 2 * 5 * 16; ++i) {
    const std::int64_t ox = i % 4, oy = i / 4 % 4, channel = i / 16 % 5, image_index = i / 80;
    const double worth = static_cast<double>(data.scale[0]) * static_cast<double>(w.scale[idx(channel)]);
    std::int32_t sum =
        static_cast<std::int32_t>(std::nearbyint(static_cast<double>(net.b1.floats()[idx(channel)]) / worth));
    for (std::int64_t j = 0; j < 27; ++j) {
      const std::int64_t in = j / 9, iy = oy + j % 9 / 3 - 1, ix = ox + j % 3 - 1;
      if (iy >= 0 && iy < 4 && ix >= 0 && ix < 4) {
        sum += (static_cast<std::int32_t>(data.q[idx(((image_index * 3 + in) * 4 + iy) * 4 + ix)]) - data.zero[0]) *
               static_cast<std::int32_t>(w.q[idx(channel * 27 + j)]);
      }
    }
    const std::int32_t code = round_code(how, sum, worth / static_cast<double>(unit), zero, low, high);
    middle.floats()[idx(i)] = static_cast<float>(code - zero) * unit;
    EXPECT_TRUE(same_bits(seen.at(net.middle).floats()[idx(i)], middle.floats()[idx(i)])) << i;
  }
  const Tensor expected = oracle.stored(oracle.conv(net.middle, middle, net.w2, nullptr, 1, 1, 0));
  for (std::size_t i = 0; i < expected.floats().size(); ++i) {
    EXPECT_TRUE(same_bits(out.floats()[i], expected.floats()[i])) << i;
  }
}

TEST(Requantized, ConvolutionsHandCodesOnInAllThreeRoundings) {
  for (const auto how :
       {Requantization::kDoubleRounding, Requantization::kSingleRounding, Requantization::kFloatScale}) {
    for (const bool symmetric : {true, false}) {
      for (const Op tail : {Op::kIdentity, Op::kRelu, Op::kClip}) {
        expect_equals_oracle(how, symmetric, tail);
      }
    }
  }
}

Tensor middle_of(const TwoConvolutions& net, std::optional<Requantization> how) {
  Recipe recipe;
  recipe.requantization = how;
  const Tensor batch = tests::random_tensor({2, 3, 4, 4}, 7);
  const Calibration calibration = calibrate(net.graph, {&batch, 1});
  Tensor seen;
  make_quantized(net.graph, tests::precision("int8"), recipe, calibration)
      ->run({&batch, 1}, [&](ValueId id, const Tensor& t) { seen = id == net.middle ? t : seen; });
  return seen;
}

TEST(Requantized, OnlyWhereNothingElseReadsOrChangesTheResult) {
  for (const auto& [tail, twice, changes] : {std::tuple(Op::kRelu, false, true), std::tuple(Op::kRelu, true, false),
                                             std::tuple(Op::kSigmoid, false, false)}) {
    const TwoConvolutions net(tail, twice);
    EXPECT_EQ(middle_of(net, std::nullopt).data != middle_of(net, Requantization::kDoubleRounding).data, changes)
        << network::info(tail).name << twice;
  }
}

// Rows of tokens, MatMul and Add as PyTorch writes a linear layer.
TEST(Requantized, LinearLayersHandCodesOn) {
  tests::NetworkBuilder b;
  const Tensor w1 = tests::random_tensor({6, 5}, 1), bias = tests::random_tensor({5}, 2),
               w2 = tests::random_tensor({5, 3}, 3);
  const auto x = b.input({2, 4, 6});
  const auto product = b.node(Op::kMatMul, {x, b.weights(w1)});
  const auto sum = b.node(Op::kAdd, {product, b.weights(bias)});
  const auto middle = b.node(Op::kRelu, {sum});
  const Graph graph = b.build({b.node(Op::kMatMul, {middle, b.weights(w2)})});
  const Tensor input = tests::random_tensor({2, 4, 6}, 4);
  const Calibration calibration = calibrate(graph, {&input, 1});
  Recipe recipe;
  recipe.requantization = Requantization::kSingleRounding;
  Tensor seen;
  const auto out = make_quantized(graph, tests::precision("int8"), recipe, calibration)
                       ->run({&input, 1}, [&](ValueId id, const Tensor& t) { seen = id == middle ? t : seen; })[0];
  const Oracle oracle{tests::precision("int8"), recipe, &calibration};
  const Codes data = oracle.data(oracle.precision.matrix, x, input);
  const float unit = oracle.data(oracle.precision.matrix, middle, input).scale[0];
  ASSERT_EQ(seen.floats().size(), 40U);
  for (std::size_t i = 0; i < 40; ++i) {
    const std::size_t row = i / 5, column = i % 5;
    float largest = 0;
    for (std::size_t k = 0; k < 6; ++k) {
      largest = std::max(largest, std::abs(w1.floats()[k * 5 + column]));
    }
    const float weight_scale = largest / 127;
    const double worth = static_cast<double>(data.scale[0]) * static_cast<double>(weight_scale);
    auto total = static_cast<std::int32_t>(std::nearbyint(static_cast<double>(bias.floats()[column]) / worth));
    for (std::size_t k = 0; k < 6; ++k) {
      total += static_cast<std::int32_t>(data.q[row * 6 + k]) *
               static_cast<std::int32_t>(std::nearbyintf(w1.floats()[k * 5 + column] / weight_scale));
    }
    const std::int32_t code =
        round_code(Requantization::kSingleRounding, total, worth / static_cast<double>(unit), 0, 0, 127);
    EXPECT_TRUE(same_bits(seen.floats()[i], static_cast<float>(code) * unit)) << i;
  }
  EXPECT_EQ(out.shape, (network::Shape{2, 4, 3}));
}

}  // namespace
}  // namespace mantissa::execute
