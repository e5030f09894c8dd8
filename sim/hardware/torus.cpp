// SPDX-License-Identifier: Apache-2.0
#include "hardware/torus.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "base/error.h"

namespace mantissa::hardware {
namespace {

constexpr int kRight = 0, kLeft = 1;

// Half blocks: of each chip's share, what travels to the right and what to the left where both ways are equally long.
class Items {
 public:
  explicit Items(std::size_t count) : words_((count + 63) / 64) {}
  void set(std::size_t i) { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
  void merge(const Items& other, bool left_halves, bool right_halves) {
    // Even items are right halves, odd ones left halves.
    const std::uint64_t mask = (right_halves ? 0x5555555555555555U : 0) | (left_halves ? 0xAAAAAAAAAAAAAAAAU : 0);
    for (std::size_t i = 0; i < words_.size(); ++i) {
      words_[i] |= other.words_[i] & mask;
    }
  }
  std::int64_t count() const {
    std::int64_t sum = 0;
    for (const std::uint64_t word : words_) {
      sum += std::popcount(word);
    }
    return sum;
  }

 private:
  std::vector<std::uint64_t> words_;
};

// The chips of a group and their links: a link is free again at a time, and counts what it carried.
class Grid {
 public:
  Grid(const config::Interconnect& net, const std::vector<TorusAxis>& axes) : net_(net) {
    for (const TorusAxis& axis : axes) {
      if (axis.length > 1) {
        axes_.push_back(axis);
        chips_ *= axis.length;
      }
    }
    free_.assign(static_cast<std::size_t>(chips_) * axes_.size() * 2, 0.0);
    sent_.assign(static_cast<std::size_t>(chips_), 0);
  }

  int chips() const { return chips_; }
  const std::vector<TorusAxis>& axes() const { return axes_; }

  int position(int chip, std::size_t axis) const { return chip / stride(axis) % axes_[axis].length; }
  // The chip so many places to the right (or left, if negative), around the ring; -1 beyond the end of a line.
  int neighbour(int chip, std::size_t axis, int places) const {
    const TorusAxis& a = axes_[axis];
    int at = position(chip, axis) + places;
    if (a.ring) {
      at = (at % a.length + a.length) % a.length;
    } else if (at < 0 || at >= a.length) {
      return -1;
    }
    return chip + (at - position(chip, axis)) * stride(axis);
  }

  // Sends over one link; returns when it has arrived.
  double send(int chip, std::size_t axis, int direction, double ready, std::int64_t bytes) {
    const TorusAxis& a = axes_[axis];
    double& free =
        free_[(static_cast<std::size_t>(chip) * axes_.size() + axis) * 2 + static_cast<std::size_t>(direction)];
    const double start = std::max(free, ready);
    // Other groups that lie between this one's chips use the same links: each gets its share.
    free = start + static_cast<double>(bytes) * a.stride / net_.link.count();
    sent_[static_cast<std::size_t>(chip)] += bytes * a.stride;
    return free + net_.hop.count() * a.stride;
  }

  std::int64_t sent_most() const { return *std::max_element(sent_.begin(), sent_.end()); }
  std::int64_t sent_total() const { return std::accumulate(sent_.begin(), sent_.end(), std::int64_t{0}); }

 private:
  int stride(std::size_t axis) const {
    int product = 1;
    for (std::size_t i = 0; i < axis; ++i) {
      product *= axes_[i].length;
    }
    return product;
  }

