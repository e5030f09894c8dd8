// SPDX-License-Identifier: Apache-2.0
// Products of two computed matrices (attention scores and values) with dynamic scales and quantized keys and values,
// element by element through the oracle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "execute/executor.h"
#include "support/quantized_oracle.h"

namespace mantissa::execute {
namespace {

using config::Granularity;
using config::Precision;
using config::Recipe;
using config::Scaling;
using config::TensorRecipe;
using network::Graph;
using network::Op;
using network::Tensor;
using network::ValueId;
using tests::idx;
using tests::Ints;
using tests::Oracle;
using tests::same_bits;

constexpr std::size_t kMatrices = 4, kPerSample = 2, kM = 3, kK = 6, kN = 3;  // 2 samples of 2 heads

// left . right, where left is a Softmax of the input (then right holds values, one token a row) or its Relu (then right
// holds keys, one token a column).
struct Attention {
  bool values;
  ValueId left = 0, right = 0;
  Graph graph;

  explicit Attention(bool multiplies_values, bool drops = false) : values(multiplies_values) {
    tests::NetworkBuilder b;
    const auto x = b.input({2, 2, 3, 6});
    left = b.node(values ? Op::kSoftmax : Op::kRelu, {x}, values ? Axis{{"axis", std::int64_t{-1}}} : Axis{});
    if (drops) {
      const auto dropped = b.node(Op::kDropout, {left});
      const Tensor one{network::ElementType::kFloat, {1}, std::vector<float>{1.0F}};
      left = b.node(Op::kMul, {dropped, b.weights(one)});
    }
    right = b.node(Op::kTranspose, {x}, {{"perm", Ints{0, 1, 3, 2}}});
    graph = b.build({b.node(Op::kMatMul, {left, right})});
  }
  using Axis = std::map<std::string, network::Attribute>;
};

// Where element i of the right operand [.. x 6 x 3] has its scale: one for the tensor, for a sample, for a row, for a
// column.
enum class Share { kTensor, kSample, kRow, kColumn };

std::size_t share_of(Share share, std::size_t i, std::size_t rows, std::size_t columns) {
  switch (share) {
    case Share::kTensor:
      return 0;
    case Share::kSample:
      return i / (rows * columns * kPerSample);
    case Share::kRow:
      return i / columns;
    default:
      return i / (rows * columns) * columns + i % columns;
  }
}

struct Scaled {
  std::vector<float> q, scale;  // of each element
  std::vector<std::int32_t> zero;
};

// static_range: of kTensor.
Scaled code(const numerics::Format& f, bool symmetric, Share share, std::size_t rows, std::size_t columns,
            std::span<const float> x, std::pair<float, float> static_range) {
  std::map<std::size_t, std::pair<float, float>> ranges;
  for (std::size_t i = 0; i < x.size(); ++i) {
    auto& [low, high] = ranges[share_of(share, i, rows, columns)];
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
  }
  Scaled s;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto [low, high] = share == Share::kTensor ? static_range : ranges[share_of(share, i, rows, columns)];
    float scale = 1;
    std::int32_t zero = 0;
    if (f.integer || f.name == "e4m3") {
      Oracle::scale_of(f, symmetric, low, high, scale, zero);
      s.q.push_back(Oracle::code(f, x[i], scale, zero, symmetric));
    } else {
      s.q.push_back(numerics::round_to(f, x[i]));
    }
    s.scale.push_back(scale);
    s.zero.push_back(zero);
  }
  return s;
}

struct Rule {
  Recipe recipe;
  Share left, right, cache;  // cache: where the recipe has one
};

std::vector<float> expected(const Attention& net, const Precision& precision, const Rule& rule,
                            const Calibration& calibration, const Tensor& input) {
  const auto range = [&](ValueId id, const TensorRecipe& recipe) {
    const auto found = calibration.activations.find(id);
    return found == calibration.activations.end() ? std::pair(0.0F, 0.0F) : found->second.range(recipe);
  };
  const auto& d = precision.matrix;
  Tensor x = input;  // read by more than products: in the vector format
  numerics::round_to(precision.vector, x.floats());
  Tensor left = x, right = Tensor::zeros(network::ElementType::kFloat, {2, 2, 6, 3});
  for (std::size_t i = 0; i < right.floats().size(); ++i) {
    right.floats()[i] = x.floats()[i / 18 * 18 + i % 3 * 6 + i / 3 % 6];
  }
  const Tensor* operand = &x;
  left = network::evaluate(net.graph.nodes[0], {&operand, 1})[0];
  if (rule.recipe.kv_cache) {
    const Scaled s = code(*rule.recipe.kv_cache->format, rule.recipe.kv_cache->symmetric, rule.cache, kK, kN,
                          right.floats(), range(net.right, *rule.recipe.kv_cache));
    for (std::size_t i = 0; i < s.q.size(); ++i) {
      right.floats()[i] = (s.q[i] - static_cast<float>(s.zero[i])) * s.scale[i];
    }
  }
  const bool symmetric = rule.recipe.activations.symmetric;
  const Scaled a = code(d.a, symmetric, rule.left, kM, kK, left.floats(), range(net.left, rule.recipe.activations));
  const Scaled b = code(d.b, symmetric, rule.right, kK, kN, right.floats(), range(net.right, rule.recipe.activations));
  std::vector<float> y;
  for (std::size_t i = 0; i < kMatrices * kM * kN; ++i) {
    const std::size_t matrix = i / (kM * kN), row = i / kN % kM, column = i % kN;
    std::vector<float> u, v;
    for (std::size_t k = 0; k < kK; ++k) {
      u.push_back(a.q[(matrix * kM + row) * kK + k]);
      v.push_back(b.q[(matrix * kK + k) * kN + column]);
    }
    const std::size_t at_a = (matrix * kM + row) * kK, at_b = matrix * kK * kN + column;
    const float sum = Oracle::dot(d, u, v, a.zero[at_a], b.zero[at_b]) * (a.scale[at_a] * b.scale[at_b]);
    y.push_back(numerics::round_to(precision.vector, sum));
  }
  return y;
}

void expect_equals_oracle(const Attention& net, const char* name, const Rule& rule) {
  SCOPED_TRACE(testing::Message() << name << (net.values ? " values" : " keys"));
  const Tensor calibration_input = tests::random_tensor({2, 2, 3, 6}, 8);
  Tensor input = tests::random_tensor({2, 2, 3, 6}, 9, 1.5F);
  for (std::size_t i = 0; i < input.floats().size(); ++i) {
    input.floats()[i] *= static_cast<float>(1 + i / 6 % 4 + i / 36);
  }
  const Precision precision = tests::precision(name);
  const Calibration calibration = calibrate(net.graph, {&calibration_input, 1});
  const auto out = make_quantized(net.graph, precision, rule.recipe, calibration)->run({&input, 1})[0];
  const auto want = expected(net, precision, rule, calibration, input);
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_TRUE(same_bits(out.floats()[i], want[i])) << i << ": " << out.floats()[i] << " " << want[i];
  }
}

