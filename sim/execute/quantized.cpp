// SPDX-License-Identifier: Apache-2.0
// The network as a chip executes it: kernel by kernel, rounding only what is written to memory.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/error.h"
#include "base/memory.h"
#include "execute/executor.h"
#include "execute/given_scales.h"
#include "execute/node_evaluation.h"
#include "execute/requantized_kernels.h"
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
  std::unique_ptr<MatrixOperation> operation{};  // of nodes[0]; null: by evaluation
  std::vector<ValueId> rounded{};                // values it writes in the vector format
  std::vector<ValueId> written{};                // all values it writes
  bool operation_is_all = false;                 // the operation has done what the nodes after it say
};

class Quantized final : public Executor {
 public:
  Quantized(const Graph& graph, const config::PrecisionPlan& plan, const config::Recipe& recipe,
            const Calibration& calibration)
      : graph_(graph), uses_(count_uses(graph)), vector_(plan.base().vector) {
    require_executable(graph_);
    check_recipe(graph_, recipe, graph_.name);
    const RuleBook book(graph_, plan, recipe, calibration);
    const std::vector<Kernel> kernels = network::lower(graph_);
    std::vector<bool> placed(graph_.nodes.size(), false);
    for (const Kernel& kernel : kernels) {
      for (const int node : kernel.nodes) {
        placed[idx(node)] = true;
      }
    }
    std::vector<std::optional<MatrixRules>> rules;
    for (const Kernel& kernel : kernels) {
      rules.push_back(kernel.is_matrix() ? std::optional(book.rules(kernel)) : std::nullopt);
    }
    if (recipe.requantization) {
      const auto requantizers = find_requantizers(graph_, kernels, rules, *recipe.requantization);
      for (std::size_t i = 0; i < kernels.size(); ++i) {
        if (requantizers[i]) {
          rules[i]->requantizer = requantizers[i];
        }
      }
    }
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      add_kernel(kernels[i], book, rules[i]);
      add_inner_views(units_.back(), placed);
    }
    for (int i = 0; idx(i) < graph_.nodes.size(); ++i) {
      if (!placed[idx(i)]) {
        units_.push_back({.nodes = {i}});
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

  void add_kernel(const Kernel& kernel, const RuleBook& book, const std::optional<MatrixRules>& rules) {
    Unit unit{.nodes = kernel.nodes};
    for (const auto& operand : kernel.writes) {
      unit.written.push_back(operand.value);
      const auto& value = graph_.value(operand.value);
      const bool stays = is_kept_as_codes(value, book.precision(graph_.nodes[idx(kernel.nodes.front())]));
      if (operand.storage == Storage::kVector && value.type == ElementType::kFloat && !stays) {
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
    if (rules) {
      unit.operation = make_operation(kernel, book, *rules);
      unit.operation_is_all = rules->requantizer.has_value();
    }
    units_.push_back(std::move(unit));
  }

  std::unique_ptr<MatrixOperation> make_operation(const Kernel& kernel, const RuleBook& book,
                                                  const MatrixRules& rules) const {
    const Node& node = graph_.nodes[idx(kernel.nodes.front())];
    if (is_integer_operator(node.op)) {
      return make_integer_operation(graph_, node, book.precision(node), book.keeps_float(node));
    }
    try {
      if (auto operation = make_matrix_operation(graph_, node, rules)) {
        return operation;
      }
    } catch (const std::invalid_argument& error) {
      throw ConfigError({graph_.name}, fmt::format("node '{}': {}", node.name, error.what()));
    }
    if (!book.keeps_float(node)) {
      throw ConfigError({graph_.name},
                        fmt::format("node '{}': this {} does not run through a chip's datapath; list it under "
                                    "keep_float to run it in the vector format",
                                    node.name, network::info(node.op).name));
    }
    return std::make_unique<RoundedEvaluation>(graph_, node, vector_);
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

  void run_whole(const Unit& unit, ValueStore& values, const Tap& tap) const {
    Tensor result = unit.operation->run(values.inputs_of(graph_.nodes[idx(unit.nodes.front())]));
    if (tap) {
      tap(unit.written.front(), result);
    }
    for (const int node : unit.nodes) {
      values.release(graph_.nodes[idx(node)]);
    }
    values.set(unit.written.front(), std::move(result));
  }

  void run_unit(const Unit& unit, ValueStore& values, const Tap& tap) const {
    if (unit.operation_is_all) {
      run_whole(unit, values, tap);
      return;
    }
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

std::unique_ptr<Executor> make_quantized(const Graph& graph, const config::PrecisionPlan& plan,
                                         const config::Recipe& recipe, const Calibration& calibration) {
  keep_freed_memory();
  return std::make_unique<Quantized>(graph, plan, recipe, calibration);
}

bool needs_calibration(const Graph& graph, const config::PrecisionPlan& plan, const config::Recipe& recipe) {
  const Calibration none;
  const RuleBook book(graph, plan, recipe, none);
  const std::vector<Kernel> kernels = network::lower(graph);
  return std::any_of(kernels.begin(), kernels.end(),
                     [&](const Kernel& kernel) { return kernel.is_matrix() && book.needs_calibration(kernel); });
}

}  // namespace mantissa::execute
