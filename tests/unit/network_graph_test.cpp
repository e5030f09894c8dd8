// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <stdexcept>

#include "network/graph.h"
#include "network/onnx/order.h"
#include "network/op.h"

namespace mantissa::network {
namespace {

TEST(Shapes, CountTheirElements) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3, 5}), 30);
  EXPECT_EQ(element_count({2, 0, 5}), 0);
  EXPECT_EQ(element_count({std::int64_t{1} << 31, std::int64_t{1} << 31}), std::int64_t{1} << 62);
}

TEST(Shapes, RefuseCountsBeyond62BitsEvenNextToAZero) {
  const std::int64_t big = std::int64_t{1} << 32;
  EXPECT_THROW(element_count({big, big}), std::overflow_error);
  EXPECT_THROW(element_count({0, big, big}), std::overflow_error);
  EXPECT_THROW(element_count({4, -1}), std::overflow_error);
}

TEST(Shapes, AreWrittenWithCrosses) {
  EXPECT_EQ(to_string(Shape{1, 64, 56, 56}), "1x64x56x56");
  EXPECT_EQ(to_string(Shape{}), "scalar");
}

TEST(Tensors, HoldZerosOfTheirKind) {
  EXPECT_EQ(Tensor::zeros(ElementType::kFloat, {2, 2}).floats().size(), 4U);
  EXPECT_EQ(Tensor::zeros(ElementType::kInt8, {3}).ints().size(), 3U);
  EXPECT_EQ(std::get<std::vector<double>>(Tensor::zeros(ElementType::kDouble, {}).data).size(), 1U);
}

TEST(Attributes, AreReadWithTheirTypeOrRefused) {
  Node node;
  node.attributes = {{"group", std::int64_t{4}}, {"alpha", 0.5F}, {"mode", std::string("linear")}};
  EXPECT_EQ(node.integer("group", 1), 4);
  EXPECT_EQ(node.integer("axis", -1), -1);
  EXPECT_EQ(node.real("alpha", 1), 0.5F);
  EXPECT_EQ(node.text("mode", ""), "linear");
  EXPECT_EQ(node.integers("pads", {1, 2}), (std::vector<std::int64_t>{1, 2}));
  try {
    static_cast<void>(node.integer("mode", 0));
    FAIL() << "accepted";
  } catch (const OpError& error) {
    EXPECT_STREQ(error.what(), "attribute 'mode' must be an integer");
  }
}

TEST(Order, KeepsAnOrderThatIsRight) {
  EXPECT_EQ(order_nodes({{{"x"}, {"a"}}, {{"a"}, {"b"}}, {{"a", "b"}, {"c"}}}).order, (std::vector<int>{0, 1, 2}));
}

TEST(Order, SortsNodesThatComeTooEarly) {
  EXPECT_EQ(order_nodes({{{"b"}, {"c"}}, {{"a"}, {"b"}}, {{"x"}, {"a"}}}).order, (std::vector<int>{2, 1, 0}));
}

TEST(Order, FindsTheNodesOfACycleAndNotThoseBehindIt) {
  const NodeOrder order = order_nodes({{{"x", "d"}, {"a"}}, {{"a"}, {"b"}}, {{"b"}, {"d"}}, {{"d"}, {"e"}}});
  EXPECT_EQ(order.cycle, (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace mantissa::network
