// SPDX-License-Identifier: Apache-2.0
#include "numerics/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace mantissa::numerics {
namespace {

// A finite float as significand * 2^exponent.
struct Parts {
  bool negative;
  std::uint64_t significand;
  int exponent;
};

Parts parts_of(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t fraction = bits & 0x7F'FFFFU;
  const int code = static_cast<int>((bits >> 23) & 0xFFU);
  return {(bits >> 31) != 0, code == 0 ? fraction : fraction | 0x80'0000U, std::max(code, 1) - 127 - 23};
}

template <std::size_t N>
void negate(std::array<std::uint64_t, N>& words) {
  bool carry = true;
  for (auto& word : words) {
    word = ~word + (carry ? 1U : 0U);
    carry = carry && word == 0;
  }
}

}  // namespace

void ExactSum::add(float x) {
  const Parts p = parts_of(x);
  add(p.negative, p.significand, p.exponent);
}

void ExactSum::add_product(float x, float y) {
  const Parts p = parts_of(x);
  const Parts q = parts_of(y);
  add(p.negative != q.negative, p.significand * q.significand, p.exponent + q.exponent);
}

void ExactSum::add(bool negative, std::uint64_t significand, int exponent) {
  if (significand == 0) {
    return;
  }
  const auto position = static_cast<std::size_t>(exponent - kLowest);
  const std::size_t first = position / 64;
  const int shift = static_cast<int>(position % 64);
  // The shifted significand covers two words; then only the carry or borrow runs on.
  const std::uint64_t part[2] = {significand << shift, shift == 0 ? 0 : significand >> (64 - shift)};
  std::uint64_t carry = 0;
  for (std::size_t i = first; i < words_.size() && (i < first + 2 || carry != 0); ++i) {
    const std::uint64_t addend = i < first + 2 ? part[i - first] : 0;
    const std::uint64_t before = words_[i];
    if (negative) {
      words_[i] = before - addend - carry;
      carry = before < addend || (before == addend && carry != 0) ? 1 : 0;
    } else {
      words_[i] = before + addend + carry;
      carry = words_[i] < before || (words_[i] == before && carry != 0) ? 1 : 0;
    }
  }
}

bool ExactSum::is_zero() const {
  return std::all_of(words_.begin(), words_.end(), [](std::uint64_t w) { return w == 0; });
}

float ExactSum::round_to(const Format& format, Rounding rounding) const {
  if (is_zero()) {
    return 0.0F;
  }
  Words magnitude = words_;
  const bool negative = (words_.back() >> 63) != 0;
  if (negative) {
    negate(magnitude);
  }
  std::size_t top = magnitude.size() - 1;
  while (magnitude[top] == 0) {
    --top;
  }
  const auto bit = [&](int position) {
    return position >= 0 && ((magnitude[static_cast<std::size_t>(position) / 64] >> (position % 64)) & 1U) != 0;
  };
  const int leading = static_cast<int>(top) * 64 + 63 - std::countl_zero(magnitude[top]);
  // The last place of the result: mantissa_bits below the leading bit, and never below the subnormal grid.
  const int exponent = std::max(leading + kLowest, format.min_exponent());
  const int last = exponent - format.mantissa_bits - kLowest;
  std::uint64_t units = 0;
  for (int i = leading; i >= last; --i) {
    units = units * 2 + (bit(i) ? 1 : 0);
  }
  bool rest = false;  // anything below the half bit
  for (int i = 0; i < std::min(last - 1, leading + 1) && !rest; ++i) {
    rest = bit(i);
  }
  const bool half = bit(last - 1);
  if ((rounding == Rounding::kNearestAway && half) ||
      (rounding == Rounding::kNearestEven && half && (rest || (units & 1U) != 0))) {
    ++units;
  }
  const double value = std::ldexp(static_cast<double>(units), last + kLowest);
  if (value > format.max_finite()) {
    return overflowed(format, negative);
  }
  return static_cast<float>(negative ? -value : value);
}

float overflowed(const Format& format, bool negative) {
  if (format.overflow == Overflow::kSaturate) {
    return static_cast<float>(negative ? -format.max_finite() : format.max_finite());
  }
  if (format.specials != Specials::kIeee) {
    return canonical_nan();
  }
  return negative ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
}

}  // namespace mantissa::numerics
