// SPDX-License-Identifier: Apache-2.0
// Tensor-core datapaths: products are exact in FP32, the group's largest exponent comes from 16-bit exponents prepared
// once for a and once per panel for b, and each product is cut by the conversion to int32 of product * 2^(F - largest).
// An element whose exponents leave the range where all of this is exact (or that meets an infinity or NaN) goes to the
// scalar step for that group.
#include <hwy/aligned_allocator.h>

#include "numerics/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/gemm_aligned.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/aligned_group-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

// The largest exponent of each column's products.
HWY_INLINE VI16 largest_exponents(const std::int16_t* HWY_RESTRICT a, int a_stride, const std::int16_t* HWY_RESTRICT b,
                                  int count) {
  const I16 d;
  VI16 largest = hn::Set(d, static_cast<std::int16_t>(2 * kNoExponent));
  for (int i = 0; i < count; ++i) {
    largest = hn::Max(largest, hn::Add(hn::Set(d, a[i * a_stride]), hn::Load(d, b + i * kWidth)));
  }
  return largest;
}

// Packed rows of a: values and exponents, [k][rows of the tile].
struct Rows {
  const float* values;
  const std::int16_t* exponents;
};

// The promotion step.
HWY_INLINE VF32 promotion(const Plan& plan, VF32 sum, VF32 accumulator) {
  if (plan.fp32_promotion) {
    return hn::Add(sum, accumulator);
  }
  const Doubles x = in_doubles(sum);
  const Doubles y = in_doubles(accumulator);
  return demoted({promoted(x.low, y.low, plan.promotion_grid), promoted(x.high, y.high, plan.promotion_grid)});
}

// kTileRows rows x one panel over `depth` of k. accumulators and sums: [kTileRows][kWidth].
template <int kTileRows>
void block(const Plan& plan, Place at, std::int64_t depth, Rows a, Panel b, float* HWY_RESTRICT accumulators,
           float* HWY_RESTRICT sums) {
  const F32 d;
  const int group = plan.datapath.group;
  const int promote_every = plan.datapath.promote_every;
  std::int64_t since_promotion = promote_every > 0 ? at.k % promote_every : 0;
  for (std::int64_t n = 0; n < depth; n += group) {
    const int count = static_cast<int>(std::min<std::int64_t>(group, depth - n));
    since_promotion += group;
    const bool promote = promote_every > 0 && (since_promotion == promote_every || at.k + n + group >= plan.shape.k);
    for (int r = 0; r < kTileRows; ++r) {
      const VI16 largest =
          largest_exponents(a.exponents + n * kTileRows + r, kTileRows, b.exponents + n * kWidth, count);
      for (int v = 0; v < kVectors; ++v) {
        float* const accumulator = accumulators + r * kWidth + v * kLanes32;
        const VF32 next = next_accumulator(
            plan, {at.row + r, at.column + v * kLanes32, at.k + n}, count, a.values + n * kTileRows + r, kTileRows,
            b.values + n * kWidth + v * kLanes32, widened(largest, v), hn::Load(d, accumulator));
        if (promote) {
          float* const sum = sums + r * kWidth + v * kLanes32;
          hn::Store(promotion(plan, hn::Load(d, sum), next), d, sum);
        }
        hn::Store(promote ? hn::Zero(d) : next, d, accumulator);
      }
    }
    since_promotion = promote ? 0 : since_promotion;
  }
}

constexpr decltype(&block<1>) kBlocks[] = {block<1>, block<2>, block<3>, block<4>};

void pack_columns(const Plan& plan, std::int64_t k, std::int64_t depth, std::int64_t column, Panel to) {
  const GemmShape& s = plan.shape;
  const F32 d;
  const I32 di;
  const auto min_exponent = hn::Set(di, plan.datapath.b.min_exponent());
  const std::int64_t columns = std::min<std::int64_t>(kWidth, s.p - column);
  for (std::int64_t n = 0; n < depth; ++n) {
    copy_padded(s.b + (k + n) * s.ldb + column, columns, kWidth, to.values + n * kWidth);
    for (int v = 0; v < kVectors; ++v) {
      const VF32 x = hn::Load(d, to.values + n * kWidth + v * kLanes32);
      const VI32 exponent = exponents_of(x, min_exponent, plan.zero_exponent, kSpecialExponent);
      const hn::Rebind<std::int16_t, I32> d16;
      hn::Store(hn::DemoteTo(d16, exponent), d16, to.exponents + n * kWidth + v * kLanes32);
    }
  }
}

