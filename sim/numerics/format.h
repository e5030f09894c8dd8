// SPDX-License-Identifier: Apache-2.0
// Number formats: how a real number is rounded to a format, and how its bit pattern reads. All formats here up to TF32
// fit in a float, so tensors carry float values that lie on the format's grid; patterns are made only where they are
// asked for.
//
// SOURCE: IEEE 754-2019 (FP32, FP16), OCP OFP8 1.0 (E4M3, E5M2), the definitions and golden tables under
// tests/data/numerics.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mantissa::numerics {

// kStochastic needs a seed: it goes with round_stochastic alone, every other function refuses it.
enum class Rounding { kNearestEven, kNearestAway, kTowardZero, kStochastic };

// What the largest exponent codes hold: IEEE infinities and NaNs (without fraction bits infinities alone); only the
// all-ones code is NaN ("FN", E4M3); or numbers alone.
enum class Specials { kIeee, kNanOnly, kNone };

// What becomes of a value beyond the largest finite one (after rounding as if the exponent had no end, in every
// rounding mode). kInfinity gives NaN in a format without infinities. kSaturate maps infinities to the largest finite
// value too (OCP OFP8, `cvt.rn.satfinite`, ONNX Cast saturate=1).
enum class Overflow { kInfinity, kSaturate };

// A binary floating-point or a two's-complement integer format.
struct Format {
  std::string name;  // "e4m3"
  bool integer = false;
  int exponent_bits = 8;   // floats: 1..8; 8 only with kIeee, 1 only without (see defect)
  int mantissa_bits = 23;  // floats: stored fraction bits, 0..23; integers: bits with the sign, 2..16 or 32
  Specials specials = Specials::kIeee;
  Overflow overflow = Overflow::kInfinity;

  int bits() const { return integer ? mantissa_bits : 1 + exponent_bits + mantissa_bits; }
  // Bytes of one element in memory: bits rounded up to 1, 2 or 4 bytes (TF32 is kept in 4).
  int storage_bytes() const;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  int min_exponent() const { return 1 - bias(); }  // of the smallest normal number, and of all subnormal ones
  double max_finite() const;
  double min_normal() const;
  double min_subnormal() const;
  bool operator==(const Format&) const = default;
};

// Names:
//
//   NAME[_sat|_nosat]                          fp32 tf32 fp16 bf16
//   eXmY[_ieee|_fn|_finite][_sat|_nosat]       X = 1..8 exponent bits, Y = 0..23 fraction bits
//   intN                                       N = 2..16 or 32
//
// _ieee: infinities and NaNs; _fn: one NaN, the all-ones code; _finite: neither. Without this suffix e4m3 is _fn (OCP);
// e2m3, e3m2, e2m1 and every e1mY are _finite; all others are _ieee. _sat, _nosat: the overflow; without this suffix
// e5m2 and whatever has no infinities saturates. Other spellings: fp8_e4m3, fp8_e5m2, fp6_e2m3, fp6_e3m2, fp4_e2m1,
// float32, float16, bfloat16. A format's `name` is its shortest spelling ("e5m10_sat" gives "fp16_sat"), so formats of
// equal content are equal. nullopt for anything else.
std::optional<Format> find_format(std::string_view name);
std::span<const Format> known_formats();  // those with a name of their own: fp32 .. bf16, e4m3 .. e2m1, int4 .. int32

// Why `name` is not a format and what to write instead, as a sentence that begins with the name ("'e9m40' is not a
// number format: ..."); empty when it is one.
std::string format_defect(std::string_view name);
// Why no numbers can be held in `format` ("9 exponent and 3 fraction bits; use 1..8 ..."); empty when it is sound. What
// find_format gives is; formats filled in by hand may not be.
std::string defect(const Format& format);

// The one NaN that results carry: 0x7FFFFFFF, which is what Hopper's tensor cores give.
float canonical_nan();

// `x` rounded to the format. NaN gives canonical_nan(). For integer formats: rounded and clamped to [-2^(n-1),
// 2^(n-1)-1] (int32: to the largest float below 2^31), no negative zero.
float round_to(const Format& format, float x, Rounding rounding = Rounding::kNearestEven);
// The same for every element, vectorised; bit-identical to the scalar function.
void round_to(const Format& format, std::span<float> values, Rounding rounding = Rounding::kNearestEven);

// Stochastic rounding: a value between two neighbours of the grid becomes the one of larger magnitude with probability
// equal to its distance from the other, in units of their distance; a value on the grid stays. The decision is a pure
// function of (seed, index), whatever the machine, the format and the split of a tensor over calls and threads:
//
//   r = n / 2^52, n = the first 52 of the 128 bits that Philox4x32-10 (philox.h) makes of counter `index`, key `seed`
//   larger magnitude where fraction > r
//
// The probability is exact for fractions that are multiples of 2^-52 and at most 2^-52 too large for others. Overflow,
// NaN and integers as in round_to. MODEL: hardware uses fewer random bits.
float round_stochastic(const Format& format, float x, std::uint64_t seed, std::uint64_t index);
// Element i with index first_index + i; vectorised, bit-identical to the scalar function.
void round_stochastic(const Format& format, std::span<float> values, std::uint64_t seed, std::uint64_t first_index);

// Bit patterns, right-aligned (TF32: 19 bits). decode(encode(x)) == x for x on the grid; encode rounds like round_to
// with kNearestEven. NaN becomes the positive pattern of all ones, as on NVIDIA's hardware; a format that has no NaN
// (kNone, kIeee without fraction bits, integers) throws ModelError instead. decode ignores bits above the format's.
std::uint32_t encode(const Format& format, float x);
float decode(const Format& format, std::uint32_t code);

}  // namespace mantissa::numerics
