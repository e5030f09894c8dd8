// SPDX-License-Identifier: Apache-2.0
// A formula in a config file: "macs * chip.clock_mhz <= 3e7". Numbers, names with dots, + - * / ^, comparisons, && ||
// !, `condition ? a : b` and a few functions; no assignment. Parsed once (muParser), then evaluated for many points.
//
// A division by zero, or a function outside its domain, has no value. Nor has what is computed from it, but for
// `false && ...` and `true || ...`. With a condition only the branch that it does not take may be without one.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/yaml.h"

namespace mantissa::config {

// Whether a text is a name that an expression can hold: letters, digits, '_' and '.', not beginning with a digit or
// dot, and no function.
bool is_expression_name(const std::string& text);

class Expression {
 public:
  Expression() = default;
  // Reports mistakes of writing at their place in the scalar; then valid() is false.
  explicit Expression(const YamlNode& scalar);

  bool valid() const { return state_ != nullptr; }
  const YamlNode& node() const { return node_; }
  const std::string& text() const { return text_; }
  const std::vector<std::string>& names() const;  // that it uses, sorted
  // Reports a mistake at the first place where the expression uses the name.
  void error_at(const std::string& name, const std::string& message) const;

  // NaN where it has no value. `values` are those of names(), in their order. Comparisons give 0 or 1. REQUIRES:
  // valid(). Copies share their scratch memory: not for several threads at once.
  double evaluate(std::span<const double> values) const;
  // Says so, with the values and what to do.
  std::string why_no_value(std::span<const double> values) const;
  // The same with a look-up by name. Throws ConfigError, at the expression, where it has no value or an infinite one.
  double value(const std::function<double(const std::string&)>& lookup) const;

 private:
  struct State;
  YamlNode node_;
  std::string text_;
  std::shared_ptr<State> state_;
};

}  // namespace mantissa::config
