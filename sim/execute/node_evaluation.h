// SPDX-License-Identifier: Apache-2.0
// One operator in FP32: the operator table's evaluation, and the same bits faster, in place where the input dies, for
// the operators that convolutional networks and transformers spend their time in.
#pragma once
#include <vector>

#include "execute/value_store.h"

namespace mantissa::execute {

// Results in the order of node.outputs. An input that dies here may have been moved from; the caller still calls
// release(). Throws ConfigError (at the network) when the operator refuses its inputs.
std::vector<network::Tensor> evaluate_node(const network::Graph& graph, const network::Node& node, ValueStore& values);

// evaluate_node without the fast paths.
std::vector<network::Tensor> evaluate_by_table(const network::Graph& graph, const network::Node& node,
                                               std::span<const network::Tensor* const> inputs);

}  // namespace mantissa::execute
