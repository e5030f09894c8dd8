// SPDX-License-Identifier: Apache-2.0
// Measured against simulated: rows, statistics of their groups, and both as text, JSON, CSV and a plot. Knows nothing
// of how a row is simulated.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/plot.h"
#include "report/text_table.h"

namespace mantissa::report {

struct ValidationRow {
  std::string id, what, unit, source, note;
  std::string group;    // rows that share an error statistic
  int group_order = 0;  // groups are shown in this order, then in that of their first rows
  double measured = 0;  // in `unit`
  std::optional<double> simulated;
  std::string reason;             // why there is no simulated value
  std::optional<double> scatter;  // of the measurement: its standard deviation, or half its range, over its value

  double error() const { return *simulated / measured - 1; }  // REQUIRES: simulated
};

struct Validation {
  std::string chip, title, chip_file, version;
  std::vector<std::string> files;  // of the measurements
  std::vector<ValidationRow> rows;
  std::map<std::string, std::size_t> other_chips;  // rows of the files that are of other chips
};

// Of the simulated rows. Errors are (simulated - measured) / measured.
struct ValidationGroup {
  std::string name;
  std::size_t count = 0, rows = 0;  // simulated; all
  double mean_absolute = 0, mean = 0, median_absolute = 0, worst = 0;
  double within_10 = 0, within_20 = 0;  // shares of the rows
  std::string worst_id;
  std::optional<double> scatter;  // mean over the rows that state it
};

std::vector<ValidationGroup> validation_groups(const Validation& validation);

// `all`: one line for each row, too.
std::string validation_text(const Validation& validation, bool all, Style style);
// {"schema_version", "chip", ..., "groups": [...], "rows": [...], "not_modelled": [...]}, docs/result_format.md.
std::string validation_json(const Validation& validation);
std::string validation_csv(const Validation& validation);
// Simulated over measured, both axes logarithmic, a colour for each group, with lines at 0 and +-20 %. REQUIRES: a row
// that was simulated; rows whose unit is not the commonest one are left out, and the note says so.
Plot validation_plot(const Validation& validation);

}  // namespace mantissa::report
