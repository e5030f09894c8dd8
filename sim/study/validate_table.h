// SPDX-License-Identifier: Apache-2.0
// A table of measurements: comma-separated values (RFC 4180) with one header line. Keeps the place of every field, so
// that a mistake is shown where it is. Not for data of more than some 100,000 rows: all of it is in memory.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mantissa::study {

class MeasuredTable {
 public:
  struct Field {
    std::string text;
    int line = 0, column = 0;  // of its first letter
  };
  using Row = std::vector<Field>;  // as many fields as the header has

  // Throws UsageError when the file cannot be read, ConfigError for what is no table of this kind.
  static MeasuredTable load(const std::string& path);
  static MeasuredTable parse(std::string_view text, const std::string& path);

  const std::string& path() const { return path_; }
  const std::vector<std::string>& header() const { return header_; }
  const std::vector<Row>& rows() const { return rows_; }
  bool has(std::string_view column) const;

  // REQUIRES: the header has the column.
  const Field& field(const Row& row, std::string_view column) const;
  const std::string& text(const Row& row, std::string_view column) const { return field(row, column).text; }
  // Throws ConfigError at the field when it holds anything else.
  double number(const Row& row, std::string_view column) const;  // finite
  std::int64_t integer(const Row& row, std::string_view column, std::int64_t low, std::int64_t high) const;
  // The dimensions between a pair of brackets in a field: "add (16, 24)" with "()" -> 16, 24.
  std::vector<std::int64_t> shape(const Row& row, std::string_view column, std::string_view brackets) const;

  ConfigError error(const Field& field, const std::string& message) const;

 private:
  std::string path_;
  std::vector<std::string> header_;
  std::vector<Row> rows_;
};

}  // namespace mantissa::study
