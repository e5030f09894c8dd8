// SPDX-License-Identifier: Apache-2.0
// The datapaths stated a second time, in 128-bit integers on the bits of floats: fast enough to check the kernels on
// 10^8 group sums. Shares no code with the oracle but for spans of exponents that do not fit in 128 bits, where it asks
// the oracle (oracle_calls counts that). numerics_sweep_test.cpp holds it against the oracle.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "numerics/datapath.h"
#include "unit/numerics_integer_bits.h"

namespace mantissa::numerics::golden {

class IntegerModel {
 public:
  explicit IntegerModel(const Datapath& datapath) : d_(datapath), alone_(datapath) {
    alone_.promote_every = 0;
    alone_.promotion = Format{};
    alone_.interleave = alone_.interleave_run = 1;
    alone_.output = alone_.accumulator;
    alone_.output_rounding = Rounding::kTowardZero;
    sum_.accumulation = Accumulation::kExact;
    sum_.accumulator = sum_.output = d_.promotion;
    sum_.accumulator_rounding = Rounding::kNearestEven;
  }

  // The dot product from zero.
  float dot(std::span<const float> a, std::span<const float> b) {
    if (d_.split_passes == 0) {
      return to_output(one_pass(a, b));
    }
    split(a, x_);
    split(b, y_);
    const auto product = [&](int i, int j) { return one_pass(x_[i - 1], y_[j - 1]); };
    float sum = 0.0F;
    if (d_.split_passes == 6) {
      sum = product(1, 3) + product(3, 1);
      sum += product(2, 2);
      sum += product(1, 2) + product(2, 1);
    } else if (d_.split_passes == 3) {
      sum = product(1, 2) + product(2, 1);
    }
    const float first = product(1, 1);
    return to_output(d_.split_passes == 1 ? first : std::isfinite(sum) ? sum + first : first);
  }

  std::int64_t oracle_calls() const { return oracle_calls_; }

 private:
  using Wide = __int128;

  // As a tensor core has it: that of the number, but not below the format's smallest.
  int exponent_of(float x, const Format& f) const {
    if (x == 0.0F) {
      return -126;
    }
    const int code = static_cast<int>(std::bit_cast<std::uint32_t>(x) >> 23 & 255U);
    return std::max(code - 127, 1 - f.bias());
  }

