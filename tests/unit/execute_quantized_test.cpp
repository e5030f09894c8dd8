// SPDX-License-Identifier: Apache-2.0
// The quantized executor against the plain evaluation of tests/support/quantized_oracle.h, bit for bit; and what it
// refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "execute/executor.h"
#include "support/quantized_oracle.h"

namespace mantissa::execute {
namespace {

using config::Precision;
using config::Recipe;
using network::Graph;
using network::Op;
using network::Shape;
using network::Tensor;
using testing::HasSubstr;
using tests::Codes;
using tests::Ints;
using tests::Oracle;
using tests::same_bits;
using tests::SmallCnn;

struct Case {
  const char* name;
  const char* precision;
  bool symmetric_activations, symmetric_weights, per_channel;
};

class QuantizedCnn : public testing::TestWithParam<Case> {};

TEST_P(QuantizedCnn, EqualsTheOracleBitForBit) {
  const SmallCnn cnn;
  const Case& c = GetParam();
  Recipe recipe;
  recipe.activations.symmetric = c.symmetric_activations;
  recipe.weights.symmetric = c.symmetric_weights;
  recipe.weights.granularity = c.per_channel ? config::Granularity::kPerChannel : config::Granularity::kPerTensor;
  const std::vector<Tensor> batches{tests::random_tensor({2, 3, 6, 5}, 1), tests::random_tensor({2, 3, 6, 5}, 2)};
  const Calibration calibration = calibrate(cnn.graph, batches);
  const Oracle oracle{tests::precision(c.precision), recipe, &calibration};
  const auto executor = make_quantized(cnn.graph, oracle.precision, recipe, calibration);
  for (unsigned seed = 20; seed < 24; ++seed) {
    const Tensor image = tests::random_tensor({2, 3, 6, 5}, seed, 1.3F);
    const auto outputs = executor->run({&image, 1});
    const auto expected = cnn.expected(oracle, image);
    ASSERT_EQ(outputs[0].shape, (Shape{2, 4}));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(same_bits(outputs[0].floats()[i], expected[i]))
          << i << ": " << outputs[0].floats()[i] << " != " << expected[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, QuantizedCnn,
                         testing::Values(Case{"Int8Symmetric", "int8", true, true, true},
                                         Case{"Int8SymmetricPerTensor", "int8", true, true, false},
                                         Case{"Int8AffineActivations", "int8", false, true, true},
                                         Case{"Int8AffineBoth", "int8", false, false, true},
                                         Case{"Fp8", "fp8_e4m3", true, true, false},
                                         Case{"Fp8PerChannel", "fp8_e4m3", true, true, true},
                                         Case{"Bf16", "bf16", true, true, true}, Case{"Fp16", "fp16", true, true, true},
                                         Case{"Tf32", "tf32", true, true, true}),
                         [](const auto& c) { return c.param.name; });

Calibration calibrated(const SmallCnn& cnn) {
  const Tensor batch = tests::random_tensor({2, 3, 6, 5}, 1);
  return calibrate(cnn.graph, {&batch, 1});
}

TEST(Quantized, TapSeesWhatKernelsWriteInTheirStorageFormat) {
  const SmallCnn cnn;
  const Tensor image = tests::random_tensor({2, 3, 6, 5}, 5);
  std::map<network::ValueId, Tensor> seen;
  make_quantized(cnn.graph, tests::precision("bf16"), {}, {})
      ->run({&image, 1}, [&](network::ValueId id, const Tensor& t) { seen[id] = t; });
  EXPECT_FALSE(seen.contains(cnn.relu - 1)) << "the convolution's result before Relu stays inside the kernel";
  for (const float v : seen.at(cnn.relu).floats()) {
    EXPECT_EQ(v, numerics::round_to(tests::format("bf16"), v));
  }
  EXPECT_TRUE(std::ranges::any_of(seen.at(cnn.swish).floats(), [](float v) {
    return v != numerics::round_to(tests::format("bf16"), v);
  })) << "a tensor that only matrix operations read is not rounded to the vector format";
}

TEST(Quantized, NanInOneImageLeavesTheOthersAlone) {
  const SmallCnn cnn;
  const Calibration calibration = calibrated(cnn);
  for (const char* name : {"int8", "fp8_e4m3", "bf16", "fp16", "tf32"}) {
    Tensor image = tests::random_tensor({2, 3, 6, 5}, 5);
    const auto executor = make_quantized(cnn.graph, tests::precision(name), {}, calibration);
    const auto clean = executor->run({&image, 1})[0];
    image.floats()[7] = std::nanf("");
    const auto dirty = executor->run({&image, 1})[0];
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(std::isnan(dirty.floats()[i]), name != std::string("int8")) << name;
      EXPECT_TRUE(same_bits(dirty.floats()[4 + i], clean.floats()[4 + i])) << name;
    }
  }
}

TEST(Quantized, ConstantActivationsRunThroughEveryPrecision) {
  const SmallCnn cnn;
  Tensor constant = Tensor::zeros(network::ElementType::kFloat, {2, 3, 6, 5});
  for (const float value : {0.0F, 0.75F}) {
    std::ranges::fill(constant.floats(), value);
    const Calibration calibration = calibrate(cnn.graph, {&constant, 1});
    const auto reference = make_reference(cnn.graph)->run({&constant, 1})[0];
    for (const char* name : {"int8", "fp8_e4m3", "bf16"}) {
      for (const bool symmetric : {true, false}) {
        Recipe recipe;
        recipe.activations.symmetric = symmetric;
        const auto y = make_quantized(cnn.graph, tests::precision(name), recipe, calibration)->run({&constant, 1})[0];
        for (std::size_t i = 0; i < y.floats().size(); ++i) {
          EXPECT_NEAR(y.floats()[i], reference.floats()[i], 0.1F) << name;
        }
      }
    }
  }
}

TEST(Quantized, KeptNodesRunInTheVectorFormat) {
  const SmallCnn cnn;
  const Calibration calibration = calibrated(cnn);
  const Tensor image = tests::random_tensor({2, 3, 6, 5}, 5);
  Recipe keep_all;
  for (const auto& node : cnn.graph.nodes) {
    if (node.op == Op::kConv || node.op == Op::kGemm) {
      keep_all.keep_float.push_back(node.name);
    }
  }
  // With every matrix operation kept, INT8 is FP16 operands through FP32 multiply-adds; calibration is not looked at.
  Precision fp16 = tests::precision("int8");
  fp16.matrix = fp16.depthwise = numerics::fp32_reference();
  fp16.matrix.a = fp16.matrix.b = fp16.depthwise.a = fp16.depthwise.b = tests::format("fp16");
  const auto expected = make_quantized(cnn.graph, fp16, {}, {})->run({&image, 1})[0];
  EXPECT_FALSE(needs_calibration(cnn.graph, tests::precision("int8"), keep_all));
  const auto y = make_quantized(cnn.graph, tests::precision("int8"), keep_all, {})->run({&image, 1})[0];
  EXPECT_TRUE(std::ranges::equal(y.floats(), expected.floats()));
  const auto quantized = make_quantized(cnn.graph, tests::precision("int8"), {}, calibration)->run({&image, 1})[0];
  EXPECT_FALSE(std::ranges::equal(y.floats(), quantized.floats()));
}

template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Quantized, RefusesWhatItCannotDo) {
  const SmallCnn cnn;
  const Calibration none;
  const auto make = [&](const Graph& graph, const Recipe& recipe, const Calibration& calibration) {
    return message_of([&] { make_quantized(graph, tests::precision("int8"), recipe, calibration); });
  };
  EXPECT_THAT(make(cnn.graph, {}, none), HasSubstr("calibration saw no finite value"));
  EXPECT_THAT(make(cnn.graph, {}, calibrate(cnn.graph, {})), HasSubstr("calibration_images"));
  Recipe recipe;
  recipe.keep_float = {"Conv00"};
  EXPECT_THAT(make(cnn.graph, recipe, none), HasSubstr("did you mean 'Conv0'"));
  recipe.keep_float = {"Relu1"};
  EXPECT_THAT(make(cnn.graph, recipe, none), HasSubstr("no matrix operation"));
  recipe = {};
  recipe.activations.granularity = config::Granularity::kPerChannel;
  EXPECT_THAT(make(cnn.graph, recipe, calibrated(cnn)), HasSubstr("per tensor"));
  Graph shape_only = cnn.graph;
  shape_only.has_weights = false;
  EXPECT_THAT(make(shape_only, {}, none), HasSubstr("timed, not executed"));
}

TEST(Quantized, RefusesWeightsThatAreNotFinite) {
  tests::NetworkBuilder b;
  const auto x = b.input({2, 3});
  Tensor w = tests::random_tensor({3, 2}, 1);
  w.floats()[2] = std::numeric_limits<float>::infinity();
  const Graph graph = b.build({b.node(Op::kMatMul, {x, b.weights(w)})});
  const Tensor input = tests::random_tensor({2, 3}, 2);
  const Calibration calibration = calibrate(graph, {&input, 1});
  EXPECT_THAT(message_of([&] { make_quantized(graph, tests::precision("int8"), {}, calibration); }),
              HasSubstr("not finite"));
}

TEST(Quantized, TransposedConvolutionNeedsKeepFloat) {
  tests::NetworkBuilder b;
  const auto x = b.input({1, 2, 4, 4});
  const auto y =
      b.node(Op::kConvTranspose, {x, b.weights(tests::random_tensor({2, 3, 2, 2}, 1))}, {{"strides", Ints{2, 2}}});
  const Graph graph = b.build({y});
  const Tensor input = tests::random_tensor({1, 2, 4, 4}, 2);
  const Calibration calibration = calibrate(graph, {&input, 1});
  EXPECT_THAT(message_of([&] { make_quantized(graph, tests::precision("fp16"), {}, calibration); }),
              HasSubstr("keep_float"));
  Recipe keep;
  keep.keep_float = {"ConvTranspose0"};
  const auto out = make_quantized(graph, tests::precision("fp16"), keep, calibration)->run({&input, 1})[0];
  const auto reference = make_reference(graph)->run({&input, 1})[0];
  for (std::size_t i = 0; i < out.floats().size(); ++i) {
    EXPECT_NEAR(out.floats()[i], reference.floats()[i], 0.01F);
  }
}

// Attention scores: both operands computed, batched, and a product with a constant left operand.
TEST(Quantized, ProductsOfComputedMatricesEqualTheOracle) {
  tests::NetworkBuilder b;
  const auto p = b.input({2, 3, 5});
  const auto left = b.node(Op::kRelu, {p});
  const auto right = b.node(Op::kTranspose, {p}, {{"perm", Ints{0, 2, 1}}});
  const auto y = b.node(Op::kMatMul, {left, right});
  const Graph graph = b.build({y});
  const Tensor input = tests::random_tensor({2, 3, 5}, 9);
  const Calibration calibration = calibrate(graph, {&input, 1});
  for (const char* name : {"int8", "fp8_e4m3", "fp16"}) {
    for (const bool symmetric : {true, false}) {
      Recipe recipe;
      recipe.activations.symmetric = symmetric;
      const Precision precision = tests::precision(name);
      const Oracle oracle{precision, recipe, &calibration};
      const auto out = make_quantized(graph, precision, recipe, calibration)->run({&input, 1})[0];
      // The graph's input is read by other operations than products, so it comes in the vector format. What these make
      // of it is read by the product alone: not rounded before it is quantized.
      const Tensor rounded_input = oracle.stored(input);
      Tensor positive = rounded_input;
      for (float& v : positive.floats()) {
        v = std::max(v, 0.0F);
      }
      const Codes a = oracle.data(precision.matrix, left, positive),
                  c = oracle.data(precision.matrix, right, rounded_input);
      for (std::size_t i = 0; i < out.floats().size(); ++i) {
        const std::size_t batch = i / 9, row = i / 3 % 3, column = i % 3;
        std::vector<float> u, v;
        for (std::size_t k = 0; k < 5; ++k) {
          u.push_back(a.q[(batch * 3 + row) * 5 + k]);
          v.push_back(c.q[(batch * 3 + column) * 5 + k]);
        }
        const float sum = Oracle::dot(precision.matrix, u, v, a.zero[0], c.zero[0]) * (a.scale[0] * c.scale[0]);
        EXPECT_TRUE(same_bits(out.floats()[i], numerics::round_to(precision.vector, sum))) << name << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace mantissa::execute
