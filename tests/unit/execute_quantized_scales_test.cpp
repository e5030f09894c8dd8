// SPDX-License-Identifier: Apache-2.0
// Dynamic activation scales and scales per group of weights: linear layers and convolutions against a plain evaluation,
// element by element through the oracle.
#include <gtest/gtest.h>

#include <cmath>

#include "execute/executor.h"
#include "support/linear_layer.h"
#include "support/quantized_oracle.h"

namespace mantissa::execute {
namespace {

using config::Granularity;
using config::Precision;
using config::Recipe;
using config::Scaling;
using network::Graph;
using network::Op;
using network::Tensor;
using tests::idx;
using tests::Ints;
using tests::LinearLayer;
using tests::Oracle;
using tests::same_bits;
using tests::samples_of_different_size;

// Values that share a scale, coded with the range of these very values.
struct Coded {
  std::vector<float> q;
  float scale = 1;
  std::int32_t zero = 0;
};

Coded code(const numerics::Datapath& d, bool symmetric, const std::vector<float>& x) {
  Coded c;
  const bool scaled = d.a.integer || d.a.name == "e4m3";
  if (scaled) {
    float low = 0, high = 0;
    for (const float v : x) {
      low = std::isfinite(v) ? std::min(low, v) : low;
      high = std::isfinite(v) ? std::max(high, v) : high;
    }
    Oracle::scale_of(d.a, symmetric, low, high, c.scale, c.zero);
  }
  for (const float v : x) {
    c.q.push_back(scaled ? Oracle::code(d.a, v, c.scale, c.zero, symmetric)
                         : numerics::round_to(d.a, v, d.operand_rounding));
  }
  return c;
}

std::vector<float> part(const std::vector<float>& x, std::size_t begin, std::size_t size) {
  return {x.begin() + static_cast<std::ptrdiff_t>(begin), x.begin() + static_cast<std::ptrdiff_t>(begin + size)};
}

// The dot product of a row, coded, with a column of weights whose runs of `group` elements have scales of their own.
float grouped_dot(const numerics::Datapath& d, const Coded& row, const std::vector<float>& column, std::size_t group,
                  bool symmetric) {
  float y = 0;
  for (std::size_t first = 0; first < column.size(); first += group) {
    const std::size_t size = std::min(group, column.size() - first);
    const Coded w = code(d, symmetric, part(column, first, size));
    const float term = Oracle::dot(d, part(row.q, first, size), w.q, row.zero, w.zero) * (row.scale * w.scale);
    y = first == 0 ? term : y + term;
  }
  return y;
}

struct Case {
  const char* precision;
  bool symmetric, per_token;
  std::size_t group;  // 0: per channel
};

void expect_linear_equals_oracle(const Case& c) {
  SCOPED_TRACE(testing::Message() << c.precision << " symmetric " << c.symmetric << " per token " << c.per_token
                                  << " group " << c.group);
  const LinearLayer layer;
  const Precision precision = tests::precision(c.precision);
  const auto& d = precision.matrix;
  Recipe recipe;
  recipe.activations.scaling = Scaling::kDynamic;
  recipe.activations.granularity = c.per_token ? Granularity::kPerToken : Granularity::kPerTensor;
  recipe.activations.symmetric = recipe.weights.symmetric = c.symmetric;
  if (c.group > 0) {
    recipe.weights.granularity = Granularity::kPerGroup;
    recipe.weights.group = static_cast<std::int64_t>(c.group);
  }
  const bool scaled = d.a.integer || d.a.name == "e4m3";
  const std::size_t group = c.group == 0 || !scaled ? LinearLayer::kK : c.group;
  const Graph graph = layer.graph();
  EXPECT_FALSE(needs_calibration(graph, precision, recipe));
  const Tensor x = samples_of_different_size();
  const auto out = make_quantized(graph, precision, recipe, {})->run({&x, 1})[0];
  const std::size_t k = LinearLayer::kK, run = c.per_token ? k : k * LinearLayer::kTokens;
  const std::vector<float> values(x.floats().begin(), x.floats().end());
  for (std::size_t i = 0; i < out.floats().size(); ++i) {
    const std::size_t row = i / LinearLayer::kN, first = row * k / run * run;
    Coded all = code(d, c.symmetric, part(values, first, run));
    all.q = part(all.q, row * k - first, k);
    const float y = grouped_dot(d, all, layer.column(i % LinearLayer::kN), group, c.symmetric);
    EXPECT_TRUE(same_bits(out.floats()[i], numerics::round_to(precision.vector, y))) << i;
  }
}

TEST(QuantizedScales, LinearLayersWithScalesOfTheirOwnEqualTheOracleBitForBit) {
  for (const char* name : {"int8", "fp8_e4m3", "fp16", "bf16"}) {
    for (const bool symmetric : {true, false}) {
      for (const bool per_token : {true, false}) {
        for (const std::size_t group : {0U, 8U, 32U}) {  // 8: 19 = 8 + 8 + 3
          expect_linear_equals_oracle({name, symmetric, per_token, group});
        }
      }
    }
  }
}

TEST(QuantizedScales, DynamicScalesDoNotDependOnTheBatchASampleIsIn) {
  const LinearLayer layer;
  const Tensor x = samples_of_different_size();
  for (const char* name : {"int8", "fp8_e4m3"}) {
    for (const auto granularity : {Granularity::kPerTensor, Granularity::kPerToken}) {
      Recipe recipe;
      recipe.activations.scaling = Scaling::kDynamic;
      recipe.activations.granularity = granularity;
      recipe.activations.symmetric = false;
      const auto together = make_quantized(layer.graph(), tests::precision(name), recipe, {})->run({&x, 1})[0];
      const std::size_t half = x.floats().size() / 2, half_out = together.floats().size() / 2;
      for (std::size_t sample = 0; sample < 2; ++sample) {
        Tensor one = Tensor::zeros(network::ElementType::kFloat, {1, LinearLayer::kTokens, LinearLayer::kK});
        std::ranges::copy(x.floats().subspan(sample * half, half), one.floats().begin());
        const auto alone = make_quantized(layer.graph(1), tests::precision(name), recipe, {})->run({&one, 1})[0];
        for (std::size_t i = 0; i < half_out; ++i) {
          EXPECT_TRUE(same_bits(alone.floats()[i], together.floats()[sample * half_out + i])) << name;
        }
      }
    }
  }
}

TEST(QuantizedScales, RowsOfAFlattenedBatchBelongToTheirSample) {
  tests::NetworkBuilder b;
  const auto x = b.input({2, 3, 4});
  const Tensor w = tests::random_tensor({4, 5}, 3);
  const Tensor shape{network::ElementType::kInt64, {2}, Ints{6, 4}};
  const auto flat = b.node(Op::kReshape, {x, b.weights(shape)});
  const Graph flattened = b.build({b.node(Op::kMatMul, {flat, b.weights(w)})});
  tests::NetworkBuilder plain;
  const auto p = plain.input({2, 3, 4});
  const Graph whole = plain.build({plain.node(Op::kMatMul, {p, plain.weights(w)})});
  Recipe recipe;
  recipe.activations.scaling = Scaling::kDynamic;
  Tensor input = tests::random_tensor({2, 3, 4}, 9);
  input.floats()[1] = 20;
  const auto y = make_quantized(flattened, tests::precision("int8"), recipe, {})->run({&input, 1})[0];
  const auto expected = make_quantized(whole, tests::precision("int8"), recipe, {})->run({&input, 1})[0];
  EXPECT_TRUE(std::ranges::equal(y.floats(), expected.floats()));
}

struct ConvCase {
  const char* precision;
  bool symmetric_data, symmetric_weights;
  std::size_t group;
};

// Two groups of channels, padding, a bias; k = 3 * 3 taps * 3 channels.
void expect_convolution_equals_oracle(const ConvCase& c) {
  SCOPED_TRACE(testing::Message() << c.precision << c.symmetric_data << c.symmetric_weights << " group " << c.group);
  const Precision precision = tests::precision(c.precision);
  const auto& d = precision.matrix;
  const Tensor w = tests::random_tensor({4, 3, 3, 3}, 1, 0.4F), bias = tests::random_tensor({4}, 2);
  tests::NetworkBuilder b;
  const auto x = b.input({2, 6, 4, 5});
  const auto y = b.node(Op::kConv, {x, b.weights(w), b.weights(bias)},
                        {{"group", std::int64_t{2}}, {"pads", Ints{1, 1, 1, 1}}, {"kernel_shape", Ints{3, 3}}});
  const Graph graph = b.build({y});
  Recipe recipe;
  recipe.activations.scaling = Scaling::kDynamic;
  recipe.activations.granularity = Granularity::kPerToken;  // a convolution's data has no tokens: per sample
  recipe.activations.symmetric = c.symmetric_data;
  recipe.weights.symmetric = c.symmetric_weights;
  recipe.weights.granularity = Granularity::kPerGroup;
  recipe.weights.group = static_cast<std::int64_t>(c.group);
  Tensor input = tests::random_tensor({2, 6, 4, 5}, 3);
  std::ranges::for_each(input.floats().subspan(120), [](float& v) { v = 3 * v + 1; });
  const auto out = make_quantized(graph, precision, recipe, {})->run({&input, 1})[0];
  const std::vector<float> values(input.floats().begin(), input.floats().end());
  for (std::int64_t i = 0; i < 2 * 4 * 4 * 5; ++i) {
    const std::int64_t ox = i % 5, oy = i / 5 % 4, channel = i / 20 % 4, image = i / 80;
    const Coded all = code(d, c.symmetric_data, part(values, idx(image * 120), 120));
    Coded column{{}, all.scale, all.zero};
    std::vector<float> weights;
    for (std::int64_t tap = 0; tap < 9; ++tap) {
      for (std::int64_t in = 0; in < 3; ++in) {
        const std::int64_t iy = oy + tap / 3 - 1, ix = ox + tap % 3 - 1;
        const bool inside = iy >= 0 && iy < 4 && ix >= 0 && ix < 5;
        column.q.push_back(inside ? all.q[idx(((channel / 2 * 3 + in) * 4 + iy) * 5 + ix)]
                                  : static_cast<float>(all.zero));
        weights.push_back(w.floats()[idx((channel * 3 + in) * 9 + tap)]);
      }
    }
    const float sum = grouped_dot(d, column, weights, c.group, c.symmetric_weights) + bias.floats()[idx(channel)];
    EXPECT_TRUE(same_bits(out.floats()[idx(i)], numerics::round_to(precision.vector, sum))) << i;
  }
}

TEST(QuantizedScales, ConvolutionsWithScalesOfTheirOwnEqualTheOracleBitForBit) {
  for (const std::size_t group : {4U, 7U, 27U, 64U}) {
    expect_convolution_equals_oracle({"int8", true, true, group});
    expect_convolution_equals_oracle({"int8", false, true, group});
    expect_convolution_equals_oracle({"int8", false, false, group});
    expect_convolution_equals_oracle({"fp8_e4m3", true, true, group});
  }
}

TEST(QuantizedScales, ValuesThatAreNotFiniteDoNotSetAScale) {
  const LinearLayer layer;
  Tensor x = samples_of_different_size();
  Recipe recipe;
  recipe.activations.scaling = Scaling::kDynamic;
  for (const char* name : {"int8", "fp8_e4m3"}) {
    const auto executor = make_quantized(layer.graph(), tests::precision(name), recipe, {});
    Tensor dirty = x;
    dirty.floats()[3] = std::numeric_limits<float>::infinity();
    dirty.floats()[4] = -std::numeric_limits<float>::infinity();
    Tensor saturated = x;  // the infinities become the ends of the range that the other values have
    const auto first = x.floats().first(LinearLayer::kTokens * LinearLayer::kK);
    float largest = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
      largest = i == 3 || i == 4 ? largest : std::max(largest, std::abs(first[i]));
    }
    saturated.floats()[3] = largest;
    saturated.floats()[4] = -largest;
    EXPECT_TRUE(std::ranges::equal(executor->run({&dirty, 1})[0].floats(), executor->run({&saturated, 1})[0].floats()))
        << name;
    Tensor nothing = x;
    std::ranges::fill(nothing.floats(), std::nanf(""));
    const auto y = executor->run({&nothing, 1})[0];
    for (const float v : y.floats()) {
      EXPECT_EQ(std::isnan(v), name != std::string("int8")) << name;
    }
    std::ranges::fill(nothing.floats(), 0.0F);
    const auto zeros = executor->run({&nothing, 1})[0];
    EXPECT_TRUE(std::ranges::all_of(zeros.floats(), [](float v) { return v == 0.0F; })) << name;
  }
}

}  // namespace
}  // namespace mantissa::execute
