// SPDX-License-Identifier: Apache-2.0
// Short ways to write nodes and tensors, and to run one operator, for the tests of the operator table.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "network/op.h"

namespace mantissa::network::test {

using Attributes = std::map<std::string, Attribute>;
using Ints = std::vector<std::int64_t>;

inline Tensor floats(Shape shape, std::vector<float> values) {
  Tensor t = Tensor::zeros(ElementType::kFloat, std::move(shape));
  t.data = std::move(values);
  return t;
}
inline Tensor ints(Shape shape, Ints values, ElementType type = ElementType::kInt64) {
  Tensor t = Tensor::zeros(type, std::move(shape));
  t.data = std::move(values);
  return t;
}
inline Tensor random_floats(Shape shape, std::mt19937& random) {
  Tensor t = Tensor::zeros(ElementType::kFloat, std::move(shape));
  std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
  for (float& v : t.floats()) {
    v = uniform(random);
  }
  return t;
}

inline Node node(Op op, Attributes attributes = {}, int opset = 17, std::size_t outputs = 1) {
  Node n;
  n.op = op;
  n.opset = opset;
  n.attributes = std::move(attributes);
  n.outputs.assign(outputs, 0);
  return n;
}

// Evaluates with all inputs given; std::nullopt: an absent optional input.
inline std::vector<Tensor> run(const Node& n, const std::vector<std::optional<Tensor>>& inputs) {
  std::vector<const Tensor*> pointers;
  for (const auto& input : inputs) {
    pointers.push_back(input ? &*input : nullptr);
  }
  return evaluate(n, pointers);
}

// Infers shapes of float values that are computed (not constant).
inline std::vector<TensorType> infer_shapes(const Node& n, const std::vector<Shape>& shapes,
                                            ElementType type = ElementType::kFloat) {
  std::vector<Value> values;
  for (const Shape& shape : shapes) {
    values.push_back({"x", type, shape, false, nullptr});
  }
  std::vector<const Value*> pointers;
  for (const Value& value : values) {
    pointers.push_back(&value);
  }
  return infer(n, pointers);
}

// The message with which an operator refuses; empty if it does not.
template <class Body>
std::string refusal_of(Body&& body) {
  try {
    body();
  } catch (const OpError& error) {
    return error.what();
  }
  return "";
}

inline std::vector<float> values(const Tensor& t) {
  return {t.floats().begin(), t.floats().end()};
}
inline Ints integers(const Tensor& t) {
  return {t.ints().begin(), t.ints().end()};
}

}  // namespace mantissa::network::test
