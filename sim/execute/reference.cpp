// SPDX-License-Identifier: Apache-2.0
// The FP32 reference: node by node; matrix operations through numerics::gemm with plain FP32 arithmetic.
#include "base/memory.h"
#include "execute/executor.h"
#include "execute/matrix/operation.h"
#include "execute/node_evaluation.h"
#include "execute/value_store.h"

namespace mantissa::execute {

using network::Graph;
using network::Node;
using network::Tensor;
using network::ValueId;

namespace {

class Reference final : public Executor {
 public:
  explicit Reference(const Graph& graph) : graph_(graph), uses_(count_uses(graph)) {
    require_executable(graph);
    for (const Node& node : graph_.nodes) {
      operations_.push_back(make_matrix_operation(graph_, node, reference_rules()));
    }
  }

  std::vector<Tensor> run(std::span<const Tensor> inputs, const Tap& tap) const override {
    ValueStore values(graph_, uses_, inputs);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      std::vector<Tensor> results;
      if (operations_[i]) {
        results.push_back(operations_[i]->run(values.inputs_of(node)));
      } else {
        results = evaluate_node(graph_, node, values);
      }
      for (std::size_t j = 0; j < node.outputs.size(); ++j) {
        if (node.outputs[j] >= 0) {
          if (tap) {
            tap(node.outputs[j], results[j]);
          }
          values.set(node.outputs[j], std::move(results[j]));
        }
      }
      values.release(node);
    }
    return values.outputs();
  }

 private:
  Graph graph_;
  std::vector<int> uses_;
  std::vector<std::unique_ptr<MatrixOperation>> operations_;  // null: by evaluation
};

}  // namespace

std::unique_ptr<Executor> make_reference(const Graph& graph) {
  keep_freed_memory();
  return std::make_unique<Reference>(graph);
}

}  // namespace mantissa::execute
