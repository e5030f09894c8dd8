// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <fmt/format.h>

namespace mantissa {
namespace {

std::string join(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const auto& d : diagnostics) {
    if (!text.empty()) {
      text += '\n';
    }
    text += to_string(d);
  }
  return text;
}

}  // namespace

std::string to_string(const Diagnostic& d) {
  std::string text = d.pos.file;
  if (d.pos.line > 0) {
    text += fmt::format(":{}:{}", d.pos.line, d.pos.column);
  }
  text += fmt::format("{}error: {}", text.empty() ? "" : ": ", d.message);
  if (!d.source_line.empty()) {
    // The caret stands under the column; tabs are kept so that it lines up whatever their width.
    std::string margin;
    for (int i = 1; i < d.pos.column && i <= static_cast<int>(d.source_line.size()); ++i) {
      margin += d.source_line[static_cast<std::size_t>(i - 1)] == '\t' ? '\t' : ' ';
    }
    text += fmt::format("\n    {}\n    {}^", d.source_line, margin);
  }
  return text;
}

ConfigError::ConfigError(std::vector<Diagnostic> diagnostics)
    : std::runtime_error(join(diagnostics)), diagnostics_(std::move(diagnostics)) {}

void check(bool condition, const char* what, const char* file, int line) {
  if (!condition) {
    throw std::logic_error(fmt::format("{}:{}: {}", file, line, what));
  }
}

}  // namespace mantissa
