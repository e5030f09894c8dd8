// SPDX-License-Identifier: Apache-2.0
// Plain FP32: one fused multiply-add per product in k order.
#include "numerics/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/gemm_fma.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/tiled_gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

struct Fp32 {
  using A = float;
  using B = float;
  using Packed = float;
  using Sum = float;
  static constexpr int kRows = kMostRows;
  static constexpr int kPerStep = 1;
  static constexpr int kGroup = 1;

  static HWY_INLINE VF32 add_group(const float* a, int, const float* b, std::int64_t, VF32 sum) {
    return fused(hn::Set(F32(), *a), hn::LoadU(F32(), b), sum);
  }
  static float pack_a(const float* row, std::int64_t n, std::int64_t) { return row[n]; }
  static void pack_b(const float* b, std::int64_t ldb, std::int64_t n, std::int64_t, std::int64_t columns, float* to) {
    copy_padded(b + n * ldb, columns, kTileWidth, to);
  }
  // For a few rows, copying b costs more than it saves.
  static bool direct(std::int64_t m) { return m <= 4; }

  static float start(const float*, std::int64_t) { return 0.0F; }
  static void finish(const float* from, std::int64_t columns, float* to) { copy_canonical(from, columns, to); }
};

void gemm_fma_fp32(const detail::GemmShape& s) {
  tiled_gemm(TiledProblem<Fp32>{s.m, s.p, s.k, s.a, s.lda, s.b, s.ldb, s.c, s.ldc});
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mantissa::numerics {
HWY_EXPORT(gemm_fma_fp32);
void detail::gemm_fma_fp32(const GemmShape& shape) {
  HWY_DYNAMIC_DISPATCH(gemm_fma_fp32)(shape);
}
}  // namespace mantissa::numerics
#endif
