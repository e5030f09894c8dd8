// SPDX-License-Identifier: Apache-2.0
// Internal to numerics: one group of an aligned (tensor-core) datapath for a vector of columns. Products are exact in
// FP32, and each is cut by the conversion to int32 of product * 2^(F - largest exponent). A lane whose exponents leave
// the range where all of this is exact (or that meets an infinity or NaN) goes to the scalar step. Included once for
// each instruction set.
#include <bit>

#include "numerics/kernels.h"
#include "numerics/simd-inl.h"
#include "numerics/step.h"

#if defined(MANTISSA_NUMERICS_ALIGNED_GROUP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MANTISSA_NUMERICS_ALIGNED_GROUP_INL_H_
#undef MANTISSA_NUMERICS_ALIGNED_GROUP_INL_H_
#else
#define MANTISSA_NUMERICS_ALIGNED_GROUP_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

using detail::GemmShape;

constexpr int kVectors =
    HWY_TARGET == HWY_SCALAR ? 1 : 2;  // of floats in a panel: as many as one vector of 16-bit exponents
constexpr int kWidth = kVectors * kLanes32;
constexpr int kRows = 4;

using I16 = hn::ScalableTag<std::int16_t>;
using VI16 = hn::Vec<I16>;
static_assert(hn::MaxLanes(I16()) == kWidth);

// Exponents of operands that have none. Any sum of two of them, or of one and an exponent (-126..127), tells what it
// is: below kNothing a zero product, above kHighest an infinity or NaN.
constexpr int kNoExponent = -10000;  // of a zero that takes no part in alignment
constexpr int kSpecialExponent = 12000;
constexpr int kNothing = -5000;
// Largest exponents between which products, scale factors and results stay normal numbers in FP32.
constexpr int kLowest = -90;
constexpr int kHighest = 100;

enum class Rounder {
  kCutFloat,   // toward zero, the sum of all terms is below 2^24
  kCutDouble,  // toward zero
  kGrid        // any rounding; exponents may end within the safe range
};

struct Plan {
  Plan(const Datapath& d, const GemmShape& s)
      : datapath(d),
        shape(s),
        grid(d.accumulator, d.accumulator_rounding),
        promotion_grid(d.promotion, Rounding::kNearestEven),
        fp32_promotion(detail::is_fp32(d.promotion)),
        zero_exponent(d.zero_operands == ZeroOperands::kSmallestNormal ? -126 : kNoExponent),
        floor(std::max(detail::alignment_floor(d.accumulator), kLowest)),
        checks_lowest(detail::alignment_floor(d.accumulator) < kLowest),
        depth(std::max<std::int64_t>(d.group, 512 / d.group * d.group)) {
    const int f = d.align_fraction_bits;
    // Terms are below 4 * 2^F, c below 2 * 2^F.
    most_terms = static_cast<int>(std::min<std::int64_t>(d.group, ((std::int64_t{1} << 31) - 1) >> (f + 2)));
    const bool small = (4LL * d.group + 2) << f < (1LL << 24);
    const bool cuts = d.accumulator_rounding == Rounding::kTowardZero && d.accumulator.exponent_bits == 8;
    rounder = !cuts ? Rounder::kGrid : small ? Rounder::kCutFloat : Rounder::kCutDouble;
    kept_bits32 = static_cast<std::int32_t>(~0U << (23 - d.accumulator.mantissa_bits));
    kept_bits64 = ~std::uint64_t{0} << (52 - d.accumulator.mantissa_bits);
  }
  const Datapath& datapath;
  const GemmShape& shape;
  TargetGrid grid, promotion_grid;
  bool fp32_promotion;
  int zero_exponent;  // of operands
  int floor;
  bool checks_lowest;
  std::int64_t depth;  // k of a panel, a multiple of group
  int most_terms;      // whose sum fits in an int32
  Rounder rounder;
  std::int32_t kept_bits32;
  std::uint64_t kept_bits64;
};

