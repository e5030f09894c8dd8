// SPDX-License-Identifier: Apache-2.0
#include "network/storage.h"

#include <algorithm>

#include "network/op.h"

namespace mantissa::network {

Storage integer_storage(ElementType type) {
  switch (type) {
    case ElementType::kBool:
    case ElementType::kInt8:
    case ElementType::kUint8:
      return Storage::kByte;
    case ElementType::kInt16:
    case ElementType::kUint16:
    case ElementType::kInt32:
    case ElementType::kUint32:
      return Storage::kWord;
    default:
      return Storage::kIndex;
  }
}

namespace {

// The inputs of quantized operators that are scales.
std::vector<std::size_t> scale_inputs(Op op) {
  switch (op) {
    case Op::kQuantizeLinear:
    case Op::kDequantizeLinear:
      return {1};
    case Op::kQLinearConv:
    case Op::kQLinearMatMul:
      return {1, 4, 6};
    default:
      return {};
  }
}

}  // namespace

std::vector<bool> find_scales(const Graph& graph) {
  std::vector<bool> scale(graph.values.size());
  const auto at = [&](ValueId id) { return scale[static_cast<std::size_t>(id)]; };
  for (const Node& node : graph.nodes) {
    for (const std::size_t i : scale_inputs(node.op)) {
      if (graph.value(node.inputs.at(i)).constant != nullptr) {
        scale[static_cast<std::size_t>(node.inputs[i])] = true;
      }
    }
    if (node.op == Op::kDynamicQuantizeLinear) {
      if (node.outputs.size() > 1 && node.outputs[1] >= 0) {
        scale[static_cast<std::size_t>(node.outputs[1])] = true;
      }
      continue;
    }
    const KernelKind kind = info(node.op).kind;
    const bool computed = (kind == KernelKind::kVector || kind == KernelKind::kView) && node.outputs.size() == 1;
    const bool known = std::ranges::all_of(
        node.inputs, [&](ValueId id) { return id < 0 || at(id) || graph.value(id).constant != nullptr; });
    if (computed && known && std::ranges::any_of(node.inputs, [&](ValueId id) { return id >= 0 && at(id); })) {
      scale[static_cast<std::size_t>(node.outputs[0])] = true;
    }
  }
  return scale;
}

}  // namespace mantissa::network
