// SPDX-License-Identifier: Apache-2.0
// The two entrances to the operator table: counts of inputs and outputs and the attributes' names are checked here, for
// all operators.
#include "base/error.h"
#include "network/ops/common.h"

namespace mantissa::network {

using namespace ops;

namespace {

bool lists(std::string_view names, std::string_view name) {
  return fmt::format(" {} ", names).find(fmt::format(" {} ", name)) != std::string::npos;
}

// Optional inputs at the end may be left out or written as absent: the same thing.
template <class T>
std::span<const T* const> without_absent_tail(std::span<const T* const> inputs) {
  while (!inputs.empty() && inputs.back() == nullptr) {
    inputs = inputs.first(inputs.size() - 1);
  }
  return inputs;
}

}  // namespace

std::array<std::size_t, 2> matrix_operands(Op op) {
  return op == Op::kQLinearConv || op == Op::kQLinearMatMul ? std::array<std::size_t, 2>{0, 3}
                                                            : std::array<std::size_t, 2>{0, 1};
}

std::vector<TensorType> infer(const Node& node, std::span<const Value* const> inputs) {
  const OpInfo& row = info(node.op);
  const std::size_t given = without_absent_tail(inputs).size();
  const auto [least, most, outputs] = row.arity;
  require(len(given) >= least && (most < 0 || len(given) <= most), "it has {} inputs, expected {}", given,
          most < 0        ? fmt::format("at least {}", least)
          : least == most ? fmt::format("{}", least)
                          : fmt::format("{} to {}", least, most));
  require(len(node.outputs.size()) <= outputs, "it has {} outputs, expected at most {}", node.outputs.size(), outputs);
  for (const auto& [name, value] : node.attributes) {
    require(lists(row.attributes, name), "attribute '{}' is not supported", name);
  }
  for (std::size_t i = 0; i < given; ++i) {
    require(inputs[i] != nullptr || len(i) >= least, "input {} is missing", i);
    if (inputs[i] != nullptr) {
      checked_count(inputs[i]->shape);
    }
  }
  std::vector<TensorType> types = row.infer(node, inputs.first(given));
  for (const TensorType& type : types) {
    checked_count(type.shape);
  }
  check(types.size() == output_count(node), "an operator infers one type per output");
  return types;
}

std::vector<Tensor> evaluate(const Node& node, std::span<const Tensor* const> inputs) {
  const OpInfo& row = info(node.op);
  require(row.evaluate != nullptr, "{} can be timed, not computed", row.name);
  return row.evaluate(node, without_absent_tail(inputs));
}

}  // namespace mantissa::network
