// SPDX-License-Identifier: Apache-2.0
// Internal to numerics: a matrix product whose sums live in registers, for arithmetic that needs nothing but a running
// sum (FP32 fused multiply-add, int8 pairs, tiles of four). Registers hold a tile of rows x two vectors of columns; a
// is packed tile by tile and b into panels of that width, so that the inner loop reads memory in order. Included once
// for each instruction set.
#include "numerics/simd-inl.h"

#if defined(MANTISSA_NUMERICS_TILED_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MANTISSA_NUMERICS_TILED_GEMM_INL_H_
#undef MANTISSA_NUMERICS_TILED_GEMM_INL_H_
#else
#define MANTISSA_NUMERICS_TILED_GEMM_INL_H_
#endif

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {

inline constexpr int kTileWidth = 2 * kLanes32;                    // columns of a panel
inline constexpr int kMostRows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;  // of a tile of running sums: all that registers hold
inline constexpr std::int64_t kPanelSteps = 320;                   // of a panel: it stays in the first-level cache

// An Arithmetic names the types A and B of the operands, Packed (what one step multiplies) and Sum, and says
//   kRows                             rows of a tile
//   kPerStep                          products that one Packed holds
//   kGroup                            steps that are added to the sum together
//   add_group(a, a_stride, b, ldb, sum)  the sum after kGroup steps of one row and one vector of columns
//   pack_a(row, n, k)                 products n.. of a row of a
//   pack_b(b, ldb, n, k, columns, to) products n.. of kTileWidth columns, zeros past `columns`
//   direct(m)                         b can be read where it is (Packed is B) and that is faster
//   start(row, k)                     the sum before the first product of a row of a
//   finish(from, columns, to)         sums to results; may be in place
template <class Arithmetic>
struct TiledProblem {
  std::int64_t m, p, k;
  const typename Arithmetic::A* a;
  std::int64_t lda;
  const typename Arithmetic::B* b;
  std::int64_t ldb;
  typename Arithmetic::Sum* c;
  std::int64_t ldc;
};

// c[rows][kTileWidth] (continued from c, or from start[rows] where that is given) += a[steps][rows] *
// b[steps][kTileWidth]
template <class Arithmetic, int kRows>
void multiply_tile(std::int64_t steps, const typename Arithmetic::Packed* HWY_RESTRICT a,
                   const typename Arithmetic::Packed* HWY_RESTRICT b, std::int64_t ldb,
                   typename Arithmetic::Sum* HWY_RESTRICT c, std::int64_t ldc, const typename Arithmetic::Sum* start) {
  const hn::ScalableTag<typename Arithmetic::Sum> d;
  hn::Vec<decltype(d)> sum[kRows][2];
  for (int r = 0; r < kRows; ++r) {
    sum[r][0] = start != nullptr ? hn::Set(d, start[r]) : hn::LoadU(d, c + r * ldc);
    sum[r][1] = start != nullptr ? hn::Set(d, start[r]) : hn::LoadU(d, c + r * ldc + kLanes32);
  }
  for (std::int64_t n = 0; n < steps; n += Arithmetic::kGroup) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      sum[r][0] = Arithmetic::add_group(a + r, kRows, b, ldb, sum[r][0]);
      sum[r][1] = Arithmetic::add_group(a + r, kRows, b + kLanes32, ldb, sum[r][1]);
    }
    a += kRows * Arithmetic::kGroup;
    b += ldb * Arithmetic::kGroup;
  }
  for (int r = 0; r < kRows; ++r) {
    hn::StoreU(sum[r][0], d, c + r * ldc);
    hn::StoreU(sum[r][1], d, c + r * ldc + kLanes32);
  }
}

template <class Arithmetic, int kRows = Arithmetic::kRows>
void multiply_tile_of(std::int64_t rows, std::int64_t steps, const typename Arithmetic::Packed* a,
                      const typename Arithmetic::Packed* b, std::int64_t ldb, typename Arithmetic::Sum* c,
                      std::int64_t ldc, const typename Arithmetic::Sum* start) {
  if (rows == kRows) {
    multiply_tile<Arithmetic, kRows>(steps, a, b, ldb, c, ldc, start);
  } else if constexpr (kRows > 1) {
    multiply_tile_of<Arithmetic, kRows - 1>(rows, steps, a, b, ldb, c, ldc, start);
  }
}

// Steps that cover k, whole groups.
template <class Arithmetic>
std::int64_t steps_of(std::int64_t k) {
  constexpr std::int64_t kProducts = Arithmetic::kPerStep * Arithmetic::kGroup;
  static_assert(kPanelSteps % Arithmetic::kGroup == 0);
  return (k + kProducts - 1) / kProducts * Arithmetic::kGroup;
}

