// SPDX-License-Identifier: Apache-2.0
// A table of bit patterns as a stream: CSV with a header line, plain or gzipped, from a file or standard input. It is
// handed out in blocks of whole lines, so memory stays flat whatever the size. Not a general CSV reader: a cell may be
// quoted, but holds no line break.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mantissa::study {

class VectorFile {
 public:
  // A run of whole lines. `first_line` is the line number of the first one (the header is line 1, or later after blank
  // lines).
  struct Block {
    std::string text;
    std::int64_t first_line = 0;
  };

  // "-" is standard input. Gzip is known by its content, not by the name. Throws ConfigError for a file that cannot be
  // read, is empty, or whose first line is no header.
  explicit VectorFile(const std::string& path);
  ~VectorFile();
  VectorFile(const VectorFile&) = delete;
  VectorFile& operator=(const VectorFile&) = delete;

  // As messages name it: the path, or "standard input".
  const std::string& name() const { return name_; }
  // The names in the header, without blanks and quotes around them, and the header as it stands in the file.
  const std::vector<std::string>& columns() const { return columns_; }
  const std::string& header() const { return header_; }

  // The column called `name`; else the first one that begins with `name` and an underscore ("d" finds "d_hex"). Upper
  // and lower case are the same. -1 where there is none.
  int find(std::string_view name) const;
  // The same, but throws ConfigError with `remedy` where there is none.
  int require(std::string_view name, const std::string& remedy) const;

  // The next blocks, at most `count` of them; none at the end. Throws ConfigError for damaged or truncated gzip data
  // and for a line longer than 4 MiB.
  std::vector<Block> read(std::size_t count);

  // A mistake at byte `column` (from 1) of line `line`, whose text is shown where it is short enough.
  Diagnostic mistake(std::int64_t line, std::size_t column, std::string message, std::string_view text) const;

 private:
  struct Input;
  bool fill(std::string& text);
  bool next_block(Block& block);
  void read_header();

  std::string name_;
  std::unique_ptr<Input> input_;
  std::string header_;
  std::int64_t header_line_ = 1;
  std::vector<std::string> columns_;
  std::string rest_;            // read, not handed out yet: at most one unfinished line after a block
  std::int64_t next_line_ = 1;  // of rest_
};

// The cells of a line, without blanks and quotes around them; their addresses lie in the line, except for those of
// quoted cells with doubled quotes, which lose nothing but the outer quotes.
void split_cells(std::string_view line, std::vector<std::string_view>& cells);

}  // namespace mantissa::study
