// SPDX-License-Identifier: Apache-2.0
// Runs the points of a sweep, each in a process of its own. The FP32 reference and the calibration of a workload are
// computed once, before the first point, for all points that share its network and data.
#pragma once
#include "config/sweep.h"
#include "report/sweep_table.h"
#include "study/study.h"

namespace mantissa::study {

struct SweepOptions {
  int jobs = 0;  // points at a time; 0: as many as the machine has cores
  Progress progress;
};

// The points without their results.
report::SweepResult list_points(const config::Sweep& sweep);

// All points in their order; the result does not depend on `jobs`. A point that fails has its error in its row, even
// when its process died. Throws only for mistakes of this program. REQUIRES: no other threads.
report::SweepResult run_sweep(const config::Sweep& sweep, const SweepOptions& options);

}  // namespace mantissa::study
