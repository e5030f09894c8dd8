// SPDX-License-Identifier: Apache-2.0
// Internal to numerics: pieces shared by the vectorised kernels. Included once for each instruction set.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "numerics/datapath.h"
#include "numerics/kernels.h"

#if defined(MANTISSA_NUMERICS_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MANTISSA_NUMERICS_SIMD_INL_H_
#undef MANTISSA_NUMERICS_SIMD_INL_H_
#else
#define MANTISSA_NUMERICS_SIMD_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using F64 = hn::ScalableTag<double>;
using I32 = hn::ScalableTag<std::int32_t>;
using U64 = hn::ScalableTag<std::uint64_t>;
using F32Half = hn::Rebind<float, F64>;  // as many floats as there are doubles in a vector
using I32Half = hn::Rebind<std::int32_t, F64>;
using VF32 = hn::Vec<F32>;
using VF64 = hn::Vec<F64>;
using VI32 = hn::Vec<I32>;
using VF32Half = hn::Vec<F32Half>;

// Lanes of the vectors above; known at compile time on every instruction set we build for.
inline constexpr int kLanes32 = static_cast<int>(hn::MaxLanes(F32()));
inline constexpr int kLanes64 = static_cast<int>(hn::MaxLanes(F64()));

// a*b + c, rounded once. Highway's portable target would round twice.
HWY_INLINE VF32 fused(VF32 a, VF32 b, VF32 c) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(F32(), std::fma(hn::GetLane(a), hn::GetLane(b), hn::GetLane(c)));
#else
  return hn::MulAdd(a, b, c);
#endif
}

// float -> int32 toward zero. REQUIRES: in range (or the lane is not used): skips Highway's treatment of overflow.
HWY_INLINE VI32 truncated(VF32 x) {
#if HWY_TARGET == HWY_AVX3
  return VI32{_mm512_cvttps_epi32(x.raw)};
#elif HWY_TARGET == HWY_AVX2
  return VI32{_mm256_cvttps_epi32(x.raw)};
#else
  return hn::ConvertTo(I32(), x);
#endif
}

// double -> float to nearest even, infinite past the end (Highway's portable target would saturate).
HWY_INLINE VF32Half to_float(VF64 x) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(F32Half(), static_cast<float>(hn::GetLane(x)));
#else
  return hn::DemoteTo(F32Half(), x);
#endif
}
HWY_INLINE VF64 to_double(VF32Half x) {
  return hn::PromoteTo(F64(), x);
}

// x + y = sum + error exactly (Knuth), for finite values without overflow.
struct TwoSum {
  VF64 sum, error;
};
HWY_INLINE TwoSum two_sum(VF64 x, VF64 y) {
  const VF64 sum = hn::Add(x, y);
  const VF64 y_part = hn::Sub(sum, x);
  const VF64 x_part = hn::Sub(sum, y_part);
  return {sum, hn::Add(hn::Sub(x, x_part), hn::Sub(y, y_part))};
}

// The sum rounded to odd: where error is not zero, the neighbour of the exact value whose last bit is 1. Rounding that
// again to 51 bits or fewer, in any mode, gives what one rounding of the exact value gives.
HWY_INLINE VF64 to_odd(TwoSum s) {
  const F64 d;
  const U64 du;
  const auto inexact = hn::RebindMask(du, hn::Ne(s.error, hn::Zero(d)));
  const auto bits = hn::BitCast(du, s.sum);
  const auto one = hn::Set(du, 1);
  // Sign of the error unlike that of the sum: the exact value lies nearer to zero than the sum.
  const auto toward_zero = hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(du, s.error)));
  const auto cut = hn::Sub(bits, toward_zero);  // the magnitude cut to 53 bits
  return hn::BitCast(d, hn::IfThenElse(inexact, hn::Or(cut, one), bits));
}

// What rounding a double to a float format needs, as vectors.
struct TargetGrid {
  explicit TargetGrid(const Format& format, Rounding how)
      : min_normal(hn::Set(F64(), format.min_normal())),
        max_finite(hn::Set(F64(), format.max_finite())),
        mantissa_bits(format.mantissa_bits),
        rounding(how) {
    const double beyond = format.overflow == Overflow::kSaturate ? format.max_finite()
                          : format.specials == Specials::kIeee   ? HUGE_VAL
                                                                 : std::nan("");
    past_max = hn::Set(F64(), beyond);
  }
  VF64 min_normal, max_finite, past_max;
  int mantissa_bits;
  Rounding rounding;
};

