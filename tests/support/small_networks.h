// SPDX-License-Identifier: Apache-2.0
// Builds networks in memory, node by node, with shapes inferred by the operator table; and random tensors.
#pragma once
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "network/graph.h"
#include "network/op.h"

namespace mantissa::tests {

inline network::Tensor random_tensor(const network::Shape& shape, unsigned seed, float sigma = 1.0F,
                                     float mean = 0.0F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> values(mean, sigma);
  network::Tensor tensor = network::Tensor::zeros(network::ElementType::kFloat, shape);
  std::ranges::generate(tensor.floats(), [&] { return values(random); });
  return tensor;
}

class NetworkBuilder {
 public:
  NetworkBuilder() { graph_.name = "test"; }

  network::ValueId input(const network::Shape& shape, network::ElementType type = network::ElementType::kFloat) {
    const auto id = add("input" + std::to_string(graph_.inputs.size()), {type, shape});
    graph_.inputs.push_back(id);
    graph_.batch = shape.empty() ? 1 : shape[0];
    return id;
  }

  network::ValueId weights(network::Tensor tensor) {
    const auto id = add("weights" + std::to_string(graph_.values.size()), {tensor.type, tensor.shape});
    graph_.values.back().parameter = true;
    graph_.values.back().constant = std::make_shared<const network::Tensor>(std::move(tensor));
    return id;
  }

  network::ValueId node(network::Op op, std::vector<network::ValueId> inputs,
                        std::map<std::string, network::Attribute> attributes = {}) {
    network::Node node;
    node.op = op;
    node.name = std::string(network::info(op).name) + std::to_string(graph_.nodes.size());
    node.attributes = std::move(attributes);
    node.inputs = std::move(inputs);
    node.outputs = {static_cast<network::ValueId>(graph_.values.size())};
    std::vector<const network::Value*> values;
    for (const auto id : node.inputs) {
      values.push_back(id < 0 ? nullptr : &graph_.value(id));
    }
    const auto types = network::infer(node, values);
    add(node.name, types.at(0));
    graph_.nodes.push_back(std::move(node));
    return graph_.nodes.back().outputs[0];
  }

  network::Graph build(const std::vector<network::ValueId>& outputs) {
    graph_.outputs = outputs;
    return graph_;
  }

 private:
  network::ValueId add(std::string name, const network::TensorType& type) {
    network::Value value;
    value.name = std::move(name);
    value.type = type.type;
    value.shape = type.shape;
    graph_.values.push_back(std::move(value));
    return static_cast<network::ValueId>(graph_.values.size() - 1);
  }

  network::Graph graph_;
};

}  // namespace mantissa::tests
