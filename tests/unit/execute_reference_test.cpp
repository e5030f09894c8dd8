// SPDX-License-Identifier: Apache-2.0
// The FP32 reference against the operator table, node by node: bit for bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "execute/executor.h"
#include "network/import.h"
#include "support/small_networks.h"

namespace mantissa::execute {
namespace {

using network::Graph;
using network::Op;
using network::Shape;
using network::Tensor;
using Ints = std::vector<std::int64_t>;

// Every value, by the table alone.
std::vector<Tensor> by_table(const Graph& graph, std::span<const Tensor> inputs) {
  std::vector<Tensor> values(graph.values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (graph.values[i].constant) {
      values[i] = *graph.values[i].constant;
    }
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    values[static_cast<std::size_t>(graph.inputs[i])] = inputs[i];
  }
  for (const auto& node : graph.nodes) {
    std::vector<const Tensor*> operands;
    for (const auto id : node.inputs) {
      operands.push_back(id < 0 ? nullptr : &values[static_cast<std::size_t>(id)]);
    }
    auto results = network::evaluate(node, operands);
    for (std::size_t j = 0; j < node.outputs.size(); ++j) {
      values[static_cast<std::size_t>(node.outputs[j])] = std::move(results[j]);
    }
  }
  return values;
}

void expect_same_bits(const Graph& graph, std::span<const Tensor> inputs) {
  const auto expected = by_table(graph, inputs);
  std::size_t seen = 0;
  const auto outputs = make_reference(graph)->run(inputs, [&](network::ValueId id, const Tensor& tensor) {
    const auto& want = expected[static_cast<std::size_t>(id)];
    ASSERT_EQ(tensor.shape, want.shape);
    EXPECT_EQ(std::memcmp(tensor.floats().data(), want.floats().data(), want.floats().size_bytes()), 0)
        << graph.value(id).name;
    ++seen;
  });
  EXPECT_EQ(seen, graph.nodes.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& want = expected[static_cast<std::size_t>(graph.outputs[i])];
    EXPECT_EQ(std::memcmp(outputs[i].floats().data(), want.floats().data(), want.floats().size_bytes()), 0);
  }
}

TEST(Reference, EqualsTheOperatorTableOnTheTrainedNetworks) {
  for (const char* name : {"fashion_resnet", "fashion_mobilenet"}) {
    network::ImportOptions options;
    options.batch = 3;
    const Graph graph =
        network::import_onnx(std::string(MANTISSA_SOURCE_DIR) + "/workloads/" + name + ".onnx", options);
    const Tensor images = tests::random_tensor(graph.value(graph.inputs[0]).shape, 5);
    expect_same_bits(graph, {&images, 1});
  }
}

struct ConvCase {
  Shape input, weights;
  std::int64_t groups;
  Ints strides, pads, dilations;
};

TEST(Reference, EqualsTheOperatorTableOnConvolutionsOfAllShapes) {
  const std::vector<ConvCase> cases{
      {{2, 3, 9, 7}, {5, 3, 3, 3}, 1, {1, 1}, {1, 1, 1, 1}, {1, 1}},
      {{3, 4, 8, 8}, {6, 2, 5, 3}, 2, {2, 1}, {2, 0, 1, 3}, {1, 1}},
      {{2, 6, 10, 11}, {6, 1, 3, 3}, 6, {2, 3}, {0, 1, 2, 0}, {2, 2}},
      {{5, 8, 4, 4}, {3, 8, 1, 1}, 1, {1, 1}, {0, 0, 0, 0}, {1, 1}},
      {{2, 8, 5, 5}, {3, 8, 1, 1}, 1, {2, 2}, {1, 1, 1, 1}, {1, 1}},  // taps that see padding alone
      {{2, 2, 3, 3}, {2, 2, 5, 5}, 1, {1, 1}, {2, 2, 2, 2}, {1, 1}},  // the kernel is larger than the input
      {{3, 2, 4, 5}, {3, 2, 3, 3}, 1, {1, 1}, {0, 2, 2, 0}, {1, 1}},  // padding on one side
      {{2, 2, 2, 2}, {2, 2, 7, 7}, 1, {1, 1}, {3, 3, 3, 3}, {1, 1}},
      {{2, 4, 6, 7}, {4, 2, 3, 3}, 2, {1, 1}, {0, 2, 0, 2}, {1, 2}},                    // rows shrink, columns stay
      {{2, 4, 6, 7}, {4, 4, 3, 3}, 1, {1, 1}, {4, 1, 3, 1}, {1, 1}},                    // rows grow
      {{2, 3, 17}, {4, 3, 5}, 1, {2}, {3, 1}, {2}},                                     // one dimension
      {{1, 2, 4, 5, 6}, {3, 2, 3, 3, 3}, 1, {1, 2, 1}, {1, 1, 1, 1, 0, 1}, {1, 1, 1}},  // three
      {{120, 1, 9, 9}, {2, 1, 3, 3}, 1, {1, 1}, {1, 1, 1, 1}, {1, 1}},                  // several blocks of pixels
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    const ConvCase& c = cases[i];
    for (const bool bias : {true, false}) {
      tests::NetworkBuilder b;
      const auto x = b.input(c.input);
      std::vector<network::ValueId> inputs{x, b.weights(tests::random_tensor(c.weights, 1))};
      if (bias) {
        inputs.push_back(b.weights(tests::random_tensor({c.weights[0]}, 2)));
      }
      const auto y =
          b.node(Op::kConv, inputs,
                 {{"group", c.groups}, {"strides", c.strides}, {"pads", c.pads}, {"dilations", c.dilations}});
      const Tensor input = tests::random_tensor(c.input, 3);
      expect_same_bits(b.build({y}), {&input, 1});
    }
  }
}

TEST(Reference, EqualsTheOperatorTableOnMatrixProducts) {
  for (const std::int64_t ta : {0, 1}) {
    for (const std::int64_t tb : {0, 1}) {
      for (const bool constant_b : {true, false}) {
        tests::NetworkBuilder b;
        const auto a = b.input(ta != 0 ? Shape{7, 5} : Shape{5, 7});
        const Shape shape_b = tb != 0 ? Shape{4, 7} : Shape{7, 4};
        const auto second = constant_b ? b.weights(tests::random_tensor(shape_b, 1)) : b.input(shape_b);
        const auto y = b.node(Op::kGemm, {a, second, b.weights(tests::random_tensor({5, 1}, 2))},
                              {{"transA", ta}, {"transB", tb}, {"alpha", 0.3F}, {"beta", 1.7F}});
        std::vector<Tensor> inputs{tests::random_tensor(ta != 0 ? Shape{7, 5} : Shape{5, 7}, 3)};
        if (!constant_b) {
          inputs.push_back(tests::random_tensor(shape_b, 4));
        }
        expect_same_bits(b.build({y}), inputs);
      }
    }
  }
  const std::vector<std::pair<Shape, Shape>> shapes{
      {{3, 4}, {4, 5}}, {{2, 3, 4}, {4, 5}}, {{2, 1, 3, 4}, {3, 4, 5}}, {{4}, {2, 4, 3}}, {{2, 3, 4}, {4}}};
  for (const auto& [a, c] : shapes) {
    for (const bool constant : {true, false}) {
      tests::NetworkBuilder b;
      const auto x = b.input(a);
      const auto y = b.node(Op::kMatMul, {x, constant ? b.weights(tests::random_tensor(c, 1)) : b.input(c)});
      std::vector<Tensor> inputs{tests::random_tensor(a, 3)};
      if (!constant) {
        inputs.push_back(tests::random_tensor(c, 1));
      }
      expect_same_bits(b.build({y}), inputs);
    }
  }
}

TEST(Reference, EqualsTheOperatorTableOnElementwiseOperatorsWithSpecialValues) {
  tests::NetworkBuilder b;
  const auto x = b.input({2, 3, 2, 5});
  const auto scale = b.input({2, 3, 1, 1});
  const auto relu = b.node(Op::kRelu, {x});
  const auto swish = b.node(Op::kHardSwish, {x});
  const auto gate = b.node(Op::kHardSigmoid, {scale}, {{"alpha", 1.0F / 6}, {"beta", 0.5F}});
  const auto product = b.node(Op::kMul, {gate, swish});
  const auto sum = b.node(Op::kAdd, {product, relu});
  const auto twice = b.node(Op::kAdd, {sum, sum});
  const auto square = b.node(Op::kMul, {twice, relu});
  const auto y = b.node(Op::kRelu, {square});
  Tensor input = tests::random_tensor({2, 3, 2, 5}, 1, 4.0F);
  input.floats()[0] = -0.0F;
  input.floats()[1] = std::numeric_limits<float>::infinity();
  input.floats()[2] = 1e-40F;
  const std::vector<Tensor> inputs{input, tests::random_tensor({2, 3, 1, 1}, 2, 4.0F)};
  expect_same_bits(b.build({y}), inputs);
}

TEST(Reference, EqualsTheOperatorTableOnSoftmaxAndSquaresWithSpecialValues) {
  tests::NetworkBuilder b;
  const auto x = b.input({5, 2, 7});
  Tensor two = Tensor::zeros(network::ElementType::kFloat, {});
  two.floats()[0] = 2;
  const auto last = b.node(Op::kSoftmax, {x});
  const auto middle = b.node(Op::kSoftmax, {x}, {{"axis", std::int64_t{1}}});
  const auto square = b.node(Op::kPow, {x, b.weights(two)});
  const auto of_square = b.node(Op::kSoftmax, {square}, {{"axis", std::int64_t{2}}});
  Tensor input = tests::random_tensor({5, 2, 7}, 1, 30.0F);
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> special{-0.0F, 1e-30F,   3e30F, -1e4F, 1e-40F,    -799,
                                   -801,  infinity, 1,     2,     -infinity, -infinity};
  std::ranges::copy(special, input.floats().begin());
  std::ranges::fill(input.floats().subspan(14, 7), -infinity);
  input.floats()[25] = std::nanf("");
  input.floats()[30] = -1e4F;
  expect_same_bits(b.build({last, middle, square, of_square, x}), {&input, 1});
}

TEST(Reference, GivesAnOutputThatIsReadAgain) {
  tests::NetworkBuilder b;
  const auto x = b.input({2, 2});
  const auto middle = b.node(Op::kRelu, {x});
  const auto last = b.node(Op::kRelu, {middle});
  const Graph graph = b.build({middle, last, x});
  const Tensor input = tests::random_tensor({2, 2}, 1);
  const auto outputs = make_reference(graph)->run({&input, 1});
  ASSERT_EQ(outputs.size(), 3U);
  EXPECT_EQ(outputs[0].data, outputs[1].data);
  EXPECT_EQ(outputs[2].data, input.data);
}

TEST(Reference, RefusesWrongInputs) {
  tests::NetworkBuilder b;
  const Graph graph = b.build({b.node(Op::kRelu, {b.input({2, 2})})});
  const auto reference = make_reference(graph);
  const Tensor wrong = tests::random_tensor({3, 2}, 1);
  EXPECT_THROW(reference->run({&wrong, 1}), std::invalid_argument);
  EXPECT_THROW(reference->run({}), std::invalid_argument);
}

TEST(Reference, RefusesShapeOnlyNetworks) {
  tests::NetworkBuilder b;
  Graph graph = b.build({b.node(Op::kRelu, {b.input({2, 2})})});
  graph.has_weights = false;
  EXPECT_THROW(make_reference(graph), ConfigError);
}

TEST(Calibration, SeesMatrixOperandsOfTheImagesThatCount) {
  tests::NetworkBuilder b;
  const auto x = b.input({2, 1, 2, 2});
  const auto r = b.node(Op::kRelu, {x});
  const auto y = b.node(Op::kConv, {r, b.weights(tests::random_tensor({1, 1, 1, 1}, 1))});
  const Graph graph = b.build({b.node(Op::kRelu, {y})});
  Tensor first = Tensor::zeros(network::ElementType::kFloat, {2, 1, 2, 2}), second = first;
  first.floats()[0] = 3.0F;
  second.floats()[1] = 5.0F;
  second.floats()[7] = 9.0F;  // in the fourth image
  const std::vector<Tensor> batches{first, second};
  EXPECT_EQ(calibrate(graph, batches).activations.size(), 1U);
  EXPECT_EQ(calibrate(graph, batches).activations.at(r).range({}), std::pair(0.0F, 9.0F));
  EXPECT_EQ(calibrate(graph, batches, 3).activations.at(r).range({}), std::pair(0.0F, 5.0F));
  EXPECT_EQ(calibrate(graph, batches, 2).activations.at(r).range({}), std::pair(0.0F, 3.0F));
}

}  // namespace
}  // namespace mantissa::execute
