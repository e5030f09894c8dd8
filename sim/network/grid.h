// SPDX-License-Identifier: Apache-2.0
// Which values of a network are quantized by the file itself: their grids (Value::grid) follow from DequantizeLinear
// and are kept by operators that only choose or move elements.
#pragma once
#include <memory>
#include <span>

#include "network/graph.h"

namespace mantissa::network {

// The grid of the node's float results, or null: results of DequantizeLinear with known scale and zero point on 8-bit
// codes, views, movements and maxima of one tensor that has a grid.
std::shared_ptr<const Grid> grid_of(const Node& node, std::span<const Value* const> inputs);

}  // namespace mantissa::network
