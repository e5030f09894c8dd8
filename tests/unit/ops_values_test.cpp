// SPDX-License-Identifier: Apache-2.0
// Values that the conformance suites do not cover: operators without a test there, rounding, wrapping, NaN, old
// operator sets.
#include <cmath>
#include <limits>

#include "network/ops/einsum.h"
#include "unit/ops_support.h"

namespace mantissa::network {
namespace {

using namespace test;
using ::testing::ElementsAre;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Unary, RoundsOnceFromDouble) {
  for (float x : {0.1F, 0.7F, 1.3F, 9.0F}) {
    EXPECT_EQ(run(node(Op::kExp), {floats({1}, {x})})[0].floats()[0],
              static_cast<float>(std::exp(static_cast<double>(x))));
    EXPECT_EQ(run(node(Op::kTanh), {floats({1}, {x})})[0].floats()[0],
              static_cast<float>(std::tanh(static_cast<double>(x))));
  }
}

TEST(Relu, KeepsNaN) {
  EXPECT_TRUE(std::isnan(run(node(Op::kRelu), {floats({1}, {kNaN})})[0].floats()[0]));
  EXPECT_EQ(values(run(node(Op::kRelu), {floats({3}, {-1, 0, 2})})[0]), (std::vector<float>{0, 0, 2}));
}

TEST(Clip, ReadsAttributesBeforeOpset11AndInputsSince) {
  const Tensor x = floats({3}, {-2, 3, 9});
  EXPECT_THAT(values(run(node(Op::kClip, {{"min", 0.0F}, {"max", 6.0F}}, 6), {x})[0]), ElementsAre(0, 3, 6));
  EXPECT_THAT(values(run(node(Op::kClip), {x, std::nullopt, floats({}, {6})})[0]), ElementsAre(-2, 3, 6));
}

TEST(MinMax, GiveNaNIfAnOperandIsNaN) {
  for (Op op : {Op::kMin, Op::kMax}) {
    EXPECT_TRUE(std::isnan(run(node(op), {floats({1}, {kNaN}), floats({1}, {1})})[0].floats()[0]));
    EXPECT_TRUE(std::isnan(run(node(op), {floats({1}, {1}), floats({1}, {kNaN})})[0].floats()[0]));
  }
}

TEST(Add, AlignsTheSecondOperandWithItsAxisInOpset6) {
  const Tensor x = floats({1, 2, 2}, {0, 0, 0, 0}), bias = floats({2}, {1, 2});
  const Attributes attributes{{"broadcast", std::int64_t{1}}, {"axis", std::int64_t{1}}};
  EXPECT_THAT(values(run(node(Op::kAdd, attributes, 6), {x, bias})[0]), ElementsAre(1, 1, 2, 2));
  EXPECT_THAT(values(run(node(Op::kAdd), {x, bias})[0]), ElementsAre(1, 2, 1, 2));
}

TEST(Integers, WrapToTheirWidth) {
  EXPECT_THAT(
      integers(run(node(Op::kAdd), {ints({1}, {200}, ElementType::kUint8), ints({1}, {100}, ElementType::kUint8)})[0]),
      ElementsAre(44));
  EXPECT_THAT(
      integers(run(node(Op::kMul), {ints({1}, {100}, ElementType::kInt8), ints({1}, {3}, ElementType::kInt8)})[0]),
      ElementsAre(44));
  EXPECT_THAT(integers(run(node(Op::kNeg), {ints({1}, {-128}, ElementType::kInt8)})[0]), ElementsAre(-128));
}

TEST(Cast, TruncatesSaturatesAndMapsNaNToZero) {
  const Tensor x = floats({5}, {-1.9F, 1.9F, kNaN, 1e30F, -1e30F});
  const auto most = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();
  EXPECT_THAT(integers(run(node(Op::kCast, {{"to", std::int64_t{7}}}), {x})[0]), ElementsAre(-1, 1, 0, most, least));
  EXPECT_THAT(integers(run(node(Op::kCast, {{"to", std::int64_t{9}}}), {floats({2}, {0, 0.5F})})[0]),
              ElementsAre(0, 1));
}

TEST(Softmax, FlattensBeforeOpset13) {
  const Tensor x = floats({1, 2, 2}, {0, 0, 0, 0});
  const Attributes axis{{"axis", std::int64_t{1}}};
  EXPECT_THAT(values(run(node(Op::kSoftmax, axis, 11), {x})[0]), ElementsAre(0.25F, 0.25F, 0.25F, 0.25F));
  EXPECT_THAT(values(run(node(Op::kSoftmax, axis, 13), {x})[0]), ElementsAre(0.5F, 0.5F, 0.5F, 0.5F));
}

TEST(ReduceSum, AddsInDoubleAndRoundsOnce) {
  EXPECT_THAT(values(run(node(Op::kReduceSum, {{"keepdims", std::int64_t{0}}}), {floats({3}, {1e8F, 1.0F, -1e8F})})[0]),
              ElementsAre(1.0F));
}

TEST(LpNormalization, DividesByTheNormAlongItsAxis) {
  const Tensor x = floats({2, 2}, {3, 4, 0, 0});
  EXPECT_THAT(values(run(node(Op::kLpNormalization), {x})[0]), ElementsAre(0.6F, 0.8F, 0, 0));
  EXPECT_THAT(values(run(node(Op::kLpNormalization, {{"p", std::int64_t{1}}, {"axis", std::int64_t{0}}}), {x})[0]),
              ElementsAre(1, 1, 0, 0));
}

TEST(LpPool, IsTheNormOfEachWindow) {
  const Tensor x = floats({1, 1, 4}, {3, -4, 6, 8});
  EXPECT_THAT(values(run(node(Op::kLpPool, {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}}), {x})[0]),
              ElementsAre(5, 10));
  EXPECT_THAT(values(run(node(Op::kGlobalLpPool, {{"p", std::int64_t{1}}}), {x})[0]), ElementsAre(21));
}

