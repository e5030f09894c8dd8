// SPDX-License-Identifier: Apache-2.0
// The timing, energy and power part of a result: a network is lowered, placed and simulated on a chip.
#pragma once
#include <string>

#include "config/chip.h"
#include "config/workload.h"
#include "network/graph.h"
#include "report/result.h"

namespace mantissa::study {

// Empty: the chip's default. Throws UsageError with the known names.
const config::Precision& find_precision(const config::Chip& chip, const std::string& name);

// Throws ModelError when the network does not fit the machine.
report::RunResult time_run(const config::Chip& chip, const config::Workload& workload,
                           const config::PrecisionPlan& plan, const network::Graph& graph);

}  // namespace mantissa::study
