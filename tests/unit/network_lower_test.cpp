// SPDX-License-Identifier: Apache-2.0
// What becomes a kernel, what is fused, what is read and written, and in which storage.
#include <gtest/gtest.h>

#include "network/kernel.h"
#include "network/op.h"

namespace mantissa::network {
namespace {

// A graph built by hand; shapes come from the operator table.
struct Net {
  Graph graph;

  ValueId input(const std::string& name, Shape shape, ElementType type = ElementType::kFloat) {
    graph.values.push_back({name, type, std::move(shape), false, nullptr});
    graph.inputs.push_back(last());
    return last();
  }
  ValueId weight(const std::string& name, Shape shape) {
    graph.values.push_back({name, ElementType::kFloat, std::move(shape), true, nullptr});
    return last();
  }
  ValueId add(Op op, const std::string& name, std::vector<ValueId> inputs,
              std::map<std::string, Attribute> attributes = {}) {
    Node node{name, op, 17, std::move(attributes), std::move(inputs), {-1}};
    std::vector<const Value*> values;
    for (const ValueId id : node.inputs) {
      values.push_back(&graph.value(id));
    }
    const TensorType type = infer(node, values).at(0);
    graph.values.push_back({name, type.type, type.shape, false, nullptr});
    node.outputs[0] = last();
    graph.nodes.push_back(node);
    return last();
  }
  ValueId conv(const std::string& name, ValueId x, std::int64_t channels, std::int64_t kernel = 1) {
    const std::int64_t pad = kernel / 2;
    return add(Op::kConv, name, {x, weight(name + ".w", {channels, graph.value(x).shape[1], kernel, kernel})},
               {{"pads", std::vector<std::int64_t>{pad, pad, pad, pad}}});
  }
  std::vector<Kernel> lowered(std::vector<ValueId> outputs) {
    graph.outputs = std::move(outputs);
    return lower(graph);
  }
  ValueId last() const { return static_cast<ValueId>(graph.values.size() - 1); }
};

TEST(Lowering, FusesAChainOfElementwiseNodesBehindAConvolution) {
  Net net;
  const ValueId x = net.input("x", {1, 3, 8, 8});
  const ValueId y = net.add(Op::kTanh, "tanh", {net.add(Op::kRelu, "relu", {net.conv("conv", x, 4, 3)})});
  const auto kernels = net.lowered({y});
  ASSERT_EQ(kernels.size(), 1U);
  EXPECT_EQ(kernels[0].nodes, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(kernels[0].epilogue_ops, 1);       // Relu
  EXPECT_EQ(kernels[0].epilogue_specials, 1);  // Tanh
  EXPECT_EQ(kernels[0].macs(), Macs(8 * 8 * 4 * 27));
  ASSERT_EQ(kernels[0].writes.size(), 1U);
  EXPECT_EQ(kernels[0].writes[0].value, y);
}

TEST(Lowering, DoesNotFuseAcrossAValueThatIsAnOutput) {
  Net net;
  const ValueId c = net.conv("conv", net.input("x", {1, 3, 8, 8}), 4);
  EXPECT_EQ(net.lowered({c, net.add(Op::kRelu, "relu", {c})}).size(), 2U);
}

TEST(Lowering, GivesAnAdditionToTheLaterOfTwoBranches) {
  Net net;
  const ValueId x = net.input("x", {1, 3, 8, 8});
  const ValueId a = net.conv("a", x, 4), b = net.conv("b", x, 4);
  const auto kernels = net.lowered({net.add(Op::kRelu, "relu", {net.add(Op::kAdd, "add", {a, b})})});
  ASSERT_EQ(kernels.size(), 2U);
  EXPECT_EQ(kernels[0].nodes, (std::vector<int>{0}));
  EXPECT_EQ(kernels[1].nodes, (std::vector<int>{1, 2, 3}));
  ASSERT_EQ(kernels[1].reads.size(), 3U);
  EXPECT_EQ(kernels[1].reads[2].value, a);  // the residual
  EXPECT_EQ(kernels[0].writes[0].storage, Storage::kVector);
}

TEST(Lowering, FusesSwishAlthoughItReadsItsInputTwice) {
  Net net;
  const ValueId c = net.conv("conv", net.input("x", {1, 3, 8, 8}), 4);
  const ValueId y = net.add(Op::kMul, "mul", {c, net.add(Op::kSigmoid, "sigmoid", {c})});
  const auto kernels = net.lowered({y});
  ASSERT_EQ(kernels.size(), 1U);
  EXPECT_EQ(kernels[0].reads.size(), 2U);  // input and weights: nothing of the tail
}

TEST(Lowering, LeavesABroadcastToAKernelOfItsOwn) {
  Net net;
  const ValueId x = net.input("x", {1, 4, 8, 8});
  const ValueId pooled = net.add(Op::kGlobalAveragePool, "pool", {x});
  const ValueId gate = net.add(Op::kSigmoid, "gate", {net.conv("conv", pooled, 4)});
  const auto kernels = net.lowered({net.add(Op::kMul, "scale", {x, gate})});
  ASSERT_EQ(kernels.size(), 3U);
  const auto& pool = std::get<ReduceWork>(kernels[0].work);
  EXPECT_EQ(pool.rows, 4);
  EXPECT_EQ(pool.length, 64);
  EXPECT_EQ(std::get<VectorWork>(kernels[2].work).elements, 256);
  ASSERT_EQ(kernels[2].reads.size(), 2U);
  EXPECT_EQ(kernels[2].reads[1].elements, 4);
}

TEST(Lowering, FusesElementwiseNodesIntoOneVectorKernel) {
  Net net;
  const ValueId a = net.input("a", {4, 5}), b = net.input("b", {4, 5});
  const ValueId y = net.add(Op::kExp, "exp", {net.add(Op::kMul, "mul", {net.add(Op::kAdd, "add", {a, b}), a})});
  const auto kernels = net.lowered({y});
  ASSERT_EQ(kernels.size(), 1U);
  const auto& work = std::get<VectorWork>(kernels[0].work);
  EXPECT_EQ(work.elements, 20);
  EXPECT_EQ(work.ops, 2);
  EXPECT_EQ(work.specials, 1);
  EXPECT_EQ(kernels[0].reads.size(), 2U);  // a once, although two nodes read it
}

TEST(Lowering, SeesThroughViews) {
  Net net;
  const ValueId c = net.conv("conv", net.input("x", {1, 3, 2, 2}), 4);
  const ValueId flat = net.add(Op::kFlatten, "flatten", {c});
  const ValueId y = net.add(Op::kMatMul, "fc", {flat, net.weight("w", {16, 10})});
  const auto kernels = net.lowered({y});
  ASSERT_EQ(kernels.size(), 2U);
  EXPECT_EQ(kernels[1].reads[0].value, c);
  EXPECT_EQ(kernels[1].reads[0].elements, 16);
  EXPECT_EQ(kernels[0].writes[0].storage, Storage::kMatrix);  // only the matrix product reads it
  EXPECT_EQ(std::get<GemmWork>(kernels[1].work), (GemmWork{1, 1, 10, 16}));
}

TEST(Storage, IsTheMatrixFormatOnlyWhenAllReadersAreMatrixOperations) {
  Net net;
  const ValueId x = net.input("x", {1, 4, 8, 8});
  const ValueId a = net.conv("a", x, 4), b = net.conv("b", a, 4), c = net.conv("c", b, 4);
  const auto kernels = net.lowered({net.add(Op::kAdd, "add", {c, a})});
  ASSERT_EQ(kernels.size(), 3U);
  EXPECT_EQ(kernels[0].reads[0].storage, Storage::kMatrix);   // the input feeds a convolution
  EXPECT_EQ(kernels[0].reads[1].storage, Storage::kMatrix);   // weights
  EXPECT_EQ(kernels[0].writes[0].storage, Storage::kVector);  // read by a convolution, and as a residual
  EXPECT_EQ(kernels[1].reads[0].storage, Storage::kVector);
  EXPECT_EQ(kernels[1].writes[0].storage, Storage::kMatrix);
  EXPECT_EQ(kernels[2].writes[0].storage, Storage::kVector);  // the network's output
}

TEST(Storage, KeepsIndicesAsIndices) {
  Net net;
  const ValueId tokens = net.input("tokens", {1, 6}, ElementType::kInt64);
  const auto kernels = net.lowered({net.add(Op::kGather, "embed", {net.weight("table", {100, 8}), tokens})});
  ASSERT_EQ(kernels.size(), 1U);
  EXPECT_EQ(std::get<CopyWork>(kernels[0].work), (CopyWork{48, 8}));
  EXPECT_EQ(kernels[0].reads[0].elements, 48);  // six rows, not the table
  EXPECT_TRUE(kernels[0].reads[0].weights);
  EXPECT_EQ(kernels[0].reads[1].storage, Storage::kIndex);
}

TEST(Work, OfPoolsAndSoftmaxCountsWhatIsRead) {
  Net net;
  const ValueId x = net.input("x", {2, 4, 8, 8});
  const ValueId pooled = net.add(Op::kMaxPool, "pool", {x},
                                 {{"kernel_shape", std::vector<std::int64_t>{3, 3}},
                                  {"strides", std::vector<std::int64_t>{2, 2}},
                                  {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  const auto kernels = net.lowered({net.add(Op::kSoftmax, "softmax", {pooled}, {{"axis", std::int64_t{1}}})});
  ASSERT_EQ(kernels.size(), 2U);
  EXPECT_EQ(std::get<ReduceWork>(kernels[0].work).rows, 2 * 4 * 4 * 4);
  EXPECT_EQ(std::get<ReduceWork>(kernels[0].work).length, 9);
  EXPECT_EQ(std::get<ReduceWork>(kernels[1].work).rows, 2 * 4 * 4);
  EXPECT_EQ(std::get<ReduceWork>(kernels[1].work).length, 4);
  EXPECT_EQ(std::get<ReduceWork>(kernels[1].work).passes, 3);
}

TEST(Work, OfATransposedConvolutionHasInputPixelsTimesKernelMultiplyAccumulates) {
  for (const std::int64_t kernel : {2, 3, 4, 5}) {
    Net net;
    const ValueId x = net.input("x", {1, 6, 5, 7});
    const ValueId y = net.add(Op::kConvTranspose, "up", {x, net.weight("w", {6, 4, kernel, kernel})},
                              {{"strides", std::vector<std::int64_t>{2, 2}}});
    const auto kernels = net.lowered({y});
    ASSERT_EQ(kernels.size(), 1U);
    EXPECT_EQ(kernels[0].macs(), Macs(5 * 7 * 6 * 4 * kernel * kernel)) << kernel;
  }
}

TEST(Work, OfABatchOfProductsKeepsTheBatch) {
  Net net;
  const ValueId a = net.input("a", {2, 3, 5, 7}), b = net.input("b", {2, 3, 7, 4});
  const auto kernels = net.lowered({net.add(Op::kMatMul, "product", {a, b})});
  EXPECT_EQ(std::get<GemmWork>(kernels.at(0).work), (GemmWork{6, 5, 4, 7}));
}

TEST(Work, OfAProductWithOneWeightMatrixJoinsTheBatchToTheRows) {
  Net net;
  const ValueId a = net.input("a", {2, 5, 7});
  const auto kernels = net.lowered({net.add(Op::kMatMul, "linear", {a, net.weight("w", {7, 4})})});
  EXPECT_EQ(std::get<GemmWork>(kernels.at(0).work), (GemmWork{1, 10, 4, 7}));
}

TEST(Im2col, MakesTheMatrixProductOfTheConvolution) {
  const ConvWork conv{2, 8, 10, 10, 16, 5, 5, 3, 3, 2, 2, 1, 1, 4};
  EXPECT_EQ(as_gemm(conv), (GemmWork{4, 2 * 5 * 5, 4, 2 * 9}));
  Kernel a, b;
  a.work = conv;
  b.work = as_gemm(conv);
  EXPECT_EQ(a.macs(), b.macs());
}

}  // namespace
}  // namespace mantissa::network
