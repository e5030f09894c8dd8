// SPDX-License-Identifier: Apache-2.0
// int8 x int8 -> int32, exact and wrapping: two products a step, as pairs of int16 (whose products' sum fits in 17
// bits), or four where the processor has AVX-512 VNNI.
#include "numerics/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/gemm_integer.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <cstring>

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
    return hn::Add(sum, sum_of_pair(hn::Set(I32(), *a), hn::LoadU(I32(), column)));
  }

  static std::int32_t pack_a(const std::int8_t* row, std::int64_t n, std::int64_t k) {
    return int16_pair(row[n], n + 1 < k ? row[n + 1] : 0);
  }

  static void pack_b(const std::int8_t* b, std::int64_t ldb, std::int64_t n, std::int64_t k, std::int64_t columns,
                     std::int32_t* to) {
    pack_pairs(b + n * ldb, n + 1 < k ? b + (n + 1) * ldb : nullptr, columns, kTileWidth, to);
  }

  static std::int32_t start(const std::int8_t*, std::int64_t) { return 0; }
  static void finish(const std::int32_t* from, std::int64_t columns, std::int32_t* to) {
    for (std::int64_t j = 0; from != to && j < columns; ++j) {
      to[j] = from[j];
    }
  }
};

#if HWY_TARGET == HWY_AVX3
// VPDPBUSD multiplies unsigned by signed bytes: b is taken as b + 128, and 128 times the sum of a row of a is
// subtracted in advance. It does not saturate, so everything is exact modulo 2^32.
struct Int8Quads {
  using A = std::int8_t;
  using B = std::int8_t;
  using Packed = std::int32_t;  // the first product's operand in the lowest byte
  using Sum = std::int32_t;
  static constexpr int kRows = kMostRows;
  static constexpr int kPerStep = 4;
  static constexpr int kGroup = 1;

  static HWY_INLINE VI32 add_group(const std::int32_t* a, int, const std::int32_t* b, std::int64_t, VI32 sum) {
    // As assembly: Highway 1.0.3 has no instruction set that would let the compiler take the intrinsic.
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum.raw) : "v"(hn::LoadU(I32(), b).raw), "m"(*a));
    return sum;
  }

  static std::int32_t pack_a(const std::int8_t* row, std::int64_t n, std::int64_t k) {
    std::uint32_t packed = 0;
    if (n + 4 <= k) {
      std::memcpy(&packed, row + n, 4);  // x86 is little-endian
      return static_cast<std::int32_t>(packed);
    }
    for (std::int64_t i = 0; i < std::min<std::int64_t>(4, k - n); ++i) {
      packed |= std::uint32_t{static_cast<std::uint8_t>(row[n + i])} << (8 * i);
    }
    return static_cast<std::int32_t>(packed);
  }

  static void pack_b(const std::int8_t* b, std::int64_t ldb, std::int64_t n, std::int64_t k, std::int64_t columns,
                     std::int32_t* to) {
    const hn::Rebind<std::uint8_t, I32> d8;
    const I32 di;
    HWY_ALIGN std::uint8_t bytes[4][kTileWidth] = {};
    for (std::int64_t i = 0; i < std::min<std::int64_t>(4, k - n); ++i) {
      std::copy_n(b + (n + i) * ldb, columns, bytes[i]);
    }
    for (std::int64_t j = 0; j < kTileWidth; j += kLanes32) {
      VI32 packed = hn::PromoteTo(di, hn::Load(d8, bytes[0] + j));
      packed = hn::Or(packed, hn::ShiftLeft<8>(hn::PromoteTo(di, hn::Load(d8, bytes[1] + j))));
      packed = hn::Or(packed, hn::ShiftLeft<16>(hn::PromoteTo(di, hn::Load(d8, bytes[2] + j))));
      packed = hn::Or(packed, hn::ShiftLeft<24>(hn::PromoteTo(di, hn::Load(d8, bytes[3] + j))));
      hn::StoreU(hn::Xor(packed, hn::Set(di, static_cast<std::int32_t>(0x8080'8080U))), di, to + j);
    }
  }

  static std::int32_t start(const std::int8_t* row, std::int64_t k) {
    std::uint32_t sum = 0;
    for (std::int64_t n = 0; n < k; ++n) {
      sum += static_cast<std::uint32_t>(std::int32_t{row[n]});
    }
    return static_cast<std::int32_t>(0U - 128U * sum);
  }
  static void finish(const std::int32_t* from, std::int64_t columns, std::int32_t* to) {
    Int8Pairs::finish(from, columns, to);
  }
};

// What Highway calls AVX3_DL (Ice Lake, Zen 4 and later) includes it; tests may have switched it off.
bool has_vnni() {
  return (hwy::SupportedTargets() & HWY_AVX3_DL) != 0 && __builtin_cpu_supports("avx512vnni");
}
#endif

void gemm_int8(std::int64_t m, std::int64_t p, std::int64_t k, const std::int8_t* a, std::int64_t lda,
               const std::int8_t* b, std::int64_t ldb, std::int32_t* c, std::int64_t ldc) {
#if HWY_TARGET == HWY_AVX3
  if (has_vnni()) {
    tiled_gemm(TiledProblem<Int8Quads>{m, p, k, a, lda, b, ldb, c, ldc});
    return;
  }
#endif
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
