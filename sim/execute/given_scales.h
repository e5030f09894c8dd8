// SPDX-License-Identifier: Apache-2.0
// Networks that come quantized: scales and zero points that the file gives to operands of matrix operations
// (DequantizeLinear, network/grid.h), and operators whose integers it fixes (QLinearConv ... MatMulInteger).
#pragma once
#include <memory>
#include <optional>

#include "config/chip.h"
#include "execute/matrix/operation.h"
#include "network/graph.h"
#include "network/kernel.h"

namespace mantissa::execute {

// Whether the precision multiplies codes of 8 bits.
bool multiplies_bytes(const config::Precision& precision);

// The scheme that gives inputs[input] of the matrix operation the file's own codes (less 128 where they are unsigned).
// nullopt: the file gives none, or the format is another than INT8. Throws std::invalid_argument when the scales lie
// along an axis that is summed over.
std::optional<quantize::Scheme> given_scheme(const network::Graph& graph, const network::Node& node, std::size_t input,
                                             const numerics::Format& format);

// Whether the file gives one (or given_scheme throws).
bool has_given_scheme(const network::Graph& graph, const network::Node& node, std::size_t input,
                      const numerics::Format& format);

// Whether a value that the file has put on a grid stays there in memory: as its codes, not in the vector format.
bool is_kept_as_codes(const network::Value& value, const config::Precision& precision);

// Whether the file fixes the operator's arithmetic: exact sums of products of 8-bit codes.
bool is_integer_operator(network::Op op);
// Throws ConfigError for an integer operator at a precision that does not multiply bytes.
void require_integer_precisions(const network::Graph& graph, const config::PrecisionPlan& plan);
// That arithmetic. Throws ConfigError unless the precision multiplies bytes.
std::unique_ptr<MatrixOperation> make_integer_operation(const network::Graph& graph, const network::Node& node,
                                                        const config::Precision& precision, bool kept_in_float);

}  // namespace mantissa::execute
