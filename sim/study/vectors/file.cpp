// SPDX-License-Identifier: Apache-2.0
#include "study/vectors/file.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <limits>

namespace mantissa::study {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 19U;
constexpr std::size_t kLongestLine = std::size_t{1} << 22U;
constexpr std::size_t kLongestShown = 100;  // of a line in a message
constexpr std::size_t kMostColumns = 1000;
constexpr unsigned kReadAhead = 1U << 18U;

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

std::string_view unquoted(std::string_view cell) {
  cell = trimmed(cell);
  return cell.size() >= 2 && cell.front() == '"' && cell.back() == '"' ? cell.substr(1, cell.size() - 2) : cell;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool is_text(std::string_view line) {
  return std::none_of(line.begin(), line.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\t' && c != '\r';
  });
}

}  // namespace

void split_cells(std::string_view line, std::vector<std::string_view>& cells) {
  cells.clear();
  const bool quotes = std::memchr(line.data(), '"', line.size()) != nullptr;
  for (;;) {
    std::size_t comma = 0;
    if (quotes) {
      bool inside = false;
      while (comma < line.size() && (inside || line[comma] != ',')) {
        inside = line[comma] == '"' ? !inside : inside;
        ++comma;
      }
    } else {
      comma = std::min(line.find(','), line.size());
    }
    cells.push_back(unquoted(line.substr(0, comma)));
    if (comma == line.size()) {
      return;
    }
    line.remove_prefix(comma + 1);
  }
}

struct VectorFile::Input {
  gzFile file = nullptr;
  ~Input() {
    if (file != nullptr) {
      gzclose_r(file);
    }
  }
};

VectorFile::VectorFile(const std::string& path)
    : name_(path == "-" ? "standard input" : path), input_(std::make_unique<Input>()) {
  const SourcePos whole{name_, 0, 0};
  std::error_code ignored;
  if (path != "-" && std::filesystem::is_directory(path, ignored)) {
    throw ConfigError(whole, "this is a folder; a CSV file was expected");
  }
  // zlib reads plain text through the same calls.
  input_->file = path == "-" ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path.c_str(), "rb");
  if (input_->file == nullptr) {
    throw ConfigError(whole, fmt::format("cannot be opened: {}", std::strerror(errno)));
  }
  gzbuffer(input_->file, kReadAhead);
  read_header();
  if (path.ends_with(".gz") && gzdirect(input_->file) != 0) {
    throw ConfigError(whole, "this is no gzip file, though its name ends in .gz; rename it or compress it again");
  }
}

VectorFile::~VectorFile() = default;

// Appends up to one block of bytes; false at the end of the file.
bool VectorFile::fill(std::string& text) {
  const std::size_t before = text.size();
  text.resize(before + kBlockBytes);
  const int got = gzread(input_->file, text.data() + before, static_cast<unsigned>(kBlockBytes));
  text.resize(before + static_cast<std::size_t>(std::max(got, 0)));
  int code = Z_OK;
  const char* reason = gzerror(input_->file, &code);
  if (got < 0 || (got == 0 && code == Z_BUF_ERROR)) {
    const SourcePos whole{name_, 0, 0};
    if (code == Z_BUF_ERROR) {
      throw ConfigError(whole, "the gzip data end too early; copy or download the file again");
    }
    throw ConfigError(
        whole, code == Z_ERRNO ? fmt::format("cannot be read: {}", std::strerror(errno))
                               : fmt::format("the gzip data are damaged ({}); copy or download the file again",
                                             std::string_view(reason).substr(std::string_view(reason).rfind(':') + 2)));
  }
  return got > 0;
}

void VectorFile::read_header() {
  while (fill(rest_) && rest_.find('\n', rest_.find_first_not_of("\r\n \t")) == std::string::npos) {
    if (rest_.size() > kLongestLine) {
      throw ConfigError({name_, 1, 1},
                        "the first line is longer than 4 MiB; a CSV file with a header line was expected");
    }
  }
  if (rest_.starts_with("\xEF\xBB\xBF")) {  // a byte order mark
    rest_.erase(0, 3);
  }
  const std::size_t start = rest_.find_first_not_of("\r\n \t");
  if (start == std::string::npos) {
    throw ConfigError({name_, 0, 0}, "the file is empty; its first line must name the columns");
  }
  header_line_ = 1 + std::count(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(start), '\n');
  const std::size_t end = std::min(rest_.find('\n', start), rest_.size());
  header_ = std::string(trimmed(std::string_view(rest_).substr(start, end - start)));
  rest_.erase(0, std::min(end + 1, rest_.size()));
  next_line_ = header_line_ + 1;
  if (!is_text(header_)) {
    throw ConfigError({name_, 0, 0}, "this is no text; a CSV file, plain or gzipped, was expected");
  }
  std::vector<std::string_view> cells;
  split_cells(header_, cells);
  if (cells.size() > kMostColumns) {
    throw ConfigError({name_, static_cast<int>(header_line_), 1},
                      fmt::format("{} columns; at most {} are supported", cells.size(), kMostColumns));
  }
  columns_.assign(cells.begin(), cells.end());
}

int VectorFile::find(std::string_view name) const {
  const std::string wanted = lower(name);
  for (const bool whole : {true, false}) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string column = lower(columns_[i]);
      if (whole ? column == wanted : column.starts_with(wanted + "_")) {
        return static_cast<int>(i);
      }
    }
  }
  return -1;
}

int VectorFile::require(std::string_view name, const std::string& remedy) const {
  const int column = find(name);
  if (column < 0) {
    throw ConfigError({mistake(header_line_, 1, fmt::format("there is no column '{}'; {}", name, remedy), header_)});
  }
  return column;
}

bool VectorFile::next_block(Block& block) {
  bool more = true;
  std::size_t end = rest_.rfind('\n');
  while (more && (rest_.size() < kBlockBytes || end == std::string::npos)) {
    if (rest_.size() > kLongestLine) {
      throw ConfigError({mistake(next_line_, 1, "this line is longer than 4 MiB; split it", {})});
    }
    more = fill(rest_);
    end = rest_.rfind('\n');
  }
  if (rest_.empty()) {
    return false;
  }
  const std::size_t size = end == std::string::npos || !more ? rest_.size() : end + 1;
  block.first_line = next_line_;
  block.text.assign(rest_, 0, size);
  rest_.erase(0, size);
  next_line_ += std::count(block.text.begin(), block.text.end(), '\n');
  return true;
}

std::vector<VectorFile::Block> VectorFile::read(std::size_t count) {
  std::vector<Block> blocks;
  Block block;
  while (blocks.size() < count && next_block(block)) {
    blocks.push_back(std::move(block));
  }
  return blocks;
}

Diagnostic VectorFile::mistake(std::int64_t line, std::size_t column, std::string message,
                               std::string_view text) const {
  const bool shown = text.size() <= kLongestShown && is_text(text);
  const int number = static_cast<int>(std::min<std::int64_t>(line, std::numeric_limits<int>::max()));
  return {{name_, number, static_cast<int>(column)}, std::move(message), std::string(shown ? text : "")};
}

}  // namespace mantissa::study
