// SPDX-License-Identifier: Apache-2.0
// Bit patterns as text: a cell holds the codes of one or more elements as hex digits, each with as many digits as its
// format needs, element 0 first ("0x" before the first one may stand or not).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "numerics/format.h"

namespace mantissa::study {

// A mistake in a cell: at which byte of it, and what to do.
struct CellMistake {
  std::size_t offset = 0;
  std::string message;
  bool of_length = false;  // the digits are no whole number of elements: perhaps another format is meant
};

// Hex digits of one element, 2 at least: fp32 8, tf32 5 (19 bits), fp16 4, fp8, e2m1 and int4 2.
int hex_digits(const numerics::Format& format);

// The codes of a cell. Throws CellMistake for an empty cell, a character that is no hex digit, a length that is no
// multiple of the format's digits, and a code with more bits than the format has. `what` names the cell's content in
// the message ("operand a").
void parse_codes(std::string_view cell, const numerics::Format& format, const char* what,
                 std::vector<std::uint32_t>& codes);

// Appends the code's digits, lower case.
void append_code(std::uint32_t code, int digits, std::string& text);

bool is_nan_code(const numerics::Format& format, std::uint32_t code);

// How many codes of the format two numbers are apart (+0 and -0 are neighbours); -1 where one of them is NaN or
// infinite.
std::int64_t steps_apart(const numerics::Format& format, std::uint32_t x, std::uint32_t y);

}  // namespace mantissa::study
