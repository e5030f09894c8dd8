// SPDX-License-Identifier: Apache-2.0
// Datapaths that round once per group (kExact, also with the narrow tile adder) and fused multiply-add chains in any
// accumulator format, in double: products of floats are exact there, sums carry their error along (two_sum), and what
// is left is rounded to odd before the one rounding to the accumulator. Groups that need more than one double are
// summed again with all errors; an element that needs more than two, or meets an infinity or NaN, goes to the scalar
// step.
#include <hwy/aligned_allocator.h>

#include "numerics/kernels.h"
#include "numerics/step.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/gemm_exact.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

using detail::GemmShape;

enum class Sum { kExact, kTile, kFma };

constexpr int kVectors = 2;  // of doubles, in a panel of b
constexpr int kWidth = kVectors * kLanes64;
constexpr int kRows = 4;

struct Plan {
  explicit Plan(const Datapath& d, const GemmShape& s)
      : datapath(d),
        shape(s),
        grid(d.accumulator, d.accumulator_rounding),
        fp32_nearest(d.accumulator.bits() == 32 && d.accumulator.overflow == Overflow::kInfinity &&
                     d.accumulator_rounding == Rounding::kNearestEven),
        depth(std::max<std::int64_t>(d.group, 512 / d.group * d.group)) {}
  const Datapath& datapath;
  const GemmShape& shape;
  TargetGrid grid;
  bool fp32_nearest;
  std::int64_t depth;  // k of a panel, a multiple of group
};

// One group of products of one row with one vector of columns.
struct GroupSum {
  VF64 value;
  VF64 lost;  // not zero where value is not exact
};

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

// Where the rows and the vector of a block lie in the whole problem.
struct Place {
  std::int64_t row, column, k;
};

// New accumulators of the lanes in `mask` by the scalar step.
HWY_NOINLINE VF64 by_steps(const Plan& plan, Place at, int count, hn::Mask<F64> mask, VF64 old_value, VF64 new_value) {
  const F64 d;
  HWY_ALIGN double before[kLanes64];
  HWY_ALIGN double after[kLanes64];
  HWY_ALIGN double chosen[kLanes64];
  hn::Store(old_value, d, before);
  hn::Store(new_value, d, after);
  hn::Store(hn::IfThenElseZero(mask, hn::Set(d, 1.0)), d, chosen);
  const GemmShape& s = plan.shape;
  for (std::int64_t lane = 0; lane < kLanes64; ++lane) {
    const std::int64_t column = at.column + lane;
    if (chosen[lane] != 0.0 && column < s.p) {
      after[lane] = static_cast<double>(detail::step(plan.datapath, {s.a + at.row * s.lda + at.k, 1},
                                                     {s.b + at.k * s.ldb + column, s.ldb}, count,
                                                     static_cast<float>(before[lane])));
    }
  }
  return hn::Load(d, after);
}

// The group and the accumulator again with the errors of all additions summed up: for operands or spreads of exponents
// too wide for one double. `lost` is not zero where even the sum of the errors is not exact.
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
  if (kSum == Sum::kExact && HWY_UNLIKELY(!hn::AllFalse(d, hn::Ne(lost, zero)))) {
    const Total again = total_with_errors(a, a_stride, b, count, accumulator);
    total = again.value;
    lost = again.lost;
  }
  const auto bad = hn::Or(hn::Ne(lost, zero), hn::Not(hn::Le(hn::Abs(total.sum), hn::Set(d, 0x1p300))));
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

// kTileRows rows x one vector over `depth` of k. accumulators and sums: [kTileRows][kWidth].
template <Sum kSum, int kTileRows>
void block(const Plan& plan, Place at, std::int64_t depth, const double* HWY_RESTRICT a, const double* HWY_RESTRICT b,
           double* HWY_RESTRICT accumulators, double* HWY_RESTRICT sums) {
  const F64 d;
  const int group = plan.datapath.group;
  const int promote_every = plan.datapath.promote_every;
  VF64 accumulator[kTileRows];
  for (int r = 0; r < kTileRows; ++r) {
    accumulator[r] = hn::Load(d, accumulators + r * kWidth);
  }
  std::int64_t since_promotion = promote_every > 0 ? at.k % promote_every : 0;
  for (std::int64_t n = 0; n < depth; n += group) {
    const int count = static_cast<int>(std::min<std::int64_t>(group, depth - n));
    for (int r = 0; r < kTileRows; ++r) {
      accumulator[r] = next_accumulator<kSum>(plan, {at.row + r, at.column, at.k + n}, a + n * kTileRows + r, kTileRows,
                                              b + n * kWidth, count, accumulator[r]);
    }
    since_promotion += group;
    if (promote_every > 0 && (since_promotion == promote_every || at.k + n + group >= plan.shape.k)) {
      since_promotion = 0;
      for (int r = 0; r < kTileRows; ++r) {
        const VF64 sum = hn::Add(hn::Load(d, sums + r * kWidth), accumulator[r]);
        hn::Store(to_double(to_float(sum)), d, sums + r * kWidth);  // rounding to 53 bits first changes nothing
        accumulator[r] = hn::Zero(d);
      }
    }
  }
  for (int r = 0; r < kTileRows; ++r) {
    hn::Store(accumulator[r], d, accumulators + r * kWidth);
  }
}

