// SPDX-License-Identifier: Apache-2.0
// Columns of text that line up: headers with a unit below, numbers to the right. Knows nothing of results.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace mantissa::report {

struct Style {
  bool colour = false;  // ANSI: bold headers, faint units
};

class TextTable {
 public:
  enum class Align { kLeft, kRight };

  explicit TextTable(Style style) : style_(style) {}
  void column(std::string header, std::string unit, Align align = Align::kRight);
  // One cell for each column.
  void row(std::vector<std::string> cells);
  void rule();  // a line across
  // Shortens the cells of the first column (to 16 at least) so that lines are no longer than `width`.
  void fit(std::size_t width) { width_ = width; }
  // Every line ends with a newline, none with a space. Columns whose cells are all empty are left out.
  std::string render() const;

 private:
  struct Column {
    std::string header, unit;
    Align align;
  };
  Style style_;
  std::size_t width_ = 0;  // 0: as wide as it needs
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;  // an empty row is a rule
};

// Columns that a UTF-8 text takes on a terminal (one for each code point).
std::size_t display_width(const std::string& text);
// At most `width` columns; a longer text loses its middle: "layer3.0...bn2".
std::string shorten_middle(const std::string& text, std::size_t width);

// One unit for a whole column, so that its numbers compare at a glance.
struct Scale {
  double factor = 1;  // value in base units x factor = value in `unit`
  std::string unit;
};
Scale time_scale(std::span<const double> seconds);
Scale energy_scale(std::span<const double> joules);
Scale power_scale(std::span<const double> watts);
Scale byte_scale(std::span<const double> bytes);

std::string with_commas(double value);              // 1234567.8 -> "1,234,568"
std::string significant(double value, int digits);  // 3 digits: 0.0123, 1.23, 12.3, 123, 1,234
std::string percent(double ratio, int decimals = 1);
// A number in a column: two decimals, so that points line up; "<0.01" for what would read as nothing.
std::string in_column(double value);

}  // namespace mantissa::report
