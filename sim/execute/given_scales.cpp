// SPDX-License-Identifier: Apache-2.0
#include "execute/given_scales.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/error.h"
#include "execute/node_evaluation.h"
#include "network/op.h"

namespace mantissa::execute {

using network::ElementType;
using network::Graph;
using network::Grid;
using network::Node;
using network::Op;
using network::Tensor;
using network::Value;

namespace {

bool is_int8(const numerics::Format& format) {
  return format.integer && format.mantissa_bits == 8;
}

const Value* operand_of(const Graph& graph, const Node& node, std::size_t input) {
  return input < node.inputs.size() && node.inputs[input] >= 0 ? &graph.value(node.inputs[input]) : nullptr;
}

// The axis along which the constant operand's channels lie: results, not sums. -1: it has no single one.
int channel_axis(const Node& node, std::size_t input, std::size_t rank) {
  if (node.op == Op::kConv) {
    return input == 1 ? 0 : -1;
  }
  if (rank != 2) {
    return -1;
  }
  const bool turned = node.op == Op::kGemm && node.integer(input == 0 ? "transA" : "transB", 0) != 0;
  return (input == 0) == turned ? 1 : 0;
}

void require_integer_precision(const Graph& graph, const Node& node, const config::Precision& precision) {
  if (!multiplies_bytes(precision)) {
    throw ConfigError({graph.name},
                      fmt::format("node '{}' ({}) is quantized to INT8 already, and precision '{}' does not multiply "
                                  "INT8; run it at an integer precision",
                                  node.name, network::info(node.op).name, precision.name));
  }
}

// Results of the operator table, which multiplies codes by numerics::gemm.
class IntegerOperation final : public MatrixOperation {
 public:
  IntegerOperation(const Graph& graph, const Node& node) : graph_(graph), node_(node) {}
  Tensor run(std::span<const Tensor* const> inputs) const override {
    return std::move(evaluate_by_table(graph_, node_, inputs).front());
  }

 private:
  const Graph& graph_;
  const Node& node_;
};

}  // namespace

bool multiplies_bytes(const config::Precision& precision) {
  const auto& matrix = precision.matrix;
  return matrix.accumulation == numerics::Accumulation::kInteger && is_int8(matrix.a) && is_int8(matrix.b);
}

bool has_given_scheme(const Graph& graph, const Node& node, std::size_t input, const numerics::Format& format) {
  const Value* value = operand_of(graph, node, input);
  return value != nullptr && value->grid != nullptr && is_int8(format);
}

std::optional<quantize::Scheme> given_scheme(const Graph& graph, const Node& node, std::size_t input,
                                             const numerics::Format& format) {
  if (!has_given_scheme(graph, node, input, format)) {
    return std::nullopt;
  }
  const Value* value = operand_of(graph, node, input);
  const Grid& grid = *value->grid;
  quantize::Scheme scheme;
  scheme.format = format;
  scheme.symmetric = false;  // the file may use -128
  scheme.scales = grid.scales;
  const std::int64_t offset = grid.type == ElementType::kUint8 ? 128 : 0;
  for (const std::int64_t zero : grid.zero_points) {
    scheme.zero_points.push_back(static_cast<std::int32_t>(zero - offset));
  }
  if (grid.axis >= 0) {
    const bool is_channel = value->constant != nullptr && grid.axis == channel_axis(node, input, value->shape.size());
    if (!is_channel) {
      throw std::invalid_argument(
          fmt::format("'{}' has scales along axis {}, and an integer sum takes one scale of the data and one for each "
                      "result channel of the weights; run it at a precision without scales, or quantize it so",
                      value->name, grid.axis));
    }
    scheme.axis = 0;  // weights are prepared channels first
  }
  return scheme;
}

bool is_kept_as_codes(const Value& value, const config::Precision& precision) {
  return value.grid != nullptr && multiplies_bytes(precision);
}

bool is_integer_operator(Op op) {
  return op == Op::kQLinearConv || op == Op::kConvInteger || op == Op::kQLinearMatMul || op == Op::kMatMulInteger;
}

void require_integer_precisions(const Graph& graph, const config::PrecisionPlan& plan) {
  for (const Node& node : graph.nodes) {
    if (is_integer_operator(node.op)) {
      require_integer_precision(graph, node, plan.of(node.name));
    }
  }
}

std::unique_ptr<MatrixOperation> make_integer_operation(const Graph& graph, const Node& node,
                                                        const config::Precision& precision, bool kept_in_float) {
  if (kept_in_float) {
    throw ConfigError({graph.name},
                      fmt::format("node '{}' ({}) is quantized to INT8 already, so keep_float cannot keep "
                                  "it in float; take it off the list",
                                  node.name, network::info(node.op).name));
  }
  require_integer_precision(graph, node, precision);
  return std::make_unique<IntegerOperation>(graph, node);
}

}  // namespace mantissa::execute
