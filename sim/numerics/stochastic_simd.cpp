// SPDX-License-Identifier: Apache-2.0
// round_stochastic on spans, in double lanes with their own Philox counters.
#include "numerics/exact_sum.h"
#include "numerics/kernels.h"
#include "numerics/philox.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/stochastic_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mantissa::numerics::HWY_NAMESPACE {
namespace {

using VU64 = hn::Vec<U64>;

// The product of the lower halves of the lanes.
HWY_INLINE VU64 multiply_low(VU64 a, VU64 b) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(U64(), (hn::GetLane(a) & 0xFFFF'FFFFU) * (hn::GetLane(b) & 0xFFFF'FFFFU));
#else
  const hn::Repartition<std::uint32_t, U64> d;
  return hn::MulEven(hn::BitCast(d, a), hn::BitCast(d, b));
#endif
}

// r of format.h for each lane's index. The upper halves of the four words hold rubbish until the end.
HWY_INLINE VF64 random_fraction(std::uint64_t seed, VU64 index) {
  using C = PhiloxConstants;
  const U64 d;
  const VU64 multiply0 = hn::Set(d, C::kMultiply0);
  const VU64 multiply1 = hn::Set(d, C::kMultiply1);
  auto key0 = static_cast<std::uint32_t>(seed);
  auto key1 = static_cast<std::uint32_t>(seed >> 32);
  VU64 word0 = index;
  VU64 word1 = hn::ShiftRight<32>(index);
  VU64 word2 = hn::Zero(d);
  VU64 word3 = hn::Zero(d);
  for (int round = 0; round < C::kRounds; ++round) {
    const VU64 a = multiply_low(word0, multiply0);
    const VU64 b = multiply_low(word2, multiply1);
    word0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(b), word1), hn::Set(d, key0));
    word2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(a), word3), hn::Set(d, key1));
    word1 = b;
    word3 = a;
    key0 += C::kWeyl0;
    key1 += C::kWeyl1;
  }
  const VU64 low_half = hn::Set(d, 0xFFFF'FFFFU);
  const VU64 bits = hn::Or(hn::ShiftLeft<20>(hn::And(word0, low_half)), hn::ShiftRight<12>(hn::And(word1, low_half)));
  const VU64 one = hn::Set(d, 0x3FF0'0000'0000'0000U);
  return hn::Sub(hn::BitCast(F64(), hn::Or(bits, one)), hn::Set(F64(), 1.0));
}

// x >= 0, either neighbour.
HWY_INLINE VF64 whole(VF64 x, VF64 random) {
  const F64 d;
  const VF64 cut = hn::Trunc(x);
  return hn::IfThenElse(hn::Gt(hn::Sub(x, cut), random), hn::Add(cut, hn::Set(d, 1.0)), cut);
}

struct Stochastic {
  Stochastic(const Format& f, std::uint64_t key)
      : format(f),
        grid(f, Rounding::kStochastic),
        low(hn::Set(F64(), f.integer ? -std::ldexp(1.0, f.mantissa_bits - 1) : 0.0)),
        high(hn::Set(F64(), f.integer ? static_cast<double>(largest_integer(f)) : 0.0)),
        seed(key) {}

  HWY_INLINE VF64 to_integer(VF64 x, VF64 random) const {
    const F64 d;
    const VF64 clamped = hn::Min(hn::Max(x, low), high);
    return hn::Add(hn::CopySign(whole(hn::Abs(clamped), random), clamped), hn::Zero(d));  // -0 + 0 is +0
  }
  HWY_INLINE VF64 to_grid(VF64 x, VF64 random) const {
    const F64 d;
    const U64 du;
    const VF64 magnitude = hn::Min(hn::Abs(x), hn::Set(d, 0x1p200));  // infinities are past the end as well
    const VU64 power =
        hn::And(hn::BitCast(du, hn::Max(magnitude, grid.min_normal)), hn::Set(du, 0x7FF0'0000'0000'0000ULL));
    const auto bits = static_cast<std::uint64_t>(grid.mantissa_bits);
    const VF64 to_units = hn::BitCast(d, hn::Sub(hn::Set(du, (2046 + bits) << 52), power));
    const VF64 from_units = hn::BitCast(d, hn::Sub(power, hn::Set(du, bits << 52)));
    const VF64 rounded = hn::Mul(whole(hn::Mul(magnitude, to_units), random), from_units);
    return hn::CopySign(hn::IfThenElse(hn::Gt(rounded, grid.max_finite), grid.past_max, rounded), x);
  }
  HWY_INLINE VF32Half operator()(VF32Half x, std::uint64_t index) const {
    const F32Half d;
    const VF64 random = random_fraction(seed, hn::Iota(U64(), index));
    const VF32Half result = to_float(format.integer ? to_integer(to_double(x), random) : to_grid(to_double(x), random));
    const auto nan = hn::Or(hn::IsNaN(x), hn::IsNaN(result));
    return hn::IfThenElse(nan, hn::BitCast(d, hn::Set(I32Half(), 0x7FFF'FFFF)), result);
  }

  const Format& format;
  TargetGrid grid;
  VF64 low, high;
  std::uint64_t seed;
};

void round_span_stochastic(const Format& format, std::uint64_t seed, std::uint64_t first_index, float* values,
                           std::int64_t count) {
  const F32Half d;
  const Stochastic round(format, seed);
  std::int64_t i = 0;
  for (; i + kLanes64 <= count; i += kLanes64) {
    hn::StoreU(round(hn::LoadU(d, values + i), first_index + static_cast<std::uint64_t>(i)), d, values + i);
  }
  if (i < count) {
    HWY_ALIGN float rest[kLanes64];
    copy_padded(values + i, count - i, kLanes64, rest);
    hn::Store(round(hn::Load(d, rest), first_index + static_cast<std::uint64_t>(i)), d, rest);
    std::copy_n(rest, count - i, values + i);
  }
}

}  // namespace
}  // namespace mantissa::numerics::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mantissa::numerics {
HWY_EXPORT(round_span_stochastic);
void detail::round_span_stochastic(const Format& format, std::uint64_t seed, std::uint64_t first_index, float* values,
                                   std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(round_span_stochastic)(format, seed, first_index, values, count);
}
}  // namespace mantissa::numerics
#endif
