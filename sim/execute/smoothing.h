// SPDX-License-Identifier: Apache-2.0
// Which layers SmoothQuant changes, and the factors of their inputs. Layers that read the same value share its factors.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "network/graph.h"
#include "quantize/smooth.h"

namespace mantissa::execute {

// A Gemm or MatMul of computed rows and a constant matrix. (Convolutions, and a Gemm with transA, are left alone.)
bool is_linear(const network::Graph& graph, const network::Node& node);

// For each value that linear layers read: the largest magnitude of the weights that its channels are multiplied with.
// Throws ConfigError (at the network) for weights that are not finite.
std::map<network::ValueId, std::vector<float>> input_weight_magnitudes(const network::Graph& graph);

}  // namespace mantissa::execute
