// SPDX-License-Identifier: Apache-2.0
#include "numerics/single_dot.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "numerics/exact_sum.h"
#include "numerics/kernels.h"
#include "numerics/step.h"

namespace mantissa::numerics {
namespace {

__extension__ using Wide = __int128;
__extension__ using WideMagnitude = unsigned __int128;

constexpr int kNothing = -100'000;  // the exponent of what takes no part
constexpr int kWidestSpread = 64;   // between the lowest bits of two terms that a Wide sums
constexpr int kWideBits = 128;

// significand * 2^(exponent - 23), as step.cpp has it.
struct Parts {
  std::int64_t significand;  // with the number's sign
  int exponent;              // kNothing for zero
};

// REQUIRES: x is finite and, below 2^min_exponent, a multiple of 2^(min_exponent - 23).
Parts split(float x, int min_exponent) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto field = static_cast<int>((bits >> 23U) & 0xFFU);
  const std::uint32_t fraction = bits & 0x7F'FFFFU;
  const std::uint32_t significand = field == 0 ? fraction : fraction | 0x80'0000U;
  const int exponent = std::max(field, 1) - 127;
  const int below = std::clamp(min_exponent - exponent, 0, 31);
  const auto magnitude = static_cast<std::int64_t>(significand >> below);
  return {(bits >> 31U) != 0 ? -magnitude : magnitude, magnitude == 0 ? kNothing : exponent + below};
}

bool is_finite(float x) {
  return (std::bit_cast<std::uint32_t>(x) & 0x7F80'0000U) != 0x7F80'0000U;
}

// magnitude * 2^exponent on the format's grid, rounded once. REQUIRES: the format has fraction bits.
float rounded(bool negative, WideMagnitude magnitude, int exponent, const Format& format, Rounding rounding) {
  if (magnitude == 0) {
    return 0.0F;
  }
  const auto upper = static_cast<std::uint64_t>(magnitude >> 64U);
  const int top =
      upper != 0 ? 127 - std::countl_zero(upper) : 63 - std::countl_zero(static_cast<std::uint64_t>(magnitude));
  const int last = std::max(top + exponent, format.min_exponent()) - format.mantissa_bits;
  const int dropped = last - exponent;
  // Whole units of the last place that is kept; fewer than 2^24 but for a carry.
  WideMagnitude units = dropped <= 0 ? magnitude << std::min(-dropped, kWideBits - 1) : 0;
  if (dropped > 0 && dropped < kWideBits) {
    units = magnitude >> dropped;
    const WideMagnitude rest = magnitude - (units << dropped);
    const WideMagnitude half = WideMagnitude{1} << (dropped - 1);
    const bool up = rounding == Rounding::kNearestEven   ? rest > half || (rest == half && (units & 1U) != 0)
                    : rounding == Rounding::kNearestAway ? rest >= half
                                                         : false;
    units += up ? 1 : 0;
  }
  const double value = std::ldexp(static_cast<double>(static_cast<std::uint64_t>(units)), last);
  if (value > format.max_finite()) {
    return overflowed(format, negative);
  }
  return static_cast<float>(negative ? -value : value);
}

struct Group {
  const float* a;
  const float* b;
  int count;
};

constexpr int kMostAtOnce = 64;  // products of one group that are split once

// The products of a group, split once; their largest exponent. False where one is NaN or infinite.
struct Products {
  std::int64_t significand[kMostAtOnce];
  int exponent[kMostAtOnce];
  int largest = kNothing;
};

bool multiply(const Datapath& d, const Group& group, Products& p) {
  const int a_min = d.a.min_exponent();
  const int b_min = d.b.min_exponent();
  bool finite = true;
  for (int i = 0; i < group.count; ++i) {
    finite = finite && is_finite(group.a[i]) && is_finite(group.b[i]);
    const Parts x = split(group.a[i], a_min);
    const Parts y = split(group.b[i], b_min);
    p.significand[i] = x.significand * y.significand;
    p.exponent[i] = x.exponent + y.exponent;
    p.largest = std::max(p.largest, p.exponent[i]);
  }
  return finite;
}

// The steps give nullopt for what only detail::step does.
std::optional<float> aligned_step(const Datapath& d, const Group& group, float c, int c_min_exponent) {
  Products p;
  if (!is_finite(c) || !multiply(d, group, p)) {
    return std::nullopt;
  }
  const Parts start = split(c, c_min_exponent);
  int largest = std::max(p.largest, start.exponent);
  if (largest < kNothing / 2) {
    return 0.0F;
  }
  largest = std::max(largest, detail::alignment_floor(d.accumulator));
  const int f = d.align_fraction_bits;
  const auto cut = [](std::int64_t significand, int down) {
    const std::int64_t sign = significand >> 63;
    const std::int64_t magnitude = (significand ^ sign) - sign;
    const std::int64_t term = down >= 0 ? magnitude >> std::min(down, 63) : magnitude << -down;
    return (term ^ sign) - sign;
  };
  std::int64_t sum = cut(start.significand, start.significand == 0 ? 0 : largest - start.exponent + 23 - f);
  for (int i = 0; i < group.count; ++i) {
    sum += cut(p.significand[i], largest - p.exponent[i] + 46 - f);
  }
  return rounded(sum < 0, static_cast<std::uint64_t>(std::abs(sum)), largest - f, d.accumulator,
                 d.accumulator_rounding);
}

std::optional<float> exact_step(const Datapath& d, const Group& group, float c, int c_min_exponent) {
  Products p;
  if (!is_finite(c) || !multiply(d, group, p)) {
    return std::nullopt;
  }
  const Parts start = split(c, c_min_exponent);
  // The exponents of the terms' lowest bits.
  const int start_low = start.exponent - 23;
  int lowest = start.significand != 0 ? start_low : -kNothing;
  int highest = start.significand != 0 ? start_low : kNothing;
  for (int i = 0; i < group.count; ++i) {
    if (p.significand[i] != 0) {
      lowest = std::min(lowest, p.exponent[i] - 46);
      highest = std::max(highest, p.exponent[i] - 46);
    }
  }
  if (highest == kNothing) {
    return 0.0F;
  }
  if (highest - lowest > kWidestSpread) {
    return std::nullopt;
  }
  Wide sum = start.significand != 0 ? Wide{start.significand} * (Wide{1} << (start_low - lowest)) : 0;
  for (int i = 0; i < group.count; ++i) {
    if (p.significand[i] != 0) {
      sum += Wide{p.significand[i]} * (Wide{1} << (p.exponent[i] - 46 - lowest));
    }
  }
  return rounded(sum < 0, static_cast<WideMagnitude>(sum < 0 ? -sum : sum), lowest, d.accumulator,
                 d.accumulator_rounding);
}

float fma_chain(std::span<const float> a, std::span<const float> b, float c) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    c = std::fma(a[i], b[i], c);
  }
  return std::isnan(c) ? canonical_nan() : c;
}