struct Buffers {
  float* a;
  std::int16_t* a_exponents;
  Panel b;
  float *accumulators, *sums;
};

void gemm_rows(const Plan& plan, std::int64_t first_row, std::int64_t rows, Buffers buffer) {
  const GemmShape& s = plan.shape;
  const Tiling tiling(rows, kRows);
  const int min_exponent = plan.datapath.a.min_exponent();
  pack_rows(
      s.a + first_row * s.lda, s.lda, s.k, tiling, [](float x) { return x; }, buffer.a);
  for (std::int64_t i = 0; i < rows * s.k; ++i) {
    buffer.a_exponents[i] = exponent_of(buffer.a[i], min_exponent, plan.zero_exponent);
  }
  const bool promotes = plan.datapath.promote_every > 0;
  const F32 d;
  for (std::int64_t p0 = 0; p0 < s.p; p0 += kWidth) {
    std::fill_n(buffer.accumulators, rows * kWidth, 0.0F);
    std::fill_n(buffer.sums, rows * kWidth, 0.0F);
    for (std::int64_t k0 = 0; k0 < s.k; k0 += plan.depth) {
      const std::int64_t depth = std::min(plan.depth, s.k - k0);
      pack_columns(plan, k0, depth, p0, buffer.b);
      for (std::int64_t t = 0; t < tiling.count; ++t) {
        const std::int64_t row = tiling.first(t);
        const std::int64_t height = tiling.height(t);
        const std::int64_t packed = row * s.k + k0 * height;
        kBlocks[height - 1](plan, {first_row + row, p0, k0}, depth, {buffer.a + packed, buffer.a_exponents + packed},
                            buffer.b, buffer.accumulators + row * kWidth, buffer.sums + row * kWidth);
      }
    }
    float* const result = promotes ? buffer.sums : buffer.accumulators;
    const std::int64_t columns = std::min<std::int64_t>(kWidth, s.p - p0);
    for (std::int64_t i = 0; i < rows; ++i) {
      for (int v = 0; v < kVectors; ++v) {
        float* const lanes = result + i * kWidth + v * kLanes32;
        hn::Store(canonical_nans(hn::Load(d, lanes)), d, lanes);
      }
      std::copy_n(result + i * kWidth, columns, s.c + (first_row + i) * s.ldc + p0);
    }
  }
}

void gemm_aligned(const Datapath& datapath, const GemmShape& s) {
  const Plan plan(datapath, s);
  const std::int64_t rows = rows_at_a_time(s.m, s.k, sizeof(float) + sizeof(std::int16_t), kRows);
  const auto count = [](std::int64_t n) { return static_cast<std::size_t>(n + 1); };
  const std::int64_t depth = std::min(plan.depth, s.k);
  const auto a = hwy::AllocateAligned<float>(count(rows * s.k));
  const auto a_exponents = hwy::AllocateAligned<std::int16_t>(count(rows * s.k));
  const auto b = hwy::AllocateAligned<float>(count(depth * kWidth));
  const auto b_exponents = hwy::AllocateAligned<std::int16_t>(count(depth * kWidth));
  const auto state = hwy::AllocateAligned<float>(count(2 * rows * kWidth));
  const Buffers buffers{
      a.get(), a_exponents.get(), {b.get(), b_exponents.get()}, state.get(), state.get() + rows * kWidth};
  for (std::int64_t i = 0; i < s.m; i += rows) {
    gemm_rows(plan, i, std::min(rows, s.m - i), buffers);
  }
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mantissa::numerics {
HWY_EXPORT(gemm_aligned);
void detail::gemm_aligned(const Datapath& datapath, const GemmShape& shape) {
  HWY_DYNAMIC_DISPATCH(gemm_aligned)(datapath, shape);
}

bool detail::aligned_kernel_covers(const Datapath& d) {
  return d.accumulation == Accumulation::kAligned && d.align_fraction_bits <= 26 &&
         d.a.mantissa_bits + d.b.mantissa_bits + 2 <= 24;
}
}  // namespace mantissa::numerics
#endif
