// SPDX-License-Identifier: Apache-2.0
// What the points of a sweep can be compared by: measured quantities, what follows from them, and keys that are
// numbers. One list of names for objectives, filters, sorting, tables and plots.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "report/sweep_table.h"

namespace mantissa::report {

// What a sweep has to measure for a quantity.
enum class Measure { kNothing, kLatency, kEnergy, kAccuracy };

struct Quantity {
  std::string name;       // with its unit: latency_s
  bool maximize = false;  // which way is better
  std::string title;      // for tables and axes of plots, with its unit
  Measure needs = Measure::kNothing;
};

const std::vector<Quantity>& quantities();
const Quantity* find_quantity(const std::string& name);

// The value of a quantity or of a key whose value is a number; `batch` is also that of points where it is no key.
// nullopt where the row has none: it was not measured, the point failed, the value is text.
std::optional<double> quantity(const SweepResult& result, const SweepRow& row, const std::string& name);
// A whole text as a number, as files and CSV write it ("1050", "0.5", "-inf"); nullopt for anything else.
std::optional<double> number_of(const std::string& text);

// The names that `quantity` has a value for in at least one row: keys first, then quantities.
std::vector<std::string> numeric_names(const SweepResult& result);

// The value of a column as text, for filters, sorting and exports: `chip`, `workload`, `precision`, `error`, a key or
// a quantity (empty where the row has none). nullopt: no column has this name.
std::optional<std::string> column_text(const SweepResult& result, const SweepRow& row, const std::string& name);
// All names that `column_text` knows in this result, in the order of tables.
std::vector<std::string> column_names(const SweepResult& result);

}  // namespace mantissa::report
