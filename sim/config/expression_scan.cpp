// SPDX-License-Identifier: Apache-2.0
#include "config/expression_scan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace mantissa::config {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool continues_name(char c) {
  return begins_name(c) || is_digit(c) || c == '.';
}

const std::vector<std::string>& function_names() {
  static const std::vector<std::string> names = {"abs",  "ceil", "exp", "floor", "ln",  "log10",
                                                 "log2", "max",  "min", "round", "sqrt"};
  return names;
}

bool is_function(const std::string& name) {
  return std::find(function_names().begin(), function_names().end(), name) != function_names().end();
}

ExpressionScan::ExpressionScan(const std::string& text) : text_(text) {
  while (at_ < text_.size() && mistake.empty()) {
    step();
  }
}

void ExpressionScan::fail(std::size_t where, std::string what) {
  place = where;
  mistake = std::move(what);
}

void ExpressionScan::step() {
  const char c = text_[at_];
  if (is_digit(c) || c == '.') {
    number();
  } else if (begins_name(c)) {
    word();
  } else {
    sign(c);
  }
}

void ExpressionScan::number() {
  const auto digits = [&] {
    while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) {
      ++at_;
    }
  };
  digits();
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    at_ += at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-') ? 1 : 0;
    digits();
  }
}

void ExpressionScan::word() {
  const std::size_t start = at_;
  while (at_ < text_.size() && continues_name(text_[at_])) {
    ++at_;
  }
  const std::string name = text_.substr(start, at_ - start);
  const std::size_t next = text_.find_first_not_of(' ', at_);
  const bool call = next != std::string::npos && text_[next] == '(';
  if (name == "and" || name == "or" || name == "not") {
    fail(start, fmt::format("'{}' is no operator; write {}", name, name == "and" ? "&&" : name == "or" ? "||" : "!"));
  } else if (call && !is_function(name)) {
    fail(start, fmt::format("there is no function '{}'{}", name, suggestion(name, function_names())));
  } else if (!call && is_function(name)) {
    fail(start, fmt::format("'{0}' is a function; write {0}(...)", name));
  } else if (!call) {
    names.insert(name);
  }
}

void ExpressionScan::sign(char c) {
  const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
  const bool pair = (next == '=' && (c == '<' || c == '>' || c == '=' || c == '!')) || (c == '&' && next == '&') ||
                    (c == '|' && next == '|');
  condition |= c == '?';
  if (c == '=' && !pair) {
    fail(at_, "a formula does not assign; compare with '=='");
  } else if ((c == '&' || c == '|') && !pair) {
    fail(at_, fmt::format("'{0}' is no operator; write '{0}{0}'", c));
  } else if (c == '(' || c == ')') {
    compared_ = false;
  } else if (c == '<' || c == '>' || ((c == '=' || c == '!') && pair)) {
    if (compared_) {
      fail(at_, "comparisons do not chain; write 'a <= b && b <= c'");
    }
    compared_ = true;
  } else if (c == '&' || c == '|' || c == '?' || c == ':' || c == ',') {
    compared_ = false;
  }
  at_ += pair ? 2 : 1;
}

}  // namespace mantissa::config