TEST(Silu, IsXTimesItsSigmoid) {
  EXPECT_FLOAT_EQ(run(node(Op::kSilu), {floats({1}, {2})})[0].floats()[0], 2.0F / (1.0F + std::exp(-2.0F)));
}

TEST(Gelu, IsXTimesTheNormalDistribution) {
  EXPECT_FLOAT_EQ(run(node(Op::kGelu), {floats({1}, {1})})[0].floats()[0], 0.8413447F);
}

TEST(RmsNorm, DividesByTheRootMeanSquare) {
  const auto out = run(node(Op::kRmsNorm, {{"epsilon", 0.0F}}), {floats({1, 2}, {1, 7}), floats({2}, {5, 10})});
  EXPECT_THAT(values(out[0]), ElementsAre(1, 14));
}

TEST(Slice, FollowsPythonAtTheBorders) {
  const Tensor x = floats({5}, {0, 1, 2, 3, 4});
  const auto slice = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return values(
        run(node(Op::kSlice), {x, ints({1}, {start}), ints({1}, {end}), ints({1}, {0}), ints({1}, {step})})[0]);
  };
  const auto least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  EXPECT_THAT(slice(1, most, 2), ElementsAre(1, 3));
  EXPECT_THAT(slice(most, least, -1), ElementsAre(4, 3, 2, 1, 0));
  EXPECT_THAT(slice(-2, least, -3), ElementsAre(3, 0));
  EXPECT_THAT(slice(0, 5, most), ElementsAre(0));
  EXPECT_THAT(slice(3, 3, 1), ElementsAre());
}

TEST(Pad, ReflectsWithoutTheEdgeAndCropsWhereNegative) {
  const Tensor x = floats({3}, {1, 2, 3});
  const auto pad = [&](const char* mode, Ints pads) {
    return values(run(node(Op::kPad, {{"mode", std::string(mode)}}), {x, ints({2}, std::move(pads))})[0]);
  };
  EXPECT_THAT(pad("reflect", {2, 1}), ElementsAre(3, 2, 1, 2, 3, 2));
  EXPECT_THAT(pad("edge", {1, 2}), ElementsAre(1, 1, 2, 3, 3, 3));
  EXPECT_THAT(pad("constant", {-1, 1}), ElementsAre(2, 3, 0));
}

TEST(Resize, DoublesWithAllPixelsTwiceWhenNearest) {
  const Tensor x = floats({1, 1, 1, 2}, {1, 2});
  const auto out = run(node(Op::kResize, {{"coordinate_transformation_mode", std::string("asymmetric")},
                                          {"nearest_mode", std::string("floor")}}),
                       {x, std::nullopt, floats({4}, {1, 1, 2, 2})});
  EXPECT_EQ(out[0].shape, (Shape{1, 1, 2, 4}));
  EXPECT_THAT(values(out[0]), ElementsAre(1, 1, 2, 2, 1, 1, 2, 2));
}

TEST(Einsum, GroupsItsLettersIntoAMatrixProduct) {
  const Node n = node(Op::kEinsum, {{"equation", std::string("bij,bjk->bik")}});
  const std::vector<Shape> shapes{{2, 3, 4}, {2, 4, 5}};
  EXPECT_EQ(ops::einsum_work(n, shapes), (GemmWork{2, 3, 5, 4}));
  EXPECT_EQ(infer_shapes(n, shapes)[0].shape, (Shape{2, 3, 5}));
}

TEST(Attention, KeepsTheShapeOfItsQueriesAndChecksItsHeads) {
  const Attributes heads{{"heads", std::int64_t{4}},
                         {"kv_heads", std::int64_t{2}},
                         {"head_dim", std::int64_t{8}},
                         {"causal", std::int64_t{1}}};
  const Node n = node(Op::kAttention, heads);
  EXPECT_EQ(infer_shapes(n, {{1, 3, 32}, {1, 3, 16}, {1, 3, 16}})[0].shape, (Shape{1, 3, 32}));
  EXPECT_EQ(infer_shapes(n, {{1, 1, 32}, {1, 1, 16}, {1, 1, 16}, {1, 9, 16}, {1, 9, 16}})[0].shape, (Shape{1, 1, 32}));
  EXPECT_EQ(refusal_of([&] {
              infer_shapes(n, {{1, 3, 32}, {1, 3, 32}, {1, 3, 32}});
            }),
            "K has 32 features, expected 2 heads of 8");
}

}  // namespace
}  // namespace mantissa::network
