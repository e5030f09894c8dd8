// SPDX-License-Identifier: Apache-2.0
#include "config/yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "config/yaml_impl.h"

namespace mantissa::config {
namespace {

constexpr std::size_t kMaxDiagnostics = 20;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string shorten(const std::string& text) {
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

// The parts of a decimal number; valid: [+-] digits [. digits] [e [+-] digits], no leading zero.
struct Decimal {
  bool valid = false, leading_zero = false, whole = false;
};

Decimal scan_decimal(const std::string& text) {
  Decimal result;
  std::size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < text.size() && is_digit(text[i])) {
      ++i;
    }
    return i - start;
  };
  const std::size_t first = i;
  const std::size_t integer_digits = digits();
  result.leading_zero = integer_digits > 1 && text[first] == '0';
  result.whole = i == text.size();
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) {
      return result;
    }
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    i += i < text.size() && (text[i] == '-' || text[i] == '+') ? 1 : 0;
    if (digits() == 0) {
      return result;
    }
  }
  result.valid = integer_digits > 0 && i == text.size();
  return result;
}

// std::from_chars takes no '+'.
std::string without_plus(const std::string& text) {
  return !text.empty() && text[0] == '+' ? text.substr(1) : text;
}

std::string plain(double value) {
  return std::abs(value) < 1e15 && value == std::floor(value) ? fmt::format("{:.0f}", value)
                                                              : fmt::format("{:g}", value);
}

std::string out_of_range(const std::string& path, const std::string& text, const std::string& min,
                         const std::string& max) {
  return min == max ? fmt::format("'{}' must be {}; found {}", path, min, text)
                    : fmt::format("'{}' must be between {} and {}; found {}", path, min, max, text);
}

const char* kind_name(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "";
}

}  // namespace

void Diagnostics::add(SourcePos pos, std::string message, std::string source_line) {
  if (list_.size() >= kMaxDiagnostics) {
    ++dropped_;
    return;
  }
  list_.push_back(Diagnostic{std::move(pos), std::move(message), std::move(source_line)});
}

void Diagnostics::finish() const {
  if (list_.empty()) {
    return;
  }
  auto sorted = list_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.pos.line, a.pos.column) < std::pair(b.pos.line, b.pos.column);
  });
  if (dropped_ > 0) {
    sorted.push_back(Diagnostic{SourcePos{sorted.front().pos.file, 0, 0},
                                fmt::format("{} more mistakes are not shown; correct these first", dropped_),
                                {}});
  }
  throw ConfigError(std::move(sorted));
}

YamlNode YamlNode::load_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw ConfigError(SourcePos{path, 0, 0}, "this is a folder; a YAML file was expected");
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw ConfigError(SourcePos{path, 0, 0}, fmt::format("cannot read the file: {}", std::strerror(errno)));
  }
  // One byte more than allowed tells a file that is too long without reading all of it.
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) {
    throw ConfigError(
        SourcePos{path, 0, 0},
        fmt::format("the file has more than {} bytes; a YAML file of Mantissa is smaller", kMaxFileBytes));
  }
  return parse(text, path);
}

YamlNode YamlNode::parse(const std::string& text, const std::string& name) {
  return YamlNode(std::make_shared<const Impl>(Impl{parse_yaml(text, name), 0}));
}

YamlNode::Kind YamlNode::kind() const {
  return impl_ ? impl_->node().kind : Kind::kNull;
}

SourcePos YamlNode::pos() const {
  return impl_ ? impl_->file().place(impl_->node().line, impl_->node().column) : SourcePos{};
}

SourcePos YamlNode::key_pos() const {
  return impl_ && impl_->node().key_line > 0 ? impl_->file().place(impl_->node().key_line, impl_->node().key_column)
                                             : pos();
}

std::string YamlNode::path() const {
  if (!impl_) {
    return {};
  }
  std::string result;
  const auto& nodes = impl_->document->nodes;
  for (int id = impl_->id; nodes[static_cast<std::size_t>(id)].parent >= 0;
       id = nodes[static_cast<std::size_t>(id)].parent) {
    const auto& node = nodes[static_cast<std::size_t>(id)];
    const bool in_map = nodes[static_cast<std::size_t>(node.parent)].kind == Kind::kMap;
    const std::string part = in_map ? node.key : fmt::format("[{}]", node.index);
    result = part + (result.empty() || result.front() == '[' ? "" : ".") + result;
  }
  return result;
}

std::string YamlNode::hash() const {
  return impl_ ? impl_->document->hash : std::string{};
}

void YamlNode::error(const std::string& message) const {
  if (impl_) {
    impl_->document->report(impl_->node(), false, message);
  }
}

void YamlNode::error_within(std::size_t offset, const std::string& message) const {
  if (!impl_) {
    return;
  }
  const auto& node = impl_->node();
  const std::string line = impl_->file().line_text(node.line);
  const std::size_t start = static_cast<std::size_t>(std::max(node.column - 1, 0)) + (node.quoted ? 1 : 0);
  if (start > line.size() || line.compare(start, node.value.size(), node.value) != 0) {
    error(message);
    return;
  }
  const int column = static_cast<int>(start + std::min(offset, node.value.size())) + 1;
  impl_->document->diagnostics.add(impl_->file().place(node.line, column), message, line);
}

