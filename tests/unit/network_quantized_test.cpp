// SPDX-License-Identifier: Apache-2.0
// Networks that come quantized: import (values, grids, parameters) and lowering (work, operands, storage).
#include <gtest/gtest.h>

#include <cmath>

#include "network/grid.h"
#include "network/kernel.h"
#include "support/computed_networks.h"

namespace mantissa::network {
namespace {

Graph load(const std::string& name) {
  ImportOptions options;
  options.batch = 2;
  return import_onnx(tests::data_file(name + ".onnx"), options);
}

const Node& node_named(const Graph& graph, const std::string& name) {
  return *std::ranges::find(graph.nodes, name, &Node::name);
}

TEST(QuantizedNetwork, WithIntegerOperatorsComputesTheSameCodes) {
  const auto expected = tests::read_values("quantized_integer");
  const auto outputs = tests::compute(load("quantized_integer"), expected);
  EXPECT_EQ(outputs.at("y").floats().size(), 10U);
  EXPECT_EQ(outputs.at("y").data, expected.at("y").data);
}

TEST(QuantizedNetwork, WithQuantizeAndDequantizeComputesTheSameNumbers) {
  const auto expected = tests::read_values("quantized_qdq");
  const auto outputs = tests::compute(load("quantized_qdq"), expected);
  ASSERT_EQ(outputs.at("y").floats().size(), 10U);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(outputs.at("y").floats()[i], expected.at("y").floats()[i], 1e-4F);
  }
}

TEST(QuantizedNetwork, KeepsTheScalesOfWeightsAndActivations) {
  const Graph graph = load("quantized_qdq");
  const Node &conv = node_named(graph, "conv"), &fc = node_named(graph, "fc");
  const Value &x = graph.value(conv.inputs[0]), &w = graph.value(conv.inputs[1]);
  ASSERT_NE(x.grid, nullptr);
  EXPECT_EQ(x.grid->type, ElementType::kUint8);
  EXPECT_EQ(x.grid->axis, -1);
  EXPECT_EQ(x.grid->scales, std::vector<float>{0.05F});
  EXPECT_EQ(x.grid->zero_points, std::vector<std::int64_t>{120});
  ASSERT_NE(w.grid, nullptr);
  ASSERT_NE(w.constant, nullptr);  // worked out at import
  EXPECT_EQ(w.grid->type, ElementType::kInt8);
  EXPECT_EQ(w.grid->axis, 0);
  EXPECT_EQ(w.grid->scales, (std::vector<float>{0.004F, 0.002F, 0.003F}));
  EXPECT_EQ(w.grid->zero_points, (std::vector<std::int64_t>{0, 0, 0}));
  // Through the maximum pool and the view.
  ASSERT_NE(graph.value(fc.inputs[0]).grid, nullptr);
  EXPECT_EQ(graph.value(fc.inputs[0]).grid->scales, std::vector<float>{0.04F});
  EXPECT_EQ(graph.value(fc.outputs[0]).grid, nullptr);
  EXPECT_EQ(graph.value(conv.inputs[2]).grid, nullptr);  // a bias of 32 bits
}

TEST(QuantizedNetwork, KeepsANormalizationBehindQuantizedWeights) {
  const Graph graph = load("quantized_qdq");
  EXPECT_EQ(std::ranges::count(graph.nodes, Op::kBatchNormalization, &Node::op), 1);
}

TEST(QuantizedNetwork, CountsCodesAsParametersAndScalesNot) {
  EXPECT_EQ(load("quantized_qdq").parameter_count(), 3 * 2 * 9 + 3 + 2 * 3 + 5 * 27 + 5);
  EXPECT_EQ(load("quantized_integer").parameter_count(), 4 * 2 * 9 + 4 + 144 * 5);
}

TEST(QuantizedKernels, FuseQuantizeAndDequantizeBehindTheOperation) {
  const Graph graph = load("quantized_qdq");
  const auto kernels = lower(graph);
  ASSERT_EQ(kernels.size(), 4U);  // quantize the input; convolution ... dequantize; pool; linear layer
  EXPECT_EQ(kernels[0].nodes.size(), 2U);
  EXPECT_EQ(std::get<VectorWork>(kernels[0].work).ops, 4 + 2);
  EXPECT_EQ(kernels[0].writes.at(0).storage, Storage::kMatrix);
  EXPECT_EQ(kernels[1].nodes.size(), 5U);
  EXPECT_EQ(kernels[1].epilogue_ops, 1 + 2 + 1 + 4 + 2);  // bias, normalization, Relu, quantize, dequantize
  EXPECT_EQ(kernels[1].macs(), Macs(2 * 36 * 3 * 18));
  EXPECT_EQ(kernels[3].reads.at(1).storage, Storage::kMatrix);
}

TEST(QuantizedKernels, OfIntegerOperatorsMultiplyAndMoveBytes) {
  const Graph graph = load("quantized_integer");
  const auto kernels = lower(graph);
  ASSERT_EQ(kernels.size(), 3U);  // quantize; convolution; matrix product and dequantize
  const Kernel &conv = kernels[1], &fc = kernels[2];
  EXPECT_EQ(std::get<ConvWork>(conv.work), (ConvWork{2, 2, 6, 6, 4, 6, 6, 3, 3, 1, 1, 1, 1, 1}));
  ASSERT_EQ(conv.reads.size(), 4U);
  EXPECT_EQ(conv.reads[0], (Operand{kernels[0].writes.at(0).value, 2 * 2 * 36, Storage::kByte, false}));
  EXPECT_EQ(conv.reads[1].elements, 4 * 2 * 9);
  EXPECT_EQ(conv.reads[1].storage, Storage::kByte);
  EXPECT_TRUE(conv.reads[1].weights);
  for (const std::size_t i : {2, 3}) {  // scales of the weights, bias
    EXPECT_EQ(conv.reads[i].elements, 4);
    EXPECT_EQ(conv.reads[i].storage, Storage::kWord);
    EXPECT_TRUE(conv.reads[i].weights);
  }
  EXPECT_EQ(conv.writes.at(0).storage, Storage::kByte);
  EXPECT_EQ(conv.epilogue_ops, 4 + 1);
  EXPECT_EQ(std::get<GemmWork>(fc.work), (GemmWork{1, 2, 5, 144}));
  EXPECT_EQ(fc.epilogue_ops, 4 + 2 + 2 + 2);  // both operands have zero points; dequantize
  EXPECT_EQ(fc.writes.at(0).storage, Storage::kVector);
}

// x -> DynamicQuantizeLinear -> MatMulInteger -> Cast -> Mul(scale of x * scale of w).
TEST(QuantizedKernels, OfDynamicQuantizationKeepScalesAndSumsIn32Bits) {
  Graph graph;
  const auto value = [&](const char* name, ElementType type, Shape shape) {
    graph.values.push_back({name, type, std::move(shape), false, nullptr});
    return static_cast<ValueId>(graph.values.size() - 1);
  };
  const ValueId x = value("x", ElementType::kFloat, {4, 8}), q = value("q", ElementType::kUint8, {4, 8}),
                scale = value("scale", ElementType::kFloat, {}), zero = value("zero", ElementType::kUint8, {}),
                w = value("w", ElementType::kInt8, {8, 3}), ws = value("ws", ElementType::kFloat, {3}),
                sums = value("sums", ElementType::kInt32, {4, 3}), both = value("both", ElementType::kFloat, {3}),
                real = value("real", ElementType::kFloat, {4, 3}), y = value("y", ElementType::kFloat, {4, 3});
  const auto known = [&](ValueId id) {
    Value& v = graph.values[static_cast<std::size_t>(id)];
    v.parameter = true;
    v.constant = std::make_shared<const Tensor>(Tensor::zeros(v.type, v.shape));
  };
  known(w);
  known(ws);
  graph.nodes = {{"quantize", Op::kDynamicQuantizeLinear, 11, {}, {x}, {q, scale, zero}},
                 {"scales", Op::kMul, 13, {}, {scale, ws}, {both}},
                 {"product", Op::kMatMulInteger, 10, {}, {q, w, zero}, {sums}},
                 {"cast", Op::kCast, 13, {{"to", std::int64_t{1}}}, {sums}, {real}},
                 {"scaled", Op::kMul, 13, {}, {real, both}, {y}}};
  graph.inputs = {x};
  graph.outputs = {y};
  auto kernels = lower(graph);
  ASSERT_EQ(kernels.size(), 3U);
  const auto& range = std::get<ReduceWork>(kernels[0].work);  // the whole tensor, twice
  EXPECT_EQ(range.rows * range.length, 32);
  EXPECT_EQ(range.rows, 1);
  EXPECT_EQ(range.passes, 2);
  ASSERT_EQ(kernels[0].writes.size(), 3U);
  EXPECT_EQ(kernels[0].writes[0].storage, Storage::kByte);
  EXPECT_EQ(kernels[0].writes[1].storage, Storage::kWord);
  EXPECT_EQ(kernels[1].writes.at(0).storage, Storage::kWord);  // computed from scales alone
  EXPECT_EQ(kernels[2].macs(), Macs(4 * 8 * 3));
  EXPECT_EQ(kernels[2].epilogue_ops, 2 + 1 + 1);  // zero point of the data, conversion, scaling
  EXPECT_EQ(kernels[2].writes.at(0).storage, Storage::kVector);
  graph.outputs = {sums};  // nothing fused: the sums themselves
  kernels = lower(graph);
  const auto product = std::ranges::find(kernels, "product", &Kernel::name);
  ASSERT_NE(product, kernels.end());
  EXPECT_EQ(product->writes.at(0).storage, Storage::kWord);
}

Node dequantize(std::int64_t axis) {
  Node node;
  node.op = Op::kDequantizeLinear;
  node.attributes = {{"axis", axis}};
  return node;
}

struct Codes {
  Value q{"q", ElementType::kInt8, {2, 3}, false, nullptr};
  Value scale{"scale", ElementType::kFloat, {3}, false, nullptr};
  std::vector<const Value*> inputs{&q, &scale};
  Codes() {
    scale.constant = std::make_shared<const Tensor>(Tensor{ElementType::kFloat, {3}, std::vector<float>{1, 2, 3}});
  }
};

TEST(Grid, FollowsItsAxisThroughATranspose) {
  Codes codes;
  Value y{"y", ElementType::kFloat, {2, 3}, false, nullptr};
  y.grid = grid_of(dequantize(-1), codes.inputs);
  ASSERT_NE(y.grid, nullptr);
  EXPECT_EQ(y.grid->axis, 1);
  Node transpose;
  transpose.op = Op::kTranspose;
  const std::vector<const Value*> inputs{&y};
  EXPECT_EQ(grid_of(transpose, inputs)->axis, 0);
  transpose.attributes = {{"perm", std::vector<std::int64_t>{0, 1}}};
  EXPECT_EQ(grid_of(transpose, inputs)->axis, 1);
  Node reshape;
  reshape.op = Op::kReshape;
  EXPECT_EQ(grid_of(reshape, inputs), nullptr);  // the axis may be gone
}

TEST(Grid, IsOfEightBitsAndKnownScalesOnly) {
  Codes codes;
  codes.q.type = ElementType::kInt32;
  EXPECT_EQ(grid_of(dequantize(1), codes.inputs), nullptr);
  codes.q.type = ElementType::kUint8;
  EXPECT_NE(grid_of(dequantize(1), codes.inputs), nullptr);
  codes.scale.constant = nullptr;
  EXPECT_EQ(grid_of(dequantize(1), codes.inputs), nullptr);
}

TEST(Grid, IsLostWhereNumbersAreComputed) {
  Codes codes;
  Value y{"y", ElementType::kFloat, {2, 3}, false, nullptr};
  y.grid = grid_of(dequantize(1), codes.inputs);
  const std::vector<const Value*> inputs{&y, &y};
  for (const Op op : {Op::kAdd, Op::kSigmoid, Op::kAveragePool, Op::kConcat}) {
    Node node;
    node.op = op;
    EXPECT_EQ(grid_of(node, inputs), nullptr);
  }
}

}  // namespace
}  // namespace mantissa::network
