// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10: random bits as a pure function of a key and a counter, so that they do not depend on the order in
// which, or the thread on which, they are drawn. Passes the usual batteries of tests (BigCrush).
// SOURCE: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
#pragma once
#include <array>
#include <cstdint>

namespace mantissa::numerics {

struct PhiloxConstants {
  static constexpr std::uint32_t kMultiply0 = 0xD251'1F53, kMultiply1 = 0xCD9E'8D57;
  static constexpr std::uint32_t kWeyl0 = 0x9E37'79B9, kWeyl1 = 0xBB67'AE85;  // added to the key after each round
  static constexpr int kRounds = 10;
};

// The 128 bits, first word first, for a counter and a key of 32-bit words.
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 2> key, std::array<std::uint32_t, 4> counter) {
  using C = PhiloxConstants;
  for (int round = 0; round < C::kRounds; ++round) {
    const std::uint64_t a = std::uint64_t{C::kMultiply0} * counter[0];
    const std::uint64_t b = std::uint64_t{C::kMultiply1} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key = {key[0] + C::kWeyl0, key[1] + C::kWeyl1};
  }
  return counter;
}

// The same with 64-bit numbers, low words first; the upper half of the counter is zero.
constexpr std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t counter) {
  return philox({static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)},
                {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0});
}

}  // namespace mantissa::numerics
