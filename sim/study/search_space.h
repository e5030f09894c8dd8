// SPDX-License-Identifier: Apache-2.0
// The grid that a search looks for points in, and samples of it. A position is the number of a point, the last axis
// varying fastest; a genome is the point's place on each axis.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace mantissa::study {

using Genome = std::vector<std::size_t>;

struct SearchSpace {
  struct Axis {
    std::size_t size = 1;
    bool ordered = true;  // neighbouring values are alike (numbers); else a list of names
  };
  std::vector<Axis> axes;
  std::function<bool(std::size_t)> allowed;  // by position; empty: all

  std::size_t points() const;
  Genome genome(std::size_t position) const;
  std::size_t position(const Genome& genome) const;
  bool allows(std::size_t position) const { return !allowed || allowed(position); }
};

// A random order of [0, count) that needs no memory: a Feistel cipher of at least that many numbers, walked until it
// lands below `count`. at(0), at(1), ... at(count - 1) are all different.
class RandomOrder {
 public:
  RandomOrder(std::size_t count, std::uint64_t seed);
  std::size_t at(std::size_t i) const;

 private:
  std::uint64_t mixed(std::uint64_t x) const;

  std::size_t count_;
  std::uint64_t seed_;
  unsigned half_bits_;
};

// Points are looked for in at most this many places, so that constraints that hold almost nowhere end a search.
inline constexpr std::size_t kMaxTries = 1'000'000;

// `count` different allowed points in random order, or all there are (or were found in kMaxTries).
std::vector<std::size_t> random_points(const SearchSpace& space, std::size_t count, std::uint64_t seed);

// `count` different allowed points that take the values of each axis equally often, as far as `count` and the
// constraints let them: axis by axis the points stand in `count` equal strata, in an order of its own. A point that is
// not allowed, or was drawn already, exchanges places with random others; where that does not help, it is drawn anew.
std::vector<std::size_t> latin_hypercube(const SearchSpace& space, std::size_t count, std::uint64_t seed);

}  // namespace mantissa::study