void YamlNode::error_at_key(const std::string& message) const {
  if (impl_) {
    impl_->document->report(impl_->node(), true, message);
  }
}

void YamlNode::finish() const {
  if (impl_) {
    impl_->document->diagnostics.finish();
  }
}

std::size_t YamlNode::mistakes() const {
  return impl_ ? impl_->document->diagnostics.count() : 0;
}

std::string YamlNode::text() const {
  if (impl_ && kind() != Kind::kScalar) {
    error(fmt::format("'{}' must be text; found {}", path(), kind_name(kind())));
    return {};
  }
  return impl_ ? impl_->node().value : std::string{};
}

namespace {

// Whether a node's text is a decimal number at all; reports what else it is. `kind_of_number`: "a whole number".
bool accept_decimal(const YamlNode& node, const std::string& value, bool quoted, const Decimal& decimal,
                    std::string_view kind_of_number) {
  if (node.kind() != YamlNode::Kind::kScalar) {
    node.error(fmt::format("'{}' must be {}; found {}", node.path(), kind_of_number, kind_name(node.kind())));
  } else if (quoted || !decimal.valid) {
    node.error(fmt::format("'{}' must be {}; found '{}'{}", node.path(), kind_of_number, shorten(value),
                           quoted ? " in quotes" : ""));
  } else if (decimal.leading_zero) {
    node.error(fmt::format("'{}' has a leading zero, which YAML reads as octal; write it without", value));
  } else {
    return true;
  }
  return false;
}

}  // namespace

std::int64_t YamlNode::integer(std::int64_t min, std::int64_t max) const {
  const std::int64_t fallback = std::clamp<std::int64_t>(0, min, max);
  if (!impl_) {
    return fallback;
  }
  const std::string value = impl_->node().value;
  const Decimal decimal = scan_decimal(value);
  if (!accept_decimal(*this, value, impl_->node().quoted, decimal, "a whole number")) {
    return fallback;
  }
  const std::string digits = without_plus(value);
  if (!decimal.whole) {
    double real = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), real);
    const bool is_whole = std::isfinite(real) && real == std::floor(real) && std::abs(real) < 1e15;
    error(fmt::format(
        "'{}' must be a whole number; {}", path(),
        is_whole ? fmt::format("write {:.0f} instead of {}", real, value) : fmt::format("found {}", shorten(value))));
    return fallback;
  }
  std::int64_t result = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), result);
  if (code != std::errc() || result < min || result > max) {
    error(out_of_range(path(), shorten(value), std::to_string(min), std::to_string(max)));
    return fallback;
  }
  return result;
}

double YamlNode::number(double min, double max) const {
  const double fallback = std::clamp(0.0, min, max);
  if (!impl_) {
    return fallback;
  }
  const std::string value = impl_->node().value;
  const Decimal decimal = scan_decimal(value);
  if (!accept_decimal(*this, value, impl_->node().quoted, decimal, "a number")) {
    return fallback;
  }
  const std::string digits = without_plus(value);
  double result = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), result);
  if (code != std::errc() || !(result >= min && result <= max)) {
    error(out_of_range(path(), shorten(value), plain(min), plain(max)));
    return fallback;
  }
  return result;
}

bool YamlNode::boolean() const {
  if (!impl_) {
    return false;
  }
  const std::string& value = impl_->node().value;
  if (kind() == Kind::kScalar && !impl_->node().quoted && (value == "true" || value == "false")) {
    return value == "true";
  }
  error(kind() == Kind::kScalar ? fmt::format("'{}' must be true or false; found '{}'", path(), shorten(value))
                                : fmt::format("'{}' must be true or false; found {}", path(), kind_name(kind())));
  return false;
}

std::vector<YamlNode> YamlNode::items() const {
  std::vector<YamlNode> result;
  if (!impl_) {
    return result;
  }
  if (kind() != Kind::kSequence) {
    error(fmt::format("'{}' must be a list; found {}", path(), kind_name(kind())));
    return result;
  }
  for (const int child : impl_->node().children) {
    result.push_back(YamlNode(std::make_shared<const Impl>(Impl{impl_->document, child})));
  }
  return result;
}

std::vector<std::pair<std::string, YamlNode>> YamlNode::entries() const {
  std::vector<std::pair<std::string, YamlNode>> result;
  if (!impl_) {
    return result;
  }
  if (kind() != Kind::kMap) {
    const std::string where = path();
    error(where.empty() ? fmt::format("the file must be a map of keys and values; found {}", kind_name(kind()))
                        : fmt::format("'{}' must be a map; found {}", where, kind_name(kind())));
    return result;
  }
  for (const int child : impl_->node().children) {
    YamlNode node(std::make_shared<const Impl>(Impl{impl_->document, child}));
    result.emplace_back(impl_->document->nodes[static_cast<std::size_t>(child)].key, std::move(node));
  }
  return result;
}

}  // namespace mantissa::config
