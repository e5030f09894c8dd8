// SPDX-License-Identifier: Apache-2.0
// Parts that several JSON documents share. Private to report.
#pragma once
#include <nlohmann/json.hpp>

#include "report/result.h"

namespace mantissa::report {

using Json = nlohmann::ordered_json;

// JSON has no infinity: null stands for it.
Json finite(double value);
Json accuracy_json(const AccuracyResult& accuracy);

}  // namespace mantissa::report
