// SPDX-License-Identifier: Apache-2.0
// The result of one step on several chips as plain data, and how it is shown.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "config/workload.h"
#include "report/table.h"

namespace mantissa::report {

// Kernels of one kind in one phase of a step.
struct StepPart {
  std::string phase, kind;  // forward, recompute, backward, optimizer; gemm, conv, attention, vector ...
  std::size_t kernels = 0;
  Seconds time{};
  double flops = 0;  // of matrix work
};

// Per chip, of one step.
struct StepResult {
  std::string chip, chip_title, chip_file, chip_hash, workload, workload_file, workload_hash, version, precision;
  bool training = false;
  config::Parallelism parallel;
  std::int64_t batch = 1, tokens = 0;  // of all chips; tokens: texts x length (0: images)
  Seconds time{};
  Seconds compute{};                                        // kernels, one after the other
  Seconds communication{};                                  // collectives, those at the same time counted each
  Seconds exposed{};                                        // time - compute
  Bytes sent{};                                             // over the links of one chip
  Bytes weights{}, optimizer{}, activations{}, gathered{};  // memory of one chip; keys and values are activations
  double model_flops = 0;       // of one chip's share, without recomputation; 2 per multiply-accumulate
  double hardware_flops = 0;    // with it
  double mfu = 0, hfu = 0;      // model_flops / time / peak, and hardware_flops
  std::int64_t parameters = 0;  // of the whole network
  Joules energy{};              // of one chip
  Watts power{};
  std::size_t kernels = 0, collectives = 0;
  std::vector<StepPart> parts;  // their times sum to `compute`
};

std::string step_report(const StepResult& r, Style style);
std::string step_json(const StepResult& r);

}  // namespace mantissa::report
