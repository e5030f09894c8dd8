// SPDX-License-Identifier: Apache-2.0
// Results as text for a terminal of 100 to 120 columns.
#pragma once
#include <span>
#include <string>

#include "report/result.h"
#include "report/text_table.h"

namespace mantissa::report {

// Several runs side by side, one line for each, with what they have in common above and why a number is absent below.
std::string comparison_table(std::span<const RunResult> results, const std::string& title, Style style);

// One run: its numbers, where time and energy went, and its kernels one by one.
std::string run_report(const RunResult& result, Style style);

}  // namespace mantissa::report
