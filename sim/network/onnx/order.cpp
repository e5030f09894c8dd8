// SPDX-License-Identifier: Apache-2.0
#include "network/onnx/order.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>

namespace mantissa::network {
namespace {

using Producers = std::unordered_map<std::string, int>;

// Walks from an unordered node back through unordered producers until a node comes up again: that is a cycle.
std::vector<int> find_cycle(const std::vector<NodeNames>& nodes, const Producers& producers,
                            const std::vector<int>& missing) {
  const auto stuck = std::find_if(missing.begin(), missing.end(), [](int count) { return count > 0; });
  std::vector<int> path, place(nodes.size(), -1);
  int at = static_cast<int>(stuck - missing.begin());
  while (place[static_cast<std::size_t>(at)] < 0) {
    place[static_cast<std::size_t>(at)] = static_cast<int>(path.size());
    path.push_back(at);
    for (const std::string& name : nodes[static_cast<std::size_t>(at)].inputs) {
      const auto producer = producers.find(name);
      if (producer != producers.end() && missing[static_cast<std::size_t>(producer->second)] > 0) {
        at = producer->second;
        break;
      }
    }
  }
  path.erase(path.begin(), path.begin() + place[static_cast<std::size_t>(at)]);
  std::reverse(path.begin(), path.end());
  std::rotate(path.begin(), std::min_element(path.begin(), path.end()), path.end());
  return path;
}

}  // namespace

NodeOrder order_nodes(const std::vector<NodeNames>& nodes) {
  Producers producers;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& name : nodes[i].outputs) {
      if (!name.empty()) {
        producers.emplace(name, static_cast<int>(i));
      }
    }
  }
  std::vector<int> missing(nodes.size());  // inputs still to be computed
  std::vector<std::vector<int>> readers(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& name : nodes[i].inputs) {
      const auto producer = producers.find(name);
      if (producer != producers.end()) {
        ++missing[i];
        readers[static_cast<std::size_t>(producer->second)].push_back(static_cast<int>(i));
      }
    }
  }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (missing[i] == 0) {
      ready.push(static_cast<int>(i));
    }
  }
  NodeOrder result;
  while (!ready.empty()) {
    const int node = ready.top();
    ready.pop();
    result.order.push_back(node);
    for (const int reader : readers[static_cast<std::size_t>(node)]) {
      if (--missing[static_cast<std::size_t>(reader)] == 0) {
        ready.push(reader);
      }
    }
  }
  if (result.order.size() < nodes.size()) {
    result.cycle = find_cycle(nodes, producers, missing);
  }
  return result;
}

}  // namespace mantissa::network