bool is_fma_chain(const Datapath& d) {
  return d.accumulation == Accumulation::kSequentialFma && detail::is_fp32(d.accumulator) &&
         d.accumulator_rounding == Rounding::kNearestEven && d.promote_every == 0;
}

bool covers(const Datapath& d) {
  if (d.split_passes != 0 || d.interleave != 1) {
    return false;
  }
  const bool steps = (d.accumulation == Accumulation::kAligned && d.zero_operands == ZeroOperands::kIgnored) ||
                     (d.accumulation == Accumulation::kExact && d.tile_fraction_bits == 0);
  return is_fma_chain(d) || (steps && d.group <= kMostAtOnce && d.accumulator.mantissa_bits > 0);
}

float entered(const Datapath& d, float c) {
  if (d.initial_rounding == InitialRounding::kNone) {
    return c;
  }
  return round_to(d.promote_every > 0 ? d.promotion : d.accumulator, c,
                  d.initial_rounding == InitialRounding::kTowardZero ? Rounding::kTowardZero : Rounding::kNearestEven);
}

}  // namespace

SingleDot::SingleDot(const Datapath& datapath) : datapath_(datapath), covered_(covers(datapath)) {
  check(datapath.accumulation != Accumulation::kInteger, "single dot products are of floating-point datapaths");
  if (const std::string problem = defect(datapath); !problem.empty()) {
    throw ModelError("datapath " + datapath.name, problem);
  }
}

float SingleDot::sum_of_products(std::span<const float> a, std::span<const float> b, float c) const {
  const Datapath& d = datapath_;
  const auto fast_step = d.accumulation == Accumulation::kAligned ? aligned_step : exact_step;
  const bool promotes = d.promote_every > 0;
  const Format whole;  // FP32: what a c with all its bits is
  const Format* c_format = !promotes && d.initial_rounding == InitialRounding::kNone ? &whole : &d.accumulator;
  float sum = promotes ? c : 0.0F;
  float accumulator = promotes ? 0.0F : c;
  const auto length = static_cast<std::ptrdiff_t>(a.size());
  for (std::ptrdiff_t k = 0; k < length; k += d.group) {
    const auto count = static_cast<int>(std::min<std::ptrdiff_t>(d.group, length - k));
    const auto fast = fast_step(d, {a.data() + k, b.data() + k, count}, accumulator, c_format->min_exponent());
    accumulator = fast ? *fast : detail::step(d, {a.data() + k, 1}, {b.data() + k, 1}, count, accumulator, *c_format);
    c_format = &d.accumulator;
    const std::ptrdiff_t done = k + d.group;
    if (promotes && (done % d.promote_every == 0 || done >= length)) {
      sum = detail::promoted(d, sum, accumulator);
      accumulator = 0.0F;
    }
  }
  return promotes ? sum : accumulator;
}

float SingleDot::operator()(std::span<const float> a, std::span<const float> b, float c) const {
  check(a.size() == b.size(), "operands of a dot product have equal lengths");
  if (!covered_) {
    return dot_oracle(datapath_, a, b, c);
  }
  c = entered(datapath_, c);
  const float sum = is_fma_chain(datapath_) ? fma_chain(a, b, c) : sum_of_products(a, b, c);
  return round_to(datapath_.output, sum, datapath_.output_rounding);
}

}  // namespace mantissa::numerics
