// SPDX-License-Identifier: Apache-2.0
#include "execute/value_store.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/error.h"
#include "network/op.h"

namespace mantissa::execute {

using network::Graph;
using network::Node;
using network::Tensor;
using network::ValueId;

std::vector<int> count_uses(const Graph& graph) {
  std::vector<int> uses(graph.values.size(), 0);
  const auto count = [&](const std::vector<ValueId>& ids) {
    for (const ValueId id : ids) {
      if (id >= 0) {
        ++uses[static_cast<std::size_t>(id)];
      }
    }
  };
  for (const Node& node : graph.nodes) {
    count(node.inputs);
  }
  count(graph.outputs);
  return uses;
}

void require_executable(const Graph& graph) {
  if (!graph.has_weights) {
    throw ConfigError({graph.name},
                      "the network has shapes but no weights: it can be timed, not executed; "
                      "give the workload an ONNX file with trained weights to measure accuracy");
  }
  for (const Node& node : graph.nodes) {
    const auto& op = network::info(node.op);
    if (op.evaluate == nullptr) {
      throw ConfigError({graph.name},
                        fmt::format("node '{}': operator {} can be timed, but not executed", node.name, op.name));
    }
  }
}

ValueStore::ValueStore(const Graph& graph, const std::vector<int>& uses, std::span<const Tensor> inputs)
    : graph_(graph), entries_(graph.values.size()) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    entries_[i].borrowed = graph.values[i].constant.get();
    entries_[i].uses = uses[i];
  }
  if (inputs.size() != graph.inputs.size()) {
    throw std::invalid_argument(
        fmt::format("network '{}' has {} inputs, {} are given", graph.name, graph.inputs.size(), inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& value = graph.value(graph.inputs[i]);
    if (inputs[i].type != value.type || inputs[i].shape != value.shape) {
      throw std::invalid_argument(fmt::format("input '{}' of network '{}' has shape {}, {} is given", value.name,
                                              graph.name, network::to_string(value.shape),
                                              network::to_string(inputs[i].shape)));
    }
    entries_[static_cast<std::size_t>(graph.inputs[i])].borrowed = &inputs[i];
  }
}

const Tensor* ValueStore::tensor(ValueId id) const {
  const Entry& entry = entries_[static_cast<std::size_t>(id)];
  return entry.owned ? entry.owned.get() : entry.borrowed;
}

const Tensor* ValueStore::find(ValueId id) const {
  return id < 0 ? nullptr : &at(id);
}

const Tensor& ValueStore::at(ValueId id) const {
  check(id >= 0 && tensor(id) != nullptr, "a value is computed before it is read");
  return *tensor(id);
}

std::vector<const Tensor*> ValueStore::inputs_of(const Node& node) const {
  std::vector<const Tensor*> inputs;
  inputs.reserve(node.inputs.size());
  for (const ValueId id : node.inputs) {
    inputs.push_back(find(id));
  }
  return inputs;
}

void ValueStore::set(ValueId id, Tensor tensor) {
  Entry& entry = entries_[static_cast<std::size_t>(id)];
  if (entry.uses > 0) {
    entry.owned = std::make_unique<Tensor>(std::move(tensor));
  }
}

bool ValueStore::is_last_use(ValueId id) const {
  const Entry& entry = entries_[static_cast<std::size_t>(id)];
  return entry.owned != nullptr && entry.uses == 1;
}

Tensor ValueStore::take(ValueId id) {
  Entry& entry = entries_[static_cast<std::size_t>(id)];
  if (is_last_use(id)) {
    return std::move(*entry.owned);
  }
  return at(id);
}

void ValueStore::release(const Node& node) {
  for (const ValueId id : node.inputs) {
    if (id >= 0) {
      Entry& entry = entries_[static_cast<std::size_t>(id)];
      if (--entry.uses == 0) {
        entry.owned.reset();
      }
    }
  }
}

std::vector<Tensor> ValueStore::outputs() {
  std::vector<Tensor> result;
  for (const ValueId id : graph_.outputs) {
    result.push_back(take(id));
    --entries_[static_cast<std::size_t>(id)].uses;
  }
  return result;
}

}  // namespace mantissa::execute
