// SPDX-License-Identifier: Apache-2.0
#include "report/csv.h"

#include <fmt/format.h>

namespace mantissa::report {

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + "\"";
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line += (i > 0 ? "," : "") + csv_cell(cells[i]);
  }
  return line + "\n";
}

std::string csv_number(double value) {
  return fmt::format("{}", value);
}

std::string csv_number(const std::optional<double>& value) {
  return value ? csv_number(*value) : std::string{};
}

}  // namespace mantissa::report
