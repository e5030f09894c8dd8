// SPDX-License-Identifier: Apache-2.0
// A runs file (`mantissa compare RUNS.yaml`): which workload on which chips at which precisions.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mantissa::config {

struct RunRequest {
  std::string chip;       // path of a chip file
  std::string workload;   // path of a workload file
  std::string precision;  // empty: the chip's default
  std::optional<std::int64_t> batch;
};

struct Runs {
  std::string title;
  std::vector<RunRequest> runs;
};

Runs load_runs(const std::string& path);

}  // namespace mantissa::config
