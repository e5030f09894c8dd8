// SPDX-License-Identifier: Apache-2.0
// What the quantized operators share: codes of 8 bits with their scales and zero points, and their exact product. A
// real number is (code - zero point) * scale. Unsigned codes are moved by 128, with their zero points, to be multiplied
// as signed ones: that changes no difference.
#pragma once
#include <cstdint>
#include <vector>

#include "network/ops/common.h"

namespace mantissa::network::ops {

bool is_byte(ElementType type);  // int8, uint8
void require_bytes(const Value& value, const char* what);

// How many numbers a scale or zero point may hold: one for the tensor, or one along `axis` of a tensor.
struct Granularity {
  Dim along = 0;          // 0: only one for the tensor
  const char* what = "";  // "output channels", for the message
};

// FP32, finite and greater than 0 (where the numbers are known); any shape.
void require_scales(const Value& scale, const char* what);
// Input i as such scales.
void check_scale(Values inputs, std::size_t i, const char* what, Granularity granularity);
// Input i as zero points of `type`; may be absent.
void check_zero_point(Values inputs, std::size_t i, ElementType type, const char* what, Granularity granularity);

// The numbers of a scale or zero point that check_* has passed, and the one of channel c.
template <class T>
struct PerChannel {
  std::vector<T> values;
  T operator()(Dim c) const { return values[values.size() == 1 ? 0 : idx(c)]; }
};
PerChannel<float> scales_of(Tensors inputs, std::size_t i);
// Zeros if absent.
PerChannel<Dim> zero_points_of(Tensors inputs, std::size_t i);

// The lowest and the highest code of an 8-bit type.
inline Dim lowest_code(ElementType type) {
  return type == ElementType::kUint8 ? 0 : -128;
}
inline Dim highest_code(ElementType type) {
  return type == ElementType::kUint8 ? 255 : 127;
}
// What is subtracted from a code so that it fits a signed byte: 128 for unsigned ones.
inline Dim signed_offset(ElementType type) {
  return type == ElementType::kUint8 ? 128 : 0;
}

std::vector<std::int8_t> signed_codes(const Tensor& tensor);
// Zero points that go with signed_codes.
std::vector<std::int32_t> signed_zero_points(const PerChannel<Dim>& zero_points, ElementType type);

// c[m][n] = sum over k of (a[m][k] - zero_a[m]) * (b[k][n] - zero_b[n]), exact in 32-bit two's complement (wrapping, as
// accumulators do). Zero points are one number, or one per row of a and per column of b.
void multiply_codes(Dim m, Dim n, Dim k, const std::int8_t* a, std::span<const std::int32_t> zero_a,
                    const std::int8_t* b, std::span<const std::int32_t> zero_b, std::int32_t* c);

// a_scale * b_scale / y_scale in FP32, from left to right. Throws OpError unless it is finite and greater than 0.
float requantization_scale(float a_scale, float b_scale, float y_scale);

}  // namespace mantissa::network::ops
