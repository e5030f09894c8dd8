// SPDX-License-Identifier: Apache-2.0
// Small ONNX networks of tests/data/onnx with what another program computed for an input, and the computation of a
// network operator by operator.
#pragma once
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "network/import.h"
#include "network/op.h"

namespace mantissa::tests {

inline std::string data_file(const std::string& name) {
  return std::string(MANTISSA_SOURCE_DIR) + "/tests/data/onnx/" + name;
}

// A .values file: name, type and shape in one line, numbers in the next.
inline std::map<std::string, network::Tensor> read_values(const std::string& name) {
  std::ifstream file(data_file(name + ".values"));
  std::map<std::string, network::Tensor> tensors;
  for (std::string head, numbers; std::getline(file, head) && std::getline(file, numbers);) {
    std::istringstream words(head), list(numbers);
    std::string key, type, sizes;
    words >> key >> type >> sizes;
    network::Shape shape;
    std::istringstream dimensions(sizes);
    for (std::string size; std::getline(dimensions, size, 'x');) {
      shape.push_back(std::stoll(size));
    }
    auto tensor = network::Tensor::zeros(type == "float" ? network::ElementType::kFloat : network::ElementType::kInt64,
                                         std::move(shape));
    std::visit(
        [&]<class T>(std::vector<T>& data) {
          if constexpr (std::is_arithmetic_v<T>) {
            std::ranges::for_each(data, [&](T& x) { list >> x; });
          }
        },
        tensor.data);
    tensors[key] = std::move(tensor);
  }
  return tensors;
}

// The graph's outputs by name.
inline std::map<std::string, network::Tensor> compute(const network::Graph& graph,
                                                      const std::map<std::string, network::Tensor>& inputs) {
  std::vector<network::Tensor> values(graph.values.size());
  const auto at = [&](network::ValueId id) -> network::Tensor& { return values[static_cast<std::size_t>(id)]; };
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (graph.values[i].constant != nullptr) {
      values[i] = *graph.values[i].constant;
    }
  }
  for (const network::ValueId id : graph.inputs) {
    at(id) = inputs.at(graph.value(id).name);
  }
  for (const network::Node& node : graph.nodes) {
    std::vector<const network::Tensor*> operands;
    for (const network::ValueId id : node.inputs) {
      operands.push_back(id < 0 ? nullptr : &at(id));
    }
    std::vector<network::Tensor> results = network::evaluate(node, operands);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      at(node.outputs[i]) = std::move(results[i]);
    }
  }
  std::map<std::string, network::Tensor> outputs;
  for (const network::ValueId id : graph.outputs) {
    outputs[graph.value(id).name] = at(id);
  }
  return outputs;
}

}  // namespace mantissa::tests
