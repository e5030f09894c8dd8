// SPDX-License-Identifier: Apache-2.0
#include "study/nsga2.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_set>

#include "base/error.h"
#include "study/draws.h"

namespace mantissa::study {
namespace {

constexpr std::uint32_t kStream = 3;  // of the draws: not those of the first generation's sample
constexpr int kMoves = 64;            // steps a child takes from points that are known or not allowed

struct Individual {
  Genome genome;
  Costs costs;
  std::size_t rank = 0;  // of its front
  double distance = 0;   // crowding
};

class Search {
 public:
  Search(const SearchSpace& space, const Nsga2Options& options)
      : space_(space), options_(options), draws_(options.seed, kStream), fresh_(space.points(), ~options.seed) {}

  std::vector<std::size_t> run(const CostsOf& costs_of) {
    simulate(latin_hypercube(space_, std::min(options_.population, options_.points), options_.seed), costs_of);
    while (asked_.size() < options_.points) {
      const std::vector<std::size_t> generation =
          children(std::min(options_.population, options_.points - asked_.size()));
      if (generation.empty()) {
        break;  // the whole space is known
      }
      simulate(generation, costs_of);
    }
    return asked_;
  }

 private:
  void simulate(const std::vector<std::size_t>& positions, const CostsOf& costs_of) {
    const std::vector<std::optional<Costs>> costs = costs_of(positions);
    check(costs.size() == positions.size(), "each position of a generation has its result");
    for (std::size_t i = 0; i < positions.size(); ++i) {
      known_.insert(positions[i]);
      asked_.push_back(positions[i]);
      if (costs[i]) {
        parents_.push_back({space_.genome(positions[i]), *costs[i]});
      }
    }
    select();
  }

  // Keeps the best front, and of the others as many points as the population has room for.
  void select() {
    std::vector<Costs> costs;
    for (const Individual& parent : parents_) {
      costs.push_back(parent.costs);
    }
    std::vector<Individual> kept;
    const auto all = fronts(costs, options_.population);
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      std::vector<Costs> members;
      for (const std::size_t i : all[rank]) {
        members.push_back(costs[i]);
      }
      const std::vector<double> distances = crowding_distances(members);
      std::vector<std::size_t> order(members.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return distances[a] > distances[b]; });
      const std::size_t room = options_.population - std::min(options_.population, kept.size());
      order.resize(rank == 0 ? order.size() : std::min(order.size(), room));
      for (const std::size_t i : order) {
        Individual chosen = std::move(parents_[all[rank][i]]);
        chosen.rank = rank;
        chosen.distance = distances[i];
        kept.push_back(std::move(chosen));
      }
    }
    parents_ = std::move(kept);
  }

  std::vector<std::size_t> children(std::size_t count) {
    std::vector<std::size_t> result;
    while (result.size() < count) {
      const std::optional<std::size_t> position = child();
      if (!position) {
        break;
      }
      known_.insert(*position);
      result.push_back(*position);
    }
    return result;
  }

  // A new allowed point: of two parents, or any where none is near them.
  std::optional<std::size_t> child() {
    if (!parents_.empty() && !space_.axes.empty()) {
      const Genome& one =
          tournament().genome;  // in statements of their own: the order of the draws is the same anywhere
      const Genome& other = tournament().genome;
      Genome genome = one;
      if (draws_.chance(1, 2)) {
        step(genome, draws_.below(genome.size()));  // a neighbour: fronts of real designs are connected
      } else {
        genome = crossed(one, other);
        mutate(genome);
      }
      for (int move = 0; move < kMoves; ++move) {
        const std::size_t position = space_.position(genome);
        if (is_new(position)) {
          return position;
        }
        step(genome, draws_.below(genome.size()));
      }
    }
    while (next_fresh_ < std::min(space_.points(), kMaxTries)) {
      const std::size_t position = fresh_.at(next_fresh_++);
      if (is_new(position)) {
        return position;
      }
    }
    return std::nullopt;
  }

  bool is_new(std::size_t position) const { return !known_.contains(position) && space_.allows(position); }

  const Individual& tournament() {
    const Individual& a = parents_[draws_.below(parents_.size())];
    const Individual& b = parents_[draws_.below(parents_.size())];
    return a.rank != b.rank ? (a.rank < b.rank ? a : b) : (a.distance >= b.distance ? a : b);
  }

  // Each axis from one of the parents; on ordered axes now and then a place between them.
  Genome crossed(const Genome& a, const Genome& b) {
    Genome result = a;
    for (std::size_t i = 0; i < result.size(); ++i) {
      const auto [low, high] = std::minmax(a[i], b[i]);
      const std::uint64_t draw = draws_.below(4);
      if (draw == 0 && space_.axes[i].ordered) {
        result[i] = low + draws_.below(high - low + 1);
      } else if (draw % 2 == 1) {
        result[i] = b[i];
      }
    }
    return result;
  }

  // On average one axis.
  void mutate(Genome& genome) {
    for (std::size_t i = 0; i < genome.size(); ++i) {
      if (draws_.chance(1, genome.size())) {
        step(genome, i);
      }
    }
  }

  // Mostly one place further, two in a quarter of the cases, and so on, back from the axis's end; on an axis of names
  // to any of them.
  void step(Genome& genome, std::size_t axis) {
    const std::size_t size = space_.axes[axis].size;
    if (size == 1) {
      return;
    }
    if (!space_.axes[axis].ordered) {
      genome[axis] = (genome[axis] + 1 + draws_.below(size - 1)) % size;
      return;
    }
    std::size_t length = 1;
    while (length < size - 1 && draws_.chance(1, 4)) {
      ++length;
    }
    const bool up = genome[axis] + length >= size ? false : genome[axis] < length ? true : draws_.chance(1, 2);
    genome[axis] = up ? std::min(genome[axis] + length, size - 1) : genome[axis] - std::min(genome[axis], length);
  }

  const SearchSpace& space_;
  Nsga2Options options_;
  Draws draws_;
  RandomOrder fresh_;
  std::size_t next_fresh_ = 0;
  std::vector<Individual> parents_;
  std::vector<std::size_t> asked_;
  std::unordered_set<std::size_t> known_;
};

}  // namespace

std::vector<double> crowding_distances(const std::vector<Costs>& front) {
  std::vector<double> distances(front.size(), 0);
  for (std::size_t k = 0; !front.empty() && k < front[0].size(); ++k) {
    std::vector<std::size_t> order(front.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return front[a][k] < front[b][k]; });
    const double range = front[order.back()][k] - front[order.front()][k];
    if (!(range > 0) || !std::isfinite(range)) {
      continue;  // all alike, or without a scale: this objective does not tell them apart
    }
    distances[order.front()] = distances[order.back()] = std::numeric_limits<double>::infinity();
    for (std::size_t i = 1; i + 1 < order.size(); ++i) {
      distances[order[i]] += (front[order[i + 1]][k] - front[order[i - 1]][k]) / range;
    }
  }
  return distances;
}

std::vector<std::size_t> nsga2(const SearchSpace& space, const Nsga2Options& options, const CostsOf& costs_of) {
  return Search(space, options).run(costs_of);
}

}  // namespace mantissa::study