TensorRecipe recipe(const char* format, Scaling scaling, Granularity granularity, bool symmetric = true) {
  TensorRecipe r;
  if (format != nullptr) {
    r.format = tests::format(format);
  }
  r.scaling = scaling;
  r.granularity = granularity;
  r.symmetric = symmetric;
  return r;
}

TEST(QuantizedAttention, DynamicScalesArePerTokenUnlessTokensLieAlongTheReduction) {
  for (const char* name : {"int8", "fp8_e4m3", "fp16"}) {
    for (const bool symmetric : {true, false}) {
      Rule rule{{}, Share::kRow, Share::kColumn, Share::kTensor};
      rule.recipe.activations = recipe(nullptr, Scaling::kDynamic, Granularity::kPerToken, symmetric);
      expect_equals_oracle(Attention(false), name, rule);
      rule.right = Share::kSample;
      expect_equals_oracle(Attention(true), name, rule);
      rule.left = Share::kSample;
      rule.recipe.activations.granularity = Granularity::kPerTensor;
      expect_equals_oracle(Attention(true), name, rule);
      expect_equals_oracle(Attention(false), name, rule);
    }
  }
}

TEST(QuantizedAttention, KeysAndValuesAreStoredBeforeTheyAreMultiplied) {
  for (const char* name : {"fp16", "bf16", "int8", "fp8_e4m3"}) {
    for (const char* cache : {"int8", "e4m3", "bf16"}) {
      const bool symmetric = std::string(cache) != "int8";
      Rule rule{{}, Share::kTensor, Share::kTensor, Share::kTensor};
      rule.recipe.kv_cache = recipe(cache, Scaling::kStatic, Granularity::kPerTensor, symmetric);
      expect_equals_oracle(Attention(false), name, rule);
      expect_equals_oracle(Attention(true), name, rule);
      rule.recipe.kv_cache->scaling = Scaling::kDynamic;
      rule.cache = Share::kSample;
      expect_equals_oracle(Attention(false), name, rule);
      expect_equals_oracle(Attention(true), name, rule);
      rule.recipe.kv_cache->granularity = Granularity::kPerToken;
      rule.cache = Share::kColumn;
      expect_equals_oracle(Attention(false), name, rule);
      rule.cache = Share::kRow;
      expect_equals_oracle(Attention(true), name, rule);
    }
  }
}

TEST(QuantizedAttention, ASoftmaxIsSeenThroughDropoutAndProductsWithConstants) {
  for (const bool drops : {true, false}) {
    Rule rule;
    rule.recipe.kv_cache = recipe("e4m3", Scaling::kDynamic, Granularity::kPerToken);
    const Attention net(true, drops);
    const Tensor input = tests::random_tensor({2, 2, 3, 6}, 9, 1.5F);
    const auto out = make_quantized(net.graph, tests::precision("fp16"), rule.recipe, {})->run({&input, 1})[0];
    rule.cache = Share::kRow;
    rule.left = rule.right = Share::kTensor;
    const auto want = expected(net, tests::precision("fp16"), rule, {}, input);
    for (std::size_t i = 0; i < want.size(); ++i) {
      EXPECT_NEAR(out.floats()[i], want[i], 1e-3F) << "the cache's scales are those of rows, with Dropout: " << drops;
    }
  }
}

TEST(QuantizedAttention, CacheInFloatNeedsNoCalibration) {
  const Attention net(false);
  Recipe r;
  EXPECT_FALSE(needs_calibration(net.graph, tests::precision("fp16"), r));
  r.kv_cache = recipe("e4m3", Scaling::kStatic, Granularity::kPerTensor);
  EXPECT_TRUE(needs_calibration(net.graph, tests::precision("fp16"), r));
  r.kv_cache->scaling = Scaling::kDynamic;
  EXPECT_FALSE(needs_calibration(net.graph, tests::precision("fp16"), r));
  r.kv_cache = recipe("bf16", Scaling::kStatic, Granularity::kPerTensor);
  EXPECT_FALSE(needs_calibration(net.graph, tests::precision("fp16"), r));
}

}  // namespace
}  // namespace mantissa::execute
