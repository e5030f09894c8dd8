// SPDX-License-Identifier: Apache-2.0
// int8 x int8 to an accumulator of 8 to 32 bits that is clamped after each group: the group's sum is exact in 32 bits
// (at most 1024 products of 2^14), and is added with one comparison.
#include <hwy/aligned_allocator.h>

#include "numerics/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/gemm_saturating.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

using detail::IntegerShape;

constexpr int kVectors = 2;
constexpr int kWidth = kVectors * kLanes32;
constexpr int kRows = 4;

// A group is packed as pairs of int16 (low half: the even product's operand), filled up with zeros.
std::int64_t pairs_of(int group) {
  return (group + 1) / 2;
}

// [groups][pairs] of a row of a, `rows` apart.
void pack_row(int group, std::int64_t k, const std::int8_t* row, std::int32_t* to, std::int64_t rows) {
  for (std::int64_t first = 0; first < k; first += group) {
    const std::int64_t end = std::min<std::int64_t>(first + group, k);
    for (std::int64_t even = first; even < first + 2 * pairs_of(group); even += 2) {
      *to = int16_pair(even < end ? row[even] : 0, even + 1 < end ? row[even + 1] : 0);
      to += rows;
    }
  }
}

// [groups][pairs][kWidth] of b from column p0 on.
void pack_columns(int group, const IntegerShape& s, std::int64_t p0, std::int32_t* to) {
  const std::int64_t columns = std::min<std::int64_t>(kWidth, s.p - p0);
  for (std::int64_t first = 0; first < s.k; first += group) {
    const std::int64_t end = std::min<std::int64_t>(first + group, s.k);
    for (std::int64_t even = first; even < first + 2 * pairs_of(group); even += 2) {
      const auto row = [&](std::int64_t n) { return n < end ? s.b + n * s.ldb + p0 : nullptr; };
      if (even < end) {
        pack_pairs(row(even), row(even + 1), columns, kWidth, to);
      } else {
        std::fill_n(to, kWidth, 0);
      }
      to += kWidth;
    }
  }
}

// x + y clamped to lowest..highest; |y| < 2^30.
HWY_INLINE VI32 clamped_sum(VI32 x, VI32 y, VI32 lowest, VI32 highest) {
  const I32 d;
  const VI32 sum = hn::Add(x, y);  // passes the end of 32 bits when x and y have the same sign and the sum has not
  const VI32 passed = hn::BroadcastSignBit(hn::AndNot(hn::Xor(x, y), hn::Xor(x, sum)));
  const VI32 end = hn::Xor(hn::BroadcastSignBit(x), hn::Set(d, 0x7FFF'FFFF));
  return hn::Min(hn::Max(hn::IfThenElse(hn::MaskFromVec(passed), end, sum), lowest), highest);
}

template <int kTileRows>
void block(const Datapath& datapath, std::int64_t groups, const std::int32_t* HWY_RESTRICT a,
           const std::int32_t* HWY_RESTRICT b, std::int32_t* HWY_RESTRICT sums) {
  const I32 d;
  const auto most = static_cast<std::int32_t>((std::int64_t{1} << (datapath.accumulator.bits() - 1)) - 1);
  const VI32 highest = hn::Set(d, most);
  const VI32 lowest = hn::Set(d, -most - 1);
  const std::int64_t pairs = pairs_of(datapath.group);
  VI32 accumulator[kTileRows][kVectors];
  for (auto& row : accumulator) {
    row[0] = row[kVectors - 1] = hn::Zero(d);
  }
  for (std::int64_t g = 0; g < groups; ++g) {
    VI32 sum[kTileRows][kVectors];
    for (auto& row : sum) {
      row[0] = row[kVectors - 1] = hn::Zero(d);
    }
    for (std::int64_t n = 0; n < pairs; ++n) {
      for (int r = 0; r < kTileRows; ++r) {
        const VI32 x = hn::Set(d, a[r]);
        for (int v = 0; v < kVectors; ++v) {
          sum[r][v] = hn::Add(sum[r][v], sum_of_pair(x, hn::Load(d, b + v * kLanes32)));
        }
      }
      a += kTileRows;
      b += kWidth;
    }
    for (int r = 0; r < kTileRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        accumulator[r][v] = clamped_sum(accumulator[r][v], sum[r][v], lowest, highest);
      }
    }
  }
  for (int r = 0; r < kTileRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(accumulator[r][v], d, sums + r * kWidth + v * kLanes32);
    }
  }
}

void gemm_saturating(const Datapath& datapath, const IntegerShape& s) {
  const std::int64_t groups = (s.k + datapath.group - 1) / datapath.group;
  const std::int64_t steps = groups * pairs_of(datapath.group);
  const std::int64_t rows = rows_at_a_time(s.m, steps, sizeof(std::int32_t), kRows);
  const auto words = [](std::int64_t count) {
    return hwy::AllocateAligned<std::int32_t>(static_cast<std::size_t>(count + 1));
  };
  const auto a = words(rows * steps);
  const auto b = words(steps * kWidth);
  const auto sums = words(kRows * kWidth);
  constexpr decltype(&block<1>) kBlocks[] = {block<1>, block<2>, block<3>, block<4>};
  for (std::int64_t first = 0; first < s.m; first += rows) {
    const Tiling tiling(std::min(rows, s.m - first), kRows);
    for (std::int64_t t = 0; t < tiling.count; ++t) {
      for (std::int64_t r = 0; r < tiling.height(t); ++r) {
        pack_row(datapath.group, s.k, s.a + (first + tiling.first(t) + r) * s.lda,
                 a.get() + tiling.first(t) * steps + r, tiling.height(t));
      }
    }
    for (std::int64_t p0 = 0; p0 < s.p; p0 += kWidth) {
      const std::int64_t columns = std::min<std::int64_t>(kWidth, s.p - p0);
      pack_columns(datapath.group, s, p0, b.get());
      for (std::int64_t t = 0; t < tiling.count; ++t) {
        kBlocks[tiling.height(t) - 1](datapath, groups, a.get() + tiling.first(t) * steps, b.get(), sums.get());
        for (std::int64_t r = 0; r < tiling.height(t); ++r) {
          std::copy_n(sums.get() + r * kWidth, columns, s.c + (first + tiling.first(t) + r) * s.ldc + p0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mantissa::numerics {
HWY_EXPORT(gemm_saturating);
void detail::gemm_saturating(const Datapath& datapath, const IntegerShape& shape) {
  HWY_DYNAMIC_DISPATCH(gemm_saturating)(datapath, shape);
}
}  // namespace mantissa::numerics
#endif
