// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "network/import.h"

namespace mantissa::network {

Graph load_network(const config::Workload& workload, std::int64_t batch) {
  if (workload.onnx) {
    ImportOptions options;
    options.batch = batch;
    options.dimensions = workload.dimensions;
    return import_onnx(*workload.onnx, options);
  }
  if (workload.network) {
    return build_compact(*workload.network, workload.name, batch);
  }
  throw ConfigError({workload.path, 0, 0}, "the workload has no network; give 'onnx' or 'network'");
}

}  // namespace mantissa::network
