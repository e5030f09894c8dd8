// SPDX-License-Identifier: Apache-2.0
// Number formats: how a real number is rounded to a format, and how its bit pattern reads. All formats here up to TF32
// fit in a float, so tensors carry float values that lie on the format's grid; patterns are made only where they are asked for.
//
// SOURCE: IEEE 754-2019 (FP32, FP16), OCP OFP8 1.0 (E4M3, E5M2), the definitions and golden tables under tests/data/numerics.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mantissa::numerics {

enum class Rounding { kNearestEven, kNearestAway, kTowardZero };

// What the largest exponent codes hold: IEEE infinities and NaNs; only the all-ones code is NaN ("FN", E4M3); or numbers alone.
enum class Specials { kIeee, kNanOnly, kNone };

// What becomes of a value beyond the largest finite one. kInfinity gives NaN in a format without infinities.
// kSaturate maps infinities to the largest finite value too (OCP OFP8, `cvt.rn.satfinite`, ONNX Cast saturate=1).
enum class Overflow { kInfinity, kSaturate };

// A binary floating-point or a two's-complement integer format.
struct Format {
  std::string name;       // "e4m3"
  bool integer = false;
  int exponent_bits = 8;  // floats: 1..8
  int mantissa_bits = 23; // floats: stored fraction bits, 0..23; integers: bits including the sign
  Specials specials = Specials::kIeee;
  Overflow overflow = Overflow::kInfinity;

  int bits() const { return integer ? mantissa_bits : 1 + exponent_bits + mantissa_bits; }
  // Bytes of one element in memory: bits rounded up to 1, 2 or 4 bytes (TF32 is kept in 4).
  int storage_bytes() const;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  double max_finite() const;
  bool operator==(const Format&) const = default;
};

// fp32 tf32 fp16 bf16 e4m3 e5m2 int8 int32 (and names a YAML file may write: fp8_e4m3, fp8_e5m2); nullopt for another name.
std::optional<Format> find_format(std::string_view name);
std::span<const Format> known_formats();

// `x` rounded to the format. NaN stays NaN. For integer formats: rounded and clamped to [-2^(n-1), 2^(n-1)-1].
float round_to(const Format& format, float x, Rounding rounding = Rounding::kNearestEven);
// The same for every element, vectorised; bit-identical to the scalar function.
void round_to(const Format& format, std::span<float> values, Rounding rounding = Rounding::kNearestEven);

// Bit patterns. decode(encode(x)) == x for x on the grid; encode rounds like round_to with kNearestEven.
std::uint32_t encode(const Format& format, float x);
float decode(const Format& format, std::uint32_t code);

}  // namespace mantissa::numerics
