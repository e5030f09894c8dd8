// SPDX-License-Identifier: Apache-2.0
// The network as a chip executes it: kernel by kernel, rounding only what is written to memory.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "execute/executor.h"
#include "execute/node_evaluation.h"
#include "execute/rules.h"
#include "execute/value_store.h"
#include "network/op.h"

namespace mantissa::execute {

using network::ElementType;
using network::Graph;
using network::Kernel;
using network::Node;
using network::Storage;
using network::Tensor;
using network::ValueId;

namespace {

std::size_t idx(int i) {
  return static_cast<std::size_t>(i);
}

// A matrix operation that keep_float takes off the datapath and that make_matrix_operation does not know
// (ConvTranspose, Einsum): its evaluation in FP32 on matrix operands rounded to the vector format.
class RoundedEvaluation final : public MatrixOperation {
 public:
  RoundedEvaluation(const Graph& graph, const Node& node, const numerics::Format& format)
      : graph_(graph), node_(node), format_(format) {}

  Tensor run(std::span<const Tensor* const> inputs) const override {
    std::vector<const Tensor*> operands(inputs.begin(), inputs.end());
    std::vector<Tensor> rounded(std::min<std::size_t>(2, inputs.size()));
    for (std::size_t i = 0; i < rounded.size(); ++i) {
      if (operands[i] != nullptr && operands[i]->type == ElementType::kFloat) {
        rounded[i] = *operands[i];
        numerics::round_to(format_, rounded[i].floats());
        operands[i] = &rounded[i];
      }
    }
    return std::move(evaluate_by_table(graph_, node_, operands).front());
  }

 private:
  const Graph& graph_;
  const Node& node_;
  numerics::Format format_;
};

// What runs without going through memory: a kernel's nodes, or one view.
struct Unit {
  std::vector<int> nodes;
  std::unique_ptr<MatrixOperation> operation;  // of nodes[0]; null: by evaluation
  std::vector<ValueId> rounded;                // values it writes in the vector format
  std::vector<ValueId> written;                // all values it writes
};

class Quantized final : public Executor {
 public:
  Quantized(const Graph& graph, const config::Precision& precision, const config::Recipe& recipe,
            const Calibration& calibration)
      : graph_(graph), uses_(count_uses(graph)), vector_(precision.vector) {
    require_executable(graph_);
    check_recipe(graph_, recipe, graph_.name);
    const RuleBook book(graph_, precision, recipe, calibration);
    const std::vector<Kernel> kernels = network::lower(graph_);
    std::vector<bool> placed(graph_.nodes.size(), false);
    for (const Kernel& kernel : kernels) {
      for (const int node : kernel.nodes) {
        placed[idx(node)] = true;
      }
    }
    for (const Kernel& kernel : kernels) {
      add_kernel(kernel, book, precision);
      add_inner_views(units_.back(), placed);
    }
    for (int i = 0; idx(i) < graph_.nodes.size(); ++i) {
      if (!placed[idx(i)]) {
        units_.push_back({{i}, nullptr, {}, {}});
      }
    }
    // A unit's inputs are ready when its last node's turn comes, because only the results of last nodes leave a unit.
    std::sort(units_.begin(), units_.end(), [](const Unit& a, const Unit& b) { return last_node(a) < last_node(b); });
  }

  std::vector<Tensor> run(std::span<const Tensor> inputs, const Tap& tap) const override {
    ValueStore values(graph_, uses_, inputs);
    for (const ValueId id : rounded_inputs_) {
      Tensor rounded = values.at(id);
      numerics::round_to(vector_, rounded.floats());
      values.set(id, std::move(rounded));
    }
    for (const Unit& unit : units_) {
      run_unit(unit, values, tap);
    }
    return values.outputs();
  }

 private:
  static int last_node(const Unit& unit) { return *std::max_element(unit.nodes.begin(), unit.nodes.end()); }

