// SPDX-License-Identifier: Apache-2.0
// Writes docs/onnx.md from the results of the conformance tests.
#pragma once
#include "conformance/onnx_case.h"

namespace mantissa::conformance {

std::string document(const std::vector<Result>& results);

}  // namespace mantissa::conformance
