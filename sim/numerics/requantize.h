// SPDX-License-Identifier: Apache-2.0
// INT8 requantization: an int32 sum times a real scale, rounded, moved by the output's zero point and clamped.
// Production code rounds in three ways that differ by one in the last place now and then, so the way is a choice here.
//
// SOURCE: the definitions in tests/data/numerics (requant_int8: gemmlowp's fixed-point arithmetic as used by TFLite,
// its single-rounding variant, and the float32 scale of ONNX Runtime and TensorRT).
#pragma once
#include <cstdint>
#include <span>

namespace mantissa::numerics {

// scale = multiplier * 2^(shift - 31), multiplier in [2^30, 2^31).
struct FixedPointScale {
  std::int32_t multiplier = 0;
  int shift = 0;
  bool operator==(const FixedPointScale&) const = default;
};

// The nearest such scale (ties away from zero). Below 2^-32 it is zero; from 2^30 on it is the largest, as in TFLite.
// REQUIRES: scale finite and not negative.
FixedPointScale fixed_point_scale(double scale);

struct OutputRange {
  std::int32_t zero_point = 0;
  std::int32_t low = -128;
  std::int32_t high = 127;
};

// Fixed point, rounded twice: the upper half of the product to nearest (ties up), then the right shift to nearest (ties
// away from zero). A left shift (scale >= 1) saturates at the ends of int32.
std::int32_t requantize_double_rounding(std::int32_t sum, FixedPointScale scale, OutputRange range = {});
// Fixed point, rounded once: the 64-bit product shifted right to nearest (ties up).
std::int32_t requantize_single_rounding(std::int32_t sum, FixedPointScale scale, OutputRange range = {});
// float32(sum) * float32 scale in FP32, then to the nearest integer (ties to even).
std::int32_t requantize_float_scale(std::int32_t sum, float scale, OutputRange range = {});

enum class Requantization { kDoubleRounding, kSingleRounding, kFloatScale };

// One scale for all elements (one channel). REQUIRES: equal lengths; range within int8.
void requantize(Requantization how, std::span<const std::int32_t> sums, double scale, OutputRange range,
                std::span<std::int8_t> outputs);

}  // namespace mantissa::numerics
