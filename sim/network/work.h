// SPDX-License-Identifier: Apache-2.0
// The work of one node, from its attributes and shapes: the first half of lowering (lower.cpp fuses and connects).
#pragma once
#include "network/graph.h"
#include "network/kernel.h"

namespace mantissa::network {

// Work of the node alone, without what is fused behind it. Throws OpError for a node that has none, or none that can be
// timed.
Work make_work(const Graph& graph, const Node& node);

// Simple operations and special functions per output element of an element-wise node.
struct VectorCost {
  double ops = 0, specials = 0;
};
VectorCost vector_cost(const Node& node);

// What the matrix operation does to each of its results besides multiplying and adding: bias, requantization.
VectorCost epilogue_cost(const Graph& graph, const Node& node);

}  // namespace mantissa::network
