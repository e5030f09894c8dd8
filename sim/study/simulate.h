// SPDX-License-Identifier: Apache-2.0
// The timing of a network on a chip: its placed kernels run one after the other on the SystemC machine. Equal kernels
// are simulated once. The clock is lowered until the run keeps to the chip's power limit.
#pragma once
#include <string>
#include <vector>

#include "chips/placement.h"
#include "config/chip.h"
#include "energy/counters.h"

namespace mantissa::study {

struct KernelTiming {
  energy::Counters counters;  // of one repetition
  std::string mapping;
};

struct Timing {
  Hertz clock{};
  std::vector<KernelTiming> kernels;  // parallel to the placement's
};

// Runs in a child process. Throws ModelError when the network does not fit the machine.
Timing simulate(const config::Chip& chip, const config::PrecisionPlan& plan, const chips::Placement& placement);

}  // namespace mantissa::study
