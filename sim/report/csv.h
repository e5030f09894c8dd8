// SPDX-License-Identifier: Apache-2.0
// Comma-separated values (RFC 4180): one header line, a dot as decimal point, numbers that read back as they were.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace mantissa::report {

// A cell: quoted where it holds commas, quotes or line breaks.
std::string csv_cell(const std::string& text);
// Cells to a line with its newline.
std::string csv_line(const std::vector<std::string>& cells);
// The shortest decimal that reads back as the same double; "inf", "-inf", "nan"; empty where there is none.
std::string csv_number(double value);
std::string csv_number(const std::optional<double>& value);

}  // namespace mantissa::report
