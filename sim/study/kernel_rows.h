// SPDX-License-Identifier: Apache-2.0
// Rows of a report from placed kernels and their timings; checks the laws that every run keeps.
#pragma once
#include "chips/placement.h"
#include "report/result.h"
#include "study/simulate.h"

namespace mantissa::study {

// A row names its precision where the plan has several.
std::vector<report::KernelRow> kernel_rows(const config::Chip& chip, const config::PrecisionPlan& plan,
                                           const chips::Placement& placement, const Timing& timing);

// What held a kernel back most: the largest share of its time, and for waits the busiest of the memories.
std::string bound_by(const config::Chip& chip, const energy::Counters& counters, Hertz clock);

// Kernel kind and shape for people: "conv", "64x56x56 -> 256x56x56 k1 s1".
std::string kind_of(const network::Kernel& kernel);
std::string shape_of(const network::Kernel& kernel);

}  // namespace mantissa::study
