// SPDX-License-Identifier: Apache-2.0
// Random whole numbers for searches: the same sequence from a seed on every machine and with every standard library,
// which std::uniform_int_distribution does not promise. Integer arithmetic only.
#pragma once
#include <cstdint>

#include "numerics/philox.h"

namespace mantissa::study {

class Draws {
 public:
  // `stream`: independent sequences from one seed.
  explicit Draws(std::uint64_t seed, std::uint32_t stream = 0) : seed_(seed), stream_(stream) {}

  std::uint64_t bits() {
    const std::array<std::uint32_t, 2> key = {static_cast<std::uint32_t>(seed_),
                                              static_cast<std::uint32_t>(seed_ >> 32)};
    const auto words = numerics::philox(
        key, {static_cast<std::uint32_t>(count_), static_cast<std::uint32_t>(count_ >> 32), stream_, 0});
    ++count_;
    return std::uint64_t{words[1]} << 32 | words[0];
  }
  // In [0, n), each equally likely. REQUIRES: n > 0.
  std::uint64_t below(std::uint64_t n) {
    const std::uint64_t unfair = (0 - n) % n;  // 2^64 modulo n: the lowest draws would favour small numbers
    std::uint64_t draw = bits();
    while (draw < unfair) {
      draw = bits();
    }
    return draw % n;
  }
  // True in `numerator` of `denominator` cases.
  bool chance(std::uint64_t numerator, std::uint64_t denominator) { return below(denominator) < numerator; }

 private:
  std::uint64_t seed_, count_ = 0;
  std::uint32_t stream_;
};

}  // namespace mantissa::study