// The exponents of floats, none below `min_exponent`.
HWY_INLINE VI32 exponents_of(VF32 x, VI32 min_exponent, int zero, int special) {
  const I32 di;
  const auto code = hn::And(hn::ShiftRight<23>(hn::BitCast(di, x)), hn::Set(di, 255));
  const auto exponent = hn::Max(hn::Sub(code, hn::Set(di, 127)), min_exponent);
  const auto is_zero = hn::Eq(hn::ShiftLeft<1>(hn::BitCast(di, x)), hn::Zero(di));
  const auto finite = hn::IfThenElse(is_zero, hn::Set(di, zero), exponent);
  return hn::IfThenElse(hn::Eq(code, hn::Set(di, 255)), hn::Set(di, special), finite);
}

std::int16_t exponent_of(float x, int min_exponent, int zero) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const int code = static_cast<int>((bits >> 23) & 0xFFU);
  const int exponent = (bits << 1) == 0 ? zero : code == 255 ? kSpecialExponent : std::max(code - 127, min_exponent);
  return static_cast<std::int16_t>(exponent);
}

// Vectors of a panel's exponents in 32 bits, and back.
HWY_INLINE VI32 widened(VI16 x, int vector) {
  const I32 di;
#if HWY_TARGET == HWY_SCALAR
  (void)vector;
  return hn::PromoteTo(di, x);
#else
  const hn::Half<I16> dh;
  return vector == 0 ? hn::PromoteTo(di, hn::LowerHalf(dh, x)) : hn::PromoteTo(di, hn::UpperHalf(dh, x));
#endif
}

// One value per lane of a float vector, in double. The portable target has one lane and uses `low` alone.
struct Doubles {
  VF64 low, high;
};

HWY_INLINE Doubles in_doubles(VI32 x) {
  const F64 d;
#if HWY_TARGET == HWY_SCALAR
  return {hn::PromoteTo(d, x), hn::Zero(d)};
#else
  const I32Half dh;
  return {hn::PromoteTo(d, hn::LowerHalf(dh, x)), hn::PromoteTo(d, hn::UpperHalf(dh, x))};
#endif
}

HWY_INLINE Doubles in_doubles(VF32 x) {
  const F64 d;
#if HWY_TARGET == HWY_SCALAR
  return {hn::PromoteTo(d, x), hn::Zero(d)};
#else
  const F32Half dh;
  return {hn::PromoteTo(d, hn::LowerHalf(dh, x)), hn::PromoteTo(d, hn::UpperHalf(dh, x))};
#endif
}

HWY_INLINE VF32 demoted(Doubles x) {
#if HWY_TARGET == HWY_SCALAR
  return to_float(x.low);
#else
  return hn::Combine(F32(), to_float(x.high), to_float(x.low));
#endif
}

HWY_INLINE Doubles plus(Doubles x, Doubles y) {
  return {hn::Add(x.low, y.low), hn::Add(x.high, y.high)};
}
HWY_INLINE Doubles times(Doubles x, Doubles y) {
  return {hn::Mul(x.low, y.low), hn::Mul(x.high, y.high)};
}

HWY_INLINE VF32 power_of_two(VI32 exponent) {
  return hn::BitCast(F32(), hn::ShiftLeft<23>(hn::Add(exponent, hn::Set(I32(), 127))));
}

struct Place {
  std::int64_t row, column, k;
};

// New accumulators of the lanes in `mask` by the scalar step.
HWY_NOINLINE VF32 by_steps(const Plan& plan, Place at, int count, hn::Mask<I32> mask, VF32 old_value, VF32 new_value) {
  const F32 d;
  const I32 di;
  HWY_ALIGN float before[kLanes32];
  HWY_ALIGN float after[kLanes32];
  HWY_ALIGN std::int32_t chosen[kLanes32];
  hn::Store(old_value, d, before);
  hn::Store(new_value, d, after);
  hn::Store(hn::IfThenElseZero(mask, hn::Set(di, 1)), di, chosen);
  const GemmShape& s = plan.shape;
  for (std::int64_t lane = 0; lane < kLanes32; ++lane) {
    const std::int64_t column = at.column + lane;
    if (chosen[lane] != 0 && column < s.p) {
      after[lane] = detail::step(plan.datapath, {s.a + at.row * s.lda + at.k, 1}, {s.b + at.k * s.ldb + column, s.ldb},
                                 count, before[lane]);
    }
  }
  return hn::Load(d, after);
}

