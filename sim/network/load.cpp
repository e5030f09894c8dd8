// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "network/import.h"

namespace mantissa::network {

Graph load_network(const config::Workload& workload, std::int64_t batch, const CompactOptions& compact) {
  if (workload.onnx) {
    if (compact.tokens || compact.context || compact.training) {
      throw UsageError(workload.name +
                       ": tokens, context and training need a compact network; an ONNX file's shapes are fixed");
    }
    ImportOptions options;
    options.batch = batch;
    options.dimensions = workload.dimensions;
    return import_onnx(*workload.onnx, options);
  }
  if (workload.network) {
    return build_compact(*workload.network, workload.name, batch, compact);
  }
  throw ConfigError({workload.path, 0, 0}, "the workload has no network; give 'onnx' or 'network'");
}

}  // namespace mantissa::network
