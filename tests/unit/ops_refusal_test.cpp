// SPDX-License-Identifier: Apache-2.0
// What operators refuse, and how they say it; and that no operator reads or allocates beyond what its inputs allow.
#include <limits>

#include "unit/ops_support.h"

namespace mantissa::network {
namespace {

using namespace test;
using ::testing::HasSubstr;

std::string refused(const Node& n, const std::vector<Shape>& shapes) {
  return refusal_of([&] { infer_shapes(n, shapes); });
}
std::string refused_run(const Node& n, const std::vector<std::optional<Tensor>>& inputs) {
  return refusal_of([&] { run(n, inputs); });
}

TEST(OpTable, HasOneRowPerEnumeratorInItsOrder) {
  ASSERT_EQ(op_table().size(), static_cast<std::size_t>(Op::kCount));
  for (std::size_t i = 0; i < op_table().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(op_table()[i].op), i) << op_table()[i].name;
    EXPECT_NE(op_table()[i].infer, nullptr) << op_table()[i].name;
    EXPECT_EQ(find_op(op_table()[i].name), &op_table()[i]);
    const bool compact = op_table()[i].name.starts_with("mantissa.");
    EXPECT_TRUE(op_table()[i].evaluate != nullptr || compact) << op_table()[i].name;
  }
  EXPECT_EQ(find_op("NoSuchOperator"), nullptr);
}

TEST(OpTable, ChargesEveryVectorOperatorForItsWork) {
  for (const OpInfo& row : op_table()) {
    if (row.kind == KernelKind::kVector || row.kind == KernelKind::kReduce) {
      EXPECT_GT(row.vector_ops + row.special_ops, 0) << row.name;
      EXPECT_GE(row.reduce_passes, 1) << row.name;
    }
  }
}

TEST(OpTable, GivesAReasonForOperatorsOutsideIt) {
  EXPECT_THAT(refusal("NonZero"), HasSubstr("depends on data"));
  EXPECT_THAT(refusal("LSTM"), HasSubstr("recurrent"));
  EXPECT_THAT(refusal("If"), HasSubstr("control flow"));
  EXPECT_THAT(refusal("NoSuchOperator"), HasSubstr("not one of the operators"));
}

TEST(Operators, RefuseWrongCountsOfInputsAndOutputs) {
  EXPECT_EQ(refused(node(Op::kRelu), {}), "it has 0 inputs, expected 1");
  EXPECT_EQ(refused(node(Op::kConv), {{1, 1, 2, 2}}), "it has 1 inputs, expected 2 to 3");
  EXPECT_EQ(refused(node(Op::kSum), {}), "it has 0 inputs, expected at least 1");
  EXPECT_EQ(refused(node(Op::kRelu, {}, 17, 2), {{1}}), "it has 2 outputs, expected at most 1");
}

TEST(Operators, RefuseAttributesTheyDoNotKnow) {
  EXPECT_EQ(refused(node(Op::kRelu, {{"slope", 1.0F}}), {{1}}), "attribute 'slope' is not supported");
  EXPECT_EQ(refused(node(Op::kAveragePool, {{"kernel_shape", Ints{1}}, {"dilations", Ints{2}}}), {{1, 1, 4}}),
            "attribute 'dilations' is not supported");
}

TEST(Operators, RefuseWrongInputTypes) {
  EXPECT_EQ(refusal_of([] {
              infer_shapes(node(Op::kConv), {{1, 1, 2, 2}, {1, 1, 2, 2}}, ElementType::kInt64);
            }),
            "its input must be float, not int64");
  EXPECT_EQ(refused_run(node(Op::kAdd), {floats({1}, {1}), ints({1}, {1})}),
            "its inputs have different types, float and int64");
  EXPECT_EQ(refused_run(node(Op::kExp), {ints({1}, {1})}), "its input must be float or double, not int64");
}

TEST(Conv, SaysWhichChannelsDoNotFit) {
  EXPECT_EQ(refused(node(Op::kConv), {{1, 32, 8, 8}, {16, 64, 3, 3}}),
            "the weights expect 64 input channels, the input has 32");
  EXPECT_EQ(refused(node(Op::kConv, {{"group", std::int64_t{3}}}), {{1, 6, 8, 8}, {16, 2, 3, 3}}),
            "16 output channels are not divisible by group 3");
  EXPECT_EQ(refused(node(Op::kConv), {{1, 2, 8, 8}, {4, 2, 3, 3}, {5}}),
            "the bias has shape 5, expected 4 output channels");
  EXPECT_EQ(refused(node(Op::kGemm), {{1, 512}, {256, 10}}),
            "the weights expect 256 input features, the input has 512");
}

TEST(Conv, RefusesImpossibleWindows) {
  const std::vector<Shape> shapes{{1, 2, 8, 8}, {4, 2, 3, 3}};
  const auto with = [&](const char* name, Ints list) {
    return refused(node(Op::kConv, {{name, std::move(list)}}), shapes);
  };
  EXPECT_EQ(with("strides", {0, 1}), "strides must be at least 1, not 0");
  EXPECT_EQ(with("strides", {1}), "strides has 1 entries, expected 2");
  EXPECT_EQ(with("pads", {-1, 0, 0, 0}), "pads must be at least 0, not -1");
  EXPECT_EQ(with("dilations", {0, 0}), "dilations must be at least 1, not 0");
  EXPECT_EQ(with("dilations", {8, 8}), "its window of 17 does not fit the padded input of 8");
  EXPECT_EQ(with("kernel_shape", {5, 5}), "kernel_shape 5x5 differs from that of the weights, 3x3");
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  EXPECT_NE(with("pads", {huge, huge, huge, huge}), "");
  EXPECT_NE(with("dilations", {huge, huge}), "");
  EXPECT_NE(with("strides", {huge, huge}), "");
  EXPECT_EQ(refused(node(Op::kConv, {{"auto_pad", std::string("SAME")}}), shapes),
            "auto_pad 'SAME' is not NOTSET, VALID, SAME_UPPER or SAME_LOWER");
}

TEST(Pool, RefusesWindowsInPaddingAlone) {
  EXPECT_EQ(refused(node(Op::kMaxPool, {{"kernel_shape", Ints{2}}, {"pads", Ints{2, 0}}}), {{1, 1, 4}}),
            "pads of 2 put whole windows of 2 into the padding");
  EXPECT_EQ(refused(node(Op::kMaxPool), {{1, 1, 4}}), "kernel_shape is missing");
}

TEST(Shapes, AreCheckedBeforeAnythingIsAllocated) {
  const std::int64_t big = std::int64_t{1} << 40;
  EXPECT_THAT(refused(node(Op::kAdd), {{big, 1}, {1, big}}), HasSubstr("more than 2^62 elements"));
  EXPECT_THAT(refused_run(node(Op::kExpand), {floats({1}, {1}), ints({1}, {big})}), HasSubstr("too large to compute"));
  EXPECT_THAT(refused_run(node(Op::kExpand), {floats({1}, {1}), ints({1}, {-1})}), HasSubstr("negative dimension"));
  EXPECT_THAT(refused_run(node(Op::kTile), {floats({2}, {1, 2}), ints({1}, {big})}), HasSubstr("repeats dimension 0"));
  EXPECT_THAT(refused_run(node(Op::kConstantOfShape), {ints({2}, {big, big})}), HasSubstr("more than 2^62 elements"));
  EXPECT_THAT(refused_run(node(Op::kPad), {floats({1}, {1}), ints({2}, {big, big})}), HasSubstr("too large"));
  EXPECT_THAT(refused_run(node(Op::kRange), {floats({}, {0}), floats({}, {1e30F}), floats({}, {1e-30F})}),
              HasSubstr("elements"));
  EXPECT_THAT(refused_run(node(Op::kOneHot), {ints({1}, {0}), ints({}, {big}), floats({2}, {0, 1})}),
              HasSubstr("depth"));
  EXPECT_THAT(refused_run(node(Op::kResize), {floats({1}, {1}), std::nullopt, floats({1}, {1e30F})}),
              HasSubstr("would grow"));
}

TEST(Shapes, ThatDoNotBroadcastAreNamed) {
  EXPECT_EQ(refused(node(Op::kAdd), {{2, 3}, {4, 3}}), "shapes 2x3 and 4x3 do not broadcast");
  EXPECT_EQ(refused(node(Op::kConcat, {{"axis", std::int64_t{1}}}), {{2, 3}, {3, 3}}),
            "its inputs 2x3 and 3x3 differ in more than dimension 1");
  EXPECT_EQ(refused(node(Op::kMatMul), {{2, 3}, {4, 5}}), "the inner dimensions of 2x3 and 4x5 differ: 3 and 4");
}

TEST(Reshape, NeedsAKnownTargetThatFits) {
  EXPECT_EQ(refused_run(node(Op::kReshape), {floats({6}, {1, 2, 3, 4, 5, 6}), ints({2}, {4, -1})}),
            "6 elements do not fill a shape of 4 with one open dimension");
  EXPECT_EQ(refused_run(node(Op::kReshape), {floats({2}, {1, 2}), ints({2}, {-1, -1})}),
            "its target shape -1x-1 leaves two dimensions open");
  EXPECT_THAT(refused(node(Op::kReshape), {{6}, {2}}), HasSubstr("must be known when the network is imported"));
}

TEST(Axes, OutOfRangeAreRefused) {
  EXPECT_EQ(refused(node(Op::kSoftmax, {{"axis", std::int64_t{4}}}), {{2, 3}}),
            "axis 4 is out of range for a tensor of rank 2");
  EXPECT_EQ(refused(node(Op::kReduceMean, {{"axes", Ints{1, -1}}}), {{2, 3}}), "axis -1 is listed twice");
  EXPECT_EQ(refused(node(Op::kTranspose, {{"perm", Ints{0, 0}}}), {{2, 3}}), "axis 0 is listed twice");
}

TEST(Indices, OutsideTheTensorAreRefused) {
  const Tensor x = floats({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(refused_run(node(Op::kGather), {x, ints({1}, {2})}), "index 2 is outside a dimension of 2");
  EXPECT_EQ(refused_run(node(Op::kGatherElements), {x, ints({1, 1}, {-3})}), "index -3 is outside a dimension of 2");
  EXPECT_EQ(refused_run(node(Op::kGatherND), {x, ints({1, 2}, {0, 5})}), "index 5 is outside a dimension of 2");
  EXPECT_EQ(refused_run(node(Op::kScatterND), {x, ints({1, 1}, {7}), floats({1, 2}, {0, 0})}),
            "index 7 is outside a dimension of 2");
}

TEST(Integers, DivisionHasNoUndefinedCases) {
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(refused_run(node(Op::kDiv), {ints({1}, {1}), ints({1}, {0})}), "integer division by zero");
  EXPECT_EQ(refused_run(node(Op::kMod), {ints({1}, {1}), ints({1}, {0})}), "integer remainder by zero");
  EXPECT_EQ(integers(run(node(Op::kDiv), {ints({1}, {least}), ints({1}, {-1})})[0]), Ints{least});
  EXPECT_EQ(integers(run(node(Op::kMod), {ints({1}, {least}), ints({1}, {-1})})[0]), Ints{0});
}

TEST(Evaluate, RefusesTensorsWhoseDataDoNotFillTheirShape) {
  Tensor broken = floats({2, 2}, {1, 2, 3, 4});
  broken.shape = {200, 200};
  EXPECT_EQ(refused_run(node(Op::kRelu), {broken}), "input 0 of shape 200x200 holds 4 elements");
}

TEST(Dropout, KeepsEverythingAndRefusesTraining) {
  const Tensor x = floats({2}, {1, 2});
  const auto out = run(node(Op::kDropout, {}, 13, 2), {x});
  EXPECT_EQ(values(out[0]), values(x));
  EXPECT_EQ(integers(out[1]), (Ints{1, 1}));
  EXPECT_THAT(refused_run(node(Op::kDropout), {x, floats({}, {0.5F}), ints({}, {1}, ElementType::kBool)}),
              HasSubstr("training"));
}

}  // namespace
}  // namespace mantissa::network
