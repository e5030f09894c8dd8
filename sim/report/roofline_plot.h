// SPDX-License-Identifier: Apache-2.0
// A run's kernels under the roofs of its chip, from the JSON of `mantissa run --json` (docs/result_format.md).
// Across: operations for each byte between chip and DRAM, as simulated. Up: operations per second. A point's area is
// its share of the time, its colour what bounds it. Kernels that are alike are one point.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "report/plot.h"

namespace mantissa::report {

// `file` names the text in messages; `which` (from 1) picks one of several results. Throws ConfigError for a text that
// is no such result, UsageError where it holds several and none is picked.
Plot roofline_plot(const std::string& json, const std::string& file, std::optional<std::int64_t> which);

}  // namespace mantissa::report
