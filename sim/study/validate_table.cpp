// SPDX-License-Identifier: Apache-2.0
#include "study/validate_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace mantissa::study {
namespace {

constexpr std::streamoff kMaxBytes = 1 << 26;
constexpr std::int64_t kMaxDimension = 1 << 24;
constexpr std::size_t kMaxRank = 8;

// Reads fields one after the other.
class Scanner {
 public:
  Scanner(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  bool at_end() const { return at_ >= text_.size(); }

  // The fields of one record and its line break.
  MeasuredTable::Row record() {
    MeasuredTable::Row row;
    for (;;) {
      row.push_back(field());
      if (at_end() || text_[at_] != ',') {
        break;
      }
      next();
    }
    if (!at_end()) {
      at_ += text_[at_] == '\r' ? 2 : 1;
      ++line_;
      line_start_ = at_;
    }
    return row;
  }

 private:
  int column() const { return static_cast<int>(at_ - line_start_) + 1; }
  bool at_break() const {
    return at_end() || text_[at_] == '\n' || (text_[at_] == '\r' && text_.substr(at_).starts_with("\r\n"));
  }
  void next() {
    if (text_[at_++] == '\n') {
      ++line_;
      line_start_ = at_;
    }
  }

  MeasuredTable::Field field() {
    MeasuredTable::Field field{"", line_, column()};
    if (at_end() || text_[at_] != '"') {
      while (!at_break() && text_[at_] != ',') {
        if (text_[at_] == '"') {
          throw ConfigError({path_, line_, column()},
                            "a quote inside a field; put the whole field in quotes and write quotes in it twice");
        }
        field.text += text_[at_];
        next();
      }
      return field;
    }
    for (next(); !at_end(); next()) {
      if (text_[at_] == '"') {
        if (!text_.substr(at_).starts_with("\"\"")) {
          break;
        }
        next();
      }
      field.text += text_[at_];
    }
    if (at_end()) {
      throw ConfigError({path_, field.line, field.column}, "this quote is never closed");
    }
    next();
    if (!at_break() && text_[at_] != ',') {
      throw ConfigError({path_, line_, column()},
                        "text after a closing quote; a comma or the end of the line follows it");
    }
    return field;
  }

  std::string_view text_;
  const std::string& path_;
  std::size_t at_ = 0, line_start_ = 0;
  int line_ = 1;
};

}  // namespace

MeasuredTable MeasuredTable::load(const std::string& path) {
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) {
    throw UsageError(fmt::format("'{}' is a folder; name a table in it", path));
  }
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || in.tellg() < 0) {
    throw UsageError(fmt::format("cannot read '{}'; is the name right?", path));
  }
  if (in.tellg() > kMaxBytes) {
    throw UsageError(fmt::format("'{}' is larger than a table of measurements may be ({} MiB)", path, kMaxBytes >> 20));
  }
  in.seekg(0);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) {
    throw UsageError(fmt::format("cannot read '{}'; is it a file?", path));
  }
  return parse(text, path);
}

MeasuredTable MeasuredTable::parse(std::string_view text, const std::string& path) {
  if (text.starts_with("\xef\xbb\xbf")) {
    text.remove_prefix(3);
  }
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    throw ConfigError({path, 0, 0}, "a table of measurements is text; this file holds bytes that are none");
  }
  MeasuredTable table;
  table.path_ = path;
  Scanner scanner(text, path);
  if (scanner.at_end()) {
    throw ConfigError({path, 0, 0}, "an empty file; the first line names the columns");
  }
  std::set<std::string> seen;
  for (const Field& field : scanner.record()) {
    if (!seen.insert(field.text).second) {
      throw table.error(field, fmt::format("the column '{}' is there twice", field.text));
    }
    table.header_.push_back(field.text);
  }
  while (!scanner.at_end()) {
    Row row = scanner.record();
    if (row.size() == 1 && row[0].text.empty()) {
      continue;
    }
    if (row.size() != table.header_.size()) {
      throw table.error(row.size() > table.header_.size() ? row[table.header_.size()] : row.back(),
                        fmt::format("{} fields where the header names {} columns", row.size(), table.header_.size()));
    }
    table.rows_.push_back(std::move(row));
  }
  return table;
}

bool MeasuredTable::has(std::string_view column) const {
  return std::find(header_.begin(), header_.end(), column) != header_.end();
}

const MeasuredTable::Field& MeasuredTable::field(const Row& row, std::string_view column) const {
  const auto at = std::find(header_.begin(), header_.end(), column);
  check(at != header_.end(), "the table has the column");
  return row[static_cast<std::size_t>(at - header_.begin())];
}

double MeasuredTable::number(const Row& row, std::string_view column) const {
  const Field& f = field(row, column);
  double value = 0;
  const char* end = f.text.data() + f.text.size();
  const auto [stopped, status] = std::from_chars(f.text.data(), end, value);
  if (status != std::errc{} || stopped != end || !std::isfinite(value)) {
    throw error(f, f.text.empty() ? fmt::format("{} is empty; a number is needed", column)
                                  : fmt::format("{}: '{}' is no number", column, f.text));
  }
  return value;
}

std::int64_t MeasuredTable::integer(const Row& row, std::string_view column, std::int64_t low,
                                    std::int64_t high) const {
  const Field& f = field(row, column);
  std::int64_t value = 0;
  const char* end = f.text.data() + f.text.size();
  const auto [stopped, status] = std::from_chars(f.text.data(), end, value);
  if (status != std::errc{} || stopped != end || value < low || value > high) {
    throw error(f, fmt::format("{}: '{}' is no whole number from {} to {}", column, f.text, low, high));
  }
  return value;
}

std::vector<std::int64_t> MeasuredTable::shape(const Row& row, std::string_view column,
                                               std::string_view brackets) const {
  const Field& f = field(row, column);
  const auto wrong = [&] {
    return error(f, fmt::format("{}: '{}' names no shape like {}16,24{}, of at most {} dimensions from 1 to {}", column,
                                f.text, brackets[0], brackets[1], kMaxRank, kMaxDimension));
  };
  const std::size_t open = f.text.find(brackets[0]), close = f.text.find(brackets[1], open);
  if (open == std::string::npos || close == std::string::npos) {
    throw wrong();
  }
  std::vector<std::int64_t> dimensions;
  const char* at = f.text.data() + open + 1;
  const char* end = f.text.data() + close;
  double elements = 1;
  while (at < end) {
    std::int64_t value = 0;
    at = std::find_if(at, end, [](char c) { return c != ' '; });
    const auto [stopped, status] = std::from_chars(at, end, value);
    if (status != std::errc{} || value < 1 || value > kMaxDimension || (stopped != end && *stopped != ',') ||
        dimensions.size() == kMaxRank) {
      throw wrong();
    }
    dimensions.push_back(value);
    elements *= static_cast<double>(value);
    at = stopped == end ? end : stopped + 1;
  }
  if (dimensions.empty() || elements > 1e12) {
    throw wrong();
  }
  return dimensions;
}

ConfigError MeasuredTable::error(const Field& field, const std::string& message) const {
  return ConfigError({path_, field.line, field.column}, message);
}

}  // namespace mantissa::study
