// SPDX-License-Identifier: Apache-2.0
// Aligned datapaths of any width, in double: up to 40 fraction bits and FP32 operands, whose products have 48 bits. A
// step's terms are whole numbers below 2^53 in units of the last fraction bit, so their sum is exact. The exponent of
// an operand is kept as a power of two beside its value; the product of two powers is the exponent of a product. Lanes
// that meet an infinity or NaN go to the scalar step.
#include "numerics/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/gemm_wide.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/double_gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

// 2^e of finite values, e their exponent or the format's smallest one; `of_zero` for zeros. 0 for infinities and NaNs:
// their sums tell.
HWY_INLINE VF64 power_of(VF64 x, VF64 min_normal, VF64 of_zero) {
  const F64 d;
  const U64 du;
  const auto exponent_bits = hn::Set(du, 0x7FF0'0000'0000'0000ULL);
  const auto power = hn::And(hn::BitCast(du, x), exponent_bits);
  const VF64 finite = hn::Max(hn::BitCast(d, power), min_normal);
  const VF64 known = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), of_zero, finite);
  return hn::IfThenZeroElse(hn::RebindMask(d, hn::Eq(power, exponent_bits)), known);
}

struct Aligned {
  static constexpr int kParts = 2;  // the value, and 2^exponent

  static double of_zero(const Plan& plan) {
    return plan.datapath.zero_operands == ZeroOperands::kSmallestNormal ? 0x1p-126 : 0.0;
  }

  static void pack_a(const Plan& plan, float x, double* to) {
    to[0] = static_cast<double>(x);
    const double known = x == 0.0F ? of_zero(plan) : std::ldexp(1.0, std::max(std::ilogb(x), smallest_exponent(plan)));
    to[1] = std::isfinite(x) ? known : 0.0;
  }
  static int smallest_exponent(const Plan& plan) { return plan.datapath.a.min_exponent(); }

  static HWY_INLINE void pack_b(const Plan& plan, VF64 x, double* to) {
    const F64 d;
    hn::Store(x, d, to);
    hn::Store(power_of(x, hn::Set(d, plan.datapath.b.min_normal()), hn::Set(d, of_zero(plan))), d, to + kWidth);
  }

  template <int kTileRows>
  static HWY_INLINE void step(const Plan& plan, Place at, const double* HWY_RESTRICT a, const double* HWY_RESTRICT b,
                              int count, VF64* accumulator) {
    const F64 d;
    const U64 du;
    VF64 largest[kTileRows];
    for (int r = 0; r < kTileRows; ++r) {
      const VF64 of_c = power_of(accumulator[r], plan.grid.min_normal, hn::Set(d, of_zero(plan)));
      largest[r] = hn::Max(of_c, hn::Set(d, std::ldexp(1.0, detail::alignment_floor(plan.datapath.accumulator))));
    }
    for (int i = 0; i < count; ++i) {
      const VF64 power = hn::Load(d, b + (2 * i + 1) * kWidth);
      for (int r = 0; r < kTileRows; ++r) {
        largest[r] = hn::Max(largest[r], hn::Mul(hn::Set(d, a[(i * kTileRows + r) * kParts + 1]), power));
      }
    }
    const auto f = static_cast<std::uint64_t>(plan.datapath.align_fraction_bits);
    VF64 scale[kTileRows];
    VF64 sum[kTileRows];
    for (int r = 0; r < kTileRows; ++r) {
      scale[r] = hn::BitCast(d, hn::Sub(hn::Set(du, (2046 + f) << 52), hn::BitCast(du, largest[r])));
      sum[r] = hn::Add(hn::Trunc(hn::Mul(accumulator[r], scale[r])), hn::Zero(d));  // never -0
    }
    for (int i = 0; i < count; ++i) {
      const VF64 value = hn::Load(d, b + 2 * i * kWidth);
      for (int r = 0; r < kTileRows; ++r) {
        const VF64 product = hn::Mul(hn::Set(d, a[(i * kTileRows + r) * kParts]), value);
        sum[r] = hn::Add(sum[r], hn::Trunc(hn::Mul(product, scale[r])));
      }
    }
    for (int r = 0; r < kTileRows; ++r) {
      const VF64 before = accumulator[r];
      const VF64 unscale = hn::BitCast(d, hn::Sub(hn::BitCast(du, largest[r]), hn::Set(du, f << 52)));
      const auto bad = hn::Not(hn::Le(hn::Abs(sum[r]), hn::Set(d, 0x1p60)));
      accumulator[r] = round_to_grid(hn::Mul(sum[r], unscale), plan.grid);
      if (HWY_UNLIKELY(!hn::AllFalse(d, bad))) {
        accumulator[r] = by_steps(plan, {at.row + r, at.column, at.k}, count, bad, before, accumulator[r]);
      }
    }
  }
};

void gemm_wide(const Datapath& datapath, const GemmShape& s) {
  double_gemm<Aligned>(datapath, s);
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mantissa::numerics {
HWY_EXPORT(gemm_wide);
void detail::gemm_wide(const Datapath& datapath, const GemmShape& shape) {
  HWY_DYNAMIC_DISPATCH(gemm_wide)(datapath, shape);
}
}  // namespace mantissa::numerics
#endif