  void add_kernel(const Kernel& kernel, const RuleBook& book, const config::Precision& precision) {
    Unit unit{kernel.nodes, nullptr, {}, {}};
    for (const auto& operand : kernel.writes) {
      unit.written.push_back(operand.value);
      if (operand.storage == Storage::kVector && graph_.value(operand.value).type == ElementType::kFloat) {
        unit.rounded.push_back(operand.value);
      }
    }
    for (const auto& operand : kernel.reads) {
      const bool is_input = std::find(graph_.inputs.begin(), graph_.inputs.end(), operand.value) != graph_.inputs.end();
      const bool known =
          std::find(rounded_inputs_.begin(), rounded_inputs_.end(), operand.value) != rounded_inputs_.end();
      if (is_input && !known && operand.storage == Storage::kVector &&
          graph_.value(operand.value).type == ElementType::kFloat) {
        rounded_inputs_.push_back(operand.value);
      }
    }
    if (kernel.is_matrix()) {
      const Node& node = graph_.nodes[idx(kernel.nodes.front())];
      unit.operation = make_matrix_operation(graph_, node, book.rules(kernel));
      if (!unit.operation && book.keeps_float(node)) {
        unit.operation = std::make_unique<RoundedEvaluation>(graph_, node, precision.vector);
      }
      if (!unit.operation) {
        throw ConfigError(
            {graph_.name},
            fmt::format("node '{}': this {} does not run through a chip's datapath; list it under keep_float to "
                        "run it in the vector format",
                        node.name, network::info(node.op).name));
      }
    }
    units_.push_back(std::move(unit));
  }

  // Views of values that never leave the kernel, between its fused operations, run with it. Sorting keeps the main
  // operation first.
  void add_inner_views(Unit& unit, std::vector<bool>& placed) const {
    const auto outputs_of = [&](int node) { return graph_.nodes[idx(node)].outputs; };
    std::vector<ValueId> inside;
    for (const int node : unit.nodes) {
      for (const ValueId id : outputs_of(node)) {
        if (std::find(unit.written.begin(), unit.written.end(), id) == unit.written.end()) {
          inside.push_back(id);
        }
      }
    }
    for (int i = 0; idx(i) < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[idx(i)];
      if (!placed[idx(i)] && !node.inputs.empty() &&
          std::find(inside.begin(), inside.end(), node.inputs[0]) != inside.end()) {
        placed[idx(i)] = true;
        unit.nodes.push_back(i);
        inside.insert(inside.end(), node.outputs.begin(), node.outputs.end());
      }
    }
    std::sort(unit.nodes.begin(), unit.nodes.end());
  }

  void run_unit(const Unit& unit, ValueStore& values, const Tap& tap) const {
    for (std::size_t i = 0; i < unit.nodes.size(); ++i) {
      const Node& node = graph_.nodes[idx(unit.nodes[i])];
      std::vector<Tensor> results;
      if (i == 0 && unit.operation) {
        results.push_back(unit.operation->run(values.inputs_of(node)));
      } else {
        results = evaluate_node(graph_, node, values);
      }
      for (std::size_t j = 0; j < node.outputs.size(); ++j) {
        const ValueId id = node.outputs[j];
        if (id < 0) {
          continue;
        }
        if (std::find(unit.rounded.begin(), unit.rounded.end(), id) != unit.rounded.end()) {
          numerics::round_to(vector_, results[j].floats());
        }
        if (tap && std::find(unit.written.begin(), unit.written.end(), id) != unit.written.end()) {
          tap(id, results[j]);
        }
        values.set(id, std::move(results[j]));
      }
      values.release(node);
    }
  }

  Graph graph_;
  std::vector<int> uses_;
  numerics::Format vector_;
  std::vector<ValueId> rounded_inputs_;
  std::vector<Unit> units_;
};

}  // namespace

std::unique_ptr<Executor> make_quantized(const Graph& graph, const config::Precision& precision,
                                         const config::Recipe& recipe, const Calibration& calibration) {
  return std::make_unique<Quantized>(graph, precision, recipe, calibration);
}

bool needs_calibration(const Graph& graph, const config::Precision& precision, const config::Recipe& recipe) {
  const Calibration none;
  const RuleBook book(graph, precision, recipe, none);
  for (const Kernel& kernel : network::lower(graph)) {
    if (kernel.is_matrix() &&
        (quantize::needs_scale(book.datapath(kernel).a) || quantize::needs_scale(book.datapath(kernel).b))) {
      return true;
    }
  }
  return false;
}

}  // namespace mantissa::execute
