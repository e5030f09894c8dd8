// SPDX-License-Identifier: Apache-2.0
// Whether the paths and values of a sweep fit the files of its chips and workloads. Private to the sweep reader.
#pragma once
#include "config/sweep.h"

namespace mantissa::config {

// Reports where they stand: paths that none of the files has, precisions that none of the chips has. Throws
// ConfigError for a chip file that is wrong on its own. REQUIRES: sweep.files is complete.
void check_sweep_keys(const Sweep& sweep);

// Throws ConfigError for values that are wrong in every allowed point that was tried with them.
void check_sweep_points(const Sweep& sweep);

}  // namespace mantissa::config
