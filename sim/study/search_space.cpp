// SPDX-License-Identifier: Apache-2.0
#include "study/search_space.h"

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "study/draws.h"

namespace mantissa::study {
namespace {

// Sequences of one seed that must not be alike.
enum Stream : std::uint32_t { kOrder = 1, kStrata = 2 };

constexpr int kExchanges = 200;  // tries for a point of a Latin hypercube before it is drawn anew

template <class T>
void shuffle(std::vector<T>& list, Draws& draws) {
  for (std::size_t i = list.size(); i > 1; --i) {
    std::swap(list[i - 1], list[draws.below(i)]);
  }
}

// The value of stratum `i` of `count` on an axis: strata that span several values pick one at random.
std::size_t in_stratum(std::size_t i, std::size_t count, std::size_t size, Draws& draws) {
  const auto bound = [&](std::size_t k) {
    return static_cast<std::size_t>(static_cast<unsigned __int128>(k) * size / count);
  };
  const std::size_t low = bound(i), high = bound(i + 1);
  return high > low ? low + draws.below(high - low) : low;
}

}  // namespace

std::size_t SearchSpace::points() const {
  std::size_t count = 1;
  for (const Axis& axis : axes) {
    count *= axis.size;
  }
  return count;
}

Genome SearchSpace::genome(std::size_t position) const {
  Genome result(axes.size());
  for (std::size_t i = axes.size(); i-- > 0;) {
    result[i] = position % axes[i].size;
    position /= axes[i].size;
  }
  return result;
}

std::size_t SearchSpace::position(const Genome& genome) const {
  std::size_t result = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    result = result * axes[i].size + genome[i];
  }
  return result;
}

RandomOrder::RandomOrder(std::size_t count, std::uint64_t seed)
    : count_(count), seed_(seed), half_bits_(std::max(1U, (static_cast<unsigned>(std::bit_width(count)) + 1) / 2)) {}

std::uint64_t RandomOrder::mixed(std::uint64_t x) const {
  constexpr std::uint32_t kRounds = 6;
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = x >> half_bits_, right = x & mask;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    const auto words = numerics::philox({static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)},
                                        {static_cast<std::uint32_t>(right), kOrder, round, 0});
    const std::uint64_t next = left ^ (words[0] & mask);
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

std::size_t RandomOrder::at(std::size_t i) const {
  std::uint64_t x = i;
  do {
    x = mixed(x);
  } while (x >= count_);
  return x;
}

std::vector<std::size_t> random_points(const SearchSpace& space, std::size_t count, std::uint64_t seed) {
  const std::size_t all = space.points();
  const RandomOrder order(all, seed);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < std::min(all, kMaxTries) && found.size() < count; ++i) {
    const std::size_t position = order.at(i);
    if (space.allows(position)) {
      found.push_back(position);
    }
  }
  return found;
}

std::vector<std::size_t> latin_hypercube(const SearchSpace& space, std::size_t count, std::uint64_t seed) {
  count = std::min(count, space.points());
  Draws draws(seed, kStrata);
  std::vector<Genome> genomes(count, Genome(space.axes.size()));
  for (std::size_t axis = 0; axis < space.axes.size(); ++axis) {
    std::vector<std::size_t> places(count);
    for (std::size_t i = 0; i < count; ++i) {
      places[i] = in_stratum(i, count, space.axes[axis].size, draws);
    }
    shuffle(places, draws);
    for (std::size_t i = 0; i < count; ++i) {
      genomes[i][axis] = places[i];
    }
  }
  std::vector<std::size_t> found;
  std::unordered_set<std::size_t> seen;
  const auto take = [&](std::size_t position) {
    if (!seen.contains(position) && space.allows(position)) {
      seen.insert(position);
      found.push_back(position);
      return true;
    }
    return false;
  };
  // Exchanges with points that are still to come keep every axis stratified.
  for (std::size_t i = 0; i < count && !space.axes.empty(); ++i) {
    bool taken = take(space.position(genomes[i]));
    for (int attempt = 0; !taken && attempt < kExchanges && i + 1 < count; ++attempt) {
      const std::size_t axis = draws.below(space.axes.size());
      std::swap(genomes[i][axis], genomes[i + 1 + draws.below(count - i - 1)][axis]);
      taken = take(space.position(genomes[i]));
    }
  }
  const RandomOrder order(space.points(), seed);
  for (std::size_t i = 0; i < std::min(space.points(), kMaxTries) && found.size() < count; ++i) {
    take(order.at(i));
  }
  return found;
}

}  // namespace mantissa::study
