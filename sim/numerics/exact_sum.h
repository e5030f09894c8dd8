// SPDX-License-Identifier: Apache-2.0
// A sum of products of floats without any rounding: one wide two's-complement fixed-point number. Slow and obvious; the
// oracle's arithmetic, and what the fast kernels fall back on for the rare inputs they cannot do exactly.
#pragma once
#include <array>
#include <cstdint>

#include "numerics/format.h"

namespace mantissa::numerics {

// Holds every multiple of 2^-320 below 2^383 in magnitude: products of any two finite floats (2^-298 .. 2^256) by the
// billion.
class ExactSum {
 public:
  void add(float x);                   // REQUIRES: finite
  void add_product(float x, float y);  // REQUIRES: both finite
  // Adds +-significand * 2^exponent. REQUIRES: exponent in -320..300.
  void add(bool negative, std::uint64_t significand, int exponent);

  bool is_zero() const;
  // The sum on the format's grid, rounded once. Zero gives +0; a sum that rounds to zero keeps its sign.
  float round_to(const Format& format, Rounding rounding) const;

 private:
  static constexpr int kLowest = -320;  // exponent of bit 0
  static constexpr int kWords = 11;
  using Words = std::array<std::uint64_t, kWords>;  // least significant first

  Words words_{};
};

// What a format makes of a value beyond its largest finite one.
float overflowed(const Format& format, bool negative);
// The largest float that does not exceed an integer format's largest integer (int32: 2^31 - 128).
float largest_integer(const Format& format);

}  // namespace mantissa::numerics
