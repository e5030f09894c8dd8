// SPDX-License-Identifier: Apache-2.0
// What each layer contributes to the error that a precision makes: every layer is quantized alone, and left out alone.
//
// MODEL: a layer that is not at the precision multiplies in FP32, one fused multiply-add after the other. Where one
// layer is quantized alone, everything else is the FP32 reference bit for bit; where one is left out, its operands are
// in the precision's vector format, as those of a recipe's keep_float.
#pragma once
#include "report/sensitivity_table.h"
#include "study/study.h"

namespace mantissa::study {

// Precision, batch, images and progress of the options count. A recipe's `layers` are not followed: the precision is
// that of all layers. Throws as run(), and UsageError for a network or workload without weights or data.
report::SensitivityReport sensitivity(const config::Chip& chip, const config::Workload& workload,
                                      const RunOptions& options);

}  // namespace mantissa::study
