// SPDX-License-Identifier: Apache-2.0
// Whether the paths and values of a sweep fit the files of its chips and workloads. Private to the sweep reader.
#pragma once
#include "config/sweep.h"

namespace mantissa::config {

// Reports at `root`'s document: paths that none of the files has, precisions that none of the chips has, and values
// that are wrong in every point that was tried with them. REQUIRES: sweep.files is complete.
void check_sweep(const Sweep& sweep, const YamlNode& root);

}  // namespace mantissa::config
