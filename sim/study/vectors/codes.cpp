// SPDX-License-Identifier: Apache-2.0
#include "study/vectors/codes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace mantissa::study {
namespace {

constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> digit_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (unsigned i = 0; i < 10; ++i) {
    values['0' + i] = static_cast<std::uint8_t>(i);
  }
  for (unsigned i = 0; i < 6; ++i) {
    values['a' + i] = values['A' + i] = static_cast<std::uint8_t>(10 + i);
  }
  return values;
}
constexpr std::array<std::uint8_t, 256> kDigits = digit_values();

std::uint8_t digit(char c) {
  return kDigits[static_cast<unsigned char>(c)];
}

std::string printable(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F ? fmt::format("'{}'", c) : fmt::format("byte 0x{:02x}", byte);
}

[[noreturn]] void throw_no_digit(std::string_view digits, std::size_t prefix, const char* what) {
  std::size_t at = 0;
  while (digit(digits[at]) != kNoDigit) {
    ++at;
  }
  throw CellMistake{prefix + at,
                    fmt::format("{} is no hex digit; {} must be hex digits only", printable(digits[at]), what)};
}

}  // namespace

int hex_digits(const numerics::Format& format) {
  return std::max(2, (format.bits() + 3) / 4);
}

void parse_codes(std::string_view cell, const numerics::Format& format, const char* what,
                 std::vector<std::uint32_t>& codes) {
  const std::size_t prefix = cell.starts_with("0x") || cell.starts_with("0X") ? 2 : 0;
  const std::string_view text = cell.substr(prefix);
  const auto digits = static_cast<std::size_t>(hex_digits(format));
  if (text.empty()) {
    throw CellMistake{0,
                      fmt::format("{} is empty; {} needs {} hex digits for each element", what, format.name, digits)};
  }
  const std::size_t count = text.size() / digits;
  codes.resize(count);
  std::uint32_t bad = 0;
  std::uint32_t all = 0;
  const char* at = text.data();
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t code = 0;
    for (std::size_t d = 0; d < digits; ++d) {
      const std::uint32_t value = digit(*at++);
      bad |= value;
      code = code << 4U | (value & 0xFU);
    }
    codes[i] = code;
    all |= code;
  }
  for (; at != text.data() + text.size(); ++at) {
    bad |= digit(*at);
  }
  if (bad > 0xF) {
    throw_no_digit(text, prefix, what);
  }
  if (text.size() != count * digits) {
    throw CellMistake{
        prefix,
        fmt::format("{} has {} hex digits; {} needs {} for each element", what, text.size(), format.name, digits),
        true};
  }
  if (format.bits() < 32 && (all >> format.bits()) != 0) {
    std::size_t i = 0;
    while ((codes[i] >> format.bits()) == 0) {
      ++i;
    }
    throw CellMistake{prefix + i * digits, fmt::format("'{}' is no code of {}, which has {} bits in the lower digits",
                                                       text.substr(i * digits, digits), format.name, format.bits())};
  }
}

void append_code(std::uint32_t code, int digits, std::string& text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    text += kHex[(code >> shift) & 0xFU];
  }
}

bool is_nan_code(const numerics::Format& format, std::uint32_t code) {
  return !format.integer && std::isnan(numerics::decode(format, code));
}

std::int64_t steps_apart(const numerics::Format& format, std::uint32_t x, std::uint32_t y) {
  if (!format.integer && (!std::isfinite(numerics::decode(format, x)) || !std::isfinite(numerics::decode(format, y)))) {
    return -1;
  }
  const int bits = format.bits();
  const auto place = [&](std::uint32_t code) -> std::int64_t {
    const std::int64_t sign = std::int64_t{1} << (bits - 1);
    const auto value = static_cast<std::int64_t>(code);
    if ((value & sign) == 0) {
      return value;
    }
    return format.integer ? value - 2 * sign : -1 - (value - sign);
  };
  return std::abs(place(x) - place(y));
}

}  // namespace mantissa::study
