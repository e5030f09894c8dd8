// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "network/fold.h"

namespace mantissa::network {
namespace {

std::shared_ptr<const Tensor> floats(Shape shape, std::vector<float> data) {
  return std::make_shared<const Tensor>(Tensor{ElementType::kFloat, std::move(shape), std::move(data)});
}

ValueId constant(Graph& graph, const std::string& name, Shape shape, std::vector<float> data) {
  graph.values.push_back({name, ElementType::kFloat, shape, true, floats(shape, std::move(data))});
  return static_cast<ValueId>(graph.values.size() - 1);
}

ValueId value(Graph& graph, const std::string& name, Shape shape) {
  graph.values.push_back({name, ElementType::kFloat, std::move(shape), false, nullptr});
  return static_cast<ValueId>(graph.values.size() - 1);
}

// x[1,2,1,1] -> 1x1 convolution to two channels -> batch normalization.
Graph conv_and_norm(bool conv_bias) {
  Graph graph;
  const ValueId x = value(graph, "x", {1, 2, 1, 1}), h = value(graph, "h", {1, 2, 1, 1}),
                y = value(graph, "y", {1, 2, 1, 1});
  Node conv{"conv", Op::kConv, 13, {}, {x, constant(graph, "w", {2, 2, 1, 1}, {1, 2, 3, 4})}, {h}};
  if (conv_bias) {
    conv.inputs.push_back(constant(graph, "b", {2}, {10, 20}));
  }
  Node norm{"norm", Op::kBatchNormalization, 13, {{"epsilon", 0.0F}}, {h}, {y}};
  norm.inputs.push_back(constant(graph, "scale", {2}, {2, 3}));
  norm.inputs.push_back(constant(graph, "shift", {2}, {0.5F, 0.25F}));
  norm.inputs.push_back(constant(graph, "mean", {2}, {1, -1}));
  norm.inputs.push_back(constant(graph, "variance", {2}, {4, 0.25F}));
  graph.nodes = {conv, norm};
  graph.inputs = {x};
  graph.outputs = {y};
  return graph;
}

TEST(BatchNormalization, FoldsIntoTheWeightsAndBiasOfTheConvolutionBefore) {
  Graph graph = conv_and_norm(true);
  fold_batch_normalizations(graph);
  remove_unused(graph);
  ASSERT_EQ(graph.nodes.size(), 1U);
  const Node& conv = graph.nodes[0];
  // Channel 0: s = 2 / sqrt(4) = 1, bias (10 - 1) * 1 + 0.5. Channel 1: s = 3 / sqrt(0.25) = 6, bias (20 + 1) * 6 +
  // 0.25.
  const auto weights = graph.value(conv.inputs[1]).constant->floats(),
             bias = graph.value(conv.inputs[2]).constant->floats();
  EXPECT_EQ(std::vector<float>(weights.begin(), weights.end()), (std::vector<float>{1, 2, 18, 24}));
  EXPECT_EQ(std::vector<float>(bias.begin(), bias.end()), (std::vector<float>{9.5F, 126.25F}));
  EXPECT_EQ(graph.value(conv.outputs[0]).name, "y");
}

TEST(BatchNormalization, KeepsCountingTheParametersThatWereTrained) {
  for (const bool bias : {false, true}) {
    Graph graph = conv_and_norm(bias);
    fold_batch_normalizations(graph);
    remove_unused(graph);
    EXPECT_EQ(graph.parameter_count(), 4 + 2 + 2 + (bias ? 2 : 0));  // weights, scale, shift
  }
}

TEST(BatchNormalization, StaysWhenSomethingElseReadsTheConvolution) {
  Graph graph = conv_and_norm(false);
  graph.outputs.push_back(graph.nodes[0].outputs[0]);
  fold_batch_normalizations(graph);
  EXPECT_EQ(graph.nodes.size(), 2U);
}

TEST(BatchNormalization, StaysInTraining) {
  Graph graph = conv_and_norm(false);
  graph.nodes[1].attributes["training_mode"] = std::int64_t{1};
  fold_batch_normalizations(graph);
  EXPECT_EQ(graph.nodes.size(), 2U);
}

TEST(UnusedNodes, AreRemovedWithTheirValues) {
  Graph graph = conv_and_norm(false);
  graph.outputs = {graph.nodes[0].outputs[0]};
  remove_unused(graph);
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.values.size(), 3U);
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "h");
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[1]).name, "w");
}

TEST(ConstantFolding, ComputesNodesWhoseInputsAreKnown) {
  Graph graph;
  const ValueId a = constant(graph, "a", {2}, {1, 2}), b = constant(graph, "b", {2}, {10, 20});
  const Node add{"add", Op::kAdd, 13, {}, {a, b}, {-1}};
  const std::vector<const Value*> inputs{&graph.value(a), &graph.value(b)};
  const std::vector<TensorType> types{{ElementType::kFloat, {2}}};
  const auto result = ConstantFolder(16).fold(add, inputs, types);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->at(0).floats()[1], 22.0F);
}

TEST(ConstantFolding, KnowsAShapeWithoutTheData) {
  Graph graph;
  const ValueId x = value(graph, "x", {7, 3});
  const Node shape{"shape", Op::kShape, 13, {}, {x}, {-1}};
  const std::vector<const Value*> inputs{&graph.value(x)};
  const std::vector<TensorType> types{{ElementType::kInt64, {2}}};
  const auto result = ConstantFolder(0).fold(shape, inputs, types);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->at(0).ints()[0], 7);
  EXPECT_EQ(result->at(0).ints()[1], 3);
}

TEST(ConstantFolding, LeavesWhatDependsOnInputs) {
  Graph graph;
  const ValueId x = value(graph, "x", {2});
  const Node relu{"relu", Op::kRelu, 13, {}, {x}, {-1}};
  const std::vector<const Value*> inputs{&graph.value(x)};
  const std::vector<TensorType> types{{ElementType::kFloat, {2}}};
  EXPECT_FALSE(ConstantFolder(0).fold(relu, inputs, types).has_value());
}

}  // namespace
}  // namespace mantissa::network
