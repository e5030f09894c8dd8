// SPDX-License-Identifier: Apache-2.0
// The tensors that are alive during one run: constants, inputs and computed values, each freed after its last use.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "network/graph.h"

namespace mantissa::execute {

// How often each value is read: by nodes, and once more if it is a graph output.
std::vector<int> count_uses(const network::Graph& graph);

// Throws ConfigError for a graph that cannot be executed: shape-only, or with operators that can only be timed.
void require_executable(const network::Graph& graph);

class ValueStore {
 public:
  // REQUIRES: graph, uses and inputs outlive the store. Throws std::invalid_argument if the inputs do not have the
  // graph's types and shapes.
  ValueStore(const network::Graph& graph, const std::vector<int>& uses, std::span<const network::Tensor> inputs);

  bool has(network::ValueId id) const { return id >= 0 && tensor(id) != nullptr; }
  // nullptr for an absent optional input (-1). REQUIRES: otherwise computed and not yet freed.
  const network::Tensor* find(network::ValueId id) const;
  const network::Tensor& at(network::ValueId id) const;
  std::vector<const network::Tensor*> inputs_of(const network::Node& node) const;

  // Keeps a computed value, unless nobody reads it.
  void set(network::ValueId id, network::Tensor tensor);
  // Whether the next release() frees this value, so that its buffer may be reused for the result.
  bool is_last_use(network::ValueId id) const;
  // Moves the value out if this is its last use, else copies it.
  network::Tensor take(network::ValueId id);
  // Counts one use of each input of the node as done.
  void release(const network::Node& node);
  // The graph's outputs, when every node has released its inputs. REQUIRES: called once.
  std::vector<network::Tensor> outputs();

 private:
  const network::Tensor* tensor(network::ValueId id) const;

  struct Entry {
    const network::Tensor* borrowed = nullptr;  // a constant or an input
    std::unique_ptr<network::Tensor> owned;
    int uses = 0;
  };
  const network::Graph& graph_;
  std::vector<Entry> entries_;
};

}  // namespace mantissa::execute
