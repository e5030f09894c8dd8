// SPDX-License-Identifier: Apache-2.0
// Internal to numerics: a matrix product through any floating-point datapath, in vectors of doubles. An Arithmetic says
// what one step makes of a tile of rows x one vector of columns; here are the packing, the blocks, the promotion and
// the way back to the scalar step for lanes that an Arithmetic cannot do. Included once for each instruction set.
#include "numerics/kernels.h"
#include "numerics/simd-inl.h"
#include "numerics/step.h"

#if defined(MANTISSA_NUMERICS_DOUBLE_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MANTISSA_NUMERICS_DOUBLE_GEMM_INL_H_
#undef MANTISSA_NUMERICS_DOUBLE_GEMM_INL_H_
#else
#define MANTISSA_NUMERICS_DOUBLE_GEMM_INL_H_
#endif

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

using detail::GemmShape;

constexpr int kVectors = 2;  // of doubles, in a panel of b
constexpr int kWidth = kVectors * kLanes64;
constexpr int kRows = 4;

struct Plan {
  Plan(const Datapath& d, const GemmShape& s)
      : datapath(d),
        shape(s),
        grid(d.accumulator, d.accumulator_rounding),
        promotion_grid(d.promotion, Rounding::kNearestEven),
        fp32_nearest(detail::is_fp32(d.accumulator) && d.accumulator_rounding == Rounding::kNearestEven),
        fp32_promotion(detail::is_fp32(d.promotion)),
        depth(std::max<std::int64_t>(d.group, 512 / d.group * d.group)) {}
  const Datapath& datapath;
  const GemmShape& shape;
  TargetGrid grid, promotion_grid;
  bool fp32_nearest, fp32_promotion;
  std::int64_t depth;  // k of a panel, a multiple of group
};

// An Arithmetic has
//   kParts                        doubles kept for one operand value
//   pack_a(plan, x, to)           kParts doubles of a value of a
//   pack_b(plan, x, to)           the same for a vector of b; the parts stand kWidth apart
//   step<rows>(plan, at, a, b, count, accumulator)  the accumulators of `rows` rows after `count` products;
//                                 a: [count][rows][kParts], b: [count][kParts][kWidth]

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

// kTileRows rows x one vector over `depth` of k. accumulators and sums: [kTileRows][kWidth].
template <class Arithmetic, int kTileRows>
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
    Arithmetic::template step<kTileRows>(plan, {at.row, at.column, at.k + n}, a + n * kTileRows * Arithmetic::kParts,
                                         b + n * kWidth * Arithmetic::kParts, count, accumulator);
    since_promotion += group;
    if (promote_every > 0 && (since_promotion == promote_every || at.k + n + group >= plan.shape.k)) {
      since_promotion = 0;
      for (int r = 0; r < kTileRows; ++r) {
        const VF64 sum = hn::Load(d, sums + r * kWidth);
        // In FP32, rounding to 53 bits first changes nothing.
        hn::Store(plan.fp32_promotion ? to_double(to_float(hn::Add(sum, accumulator[r])))
                                      : promoted(sum, accumulator[r], plan.promotion_grid),
                  d, sums + r * kWidth);
        accumulator[r] = hn::Zero(d);
      }
    }
  }
  for (int r = 0; r < kTileRows; ++r) {
    hn::Store(accumulator[r], d, accumulators + r * kWidth);
  }
}

template <class Arithmetic>
void block_of(std::int64_t rows, const Plan& plan, Place at, std::int64_t depth, const double* a, const double* b,
              double* accumulators, double* sums) {
  constexpr decltype(&block<Arithmetic, 1>) kBlocks[] = {block<Arithmetic, 1>, block<Arithmetic, 2>,
                                                         block<Arithmetic, 3>, block<Arithmetic, 4>};
  static_assert(kRows == 4);
  kBlocks[rows - 1](plan, at, depth, a, b, accumulators, sums);
}

// [depth][kParts][kWidth] of b from (k, column) on, zeros past the last column.
template <class Arithmetic>
void pack_columns(const Plan& plan, std::int64_t k, std::int64_t depth, std::int64_t column, double* HWY_RESTRICT to) {
  const GemmShape& s = plan.shape;
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
      Arithmetic::pack_b(plan, to_double(hn::LoadU(d32, row + v * kLanes64)),
                         to + n * kWidth * Arithmetic::kParts + v * kLanes64);
    }
  }
}

struct Buffers {
  double *a, *b, *accumulators, *sums;
};

template <class Arithmetic>
void gemm_rows(const Plan& plan, std::int64_t first_row, std::int64_t rows, Buffers buffer) {
  const GemmShape& s = plan.shape;
  const Tiling tiling(rows, kRows);
  double* packed_a = buffer.a;
  for (std::int64_t t = 0; t < tiling.count; ++t) {
    for (std::int64_t n = 0; n < s.k; ++n) {
      for (std::int64_t i = tiling.first(t); i < tiling.first(t + 1); ++i) {
        Arithmetic::pack_a(plan, s.a[(first_row + i) * s.lda + n], packed_a);
        packed_a += Arithmetic::kParts;
      }
    }
  }
  for (std::int64_t p0 = 0; p0 < s.p; p0 += kWidth) {
    std::fill_n(buffer.accumulators, rows * kWidth, 0.0);
    std::fill_n(buffer.sums, rows * kWidth, 0.0);
    for (std::int64_t k0 = 0; k0 < s.k; k0 += plan.depth) {
      const std::int64_t depth = std::min(plan.depth, s.k - k0);
      pack_columns<Arithmetic>(plan, k0, depth, p0, buffer.b);
      for (std::int64_t t = 0; t < tiling.count; ++t) {
        const std::int64_t row = tiling.first(t);
        const std::int64_t height = tiling.height(t);
        for (int v = 0; v < kVectors; ++v) {
          const std::int64_t offset = row * kWidth + v * kLanes64;
          block_of<Arithmetic>(height, plan, {first_row + row, p0 + v * kLanes64, k0}, depth,
                               buffer.a + (row * s.k + k0 * height) * Arithmetic::kParts, buffer.b + v * kLanes64,
                               buffer.accumulators + offset, buffer.sums + offset);
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

template <class Arithmetic>
void double_gemm(const Datapath& datapath, const GemmShape& s) {
  const Plan plan(datapath, s);
  constexpr std::int64_t kParts = Arithmetic::kParts;
  const std::int64_t rows = rows_at_a_time(s.m, s.k, kParts * static_cast<std::int64_t>(sizeof(double)), kRows);
  const auto doubles = [](std::int64_t count) {
    return hwy::AllocateAligned<double>(static_cast<std::size_t>(count + 1));
  };
  const auto a = doubles(rows * s.k * kParts);
  const auto b = doubles(std::min(plan.depth, s.k) * kWidth * kParts);
  const auto state = doubles(2 * rows * kWidth);
  const Buffers buffers{a.get(), b.get(), state.get(), state.get() + rows * kWidth};
  for (std::int64_t i = 0; i < s.m; i += rows) {
    gemm_rows<Arithmetic>(plan, i, std::min(rows, s.m - i), buffers);
  }
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard for each instruction set