  // Infinities and NaNs: true where they decide the sum, which is then in `result`.
  bool special(std::span<const float> a, std::span<const float> b, float c, const Format& f, float& result) const {
    bool nan = std::isnan(c);
    bool plus = c > 0 && std::isinf(c);
    bool minus = c < 0 && std::isinf(c);
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
        const float product = a[i] * b[i];  // of IEEE, where at least one is not finite
        nan = nan || std::isnan(product);
        plus = plus || product > 0;
        minus = minus || product < 0;
      }
    }
    if (nan || (plus && minus)) {
      result = std::numeric_limits<float>::quiet_NaN();
      return true;
    }
    if (plus || minus) {
      result =
          rounded(minus, static_cast<unsigned __int128>(1) << 100, 200, f, Rounding::kNearestEven);  // past the end
      return true;
    }
    return false;
  }

  float step(std::span<const float> a, std::span<const float> b, float c) {
    float result = 0.0F;
    if (special(a, b, c, d_.accumulator, result)) {
      return result;
    }
    switch (d_.accumulation) {
      case Accumulation::kAligned:
        return aligned(a, b, c);
      case Accumulation::kSequentialFma:
        return fused(a, b, c);
      default:
        return d_.tile_fraction_bits > 0 ? tile(a, b, c) : exact(a, b, c);
    }
  }

  float aligned(std::span<const float> a, std::span<const float> b, float c) const {
    const bool zeros = d_.zero_operands == ZeroOperands::kSmallestNormal;
    int largest = 1 - d_.accumulator.bias() - 7;  // the floor
    if (c != 0.0F || zeros) {
      largest = std::max(largest, exponent_of(c, d_.accumulator));
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
      if ((a[i] != 0.0F && b[i] != 0.0F) || zeros) {
        largest = std::max(largest, exponent_of(a[i], d_.a) + exponent_of(b[i], d_.b));
      }
    }
    const int unit = largest - d_.align_fraction_bits;
    std::int64_t sum = 0;
    const auto add = [&](const Number& n) {
      const int shift = n.exponent - unit;
      const std::uint64_t term = n.significand == 0 || shift < -63 ? 0
                                 : shift < 0                       ? n.significand >> -shift
                                                                   : n.significand << shift;
      sum += n.negative ? -static_cast<std::int64_t>(term) : static_cast<std::int64_t>(term);
    };
    add(number(c));
    for (std::size_t i = 0; i < a.size(); ++i) {
      add(times(number(a[i]), number(b[i])));
    }
    return rounded(sum < 0, static_cast<std::uint64_t>(std::abs(sum)), unit, d_.accumulator, d_.accumulator_rounding);
  }

  // Sum of the numbers in `terms_`, rounded; false where it needs more than 128 bits.
  bool rounded_sum(const Format& f, Rounding how, float& result) {
    int lowest = std::numeric_limits<int>::max();
    int highest = std::numeric_limits<int>::min();
    for (const Number& n : terms_) {
      if (n.significand != 0) {
        lowest = std::min(lowest, n.exponent);
        highest = std::max(highest, n.exponent + 64 - std::countl_zero(n.significand));
      }
    }
    if (lowest > highest) {
      result = 0.0F;
      return true;
    }
    if (highest - lowest > 115) {  // and 1024 terms more
      return false;
    }
    Wide sum = 0;
    for (const Number& n : terms_) {
      if (n.significand != 0) {
        const Wide term = static_cast<Wide>(n.significand) << (n.exponent - lowest);
        sum += n.negative ? -term : term;
      }
    }
    const bool negative = sum < 0;
    result = rounded(negative, static_cast<unsigned __int128>(negative ? -sum : sum), lowest, f, how);
    return true;
  }

  float exact(std::span<const float> a, std::span<const float> b, float c) {
    terms_.assign(1, number(c));
    for (std::size_t i = 0; i < a.size(); ++i) {
      terms_.push_back(times(number(a[i]), number(b[i])));
    }
    float result = 0.0F;
    if (!rounded_sum(d_.accumulator, d_.accumulator_rounding, result)) {
      ++oracle_calls_;
      result = dot_oracle(alone_, a, b, c);
    }
    return result;
  }

  float fused(std::span<const float> a, std::span<const float> b, float c) {
    if (d_.accumulator.mantissa_bits == 23 && d_.accumulator.exponent_bits == 8 &&
        d_.accumulator_rounding == Rounding::kNearestEven) {
      return std::fma(a[0], b[0], c);
    }
    const float product = a[0] * b[0];
    if (c == 0.0F && (a[0] == 0.0F || b[0] == 0.0F)) {
      return product + c;  // IEEE's signs of zero
    }
    return exact(a, b, c);
  }

  float tile(std::span<const float> a, std::span<const float> b, float c) {
    Number sum{false, 0, 0};
    for (std::size_t i = 0; i < a.size(); ++i) {
      const Number product = times(number(a[i]), number(b[i]));
      if (product.significand != 0 || sum.significand != 0) {
        const int larger = product.significand == 0 ? leading(sum)
                           : sum.significand == 0   ? leading(product)
                                                    : std::max(leading(sum), leading(product));
        const int last = larger - d_.tile_fraction_bits;
        const std::int64_t total = units(sum, last) + units(product, last);
        sum = {total < 0, static_cast<std::uint64_t>(std::abs(total)), last};
      }
      if (sum.significand != 0) {
        const int last = leading(sum) - d_.tile_fraction_bits;
        const std::int64_t cut = units(sum, last);
        sum = {cut < 0, static_cast<std::uint64_t>(std::abs(cut)), last};
      }
    }
    terms_ = {number(c), sum};
    float result = 0.0F;
    if (!rounded_sum(d_.accumulator, d_.accumulator_rounding, result)) {
      ++oracle_calls_;
      result = dot_oracle(alone_, a, b, c);
    }
    return result;
  }

  float promote(float sum, float accumulator) {
    const float total = sum + accumulator;
    if (d_.promotion.mantissa_bits == 23 && d_.promotion.exponent_bits == 8) {
      return total;
    }
    if (!std::isfinite(total)) {
      return rounded(total < 0, static_cast<unsigned __int128>(1) << 100, 200, d_.promotion, Rounding::kNearestEven) +
             (std::isnan(total) ? total : 0.0F);
    }
    if (sum == 0.0F && accumulator == 0.0F) {
      return total;  // IEEE's sign of zero
    }
    terms_ = {number(sum), number(accumulator)};
    float result = 0.0F;
    if (!rounded_sum(d_.promotion, Rounding::kNearestEven, result)) {
      ++oracle_calls_;
      const float one = 1.0F;
      return dot_oracle(sum_, std::span(&accumulator, 1), std::span(&one, 1), sum);
    }
    return result;
  }

  std::span<const float> ordered(std::span<const float> operand, std::vector<float>& copy) const {
    if (d_.interleave == 1) {
      return operand;
    }
    copy.clear();
    const auto group = static_cast<std::size_t>(d_.group);
    const auto run = static_cast<std::size_t>(d_.interleave_run);
    const std::size_t block = group * static_cast<std::size_t>(d_.interleave);
    for (std::size_t begin = 0; begin < operand.size(); begin += block) {
      for (std::size_t step = 0; step < static_cast<std::size_t>(d_.interleave); ++step) {
        for (std::size_t i = 0; i < block; ++i) {
          if (i / run % static_cast<std::size_t>(d_.interleave) == step) {
            copy.push_back(begin + i < operand.size() ? operand[begin + i] : 0.0F);
          }
        }
      }
    }
    return copy;
  }

  float one_pass(std::span<const float> a_given, std::span<const float> b_given) {
    const std::span<const float> a = ordered(a_given, ordered_a_);
    const std::span<const float> b = ordered(b_given, ordered_b_);
    float sum = 0.0F;
    float accumulator = 0.0F;
    const auto group = static_cast<std::size_t>(d_.group);
    const auto every = static_cast<std::size_t>(d_.promote_every);
    for (std::size_t k = 0; k < a.size(); k += group) {
      const std::size_t count = std::min(group, a.size() - k);
      accumulator = step(a.subspan(k, count), b.subspan(k, count), accumulator);
      if (every != 0 && ((k + group) % every == 0 || k + group >= a.size())) {
        sum = promote(sum, accumulator);
        accumulator = 0.0F;
      }
    }
    return every != 0 ? sum : accumulator;
  }

  void split(std::span<const float> operand, std::vector<float>* parts) const {
    for (int i = 0; i < 3; ++i) {
      parts[i].clear();
    }
    for (const float value : operand) {
      float rest = value;
      for (int i = 0; i < 3; ++i) {
        const bool finite = std::isfinite(rest);
        const Number n = number(rest);
        float part =
            finite ? rounded(n.negative, n.significand, n.exponent, d_.split_format, d_.operand_rounding) : rest;
        if (d_.flush_subnormal_operands && std::fabs(part) < static_cast<float>(d_.split_format.min_normal())) {
          part = 0.0F;
        }
        parts[i].push_back(part);
        rest = std::isfinite(part) ? rest - part : 0.0F;
      }
    }
  }

  float to_output(float x) const {
    if (!std::isfinite(x)) {
      return std::isnan(x)
                 ? x
                 : rounded(x < 0, static_cast<unsigned __int128>(1) << 100, 200, d_.output, Rounding::kTowardZero);
    }
    const Number n = number(x);
    return n.significand == 0 ? x : rounded(n.negative, n.significand, n.exponent, d_.output, d_.output_rounding);
  }

  Datapath d_, alone_, sum_;
  std::vector<Number> terms_;
  std::vector<float> x_[3], y_[3], ordered_a_, ordered_b_;
  std::int64_t oracle_calls_ = 0;
};

}  // namespace mantissa::numerics::golden