template <class Arithmetic>
struct TiledBuffers {
  typename Arithmetic::Packed *a, *b;
  typename Arithmetic::Sum* edge;    // sums of a panel that p cuts off
  typename Arithmetic::Sum* starts;  // of all rows
};

// a, tile after tile, each as [steps][rows of the tile]. A row at a time over as many steps as stay in the first-level
// cache: every thread that shares the columns of a product does this for all of a.
template <class Arithmetic>
void pack_tiles(const TiledProblem<Arithmetic>& s, const Tiling& tiling, std::int64_t steps,
                typename Arithmetic::Packed* HWY_RESTRICT to) {
  for (std::int64_t t = 0; t < tiling.count; ++t) {
    const std::int64_t height = tiling.height(t);
    for (std::int64_t n0 = 0; n0 < steps; n0 += kPanelSteps) {
      const std::int64_t end = std::min(n0 + kPanelSteps, steps);
      for (std::int64_t i = 0; i < height; ++i) {
        const typename Arithmetic::A* row = s.a + (tiling.first(t) + i) * s.lda;
        for (std::int64_t n = n0; n < end; ++n) {
          to[n * height + i] = Arithmetic::pack_a(row, n * Arithmetic::kPerStep, s.k);
        }
      }
    }
    to += steps * height;
  }
}

template <class Arithmetic>
void tiled_rows(const TiledProblem<Arithmetic>& s, TiledBuffers<Arithmetic> buffer) {
  const Tiling tiling(s.m, Arithmetic::kRows);
  const std::int64_t steps = steps_of<Arithmetic>(s.k);
  for (std::int64_t i = 0; i < s.m; ++i) {
    buffer.starts[i] = Arithmetic::start(s.a + i * s.lda, s.k);
  }
  pack_tiles<Arithmetic>(s, tiling, steps, buffer.a);
  for (std::int64_t p0 = 0; p0 < s.p; p0 += kTileWidth) {
    const std::int64_t columns = std::min<std::int64_t>(kTileWidth, s.p - p0);
    const bool whole = columns == kTileWidth;
    auto* const c = whole ? s.c + p0 : buffer.edge;
    const std::int64_t ldc = whole ? s.ldc : kTileWidth;
    for (std::int64_t n0 = 0; n0 < steps || n0 == 0; n0 += kPanelSteps) {
      const std::int64_t count = std::min(kPanelSteps, steps - n0);
      const typename Arithmetic::Packed* b = buffer.b;
      std::int64_t ldb = kTileWidth;
      bool packs = true;
      if constexpr (Arithmetic::kPerStep == 1 && Arithmetic::kGroup == 1) {
        if (whole && Arithmetic::direct(s.m)) {
          b = s.b + n0 * s.ldb + p0;
          ldb = s.ldb;
          packs = false;
        }
      }
      for (std::int64_t n = 0; packs && n < count; ++n) {
        Arithmetic::pack_b(s.b + p0, s.ldb, (n0 + n) * Arithmetic::kPerStep, s.k, columns, buffer.b + n * kTileWidth);
      }
      for (std::int64_t t = 0; t < tiling.count; ++t) {
        const std::int64_t row = tiling.first(t);
        const std::int64_t height = tiling.height(t);
        multiply_tile_of<Arithmetic>(height, count, buffer.a + row * steps + n0 * height, b, ldb, c + row * ldc, ldc,
                                     n0 == 0 ? buffer.starts + row : nullptr);
      }
    }
    for (std::int64_t i = 0; i < s.m; ++i) {
      Arithmetic::finish(c + i * ldc, columns, s.c + i * s.ldc + p0);
    }
  }
}

template <class Arithmetic>
void tiled_gemm(const TiledProblem<Arithmetic>& s) {
  using Packed = typename Arithmetic::Packed;
  const std::int64_t steps = steps_of<Arithmetic>(s.k);
  const std::int64_t rows = rows_at_a_time(s.m, steps, sizeof(Packed), Arithmetic::kRows);
  const auto count = [](std::int64_t n) { return static_cast<std::size_t>(n + 1); };
  const auto packed_a = hwy::AllocateAligned<Packed>(count(rows * steps));
  const auto packed_b = hwy::AllocateAligned<Packed>(count(std::min(kPanelSteps, steps) * kTileWidth));
  const auto edge = hwy::AllocateAligned<typename Arithmetic::Sum>(count(rows * kTileWidth));
  const auto starts = hwy::AllocateAligned<typename Arithmetic::Sum>(count(rows));
  for (std::int64_t i = 0; i < s.m; i += rows) {
    TiledProblem<Arithmetic> part = s;
    part.m = std::min(rows, s.m - i);
    part.a = s.a + i * s.lda;
    part.c = s.c + i * s.ldc;
    tiled_rows(part, TiledBuffers<Arithmetic>{packed_a.get(), packed_b.get(), edge.get(), starts.get()});
  }
}

}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard for each instruction set
