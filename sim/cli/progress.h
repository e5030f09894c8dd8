// SPDX-License-Identifier: Apache-2.0
// One line on a terminal that says what is going on and how far it is. Silent where stderr is no terminal.
#pragma once
#include <cstdint>
#include <ostream>
#include <string>

namespace mantissa::cli {

class ProgressLine {
 public:
  ProgressLine(std::ostream& err, bool enabled) : err_(err), enabled_(enabled) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const std::string& what, std::int64_t done, std::int64_t total);
  void clear();

 private:
  std::ostream& err_;
  bool enabled_;
  std::string shown_;
};

}  // namespace mantissa::cli