// Finite x (below 2^300) rounded once to the grid; the sign is kept.
HWY_INLINE VF64 round_to_grid(VF64 x, const TargetGrid& grid) {
  const F64 d;
  const U64 du;
  const VF64 magnitude = hn::Abs(x);
  // 2^e, e the exponent of x or of the smallest normal number
  const auto power =
      hn::And(hn::BitCast(du, hn::Max(magnitude, grid.min_normal)), hn::Set(du, 0x7FF0'0000'0000'0000ULL));
  const auto bits = static_cast<std::uint64_t>(grid.mantissa_bits);
  const VF64 to_units = hn::BitCast(d, hn::Sub(hn::Set(du, (2046 + bits) << 52), power));
  const VF64 from_units = hn::BitCast(d, hn::Sub(power, hn::Set(du, bits << 52)));
  const VF64 exact = hn::Mul(magnitude, to_units);
  VF64 units;
  switch (grid.rounding) {
    case Rounding::kTowardZero:
      units = hn::Trunc(exact);
      break;
    case Rounding::kNearestAway:
      units = hn::Trunc(hn::Add(exact, hn::Set(d, 0.5)));
      break;
    default:
      units = hn::Round(exact);
      break;
  }
  const VF64 rounded = hn::Mul(units, from_units);
  return hn::CopySign(hn::IfThenElse(hn::Gt(rounded, grid.max_finite), grid.past_max, rounded), x);
}

// sum + t rounded once to the grid: the promotion step. Both may be infinite or NaN.
HWY_INLINE VF64 promoted(VF64 sum, VF64 t, const TargetGrid& grid) {
  const F64 d;
  const TwoSum exact = two_sum(sum, t);
  const VF64 past_max = hn::IfThenElse(hn::IsNaN(exact.sum), exact.sum, hn::CopySign(grid.past_max, exact.sum));
  const auto finite = hn::Le(hn::Abs(exact.sum), hn::Set(d, 0x1p300));
  return hn::IfThenElse(finite, round_to_grid(to_odd(exact), grid), past_max);
}

// The sum of two products of int16 pairs in each lane.
HWY_INLINE VI32 sum_of_pair(VI32 x, VI32 y) {
#if HWY_TARGET == HWY_AVX3
  return VI32{_mm512_madd_epi16(x.raw, y.raw)};
#elif HWY_TARGET == HWY_AVX2
  return VI32{_mm256_madd_epi16(x.raw, y.raw)};
#else
  const auto low = [](VI32 v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(v)); };
  const auto high = [](VI32 v) { return hn::ShiftRight<16>(v); };
  return hn::Add(hn::Mul(low(x), low(y)), hn::Mul(high(x), high(y)));
#endif
}

inline std::int32_t int16_pair(std::int32_t low, std::int32_t high) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(high) << 16) |
                                   (static_cast<std::uint32_t>(low) & 0xFFFFU));
}

// Two rows of bytes as pairs of int16, the even row in the low halves; `odd` may be null (zeros). Zeros past `columns`.
HWY_INLINE void pack_pairs(const std::int8_t* even, const std::int8_t* odd, std::int64_t columns, std::int64_t width,
                           std::int32_t* to) {
  const I32 di;
  const hn::Rebind<std::int8_t, I32> d8;
  std::int64_t j = 0;
  for (; j + kLanes32 <= columns; j += kLanes32) {
    const VI32 low = hn::And(hn::PromoteTo(di, hn::LoadU(d8, even + j)), hn::Set(di, 0xFFFF));
    const VI32 high = odd != nullptr ? hn::ShiftLeft<16>(hn::PromoteTo(di, hn::LoadU(d8, odd + j))) : hn::Zero(di);
    hn::StoreU(hn::Or(low, high), di, to + j);
  }
  for (; j < columns; ++j) {
    to[j] = int16_pair(even[j], odd != nullptr ? odd[j] : 0);
  }
  std::fill(to + j, to + width, 0);
}

HWY_INLINE VF32 canonical_nans(VF32 x) {
  const F32 d;
  return hn::IfThenElse(hn::IsNaN(x), hn::BitCast(d, hn::Set(I32(), 0x7FFF'FFFF)), x);
}

// Copies sums to results; may be in place.
HWY_INLINE void copy_canonical(const float* from, std::int64_t columns, float* to) {
  const F32 d;
  std::int64_t j = 0;
  for (; j + kLanes32 <= columns; j += kLanes32) {
    hn::StoreU(canonical_nans(hn::LoadU(d, from + j)), d, to + j);
  }
  for (; j < columns; ++j) {
    to[j] = from[j] == from[j] ? from[j] : canonical_nan();
  }
}

// Rows of a split into tiles of nearly equal height, at most `most`: 16 rows as 8 + 8, not as 12 + 4.
struct Tiling {
  Tiling(std::int64_t rows, std::int64_t most) : rows_(rows), count((rows + most - 1) / most) {}
  std::int64_t first(std::int64_t tile) const { return rows_ * tile / count; }
  std::int64_t height(std::int64_t tile) const { return first(tile + 1) - first(tile); }
  std::int64_t rows_, count;
};

// a[rows][k], tile after tile, each as [k][rows of the tile].
template <class To, class From, class Convert>
void pack_rows(const From* a, std::int64_t lda, std::int64_t k, const Tiling& tiling, Convert convert,
               To* HWY_RESTRICT to) {
  for (std::int64_t t = 0; t < tiling.count; ++t) {
    const std::int64_t end = tiling.first(t + 1);
    for (std::int64_t n = 0; n < k; ++n) {
      for (std::int64_t i = tiling.first(t); i < end; ++i) {
        *to++ = convert(a[i * lda + n]);
      }
    }
  }
}

// Rows to take at a time so that their packed a stays in half of a usual second-level cache.
inline std::int64_t rows_at_a_time(std::int64_t m, std::int64_t k, std::int64_t bytes_per_element, std::int64_t tile) {
  const std::int64_t fit = (std::int64_t{1} << 20) / bytes_per_element / std::max<std::int64_t>(k, 1);
  return std::min(m, std::max<std::int64_t>(fit / tile * tile, tile));
}

// Copies `columns` <= width floats of a row into dst and zeros behind them.
HWY_INLINE void copy_padded(const float* HWY_RESTRICT src, std::int64_t columns, std::int64_t width,
                            float* HWY_RESTRICT dst) {
  for (std::int64_t j = 0; j < columns; ++j) {
    dst[j] = src[j];
  }
  for (std::int64_t j = columns; j < width; ++j) {
    dst[j] = 0.0F;
  }
}

}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard for each instruction set
