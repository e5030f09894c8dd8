// SPDX-License-Identifier: Apache-2.0
#include "network/compact/builder.h"

#include <fmt/format.h>

#include "base/error.h"

namespace mantissa::network {
namespace {

constexpr std::size_t kMaxNodes = 100'000;
constexpr std::int64_t kMaxElements = std::int64_t{1} << 36;  // of one tensor: it has a shape and no data
constexpr int kOpset = 17;

}  // namespace

Builder::Builder(std::string name, std::int64_t batch, const CompactOptions& options) : options_(options) {
  graph_.name = std::move(name);
  graph_.batch = batch;
  graph_.has_weights = false;
}

void Builder::fail(const config::YamlNode& at, const std::string& message) {
  at.error(message);
  at.finish();
  throw std::logic_error("a reported mistake must end the reading");
}

ValueId Builder::place(Value value) {
  graph_.values.push_back(std::move(value));
  return static_cast<ValueId>(graph_.values.size() - 1);
}

void Builder::check_size(const Shape& shape, const config::YamlNode& at) const {
  double count = 1;
  for (const std::int64_t dim : shape) {
    count *= static_cast<double>(dim);
  }
  if (count > static_cast<double>(kMaxElements)) {
    fail(at,
         fmt::format("this makes a tensor of shape {}; at most {} elements are supported: use a smaller batch or layer",
                     to_string(shape), kMaxElements));
  }
}

ValueId Builder::input(const std::string& name, ElementType type, Shape shape, const config::YamlNode& at) {
  check_size(shape, at);
  const ValueId id = place({name, type, std::move(shape), false, nullptr});
  graph_.inputs.push_back(id);
  return id;
}

ValueId Builder::parameter(const std::string& name, Shape shape, const config::YamlNode& at) {
  check_size(shape, at);
  return place({name, ElementType::kFloat, std::move(shape), true, nullptr});
}

ValueId Builder::number(const std::string& name, float value) {
  Tensor tensor = Tensor::zeros(ElementType::kFloat, {});
  tensor.floats()[0] = value;
  return place({name, ElementType::kFloat, {}, false, std::make_shared<const Tensor>(std::move(tensor))});
}

ValueId Builder::integers(const std::string& name, std::vector<std::int64_t> values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  Tensor tensor{ElementType::kInt64, shape, std::move(values)};
  return place({name, ElementType::kInt64, shape, false, std::make_shared<const Tensor>(std::move(tensor))});
}

ValueId Builder::add(Op op, const std::string& name, std::vector<ValueId> inputs, Attributes attributes,
                     const config::YamlNode& at) {
  if (graph_.nodes.size() >= kMaxNodes) {
    fail(at, fmt::format("the network has more than {} operators; repeat fewer blocks", kMaxNodes));
  }
  Node node{name, op, kOpset, std::move(attributes), std::move(inputs), {-1}};
  std::vector<const Value*> values;
  for (const ValueId id : node.inputs) {
    values.push_back(id >= 0 ? &graph_.value(id) : nullptr);
  }
  TensorType type;
  try {
    type = infer(node, values).at(0);
  } catch (const OpError& error) {
    fail(at, fmt::format("{} ({}): {}", name, info(op).name, error.what()));
  }
  check_size(type.shape, at);
  node.outputs[0] = place({name, type.type, std::move(type.shape), false, nullptr});
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back().outputs[0];
}

Graph Builder::finish(ValueId output) {
  graph_.outputs = {output};
  return std::move(graph_);
}

}  // namespace mantissa::network