  const config::Interconnect& net_;
  std::vector<TorusAxis> axes_;
  int chips_ = 1;
  std::vector<double> free_;        // by chip, axis and direction
  std::vector<std::int64_t> sent_;  // by chip
};

// How far a chip's data travels along an axis in each direction, and whether the last place gets half from each side.
struct Reach {
  int right = 0, left = 0;
  bool halves = false;
};
Reach reach(const Grid& grid, std::size_t axis, int chip) {
  const TorusAxis& a = grid.axes()[axis];
  if (a.ring) {
    return {a.length / 2, (a.length - 1) / 2 + (a.length % 2 == 0 ? 1 : 0), a.length % 2 == 0};
  }
  const int at = grid.position(chip, axis);
  return {a.length - 1 - at, at, false};
}

struct Part {
  std::vector<Items> held;    // by chip
  std::vector<double> ready;  // by chip: when it has all of it
};

// All chips of each ring or line along `axis` tell each other what they hold.
void gather_along(Grid& grid, std::size_t axis, Part& part, std::int64_t item_bytes) {
  const auto chips = static_cast<std::size_t>(grid.chips());
  std::vector<Items> held = part.held;
  std::vector<double> ready = part.ready;
  // arrival[direction][chip]: of the data that started so many hops back, at the chip that passes it on.
  std::vector<std::vector<double>> arrival(2, part.ready);
  const int most = grid.axes()[axis].length - 1;
  for (int hop = 1; hop <= most; ++hop) {
    std::vector<std::vector<double>> next(2, std::vector<double>(chips, 0.0));
    for (const int direction : {kRight, kLeft}) {
      const int sign = direction == kRight ? 1 : -1;
      for (int chip = 0; chip < grid.chips(); ++chip) {
        const int origin = grid.neighbour(chip, axis, -sign * (hop - 1)), to = grid.neighbour(chip, axis, sign);
        if (origin < 0 || to < 0) {
          continue;
        }
        const Reach r = reach(grid, axis, origin);
        const int far = direction == kRight ? r.right : r.left;
        if (hop > far) {
          continue;
        }
        const bool half = r.halves && hop == far;
        const auto& cargo = part.held[static_cast<std::size_t>(origin)];
        const std::int64_t bytes = cargo.count() * item_bytes / (half ? 2 : 1);
        const double arrived = grid.send(
            chip, axis, direction, arrival[static_cast<std::size_t>(direction)][static_cast<std::size_t>(chip)], bytes);
        next[static_cast<std::size_t>(direction)][static_cast<std::size_t>(to)] = arrived;
        held[static_cast<std::size_t>(to)].merge(cargo, !half || direction == kLeft, !half || direction == kRight);
        ready[static_cast<std::size_t>(to)] = std::max(ready[static_cast<std::size_t>(to)], arrived);
      }
    }
    arrival = std::move(next);
  }
  part.held = std::move(held);
  part.ready = std::move(ready);
}

CollectiveRun all_gather(Grid& grid, Bytes bytes) {
  const std::size_t axes = grid.axes().size();
  const auto chips = static_cast<std::size_t>(grid.chips());
  const std::int64_t item =
      ceil_div(bytes.count(), static_cast<std::int64_t>(axes) * 2 * static_cast<std::int64_t>(chips));
  Part start{std::vector<Items>(chips, Items(2 * chips)), std::vector<double>(chips, 0.0)};
  for (std::size_t chip = 0; chip < chips; ++chip) {
    start.held[chip].set(2 * chip);
    start.held[chip].set(2 * chip + 1);
  }
  std::vector<Part> parts(axes, start);
  for (std::size_t phase = 0; phase < axes; ++phase) {
    for (std::size_t part = 0; part < axes; ++part) {
      gather_along(grid, (part + phase) % axes, parts[part], item);
    }
  }
  CollectiveRun run;
  run.complete = true;
  for (const Part& part : parts) {
    run.time = Seconds(std::max(run.time.count(), *std::max_element(part.ready.begin(), part.ready.end())));
    run.complete = run.complete && std::all_of(part.held.begin(), part.held.end(), [&](const Items& items) {
                     return items.count() == static_cast<std::int64_t>(2 * chips);
                   });
  }
  run.sent_most = Bytes(grid.sent_most()), run.sent_total = Bytes(grid.sent_total());
  return run;
}

// Every chip sends each other one on its ring or line what is for it (and for chips behind it on later axes).
void exchange_along(Grid& grid, std::size_t axis, std::vector<double>& ready, std::int64_t message,
                    std::vector<int>& received) {
  const auto chips = static_cast<std::size_t>(grid.chips());
  const std::vector<double> start = ready;
  for (const int direction : {kRight, kLeft}) {
    const int sign = direction == kRight ? 1 : -1;
    // arrival[chip]: by distance still to go
    std::vector<std::vector<double>> arrival(chips);
    for (int chip = 0; chip < grid.chips(); ++chip) {
      const Reach r = reach(grid, axis, chip);
      arrival[static_cast<std::size_t>(chip)].assign(static_cast<std::size_t>(direction == kRight ? r.right : r.left),
                                                     start[static_cast<std::size_t>(chip)]);
    }
    for (bool moved = true; moved;) {
      moved = false;
      std::vector<std::vector<double>> next(chips);
      for (int chip = 0; chip < grid.chips(); ++chip) {
        const auto& waiting = arrival[static_cast<std::size_t>(chip)];
        const int to = grid.neighbour(chip, axis, sign);
        for (std::size_t left = waiting.size(); left-- > 0;) {  // the farthest first
          // MODEL: halves of the message to the far side of an even ring are counted on both ways.
          const bool half = grid.axes()[axis].ring && grid.axes()[axis].length % 2 == 0 && left + 1 == waiting.size();
          const double arrived = grid.send(chip, axis, direction, waiting[left], half ? ceil_div(message, 2) : message);
          auto& later = next[static_cast<std::size_t>(to)];
          later.resize(std::max(later.size(), left));
          if (left > 0) {
            later[left - 1] = arrived;
          }
          if (left == 0) {
            ++received[static_cast<std::size_t>(to)];
          }
          ready[static_cast<std::size_t>(to)] = std::max(ready[static_cast<std::size_t>(to)], arrived);
          moved = true;
        }
      }
      arrival = std::move(next);
    }
  }
}

CollectiveRun all_to_all(Grid& grid, Bytes bytes) {
  const std::size_t axes = grid.axes().size();
  const auto chips = static_cast<std::size_t>(grid.chips());
  std::vector<std::vector<double>> ready(axes, std::vector<double>(chips, 0.0));
  std::vector<int> received(chips, 0);
  int expected = 0;
  for (std::size_t phase = 0; phase < axes; ++phase) {
    for (std::size_t part = 0; part < axes; ++part) {
      const std::size_t axis = (part + phase) % axes;
      const int length = grid.axes()[axis].length;
      exchange_along(grid, axis, ready[part], ceil_div(bytes.count(), static_cast<std::int64_t>(axes) * length),
                     received);
      expected += length - 1 + (grid.axes()[axis].ring && length % 2 == 0 ? 1 : 0);  // two halves from the far side
    }
  }
  CollectiveRun run;
  for (const auto& part : ready) {
    run.time = Seconds(std::max(run.time.count(), *std::max_element(part.begin(), part.end())));
  }
  run.complete = std::all_of(received.begin(), received.end(), [&](int count) { return count == expected; });
  run.sent_most = Bytes(grid.sent_most()), run.sent_total = Bytes(grid.sent_total());
  return run;
}

}  // namespace

CollectiveRun run_collective(const config::Interconnect& net, const std::vector<TorusAxis>& axes,
                             CollectiveOperation operation, Bytes bytes) {
  Grid grid(net, axes);
  if (grid.chips() == 1 || bytes.count() <= 0) {
    return {Seconds(0), Bytes(0), Bytes(0), true};
  }
  if (operation == CollectiveOperation::kAllToAll) {
    return all_to_all(grid, bytes);
  }
  // A reduce-scatter is an all-gather with time running backwards: the same messages over the same links, from where
  // the sums end to where their parts come from.
  CollectiveRun run = all_gather(grid, bytes);
  if (operation == CollectiveOperation::kAllReduce) {
    run.time = Seconds(2 * run.time.count());
    run.sent_most = run.sent_most * 2, run.sent_total = run.sent_total * 2;
  }
  return run;
}

}  // namespace mantissa::hardware
