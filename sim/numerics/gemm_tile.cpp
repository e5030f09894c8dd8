// SPDX-License-Identifier: Apache-2.0
// Datapaths with a narrow adder for tiles of four products and an FP32 accumulator (ANE), in FP32 lanes: products of
// small formats, the adder's sums and the one addition to the accumulator are exact or rounded once there. A zero
// product changes nothing, so k is padded with zeros. Infinities and NaNs pass through these operations as the scalar
// step has them.
#include "numerics/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/gemm_tile.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/tiled_gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

// kBits: tile_fraction_bits.
template <int kBits>
struct TilesOfFour {
  using A = float;
  using B = float;
  using Packed = float;
  using Sum = float;
  static constexpr int kRows = 4;
  static constexpr int kPerStep = 1;
  static constexpr int kGroup = 4;

  static HWY_INLINE VF32 add_group(const float* a, int a_stride, const float* b, std::int64_t ldb, VF32 sum) {
    const F32 d;
    const I32 di;
    const VF32 kept = hn::BitCast(d, hn::Set(di, static_cast<std::int32_t>(~0U << (23 - kBits))));
    VF32 tile = hn::And(hn::Mul(hn::Set(d, a[0]), hn::LoadU(d, b)), kept);
#pragma GCC unroll 3
    for (int i = 1; i < kGroup; ++i) {
      const VF32 product = hn::Mul(hn::Set(d, a[i * a_stride]), hn::LoadU(d, b + i * ldb));
      // 2^e, e the exponent of the larger addend; any product of the formats covered is above the floor
      const VF32 larger = hn::Max(hn::Max(hn::Abs(tile), hn::Abs(product)), hn::Set(d, 0x1p-100F));
      const VI32 power = hn::And(hn::BitCast(di, larger), hn::Set(di, 0x7F80'0000));
      const VF32 to_units =
          hn::BitCast(d, hn::Sub(hn::Set(di, static_cast<std::int32_t>((254U + kBits) << 23)), power));
      const VF32 from_units = hn::BitCast(d, hn::Sub(power, hn::Set(di, kBits << 23)));
      const VF32 units = hn::Add(hn::Trunc(hn::Mul(tile, to_units)), hn::Trunc(hn::Mul(product, to_units)));
      tile = hn::And(hn::Mul(units, from_units), kept);
    }
    return hn::Add(sum, tile);
  }

  static float pack_a(const float* row, std::int64_t n, std::int64_t k) {
    return n < k ? row[n] : 0.0F;
  }
  static void pack_b(const float* b, std::int64_t ldb, std::int64_t n, std::int64_t k, std::int64_t columns,
                     float* to) {
    copy_padded(b + n * ldb, n < k ? columns : 0, kTileWidth, to);
  }
  static bool direct(std::int64_t) {
    return false;
  }
  static float start(const float*, std::int64_t) {
    return 0.0F;
  }
  static void finish(const float* from, std::int64_t columns, float* to) {
    copy_canonical(from, columns, to);
  }
};

// The ANE's width; others are rare enough for the double-precision kernel.
void gemm_tile_11(const detail::GemmShape& s) {
  tiled_gemm(TiledProblem<TilesOfFour<11>>{s.m, s.p, s.k, s.a, s.lda, s.b, s.ldb, s.c, s.ldc});
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mantissa::numerics {
HWY_EXPORT(gemm_tile_11);

void detail::gemm_tile(const GemmShape& shape) {
  HWY_DYNAMIC_DISPATCH(gemm_tile_11)(shape);
}

bool detail::tile_kernel_covers(const Datapath& d) {
  const auto smallest = [](const Format& f) { return f.min_exponent() - f.mantissa_bits; };
  return d.accumulation == Accumulation::kExact && d.tile_fraction_bits == 11 && d.group == 4 && d.promote_every == 0 &&
         is_fp32(d.accumulator) && d.accumulator_rounding == Rounding::kNearestEven &&
         d.a.mantissa_bits + d.b.mantissa_bits + 2 <= 24 && smallest(d.a) + smallest(d.b) > -100;
}
}  // namespace mantissa::numerics
#endif
