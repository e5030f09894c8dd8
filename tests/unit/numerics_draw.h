// SPDX-License-Identifier: Apache-2.0
// Random and adversarial operands for the numerics tests.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <random>
#include <vector>

#include "numerics/datapath.h"

namespace mantissa::numerics::golden {

enum class Values { kNormal, kPositive, kWide, kSparse, kTiny, kHuge, kSpecial, kCancelling, kFarCancelling };
inline constexpr Values kAllValues[] = {Values::kNormal,  Values::kPositive,   Values::kWide,
                                        Values::kSparse,  Values::kTiny,       Values::kHuge,
                                        Values::kSpecial, Values::kCancelling, Values::kFarCancelling};

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}

  float value(const Format& f, Values kind) {
    const float normal = normal_(random_);
    const auto any = static_cast<std::uint32_t>(random_());
    switch (kind) {
      case Values::kNormal:
        return normal;
      case Values::kPositive:
        return std::fabs(normal);
      case Values::kSparse:
        return any % 4 == 0 ? normal : any % 8 == 1 ? -0.0F : 0.0F;
      case Values::kTiny:
        return std::ldexp(normal, f.min_exponent() - static_cast<int>(any % 5));
      case Values::kHuge:
        return static_cast<float>(std::ldexp(
            static_cast<double>(normal), static_cast<int>(std::log2(f.max_finite())) - 1 - static_cast<int>(any % 5)));
      case Values::kCancelling:
        return (any % 2 == 0 ? 1.0F : -1.0F) *
               (any % 3 == 0 ? 1.0F : std::ldexp(1.0F, static_cast<int>(any % 23) - 11));
      case Values::kFarCancelling:  // few magnitudes, far apart: what rounding loses comes to light when the large ones
                                    // cancel
        return std::ldexp(any % 2 == 0 ? 1.0F : -1.0F, (static_cast<int>(any / 2 % 3) - 1) * f.bias() / 2);
      case Values::kWide:
      case Values::kSpecial:
        break;
    }
    const float decoded = f.bits() < 32 ? decode(f, any) : std::bit_cast<float>(any);  // decode ignores unused bits
    return std::isfinite(decoded) || (kind == Values::kSpecial && any % 5 == 0) ? decoded : 1.0F;
  }

  std::vector<float> matrix(const Datapath& d, const Format& f, std::int64_t count, Values kind) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) {
      values.push_back(value(f, kind));
    }
    prepare_operand(d, f, values);
    return values;
  }

  // Operands of one kind mostly, of two kinds now and then: then terms of very different size meet.
  Values partner(Values kind) {
    const auto any = static_cast<std::uint32_t>(random_());
    return any % 3 != 0 ? kind : kAllValues[any / 3 % std::size(kAllValues)];
  }

  std::int64_t size(std::initializer_list<std::int64_t> sizes) { return *(sizes.begin() + random_() % sizes.size()); }

 private:
  std::mt19937 random_;
  std::normal_distribution<float> normal_;
};

}  // namespace mantissa::numerics::golden
