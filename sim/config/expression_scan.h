// SPDX-License-Identifier: Apache-2.0
// The first look at a formula: its names, and the mistakes that the parser allows or words badly. Private to
// expression.cpp.
#pragma once
#include <set>
#include <string>
#include <vector>

namespace mantissa::config {

const std::vector<std::string>& function_names();
bool is_function(const std::string& name);
// Whether a character may begin a name, or stand in one.
bool begins_name(char c);
bool continues_name(char c);

class ExpressionScan {
 public:
  explicit ExpressionScan(const std::string& text);

  std::set<std::string> names;
  bool condition = false;  // there is a '?'
  std::string mistake;     // empty: none
  std::size_t place = 0;   // of the mistake

 private:
  void fail(std::size_t where, std::string what);
  void step();
  void number();
  void word();
  void sign(char c);

  const std::string& text_;
  std::size_t at_ = 0;
  bool compared_ = false;  // since the last parenthesis or logical operator
};

}  // namespace mantissa::config
