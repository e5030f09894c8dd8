// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "config/yaml_document.h"

namespace mantissa::config {
namespace {

// yaml-cpp looks ahead to the end of a line for a ':'; this bounds its memory.
constexpr std::size_t kMaxLineBytes = 10'000;

// Length of the UTF-8 sequence at `i`, 0 where there is no valid one.
std::size_t utf8_length(const std::string& s, std::size_t i) {
  const auto byte = [&](std::size_t k) { return k < s.size() ? static_cast<unsigned char>(s[k]) : 0u; };
  const unsigned lead = byte(i);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xc0u) != 0x80u) {
      return 0;
    }
  }
  return length;
}

}  // namespace

// FNV-1a, 64 bits.
std::string fnv1a(const std::string& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  return fmt::format("{:016x}", hash);
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t start = 0;
  while (start <= text.size()) {
    std::size_t end = text.find('\n', start);
    if (end == std::string::npos) {
      end = text.size();
    }
    std::string line = text.substr(start, end - start);
    if (!line.empty() && line.back() == '\r') {
      line.pop_back();
    }
    lines.push_back(std::move(line));
    start = end + 1;
  }
  return lines;
}

bool is_control_character(unsigned char c) {
  return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

void check_lines(const YamlDocument& document) {
  for (std::size_t n = 0; n < document.lines.size(); ++n) {
    const std::string& line = document.lines[n];
    const int number = static_cast<int>(n) + 1;
    const auto fail = [&](int column, const char* message, bool show) {
      throw ConfigError({Diagnostic{document.place(number, column), message, show ? document.line_text(number) : ""}});
    };
    if (line.size() > kMaxLineBytes) {
      throw ConfigError(
          document.place(number, 1),
          fmt::format("the line has {} bytes; break it up, at most {} are read", line.size(), kMaxLineBytes));
    }
    int column = 1;
    for (std::size_t i = 0; i < line.size(); ++column) {
      const std::size_t length = utf8_length(line, i);
      if (length == 0) {
        fail(column, "this is not UTF-8 text; a YAML file was expected", false);
      }
      if (is_control_character(static_cast<unsigned char>(line[i])) || line[i] == '\r') {
        fail(column, "control characters are not supported; a YAML file was expected", false);
      }
      i += length;
    }
    const std::size_t content = line.find_first_not_of(" \t");
    const std::size_t tab = line.find('\t');
    if (content != std::string::npos && tab < content) {
      fail(static_cast<int>(tab) + 1, "a tab is used as indentation; use spaces", true);
    }
  }
}

}  // namespace mantissa::config