// A panel of b: values and exponents, [depth][kWidth].
struct Panel {
  float* values;
  std::int16_t* exponents;
};

// Sum of the aligned terms of products begin..end-1. REQUIRES: it fits.
HWY_INLINE VI32 sum_of_terms(const float* HWY_RESTRICT a, int a_stride, const float* HWY_RESTRICT b, int begin, int end,
                             VF32 scale) {
  const F32 d;
  VI32 sum = hn::Zero(I32());
  for (int i = begin; i < end; ++i) {
    const VF32 product = hn::Mul(hn::Set(d, a[i * a_stride]), hn::Load(d, b + i * kWidth));
    sum = hn::Add(sum, truncated(hn::Mul(product, scale)));
  }
  return sum;
}

// One group of one row with one vector of columns; `largest` of the products alone.
HWY_INLINE VF32 next_accumulator(const Plan& plan, Place at, int count, const float* HWY_RESTRICT a, int a_stride,
                                 const float* HWY_RESTRICT b, VI32 largest, VF32 c) {
  const F32 d;
  const I32 di;
  const auto c_exponent =
      exponents_of(c, hn::Set(di, plan.datapath.accumulator.min_exponent()),
                   plan.zero_exponent == kNoExponent ? 2 * kNoExponent : plan.zero_exponent, 2 * kSpecialExponent);
  const VI32 exponent = hn::Max(largest, c_exponent);
  const VI32 aligned_to = hn::Max(exponent, hn::Set(di, plan.floor));
  const VF32 scale = power_of_two(hn::Sub(hn::Set(di, plan.datapath.align_fraction_bits), aligned_to));
  const VI32 c_term = truncated(hn::Mul(c, scale));
  const VF32 unscale = power_of_two(hn::Sub(aligned_to, hn::Set(di, plan.datapath.align_fraction_bits)));
  VF32 result;
  if (plan.rounder == Rounder::kCutFloat) {
    const auto sum = hn::ConvertTo(d, hn::Add(c_term, sum_of_terms(a, a_stride, b, 0, count, scale)));
    result = hn::Mul(hn::And(sum, hn::BitCast(d, hn::Set(di, plan.kept_bits32))), unscale);
  } else {
    Doubles sum = in_doubles(c_term);
    for (int i = 0; i < count; i += plan.most_terms) {
      sum = plus(sum, in_doubles(sum_of_terms(a, a_stride, b, i, std::min(count, i + plan.most_terms), scale)));
    }
    if (plan.rounder == Rounder::kCutDouble) {
      const auto kept = hn::BitCast(F64(), hn::Set(U64(), plan.kept_bits64));
      result = hn::Mul(demoted({hn::And(sum.low, kept), hn::And(sum.high, kept)}), unscale);
    } else {
      const Doubles value = times(sum, in_doubles(unscale));
      result = demoted({round_to_grid(value.low, plan.grid), round_to_grid(value.high, plan.grid)});
    }
  }
  auto bad = hn::Gt(exponent, hn::Set(di, kHighest));
  if (plan.checks_lowest) {
    const auto low = hn::And(hn::Gt(hn::Set(di, kLowest), exponent), hn::Gt(exponent, hn::Set(di, kNothing)));
    bad = hn::Or(bad, low);
  }
  if (HWY_UNLIKELY(!hn::AllFalse(di, bad))) {
    result = by_steps(plan, at, count, bad, c, result);
  }
  return result;
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard for each instruction set
