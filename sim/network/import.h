// SPDX-License-Identifier: Apache-2.0
// Makes a Graph from a workload's network. Every mistake in the file is a ConfigError at the file; memory is bounded.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "config/workload.h"
#include "network/graph.h"

namespace mantissa::network {

struct ImportOptions {
  std::int64_t batch = 1;                             // replaces a symbolic first dimension of the inputs
  std::map<std::string, std::int64_t> dimensions;     // other symbolic dimensions by name
  std::int64_t max_elements = std::int64_t{1} << 31;  // of one tensor; larger is refused
};

Graph import_onnx(const std::string& path, const ImportOptions& options);
// What a run says instead of the file.
struct CompactOptions {
  std::optional<std::int64_t> tokens;   // length of the texts
  std::optional<std::int64_t> context;  // kv_cache of every attention layer; 0: none
  bool training = false;                // normalizations are not folded, all positions are predicted
};
// The compact form of a shape-only network (docs/workloads.md).
Graph build_compact(const config::YamlNode& network, const std::string& name, std::int64_t batch,
                    const CompactOptions& options = {});
// Whichever the workload has. Throws UsageError when `options` ask something of an ONNX network.
Graph load_network(const config::Workload& workload, std::int64_t batch, const CompactOptions& options = {});

}  // namespace mantissa::network
