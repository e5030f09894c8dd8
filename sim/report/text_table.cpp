// SPDX-License-Identifier: Apache-2.0
#include "report/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace mantissa::report {
namespace {

constexpr const char* kGap = "  ";
constexpr std::size_t kLeastName = 16;

struct Prefix {
  double size;
  const char* unit;
};

// The largest unit in which the largest value is at least 1; the last one for smaller values and zero.
template <std::size_t N>
Scale pick(std::span<const double> values, const Prefix (&prefixes)[N]) {
  double largest = 0;
  for (const double v : values) {
    largest = std::isfinite(v) ? std::max(largest, std::abs(v)) : largest;
  }
  for (const Prefix& p : prefixes) {
    if (largest >= p.size) {
      return {1 / p.size, p.unit};
    }
  }
  const Prefix& last = prefixes[largest > 0 ? N - 1 : 0];
  return {1 / last.size, last.unit};
}

std::string pad(const std::string& text, std::size_t width, TextTable::Align align) {
  const std::string space(width - std::min(width, display_width(text)), ' ');
  return align == TextTable::Align::kLeft ? text + space : space + text;
}

std::string trim_right(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

void TextTable::column(std::string header, std::string unit, Align align) {
  columns_.push_back({std::move(header), std::move(unit), align});
}

void TextTable::row(std::vector<std::string> cells) {
  check(cells.size() == columns_.size(), "a row has one cell for each column");
  rows_.push_back(std::move(cells));
}

void TextTable::rule() {
  rows_.emplace_back();
}

std::string TextTable::render() const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], display_width(row[c]));
    }
  }
  bool has_units = false;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (widths[c] > 0) {
      widths[c] = std::max({widths[c], display_width(columns_[c].header), display_width(columns_[c].unit)});
      has_units = has_units || !columns_[c].unit.empty();
    }
  }
  const auto line = [&](auto cell) {
    std::string text;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (widths[c] > 0) {
        text += (text.empty() ? "" : kGap) + pad(cell(c), widths[c], columns_[c].align);
      }
    }
    return trim_right(text);
  };
  std::size_t total = 0;
  for (const std::size_t w : widths) {
    total += w > 0 ? w + (total > 0 ? 2 : 0) : 0;
  }
  if (width_ > 0 && total > width_ && !widths.empty()) {
    const std::size_t shorter = std::max<std::size_t>(kLeastName, widths[0] - std::min(widths[0], total - width_));
    total -= widths[0] - std::min(widths[0], shorter);
    widths[0] = std::min(widths[0], shorter);
  }
  const auto styled = [&](const char* code, const std::string& text) {
    return style_.colour ? fmt::format("\x1b[{}m{}\x1b[0m\n", code, text) : text + "\n";
  };
  std::string text = styled("1", line([&](std::size_t c) { return columns_[c].header; }));
  if (has_units) {
    text += styled("2", line([&](std::size_t c) { return columns_[c].unit; }));
  }
  text += styled("2", std::string(total, '-'));
  for (const auto& row : rows_) {
    text += row.empty()
                ? styled("2", std::string(total, '-'))
                : line([&](std::size_t c) { return c == 0 ? shorten_middle(row[c], widths[c]) : row[c]; }) + "\n";
  }
  return text;
}

std::size_t display_width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

std::string shorten_middle(const std::string& text, std::size_t width) {
  if (display_width(text) <= width || width < 8 || display_width(text) != text.size()) {
    return text;
  }
  const std::size_t tail = (width - 3) * 2 / 3;  // ends tell names apart better than beginnings
  const std::size_t head = width - 3 - tail;
  return text.substr(0, head) + "..." + text.substr(text.size() - tail);
}

Scale time_scale(std::span<const double> seconds) {
  static constexpr Prefix kPrefixes[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
  return pick(seconds, kPrefixes);
}

Scale energy_scale(std::span<const double> joules) {
  static constexpr Prefix kPrefixes[] = {{1, "J"}, {1e-3, "mJ"}, {1e-6, "uJ"}, {1e-9, "nJ"}, {1e-12, "pJ"}};
  return pick(joules, kPrefixes);
}

Scale power_scale(std::span<const double> watts) {
  static constexpr Prefix kPrefixes[] = {{1, "W"}, {1e-3, "mW"}, {1e-6, "uW"}};
  return pick(watts, kPrefixes);
}

Scale byte_scale(std::span<const double> bytes) {
  static constexpr Prefix kPrefixes[] = {{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}};
  return pick(bytes, kPrefixes);
}

std::string with_commas(double value) {
  if (!std::isfinite(value)) {
    return value > 0 ? "inf" : value < 0 ? "-inf" : "nan";
  }
  std::string digits = fmt::format("{:.0f}", std::abs(value));
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return (value < 0 && digits != "0" ? "-" : "") + digits;
}

std::string significant(double value, int digits) {
  if (!std::isfinite(value)) {
    return with_commas(value);
  }
  if (value == 0) {
    return "0";
  }
  // Rounding may carry into one more digit before the point (9.996 -> 10.0).
  int before = static_cast<int>(std::floor(std::log10(std::abs(value)))) + 1;
  const double unit = std::pow(10.0, before - digits);
  if (std::round(std::abs(value) / unit) >= std::pow(10.0, digits)) {
    ++before;
  }
  const int decimals = std::clamp(digits - before, 0, 12);
  return decimals == 0 ? with_commas(value) : fmt::format("{:.{}f}", value, decimals);
}

std::string in_column(double value) {
  if (value == 0) {
    return "0";
  }
  return value > 0 && value < 0.005 ? "<0.01" : fmt::format("{:.2f}", value);
}

std::string percent(double ratio, int decimals) {
  return fmt::format("{:.{}f}", 100 * ratio, decimals);
}

}  // namespace mantissa::report
