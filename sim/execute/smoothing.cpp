// SPDX-License-Identifier: Apache-2.0
#include "execute/smoothing.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/error.h"
#include "execute/matrix/operand.h"
#include "network/op.h"

namespace mantissa::execute {

using network::Graph;
using network::Node;
using network::Op;
using network::Tensor;
using network::ValueId;

bool is_linear(const Graph& graph, const Node& node) {
  if ((node.op != Op::kGemm && node.op != Op::kMatMul) || node.inputs.size() < 2) {
    return false;
  }
  const auto &data = graph.value(node.inputs[0]), &weights = graph.value(node.inputs[1]);
  const bool turned = node.op == Op::kGemm && node.integer("transA", 0) != 0;
  return data.constant == nullptr && weights.constant != nullptr && weights.shape.size() == 2 && !turned;
}

std::map<ValueId, std::vector<float>> input_weight_magnitudes(const Graph& graph) {
  std::map<ValueId, std::vector<float>> result;
  for (const Node& node : graph.nodes) {
    if (!is_linear(graph, node)) {
      continue;
    }
    const Tensor& w = *graph.value(node.inputs[1]).constant;
    const bool has_channels_first = node.op == Op::kGemm && node.integer("transB", 0) != 0;
    try {
      if (has_channels_first) {
        quantize::add_input_magnitudes(w, result[node.inputs[0]]);
      } else {
        quantize::add_input_magnitudes(
            {w.type, {w.shape[1], w.shape[0]}, transposed(w.floats(), w.shape[0], w.shape[1])}, result[node.inputs[0]]);
      }
    } catch (const std::invalid_argument& error) {
      throw ConfigError({graph.name}, fmt::format("node '{}': {}", node.name, error.what()));
    }
  }
  return result;
}

}  // namespace mantissa::execute
