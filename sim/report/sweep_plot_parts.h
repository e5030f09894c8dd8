// SPDX-License-Identifier: Apache-2.0
// What the plots of a sweep have in common: values of its columns, what varies, axes. Private to report.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "report/plot.h"
#include "report/sweep_table.h"

namespace mantissa::report {

// Throws UsageError for a name that is no column.
std::string text_of(const SweepResult& r, const SweepRow& row, const std::string& name);
// Different values of a column: numbers in their order, texts in the order in which they come.
std::vector<std::string> ordered_values(const SweepResult& r, const std::string& name);
// Keys that have several values and do not follow from those of `besides`, nor from one before them.
std::vector<std::string> varying(const SweepResult& r, const std::vector<std::string>& besides);
std::string joined(const std::vector<std::string>& parts, const char* between = ", ");
std::string values_of(const SweepResult& r, const SweepRow& row, const std::vector<std::string>& names);
// The rows that have all of it, and a note for those that have not. Throws UsageError where none has.
SweepResult complete(const SweepResult& r, const std::vector<std::string>& names, std::string& note);
// Workload, chip and precision that all points have in common.
std::string common(const SweepResult& r);
[[noreturn]] void ambiguous(const SweepResult& r, const SweepRow& a, const SweepRow& b);

// An axis of numbers, or of texts side by side.
struct Across {
  PlotAxis axis;
  std::map<std::string, double> places;
};
Across across(const SweepResult& r, const std::string& name);

// A measured quantity on an axis. REQUIRES: complete rows.
struct Measured {
  PlotAxis axis;
  double factor = 1;
};
Measured measured(const SweepResult& r, const std::string& name);

}  // namespace mantissa::report
