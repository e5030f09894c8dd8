// SPDX-License-Identifier: Apache-2.0
// Datapaths that round once per group (kExact, also with the narrow tile adder) and fused multiply-add chains in any
// accumulator format, in double: products of floats are exact there, sums carry their error along (two_sum), and what
// is left is rounded to odd before the one rounding to the accumulator. Groups that need more than one double are
// summed again with all errors; an element that needs more than two, or meets an infinity or NaN, goes to the scalar
// step.
#include "numerics/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/gemm_exact.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/double_gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

enum class Sum { kExact, kTile, kFma };

// One group of products of one row with one vector of columns.
struct GroupSum {
  VF64 value;
  VF64 lost;  // the bits of all errors: see any_lost
};

// Where one of the errors whose bits were or-ed together is not zero. (Not a comparison of doubles: or-ed exponents may
// make a NaN.)
HWY_INLINE hn::Mask<F64> any_lost(VF64 lost) {
  const U64 du;
  return hn::RebindMask(F64(), hn::Ne(hn::ShiftLeft<1>(hn::BitCast(du, lost)), hn::Zero(du)));
}

HWY_INLINE VF64 cut_at(VF64 x, VF64 to_units) {
  return hn::Trunc(hn::Mul(x, to_units));
}

template <Sum kSum>
HWY_INLINE GroupSum group_sum(const double* HWY_RESTRICT a, int a_stride, const double* HWY_RESTRICT b, int count,
                              int tile_bits) {
  const F64 d;
  const U64 du;
  const VF64 zero = hn::Zero(d);
  if constexpr (kSum == Sum::kFma) {
    return {hn::Mul(hn::Set(d, a[0]), hn::Load(d, b)), zero};
  } else if constexpr (kSum == Sum::kExact) {
    VF64 sum = hn::MulAdd(hn::Set(d, a[0]), hn::Load(d, b), zero);  // exact, and never -0
    VF64 lost = zero;
    int i = 1;
    if (count % 2 == 0) {
      const TwoSum s = two_sum(sum, hn::Mul(hn::Set(d, a[a_stride]), hn::Load(d, b + kWidth)));
      sum = s.sum;
      lost = s.error;
      i = 2;
    }
    for (; i < count; i += 2) {
      const TwoSum pair = two_sum(hn::Mul(hn::Set(d, a[i * a_stride]), hn::Load(d, b + i * kWidth)),
                                  hn::Mul(hn::Set(d, a[(i + 1) * a_stride]), hn::Load(d, b + (i + 1) * kWidth)));
      const TwoSum s = two_sum(sum, pair.sum);
      sum = s.sum;
      lost = hn::Or(lost, hn::Or(pair.error, s.error));
    }
    return {sum, lost};
  } else {
    const auto t = static_cast<std::uint64_t>(tile_bits);
    const VF64 kept = hn::BitCast(d, hn::Set(du, ~std::uint64_t{0} << (52 - t)));
    VF64 sum = hn::And(hn::Mul(hn::Set(d, a[0]), hn::Load(d, b)), kept);
    for (int i = 1; i < count; ++i) {
      const VF64 product = hn::Mul(hn::Set(d, a[i * a_stride]), hn::Load(d, b + i * kWidth));
      const VF64 larger = hn::Max(hn::Max(hn::Abs(sum), hn::Abs(product)), hn::Set(d, 0x1p-600));
      const auto power = hn::And(hn::BitCast(du, larger), hn::Set(du, 0x7FF0'0000'0000'0000ULL));
      const VF64 to_units = hn::BitCast(d, hn::Sub(hn::Set(du, (2046 + t) << 52), power));
      const VF64 from_units = hn::BitCast(d, hn::Sub(power, hn::Set(du, t << 52)));
      const VF64 units = hn::Add(cut_at(sum, to_units), cut_at(product, to_units));
      sum = hn::And(hn::Mul(units, from_units), kept);
    }
    return {hn::Add(sum, zero), zero};  // -0 + 0 is +0
  }
}

// The group and the accumulator again with the errors of all additions summed up: for operands or spreads of exponents
// too wide for one double. `lost` tells where even the sum of the errors is not exact.
struct Total {
  TwoSum value;
  VF64 lost;
};

HWY_NOINLINE Total total_with_errors(const double* HWY_RESTRICT a, int a_stride, const double* HWY_RESTRICT b,
                                     int count, VF64 accumulator) {
  const F64 d;
  VF64 sum = accumulator;
  VF64 errors = hn::Zero(d);
  VF64 lost = hn::Zero(d);
  for (int i = 0; i < count; ++i) {
    const VF64 product = hn::MulAdd(hn::Set(d, a[i * a_stride]), hn::Load(d, b + i * kWidth), hn::Zero(d));
    const TwoSum s = two_sum(sum, product);
    const TwoSum e = two_sum(errors, s.error);
    sum = s.sum;
    errors = e.sum;
    lost = hn::Or(lost, e.error);
  }
  return {two_sum(sum, errors), lost};
}

template <Sum kSum>
HWY_INLINE VF64 next_accumulator(const Plan& plan, Place at, const double* HWY_RESTRICT a, int a_stride,
                                 const double* HWY_RESTRICT b, int count, VF64 accumulator) {
  const F64 d;
  const VF64 zero = hn::Zero(d);
  const GroupSum group = group_sum<kSum>(a, a_stride, b, count, plan.datapath.tile_fraction_bits);
  TwoSum total = two_sum(accumulator, group.value);
  VF64 lost = group.lost;
  if (kSum == Sum::kExact && HWY_UNLIKELY(!hn::AllFalse(d, any_lost(lost)))) {
    const Total again = total_with_errors(a, a_stride, b, count, accumulator);
    total = again.value;
    lost = again.lost;
  }
  const auto bad = hn::Or(any_lost(lost), hn::Not(hn::Le(hn::Abs(total.sum), hn::Set(d, 0x1p300))));
  VF64 result = total.sum;
  if (HWY_UNLIKELY(!hn::AllFalse(d, hn::Ne(total.error, zero)))) {
    result = to_odd(total);
  }
  result = plan.fp32_nearest ? to_double(to_float(result)) : round_to_grid(result, plan.grid);
  if (HWY_UNLIKELY(!hn::AllFalse(d, bad))) {
    result = by_steps(plan, at, count, bad, accumulator, result);
  }
  return result;
}

template <Sum kSum>
struct RoundedOnce {
  static constexpr int kParts = 1;
  static void pack_a(const Plan&, float x, double* to) { *to = static_cast<double>(x); }
  static HWY_INLINE void pack_b(const Plan&, VF64 x, double* to) { hn::Store(x, F64(), to); }
  template <int kTileRows>
  static HWY_INLINE void step(const Plan& plan, Place at, const double* HWY_RESTRICT a, const double* HWY_RESTRICT b,
                              int count, VF64* accumulator) {
    for (int r = 0; r < kTileRows; ++r) {
      accumulator[r] =
          next_accumulator<kSum>(plan, {at.row + r, at.column, at.k}, a + r, kTileRows, b, count, accumulator[r]);
    }
  }
};

void gemm_exact(const Datapath& datapath, const GemmShape& s) {
  if (datapath.accumulation == Accumulation::kSequentialFma) {
    double_gemm<RoundedOnce<Sum::kFma>>(datapath, s);
  } else if (datapath.tile_fraction_bits > 0) {
    double_gemm<RoundedOnce<Sum::kTile>>(datapath, s);
  } else {
    double_gemm<RoundedOnce<Sum::kExact>>(datapath, s);
  }
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mantissa::numerics {
HWY_EXPORT(gemm_exact);
void detail::gemm_exact(const Datapath& datapath, const GemmShape& shape) {
  HWY_DYNAMIC_DISPATCH(gemm_exact)(datapath, shape);
}
}  // namespace mantissa::numerics
#endif
