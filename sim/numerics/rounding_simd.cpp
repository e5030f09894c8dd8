// SPDX-License-Identifier: Apache-2.0
// round_to and the subnormal flush on spans, in double lanes.
#include "numerics/exact_sum.h"
#include "numerics/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/rounding_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

HWY_INLINE VF32Half canonical(VF32Half x) {
  const F32Half d;
  return hn::IfThenElse(hn::IsNaN(x), hn::BitCast(d, hn::Set(I32Half(), 0x7FFF'FFFF)), x);
}

struct ToFloatFormat {
  TargetGrid grid;
  HWY_INLINE VF32Half operator()(VF32Half x) const { return canonical(to_float(round_to_grid(to_double(x), grid))); }
};

// Formats of less than two fraction bits: round_to_grid's factors do not bear infinities there.
struct ToFewBits {
  TargetGrid grid;
  HWY_INLINE VF32Half operator()(VF32Half x) const {
    const F64 d;
    const VF64 value = to_double(x);
    const VF64 finite = hn::CopySign(hn::Min(hn::Abs(value), hn::Set(d, 0x1p200)), value);
    return canonical(hn::IfThenElse(hn::IsNaN(x), x, to_float(round_to_grid(finite, grid))));
  }
};

struct ToInteger {
  VF64 low, high;
  Rounding rounding;
  HWY_INLINE VF32Half operator()(VF32Half x) const {
    const F64 d;
    const VF64 clamped = hn::Min(hn::Max(to_double(x), low), high);
    VF64 whole;
    switch (rounding) {
      case Rounding::kTowardZero:
        whole = hn::Trunc(clamped);
        break;
      case Rounding::kNearestAway:
        whole = hn::CopySign(hn::Trunc(hn::Add(hn::Abs(clamped), hn::Set(d, 0.5))), clamped);
        break;
      default:
        whole = hn::Round(clamped);
        break;
    }
    const VF32Half result = to_float(hn::Add(whole, hn::Zero(d)));  // -0 + 0 is +0
    return canonical(hn::IfThenElse(hn::IsNaN(x), x, result));
  }
};

struct FlushBelow {
  VF32Half min_normal;
  HWY_INLINE VF32Half operator()(VF32Half x) const {
    const F32Half d;
    return hn::IfThenElse(hn::Lt(hn::Abs(x), min_normal), hn::CopySign(hn::Zero(d), x), x);
  }
};

template <class Map>
void map_span(const Map& map, float* HWY_RESTRICT values, std::int64_t count) {
  const F32Half d;
  std::int64_t i = 0;
  for (; i + kLanes64 <= count; i += kLanes64) {
    hn::StoreU(map(hn::LoadU(d, values + i)), d, values + i);
  }
  if (i < count) {
    HWY_ALIGN float rest[kLanes64];
    copy_padded(values + i, count - i, kLanes64, rest);
    hn::Store(map(hn::Load(d, rest)), d, rest);
    std::copy_n(rest, count - i, values + i);
  }
}

void round_span(const Format& format, Rounding rounding, float* values, std::int64_t count) {
  const F64 d;
  if (format.integer) {
    const VF64 low = hn::Set(d, -std::ldexp(1.0, format.mantissa_bits - 1));
    map_span(ToInteger{low, hn::Set(d, static_cast<double>(largest_integer(format))), rounding}, values, count);
  } else if (format.mantissa_bits < 2) {
    map_span(ToFewBits{TargetGrid(format, rounding)}, values, count);
  } else {
    map_span(ToFloatFormat{TargetGrid(format, rounding)}, values, count);
  }
}

void flush_span(float min_normal, float* values, std::int64_t count) {
  map_span(FlushBelow{hn::Set(F32Half(), min_normal)}, values, count);
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mantissa::numerics {
HWY_EXPORT(round_span);
HWY_EXPORT(flush_span);
void detail::round_span(const Format& format, Rounding rounding, float* values, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(round_span)(format, rounding, values, count);
}
void detail::flush_span(float min_normal, float* values, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(flush_span)(min_normal, values, count);
}
}  // namespace mantissa::numerics
#endif
