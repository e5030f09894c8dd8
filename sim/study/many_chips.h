// SPDX-License-Identifier: Apache-2.0
// One step of a network on one or several chips: a pass of inference (reading a prompt, generating a token, a batch of
// images) or a training step. All chips do the same at the same time, so one is simulated; its kernels run on the
// SystemC machine, its collectives on a simulated torus, and both meet in an event model with a stream for computing
// and streams for communication.
//
// Not modelled: differences between chips, hosts, data loading, pipeline parallelism.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "config/chip.h"
#include "config/workload.h"
#include "report/step.h"

namespace mantissa::study {

struct StepRequest {
  std::string precision;               // empty: the chip's default
  std::optional<std::int64_t> batch;   // inputs (images, texts) of all chips together; empty: the workload's
  std::optional<std::int64_t> tokens;  // length of each text; empty: the workload's
  std::optional<std::int64_t>
      context;  // positions in the key/value cache, the new ones included; empty: the workload's
  std::optional<config::Training> training;  // empty: inference, whatever the workload says
  config::Parallelism parallel;
};

using report::StepResult;

// REQUIRES: at most one call in each piece of work of run_all_isolated, or it forks. Throws ModelError when it does not
// fit the chips' memory or cannot be divided so, UsageError for an unknown precision.
StepResult run_step(const config::Chip& chip, const config::Workload& workload, const StepRequest& request);

// The fastest way to divide the work over so many chips among those that fit: tensor in one and two dimensions, fsdp,
// and their products. request.parallel is ignored.
StepResult run_best_step(const config::Chip& chip, const config::Workload& workload, const StepRequest& request,
                         int chips);

}  // namespace mantissa::study
