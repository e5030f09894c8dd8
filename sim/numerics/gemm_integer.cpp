// SPDX-License-Identifier: Apache-2.0
// int8 x int8 -> int32, exact and wrapping: two products a step, as pairs of int16 (whose products' sum fits in 17
// bits).
#include "numerics/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/gemm_integer.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/tiled_gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

struct Int8Pairs {
  using A = std::int8_t;
  using B = std::int8_t;
  using Packed = std::int32_t;  // low half: the even product's operand, high half: the odd one's
  using Sum = std::int32_t;
  static constexpr int kRows = kMostRows;
  static constexpr int kPerStep = 2;
  static constexpr int kGroup = 1;

  static HWY_INLINE VI32 add_group(const std::int32_t* a, int, const std::int32_t* column, std::int64_t, VI32 sum) {
    const VI32 x = hn::Set(I32(), *a);
    const VI32 b = hn::LoadU(I32(), column);
#if HWY_TARGET == HWY_AVX3
    return hn::Add(sum, VI32{_mm512_madd_epi16(x.raw, b.raw)});
#elif HWY_TARGET == HWY_AVX2
    return hn::Add(sum, VI32{_mm256_madd_epi16(x.raw, b.raw)});
#else
    const auto low = [](VI32 v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(v)); };
    const auto high = [](VI32 v) { return hn::ShiftRight<16>(v); };
    return hn::Add(sum, hn::Add(hn::Mul(low(x), low(b)), hn::Mul(high(x), high(b))));
#endif
  }

  static std::int32_t pair(std::int32_t even, std::int32_t odd) {
    return static_cast<std::int32_t>((static_cast<std::uint32_t>(odd) << 16) |
                                     (static_cast<std::uint32_t>(even) & 0xFFFFU));
  }
  static std::int32_t pack_a(const std::int8_t* row, std::int64_t n, std::int64_t k) {
    return pair(row[n], n + 1 < k ? row[n + 1] : 0);
  }

  static void pack_b(const std::int8_t* b, std::int64_t ldb, std::int64_t n, std::int64_t k, std::int64_t columns,
                     std::int32_t* to) {
    const std::int8_t* even = b + n * ldb;
    const std::int8_t* odd = even + ldb;
    const bool has_odd = n + 1 < k;
    const I32 di;
    const hn::Rebind<std::int8_t, I32> d8;
    std::int64_t j = 0;
    for (; j + kLanes32 <= columns; j += kLanes32) {
      const VI32 low = hn::And(hn::PromoteTo(di, hn::LoadU(d8, even + j)), hn::Set(di, 0xFFFF));
      const VI32 high = has_odd ? hn::ShiftLeft<16>(hn::PromoteTo(di, hn::LoadU(d8, odd + j))) : hn::Zero(di);
      hn::StoreU(hn::Or(low, high), di, to + j);
    }
    for (; j < columns; ++j) {
      to[j] = pair(even[j], has_odd ? odd[j] : 0);
    }
    for (; j < kTileWidth; ++j) {
      to[j] = 0;
    }
  }

  static void finish(const std::int32_t* from, std::int64_t columns, std::int32_t* to) {
    for (std::int64_t j = 0; from != to && j < columns; ++j) {
      to[j] = from[j];
    }
  }
};

void gemm_int8(std::int64_t m, std::int64_t p, std::int64_t k, const std::int8_t* a, std::int64_t lda,
               const std::int8_t* b, std::int64_t ldb, std::int32_t* c, std::int64_t ldc) {
  tiled_gemm(TiledProblem<Int8Pairs>{m, p, k, a, lda, b, ldb, c, ldc});
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mantissa::numerics {
HWY_EXPORT(gemm_int8);
void gemm(std::int64_t m, std::int64_t p, std::int64_t k, const std::int8_t* a, std::int64_t lda, const std::int8_t* b,
          std::int64_t ldb, std::int32_t* c, std::int64_t ldc) {
  HWY_DYNAMIC_DISPATCH(gemm_int8)(m, p, k, a, lda, b, ldb, c, ldc);
}
}  // namespace mantissa::numerics
#endif
