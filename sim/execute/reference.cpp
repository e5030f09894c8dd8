// SPDX-License-Identifier: Apache-2.0
// The FP32 reference: node by node; matrix operations through numerics::gemm with plain FP32 arithmetic.
#include <algorithm>
#include <mutex>

#include "base/parallel.h"
#include "execute/executor.h"
#include "execute/matrix/operation.h"
#include "execute/node_evaluation.h"
#include "execute/value_store.h"
#include "network/kernel.h"

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
      operations_.push_back(make_matrix_operation(graph_, node, MatrixRules::reference()));
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
  return std::make_unique<Reference>(graph);
}

std::span<const float> leading_images(const Tensor& tensor, std::int64_t batch, std::int64_t images) {
  const auto values = tensor.floats();
  if (images >= batch || tensor.shape.empty() || tensor.shape[0] != batch) {
    return values;
  }
  return values.first(values.size() / static_cast<std::size_t>(batch) * static_cast<std::size_t>(images));
}

Calibration calibrate(const Graph& graph, std::span<const Tensor> batches, std::int64_t images) {
  const auto reference = make_reference(graph);
  Calibration calibration;
  for (const auto& kernel : network::lower(graph)) {
    if (kernel.is_matrix()) {
      const Node& node = graph.nodes[static_cast<std::size_t>(kernel.nodes.front())];
      for (std::size_t i = 0; i < node.inputs.size() && i < 2; ++i) {
        if (node.inputs[i] >= 0 && graph.value(node.inputs[i]).constant == nullptr) {
          calibration.activations[node.inputs[i]];
        }
      }
    }
  }
  std::mutex mutex;  // observers merge to the same state in any order
  parallel_for(static_cast<std::int64_t>(batches.size()), [&](std::int64_t i) {
    const auto input = batches.subspan(static_cast<std::size_t>(i), 1);
    const std::int64_t batch = input.front().shape.empty() ? 1 : input.front().shape[0];
    const std::int64_t present = images > 0 ? std::min(batch, images - i * batch) : batch;
    const auto observe = [&](ValueId id, const Tensor& tensor) {
      const auto found = calibration.activations.find(id);
      if (found == calibration.activations.end() || present <= 0) {
        return;
      }
      quantize::Observer observer;
      observer.observe(leading_images(tensor, batch, present));
      const std::lock_guard lock(mutex);
      found->second.merge(observer);
    };
    for (const ValueId id : graph.inputs) {
      observe(id, input.front());
    }
    reference->run(input, observe);
  });
  return calibration;
}

}  // namespace mantissa::execute
