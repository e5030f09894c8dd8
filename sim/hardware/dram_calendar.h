// SPDX-License-Identifier: Apache-2.0
// What is already planned on one pseudo-channel: its data bus and its row activations. A request is planned when it
// arrives, at the earliest time that fits between what was planned before it; a later request whose bank is free sooner
// may still go in front. That is how a controller that picks ready requests first behaves, without a cycle-by-cycle
// search.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace mantissa::hardware {

using Femtoseconds = std::int64_t;  // whole clock periods of DRAMs are no whole picoseconds

// Reservations of the data bus in one direction. Idle gaps between reservations are remembered (the last kGaps of them)
// and filled.
class DataBus {
 public:
  // slot: bus time of one burst (the larger of burst length and tCCD_S); same_group: what two bursts of one bank group
  // keep between them beyond it (tCCD_L - slot).
  DataBus(Femtoseconds slot, Femtoseconds same_group) : slot_(slot), same_group_(same_group) {}

  Femtoseconds end() const { return end_; }

  // Earliest start at or after `t` of `length` on the bus for bank group `group` (-1: several, in an order without
  // conflict).
  Femtoseconds earliest(Femtoseconds t, Femtoseconds length, int group) const {
    if (count_ > 0 && t + length <= gaps_[count_ - 1].end) {
      for (std::size_t i = 0; i < count_; ++i) {
        const Gap& gap = gaps_[i];
        const Femtoseconds start = std::max(t, gap.begin + spacing(group, gap.before));
        if (start + length + spacing(group, gap.after) <= gap.end) {
          return start;
        }
      }
    }
    return std::max(t, end_ + spacing(group, end_group_));
  }

  // REQUIRES: start = earliest(...) of the same length and group. `now`: nothing will be planned before it any more.
  void reserve(Femtoseconds start, Femtoseconds length, int group, Femtoseconds now) {
    if (start >= end_) {
      if (start - end_ >= slot_ && start > now) {
        push({end_, start, end_group_, group}, now);
      }
      end_ = start + length;
      end_group_ = group;
      return;
    }
    fill(start, length, group);
  }

  // The bus changes direction: gaps of the old direction are of no use any more.
  void turn() {
    count_ = 0;
    end_group_ = -1;
  }

 private:
  struct Gap {
    Femtoseconds begin = 0, end = 0;
    int before = -1, after = -1;  // bank groups of the neighbouring bursts
  };
  static constexpr std::size_t kGaps = 32;

  Femtoseconds spacing(int a, int b) const { return a >= 0 && a == b ? same_group_ : 0; }

  void push(const Gap& gap, Femtoseconds now) {
    std::size_t stale = 0;
    while (stale < count_ && gaps_[stale].end < now + slot_) {
      ++stale;
    }
    if (stale == 0 && count_ == kGaps) {
      stale = 1;
    }
    if (stale > 0) {
      std::copy(gaps_.begin() + static_cast<std::ptrdiff_t>(stale), gaps_.begin() + static_cast<std::ptrdiff_t>(count_),
                gaps_.begin());
      count_ -= stale;
    }
    gaps_[count_++] = gap;
  }

  void fill(Femtoseconds start, Femtoseconds length, int group) {
    std::size_t i = 0;
    while (i < count_ && gaps_[i].end < start + length) {
      ++i;
    }
    if (i == count_) {
      return;  // cannot be: earliest() found the gap
    }
    const Gap left{gaps_[i].begin, start, gaps_[i].before, group};
    const Gap right{start + length, gaps_[i].end, group, gaps_[i].after};
    const bool keep_left = left.end - left.begin >= slot_, keep_right = right.end - right.begin >= slot_;
    const auto at = gaps_.begin() + static_cast<std::ptrdiff_t>(i);
    const auto end = gaps_.begin() + static_cast<std::ptrdiff_t>(count_);
    if (keep_left && keep_right) {
      if (count_ < kGaps) {
        std::copy_backward(at, end, end + 1);
        ++count_;
        at[1] = right;
      }
      at[0] = left;
    } else if (keep_left || keep_right) {
      at[0] = keep_left ? left : right;
    } else {
      std::copy(at + 1, end, at);
      --count_;
    }
  }

  Femtoseconds slot_, same_group_;
  Femtoseconds end_ = 0;
  int end_group_ = -1;
  std::size_t count_ = 0;
  std::array<Gap, kGaps> gaps_{};  // in time order, all before end_
};

// Row activations of one pseudo-channel: tRRD between neighbours, at most four in any tFAW.
class Activations {
 public:
  Activations(Femtoseconds rrd_s, Femtoseconds rrd_l, Femtoseconds faw) : rrd_s_(rrd_s), rrd_l_(rrd_l), faw_(faw) {
    times_.fill(kLongAgo);
    groups_.fill(-1);
  }

  // Plans an activation in `group` at the earliest time at or after `t`, and returns that time.
  Femtoseconds plan(Femtoseconds t, int group) {
    std::size_t i = kKept;  // insert before i: everything from i on is later than t
    while (i > kFour && times_[i - 1] > t) {
      --i;
    }
    for (; i < kKept; ++i) {
      const Femtoseconds start = after(i, t, group);
      if (start + spacing(group, groups_[i]) <= times_[i] && fits_before(i, start)) {
        return insert(i, start, group);
      }
    }
    return insert(kKept, after(kKept, t, group), group);
  }

 private:
  static constexpr Femtoseconds kLongAgo = std::int64_t{-1} << 60;
  static constexpr std::size_t kFour = 4, kKept = 16;

  Femtoseconds spacing(int a, int b) const { return a == b ? rrd_l_ : rrd_s_; }
  // Earliest time between activations i-1 and i as far as the earlier ones allow.
  Femtoseconds after(std::size_t i, Femtoseconds t, int group) const {
    return std::max({t, times_[i - 1] + spacing(group, groups_[i - 1]), times_[i - kFour] + faw_});
  }
  // Whether the later ones still keep tFAW: each window of five that would hold the new one.
  bool fits_before(std::size_t i, Femtoseconds start) const {
    for (std::size_t k = 0; k < kFour && i + k < kKept; ++k) {
      const Femtoseconds first = k == kFour - 1 ? start : times_[i + k + 1 - kFour];
      if (times_[i + k] - first < faw_) {
        return false;
      }
    }
    return true;
  }
  Femtoseconds insert(std::size_t i, Femtoseconds start, int group) {
    for (std::size_t k = 1; k < i; ++k) {  // the oldest falls out
      times_[k - 1] = times_[k];
      groups_[k - 1] = groups_[k];
    }
    times_[i - 1] = start;
    groups_[i - 1] = group;
    return start;
  }

  Femtoseconds rrd_s_, rrd_l_, faw_;
  std::array<Femtoseconds, kKept> times_{};  // in time order
  std::array<int, kKept> groups_{};
};

}  // namespace mantissa::hardware
