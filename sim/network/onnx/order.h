// SPDX-License-Identifier: Apache-2.0
// The order in which a graph's nodes can be computed. ONNX asks files to be sorted already; files that are not, but can
// be, are sorted.
#pragma once
#include <string>
#include <vector>

namespace mantissa::network {

// What a node needs and gives, by name; empty names are absent.
struct NodeNames {
  std::vector<std::string> inputs, outputs;
};

struct NodeOrder {
  std::vector<int> order;  // all nodes, unless there is a cycle
  std::vector<int> cycle;  // nodes along a cycle, each read by the next and the last by the first; empty: none
};

// Kahn's algorithm, always taking the ready node that comes first in the file. Names that no node gives count as known.
NodeOrder order_nodes(const std::vector<NodeNames>& nodes);

}  // namespace mantissa::network
