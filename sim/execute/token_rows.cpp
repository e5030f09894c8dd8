// SPDX-License-Identifier: Apache-2.0
#include "execute/token_rows.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <regex>

#include "base/error.h"

namespace mantissa::execute {
namespace {

constexpr std::int64_t kMaxRows = 10'000'000, kMaxLength = 1 << 20;
constexpr std::int64_t kMaxTokens = 1 << 27;   // read at once: 1 GB of memory
constexpr std::uint64_t kMaxHeader = 1 << 10;  // NumPy writes 118 bytes for two dimensions
constexpr std::uint64_t kMaxId = (1ULL << 31) - 1;
constexpr const char* kHowTo = "write it with numpy.save, an array [rows, tokens] of integers";

struct Header {
  bool is_signed = false;
  std::uint64_t size = 0;  // bytes of an element
  std::int64_t rows = 0, length = 0;
  std::uint64_t first = 0;  // where the elements start
};

class NpyFile {
 public:
  explicit NpyFile(const std::string& path) : path_(path), file_(path, std::ios::binary) {
    std::error_code error;
    size_ = std::filesystem::is_regular_file(path, error) ? std::filesystem::file_size(path, error) : 0;
    if (!file_ || error) {
      fail("cannot be opened");
    }
  }

  [[noreturn]] void fail(const std::string& problem) const { throw ConfigError({path_}, problem); }
  std::uint64_t size() const { return size_; }

  void read(char* to, std::uint64_t bytes) {
    if (!file_.read(to, static_cast<std::streamsize>(bytes))) {
      fail("the file ends too early");
    }
  }

  Header header() {
    std::array<char, 8> magic{};
    if (size_ < magic.size()) {
      fail(fmt::format("it is no NumPy file; {}", kHowTo));
    }
    read(magic.data(), magic.size());
    if (std::string_view(magic.data(), 6) != "\x93NUMPY") {
      fail(fmt::format("it is no NumPy file; {}", kHowTo));
    }
    const std::uint64_t version = static_cast<unsigned char>(magic[6]);
    if (version < 1 || version > 3) {
      fail(fmt::format("its format version is {}; 1 to 3 are read", version));
    }
    const std::uint64_t length = little_endian(version == 1 ? 2 : 4);
    if (length > kMaxHeader) {
      fail(fmt::format("its header has {} bytes; at most {} are read", length, kMaxHeader));
    }
    std::string text(length, ' ');
    read(text.data(), length);
    Header header = parse(text);
    header.first = magic.size() + (version == 1 ? 2U : 4U) + length;
    return header;
  }

 private:
  std::uint64_t little_endian(std::uint64_t bytes) {
    std::array<unsigned char, 8> b{};
    read(reinterpret_cast<char*>(b.data()), bytes);
    std::uint64_t value = 0;
    for (std::uint64_t i = bytes; i-- > 0;) {
      value = value << 8 | b[i];
    }
    return value;
  }

  // {'descr': '<u2', 'fortran_order': False, 'shape': (250, 257), } - keys in the order in which NumPy writes them.
  Header parse(const std::string& text) const {
    static const std::regex kHeader(
        R"(\s*\{\s*'descr':\s*'([^']*)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([^)]*)\),?\s*\}\s*)");
    static const std::regex kType("[<|]([ui])([1248])"), kShape(R"(\s*(\d{1,12}),\s*(\d{1,12}),?\s*)");
    std::smatch found, type, shape;
    if (!std::regex_match(text, found, kHeader)) {
      fail(fmt::format("its header cannot be read; {}", kHowTo));
    }
    const std::string type_text = found[1], shape_text = found[3];
    if (!std::regex_match(type_text, type, kType) || (type_text[0] == '|') != (type[2] == "1")) {
      fail(fmt::format("its elements are '{}'; token ids are little-endian integers", type_text));
    }
    if (found[2] == "True" || !std::regex_match(shape_text, shape, kShape)) {
      fail(fmt::format("it holds an array of shape ({}){}; {}", shape_text,
                       found[2] == "True" ? " in Fortran's order" : "", kHowTo));
    }
    Header header;
    header.is_signed = type[1] == "i";
    header.size = std::stoull(type[2]);
    header.rows = std::stoll(shape[1]);
    header.length = std::stoll(shape[2]);
    if (header.rows < 1 || header.rows > kMaxRows || header.length < 2 || header.length > kMaxLength) {
      fail(fmt::format("it holds {} rows of {} tokens; 1 to {} rows of 2 to {} tokens are read", header.rows,
                       header.length, kMaxRows, kMaxLength));
    }
    return header;
  }

  std::string path_;
  std::ifstream file_;
  std::uint64_t size_ = 0;
};

std::uint64_t element(const char* bytes, std::uint64_t size) {
  std::uint64_t value = 0;
  for (std::uint64_t i = size; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace

TokenRows load_token_rows(const std::string& path, std::int64_t count) {
  NpyFile file(path);
  const Header header = file.header();
  const std::uint64_t row_bytes = static_cast<std::uint64_t>(header.length) * header.size;
  const std::uint64_t expected = header.first + static_cast<std::uint64_t>(header.rows) * row_bytes;
  if (file.size() != expected) {
    file.fail(fmt::format("{} rows of {} tokens make a file of {} bytes; it has {}", header.rows, header.length,
                          expected, file.size()));
  }
  if (count < 1 || count > header.rows) {
    file.fail(fmt::format("it has {} rows, the workload asks for {}", header.rows, count));
  }
  if (count > kMaxTokens / header.length) {
    file.fail(
        fmt::format("{} rows of {} tokens are too many; at most {} tokens are read", count, header.length, kMaxTokens));
  }
  TokenRows rows{count, header.length, {}};
  rows.ids.reserve(static_cast<std::size_t>(count * header.length));
  std::vector<char> bytes(row_bytes);
  for (std::int64_t i = 0; i < count; ++i) {
    file.read(bytes.data(), row_bytes);
    for (std::int64_t j = 0; j < header.length; ++j) {
      const std::uint64_t value = element(bytes.data() + static_cast<std::uint64_t>(j) * header.size, header.size);
      const bool negative = header.is_signed && (value >> (8 * header.size - 1)) != 0;
      if (negative || value > kMaxId) {
        file.fail(fmt::format("row {}, token {} is {}; token ids are 0 to {}", i + 1, j + 1,
                              negative ? "negative" : std::to_string(value), kMaxId));
      }
      rows.ids.push_back(static_cast<std::int64_t>(value));
    }
  }
  return rows;
}

}  // namespace mantissa::execute