template <Sum kSum>
void block_of(std::int64_t rows, const Plan& plan, Place at, std::int64_t depth, const double* a, const double* b,
              double* accumulators, double* sums) {
  constexpr decltype(&block<kSum, 1>) kBlocks[] = {block<kSum, 1>, block<kSum, 2>, block<kSum, 3>, block<kSum, 4>};
  kBlocks[rows - 1](plan, at, depth, a, b, accumulators, sums);
}

// [depth][kWidth] of b from (k, column) on, as doubles, zeros past the last column.
void pack_columns(const GemmShape& s, std::int64_t k, std::int64_t depth, std::int64_t column,
                  double* HWY_RESTRICT to) {
  const F64 d;
  const F32Half d32;
  const std::int64_t columns = std::min<std::int64_t>(kWidth, s.p - column);
  HWY_ALIGN float padded[kWidth];
  for (std::int64_t n = 0; n < depth; ++n) {
    const float* row = s.b + (k + n) * s.ldb + column;
    if (columns < kWidth) {
      copy_padded(row, columns, kWidth, padded);
      row = padded;
    }
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(hn::PromoteTo(d, hn::LoadU(d32, row + v * kLanes64)), d, to + n * kWidth + v * kLanes64);
    }
  }
}

struct Buffers {
  double *a, *b, *accumulators, *sums;
};

template <Sum kSum>
void gemm_rows(const Plan& plan, std::int64_t first_row, std::int64_t rows, Buffers buffer) {
  const GemmShape& s = plan.shape;
  const Tiling tiling(rows, kRows);
  pack_rows(
      s.a + first_row * s.lda, s.lda, s.k, tiling, [](float x) { return static_cast<double>(x); }, buffer.a);
  for (std::int64_t p0 = 0; p0 < s.p; p0 += kWidth) {
    std::fill_n(buffer.accumulators, rows * kWidth, 0.0);
    std::fill_n(buffer.sums, rows * kWidth, 0.0);
    for (std::int64_t k0 = 0; k0 < s.k; k0 += plan.depth) {
      const std::int64_t depth = std::min(plan.depth, s.k - k0);
      pack_columns(s, k0, depth, p0, buffer.b);
      for (std::int64_t t = 0; t < tiling.count; ++t) {
        const std::int64_t row = tiling.first(t);
        const std::int64_t height = tiling.height(t);
        for (int v = 0; v < kVectors; ++v) {
          const std::int64_t offset = row * kWidth + v * kLanes64;
          block_of<kSum>(height, plan, {first_row + row, p0 + v * kLanes64, k0}, depth,
                         buffer.a + row * s.k + k0 * height, buffer.b + v * kLanes64, buffer.accumulators + offset,
                         buffer.sums + offset);
        }
      }
    }
    const double* result = plan.datapath.promote_every > 0 ? buffer.sums : buffer.accumulators;
    const std::int64_t columns = std::min<std::int64_t>(kWidth, s.p - p0);
    for (std::int64_t i = 0; i < rows; ++i) {
      float* c = s.c + (first_row + i) * s.ldc + p0;
      for (std::int64_t j = 0; j < columns; ++j) {
        const auto value = static_cast<float>(result[i * kWidth + j]);
        c[j] = value == value ? value : canonical_nan();
      }
    }
  }
}

void gemm_exact(const Datapath& datapath, const GemmShape& s) {
  const Plan plan(datapath, s);
  const std::int64_t rows = rows_at_a_time(s.m, s.k, sizeof(double), kRows);
  const auto a = hwy::AllocateAligned<double>(static_cast<std::size_t>(rows * s.k + 1));
  const auto b = hwy::AllocateAligned<double>(static_cast<std::size_t>(std::min(plan.depth, s.k) * kWidth + 1));
  const auto state = hwy::AllocateAligned<double>(static_cast<std::size_t>(2 * rows * kWidth + 1));
  const Buffers buffers{a.get(), b.get(), state.get(), state.get() + rows * kWidth};
  for (std::int64_t i = 0; i < s.m; i += rows) {
    const std::int64_t count = std::min(rows, s.m - i);
    if (datapath.accumulation == Accumulation::kSequentialFma) {
      gemm_rows<Sum::kFma>(plan, i, count, buffers);
    } else if (datapath.tile_fraction_bits > 0) {
      gemm_rows<Sum::kTile>(plan, i, count, buffers);
    } else {
      gemm_rows<Sum::kExact>(plan, i, count, buffers);
    }
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
