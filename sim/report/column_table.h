// SPDX-License-Identifier: Apache-2.0
// Chosen columns of chosen points of a sweep, by the names of sweep_quantities.h: for looking into a database.
#pragma once
#include <string>
#include <vector>

#include "report/sweep_table.h"

namespace mantissa::report {

// What of a result is shown, and in which order.
struct ColumnSelection {
  std::vector<std::size_t> rows;
  std::vector<std::string> columns;  // REQUIRES: names that column_text knows
};

// For people: what differs between the rows, then the quantities that were measured (ratios of them only where they are
// objectives); errors where there are any.
std::vector<std::string> readable_columns(const SweepResult& result, const std::vector<std::size_t>& rows);

// `note`: a line below the title (text), or above the table (Markdown); may be empty. Numbers are rounded to four
// digits in text and Markdown and are exact in CSV and JSON.
std::string columns_text(const SweepResult& result, const ColumnSelection& selection, const std::string& note,
                         Style style);
std::string columns_markdown(const SweepResult& result, const ColumnSelection& selection, const std::string& note);
std::string columns_csv(const SweepResult& result, const ColumnSelection& selection);
// {"schema_version", "title", "version", "objectives", "points": [{column: value}]}, docs/result_format.md.
std::string columns_json(const SweepResult& result, const ColumnSelection& selection);

}  // namespace mantissa::report
