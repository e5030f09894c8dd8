// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <fmt/format.h>

namespace mantissa::cli {

void ProgressLine::show(const std::string& what, std::int64_t done, std::int64_t total) {
  if (!enabled_) {
    return;
  }
  const std::string text = total > 0 ? fmt::format("{}: {} %", what, 100 * done / total) : what;
  if (text != shown_) {
    err_ << "\r\x1b[K" << text << std::flush;
    shown_ = text;
  }
}

void ProgressLine::clear() {
  if (!shown_.empty()) {
    err_ << "\r\x1b[K" << std::flush;
    shown_.clear();
  }
}

}  // namespace mantissa::cli
