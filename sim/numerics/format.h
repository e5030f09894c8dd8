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

enum class Rounding { kNearestEven, kNearestAway, kTowardZero };

// What the largest exponent codes hold: IEEE infinities and NaNs; only the all-ones code is NaN ("FN", E4M3); or
// numbers alone.
enum class Specials { kIeee, kNanOnly, kNone };

// What becomes of a value beyond the largest finite one (after rounding as if the exponent had no end, in every
// rounding mode). kInfinity gives NaN in a format without infinities. kSaturate maps infinities to the largest finite
// value too (OCP OFP8, `cvt.rn.satfinite`, ONNX Cast saturate=1).
enum class Overflow { kInfinity, kSaturate };

// A binary floating-point or a two's-complement integer format.
struct Format {
  std::string name;  // "e4m3"
  bool integer = false;
  int exponent_bits = 8;  // floats: 2..8; 8 only with kIeee (anything wider does not fit in a float)
  int mantissa_bits =
      23;  // floats: stored fraction bits, 0..23 (kNanOnly, kNone: 1..23); integers: bits with the sign, 2..32
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

// fp32 tf32 fp16 bf16 e4m3 e5m2 e2m3 e3m2 e2m1 int4 int8 int16 int32, other spellings of them (fp8_e4m3, fp8_e5m2,
// fp6_e2m3, fp6_e3m2, fp4_e2m1, float32, float16, bfloat16), and any other eXmY, X 2..8 and Y 0..23, as an IEEE-like
// format (e8m13). The 8-, 6- and 4-bit formats saturate (conversion on H100 and in ONNX); the others overflow to
// infinity. nullopt otherwise.
std::optional<Format> find_format(std::string_view name);
std::span<const Format> known_formats();

// The one NaN that results carry: 0x7FFFFFFF, which is what Hopper's tensor cores give.
float canonical_nan();

// `x` rounded to the format. NaN gives canonical_nan(). For integer formats: rounded and clamped to [-2^(n-1),
// 2^(n-1)-1] (int32: to the largest float below 2^31), no negative zero.
float round_to(const Format& format, float x, Rounding rounding = Rounding::kNearestEven);
// The same for every element, vectorised; bit-identical to the scalar function.
void round_to(const Format& format, std::span<float> values, Rounding rounding = Rounding::kNearestEven);

// Bit patterns, right-aligned (TF32: 19 bits). decode(encode(x)) == x for x on the grid; encode rounds like round_to
// with kNearestEven. NaN becomes the positive pattern of all ones, as on NVIDIA's hardware; a format that has no NaN
// (kNone, integers) throws ModelError instead. decode ignores bits above the format's.
std::uint32_t encode(const Format& format, float x);
float decode(const Format& format, std::uint32_t code);

}  // namespace mantissa::numerics
