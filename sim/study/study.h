// SPDX-License-Identifier: Apache-2.0
// The sentence that everything serves: a chip and a workload -> simulate + evaluate -> RunResult.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/chip.h"
#include "config/runs.h"
#include "config/workload.h"
#include "report/result.h"

namespace mantissa::study {

// `what` names the work ("h100_sxm fp8_e4m3: accuracy"); done and total count images, texts or kernels.
using Progress = std::function<void(const std::string& what, std::int64_t done, std::int64_t total)>;

struct RunOptions {
  std::string precision;               // empty: the chip's default
  std::optional<std::int64_t> batch;   // empty: the workload's
  bool accuracy = true;                // execute the network on the data set, where it has weights and data
  std::optional<std::int64_t> images;  // fewer test images (or texts) than the workload says
  Progress progress;
};

// Throws UsageError for a precision the chip does not have, ConfigError for a mistake in the network or data,
// ModelError for a workload the modelled machine cannot run.
report::RunResult run(const config::Chip& chip, const config::Workload& workload, const RunOptions& options);

// All runs of the file in its order. The FP32 reference of a workload is computed once; each timing simulation has its
// own process, because SystemC elaborates once per process.
std::vector<report::RunResult> compare(const config::Runs& runs, const RunOptions& options);

}  // namespace mantissa::study
