// SPDX-License-Identifier: Apache-2.0
#include "numerics/step.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <optional>

#include "numerics/exact_sum.h"
#include "numerics/kernels.h"

namespace mantissa::numerics::detail {
namespace {

bool zero_product(float a, float b) {
  return a == 0.0F || b == 0.0F;
}

// The result where an infinity or a NaN takes part; nullopt for finite inputs.
std::optional<float> special_result(const Datapath& datapath, Strided a, Strided b, int count, float c) {
  bool nan = std::isnan(c);
  bool plus = std::isinf(c) && c > 0;
  bool minus = std::isinf(c) && c < 0;
  for (int i = 0; i < count; ++i) {
    const float x = a[i];
    const float y = b[i];
    if (std::isfinite(x) && std::isfinite(y)) {
      continue;
    }
    if (std::isnan(x) || std::isnan(y) || zero_product(x, y)) {
      nan = true;
    } else {
      (std::signbit(x) == std::signbit(y) ? plus : minus) = true;
    }
  }
  if (nan || (plus && minus)) {
    return canonical_nan();
  }
  if (plus || minus) {
    return round_to(datapath.accumulator, plus ? HUGE_VALF : -HUGE_VALF);
  }
  return std::nullopt;
}

// A number as a tensor core sees it: significand * 2^(exponent - 23) with the exponent not below the format's smallest.
struct Aligned {
  bool negative = false;
  std::int64_t significand = 0;
  int exponent = 0;
};

Aligned split(float x, int min_exponent) {
  if (x == 0.0F) {
    return {};
  }
  const int exponent = std::max(std::ilogb(x), min_exponent);
  return {std::signbit(x), static_cast<std::int64_t>(std::ldexp(std::fabs(static_cast<double>(x)), 23 - exponent)),
          exponent};
}

// significand * 2^shift cut toward zero. A zero may come with any shift.
std::int64_t shifted(std::int64_t significand, int shift) {
  if (significand == 0) {
    return 0;
  }
  return shift >= 0 ? significand << shift : shift > -63 ? significand >> -shift : 0;
}

constexpr int kZeroExponent = -126;  // ZeroOperands::kSmallestNormal

float aligned_step(const Datapath& d, Strided a, Strided b, int count, float c, const Format& c_format) {
  const bool zeros_count = d.zero_operands == ZeroOperands::kSmallestNormal;
  const Aligned sc = split(c, c_format.min_exponent());
  const auto product = [&](int i) {
    const Aligned x = split(a[i], d.a.min_exponent());
    const Aligned y = split(b[i], d.b.min_exponent());
    return Aligned{
        x.negative != y.negative, x.significand * y.significand,
        (x.significand != 0 ? x.exponent : kZeroExponent) + (y.significand != 0 ? y.exponent : kZeroExponent)};
  };
  int largest = sc.significand != 0 ? sc.exponent : zeros_count ? kZeroExponent : INT_MIN;
  for (int i = 0; i < count; ++i) {
    if (zeros_count || !zero_product(a[i], b[i])) {
      largest = std::max(largest, product(i).exponent);
    }
  }
  if (largest == INT_MIN) {
    return 0.0F;
  }
  largest = std::max(largest, alignment_floor(d.accumulator));
  const int f = d.align_fraction_bits;
  const std::int64_t term = shifted(sc.significand, f - 23 + sc.exponent - largest);
  std::int64_t sum = sc.negative ? -term : term;
  for (int i = 0; i < count; ++i) {
    const Aligned p = product(i);
    const std::int64_t t = shifted(p.significand, f - 46 + p.exponent - largest);
    sum += p.negative ? -t : t;
  }
  ExactSum result;
  result.add(sum < 0, static_cast<std::uint64_t>(std::abs(sum)), largest - f);
  return result.round_to(d.accumulator, d.accumulator_rounding);
}

// x cut toward zero to a multiple of 2^last.
double cut(double x, int last) {
  return std::ldexp(std::trunc(std::ldexp(x, -last)), last);
}

// The products added one after the other by the narrow adder. Exact in double: see defect() for the limits.
double tile_sum(const Datapath& d, Strided a, Strided b, int count) {
  double sum = 0.0;
  for (int i = 0; i < count; ++i) {
    const double product = static_cast<double>(a[i]) * static_cast<double>(b[i]);
    const double larger = std::max(std::fabs(sum), std::fabs(product));
    if (larger > 0.0) {
      const int last = std::ilogb(larger) - d.tile_fraction_bits;
      sum = cut(sum, last) + cut(product, last);
    }
    if (sum != 0.0) {
      sum = cut(sum, std::ilogb(sum) - d.tile_fraction_bits);
    }
  }
  return sum + 0.0;
}

float exact_step(const Datapath& d, Strided a, Strided b, int count, float c) {
  ExactSum sum;
  sum.add(c);
  if (d.tile_fraction_bits > 0) {
    const double tile = tile_sum(d, a, b, count);
    int exponent = 0;
    const double fraction = std::frexp(std::fabs(tile), &exponent);
    sum.add(tile < 0, static_cast<std::uint64_t>(std::ldexp(fraction, 53)), tile == 0.0 ? 0 : exponent - 53);
  } else {
    for (int i = 0; i < count; ++i) {
      sum.add_product(a[i], b[i]);
    }
  }
  return sum.round_to(d.accumulator, d.accumulator_rounding);
}

float fma_step(const Datapath& d, float a, float b, float c) {
  ExactSum sum;
  sum.add(c);
  sum.add_product(a, b);
  if (sum.is_zero()) {
    const bool product_negative = std::signbit(a) != std::signbit(b);
    return zero_product(a, b) && c == 0.0F && product_negative && std::signbit(c) ? -0.0F : 0.0F;
  }
  return sum.round_to(d.accumulator, d.accumulator_rounding);
}

}  // namespace

float step(const Datapath& datapath, Strided a, Strided b, int count, float c, const Format& c_format) {
  if (const auto special = special_result(datapath, a, b, count, c)) {
    return *special;
  }
  switch (datapath.accumulation) {
    case Accumulation::kAligned:
      return aligned_step(datapath, a, b, count, c, c_format);
    case Accumulation::kExact:
      return exact_step(datapath, a, b, count, c);
    case Accumulation::kSequentialFma:
      return fma_step(datapath, a[0], b[0], c);
    case Accumulation::kInteger:
      break;
  }
  return canonical_nan();  // not reached: defect() refuses kInteger here
}

// SOURCE: Khattak and Mikaitis, arXiv 2512.07004: -133 for an FP32 accumulator and -21 for FP16.
int alignment_floor(const Format& accumulator) {
  return accumulator.min_exponent() - 7;
}

std::int32_t integer_step(const Datapath& datapath, std::int64_t group_sum, std::int32_t c) {
  const int bits = datapath.accumulator.bits();
  const std::int64_t sum = c + group_sum;
  if (datapath.integer_overflow == IntegerOverflow::kSaturate) {
    const std::int64_t most = (std::int64_t{1} << (bits - 1)) - 1;
    return static_cast<std::int32_t>(std::clamp(sum, -most - 1, most));
  }
  const int unused = 64 - bits;
  return static_cast<std::int32_t>(static_cast<std::int64_t>(static_cast<std::uint64_t>(sum) << unused) >> unused);
}

std::int64_t interleaved(const Datapath& d, std::int64_t place) {
  const std::int64_t block = std::int64_t{d.group} * d.interleave;
  const std::int64_t in_block = place % block;
  const std::int64_t run = in_block % d.group / d.interleave_run;  // of this step
  return place - in_block + (run * d.interleave + in_block / d.group) * d.interleave_run + in_block % d.interleave_run;
}

std::int64_t padded_length(const Datapath& d, std::int64_t k) {
  const std::int64_t block = std::int64_t{d.group} * d.interleave;
  return d.interleave == 1 ? k : (k + block - 1) / block * block;
}

int split_parts(const Datapath& datapath) {
  return datapath.split_passes == 6 ? 3 : datapath.split_passes == 3 ? 2 : 1;
}

void split_into_parts(const Datapath& d, float x, float* parts) {
  for (int i = 0; i < split_parts(d); ++i) {
    const float part = round_to(d.split_format, x, d.operand_rounding);
    const bool flushes =
        d.flush_subnormal_operands && std::fabs(part) < static_cast<float>(d.split_format.min_normal());
    parts[i] = flushes ? std::copysign(0.0F, part) : part;
    x = std::isfinite(part) ? x - parts[i] : 0.0F;  // exact, unless the part saturates
  }
}

Datapath one_pass(const Datapath& datapath) {
  Datapath d = datapath;
  d.a = d.b = datapath.split_format;
  d.split_passes = 0;
  return d;
}

float add_fp32(float sum, float t) {
  const float total = sum + t;
  return std::isnan(total) ? canonical_nan() : total;
}

float promoted(const Datapath& datapath, float sum, float t) {
  if (is_fp32(datapath.promotion) || !std::isfinite(sum) || !std::isfinite(t) || (sum == 0.0F && t == 0.0F)) {
    return numerics::round_to(datapath.promotion, add_fp32(sum, t));
  }
  ExactSum exact;
  exact.add(sum);
  exact.add(t);
  return exact.round_to(datapath.promotion, Rounding::kNearestEven);
}

}  // namespace mantissa::numerics::detail
