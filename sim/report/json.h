// SPDX-License-Identifier: Apache-2.0
// Results as JSON (docs/result_format.md). Keys carry units, ratios are 0..1, the layout has a version.
#pragma once
#include <span>
#include <string>

#include "report/result.h"

namespace mantissa::report {

// {"schema_version": 1, "title": ..., "results": [...]}, indented, with a final newline. Equal results give equal
// bytes.
std::string to_json(std::span<const RunResult> results, const std::string& title);

}  // namespace mantissa::report
