// SPDX-License-Identifier: Apache-2.0
// Measured accuracy as plain data of a report.
#pragma once
#include "execute/accuracy.h"
#include "report/result.h"

namespace mantissa::study {

report::AccuracyResult accuracy_result(const execute::Accuracy& accuracy);

// Of the network's output, in dB.
double output_sqnr(const execute::Accuracy& accuracy);

}  // namespace mantissa::study
