// SPDX-License-Identifier: Apache-2.0
#include "hardware/dram_channel.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace mantissa::hardware {
namespace {

constexpr Femtoseconds kNever = std::numeric_limits<Femtoseconds>::max() / 4;

}  // namespace

PseudoChannel::PseudoChannel(const DramMapping& mapping, const DramTimes& times)
    : mapping_(mapping),
      times_(times),
      bus_(times.slot, times.ccd_l - times.slot),
      activations_(times.rrd_s, times.rrd_l, times.faw) {
  if (mapping.bank_groups() > kMaxGroups) {
    throw ModelError("dram", "more than 16 bank groups");
  }
  banks_.resize(static_cast<std::size_t>(mapping.bank_groups() * mapping.banks_per_group()));
  for (Bank& bank : banks_) {
    bank.epoch_end = times.refi > 0 ? times.refi : kNever;
  }
  writes_.reserve(64);
}

Femtoseconds PseudoChannel::read(Femtoseconds now, std::int64_t begin, std::int64_t end) {
  if (buffered_ > 0) {
    drain_if_idle(now);
  }
  if (writing_) {
    turn_bus(false);
  }
  Femtoseconds done = now;
  const std::int64_t set_bytes = mapping_.row_set_bytes();
  while (begin < end) {
    const std::int64_t stop = std::min(end, (begin & ~(set_bytes - 1)) + set_bytes);
    done = std::max(done, serve(now, {begin, stop, mapping_.bursts(begin, stop)}, false));
    begin = stop;
  }
  return done;
}

void PseudoChannel::turn_bus(bool to_write) {
  writing_ = to_write;
  turned_ = bus_.end();
  turned_group_ = last_group_;
  bus_.turn();
}

// Earliest data after a change of direction.
Femtoseconds PseudoChannel::bus_floor(int group, bool is_write) const {
  if (turned_ == 0) {
    return 0;
  }
  if (is_write) {
    return turned_ + times_.read_to_write;
  }
  const bool other_group = group >= 0 && turned_group_ >= 0 && group != turned_group_;
  return turned_ + (other_group ? times_.wtr_s : times_.wtr_l) + times_.cl;
}

void PseudoChannel::count(int bursts, bool is_write) {
  (is_write ? counters_.writes : counters_.reads) += bursts;
  busy_ += bursts * times_.burst;
}

// All banks precharge at each multiple of tREFI. The bank's state after the last refresh before `t`, or after the one
// that a column access at `t` would collide with.
void PseudoChannel::cross_refresh(Bank& bank, Femtoseconds t) {
  const std::int64_t k = std::max(bank.epoch_end, t) / times_.refi;
  bank.row = -1;
  bank.next_activate = std::max(bank.next_activate, k * times_.refi + times_.refresh);
  bank.epoch_end = (k + 1) * times_.refi;
}

// When the row's columns can be accessed; opens it if it is not.
Femtoseconds PseudoChannel::open_row(Femtoseconds now, Bank& bank, int group, std::int32_t row, bool is_write) {
  if (now >= bank.epoch_end) {
    cross_refresh(bank, now);
  }
  if (bank.row != row) {
    const Femtoseconds precharged = bank.row < 0 ? now : std::max(now, bank.next_precharge) + times_.rp;
    const Femtoseconds earliest = std::max(precharged, bank.next_activate);
    const Femtoseconds rcd = is_write ? times_.rcd_write : times_.rcd_read;
    if (earliest + rcd >= last_column(bank, is_write)) {  // the row would be lost before its first access
      cross_refresh(bank, bank.epoch_end);
      return open_row(now, bank, group, row, is_write);
    }
    bank.activated = activations_.plan(earliest, group);
    bank.next_activate = bank.activated + times_.rc;
    bank.next_precharge = bank.activated + times_.ras;
    bank.row = row;
    bank.fresh = true;
  }
  return std::max(now, bank.activated + (is_write ? times_.rcd_write : times_.rcd_read));
}

void PseudoChannel::used(Bank& bank, Femtoseconds data_start_of_last, bool is_write, bool new_run) {
  counters_.activates += bank.fresh ? 1 : 0;
  counters_.row_misses += bank.fresh ? 1 : 0;
  counters_.row_hits += !bank.fresh && new_run ? 1 : 0;
  bank.fresh = false;
  const Femtoseconds free =
      is_write ? data_start_of_last + times_.burst + times_.wr : data_start_of_last - times_.cl + times_.rtp;
  bank.next_precharge = std::max(bank.next_precharge, free);
}

Femtoseconds PseudoChannel::serve(Femtoseconds now, const Part& part, bool is_write) {
  const std::int64_t line = mapping_.line_of(part.begin);
  if (mapping_.line_of(part.end - 1) != line) {
    return serve_interleaved(now, part, is_write);
  }
  const int group = static_cast<int>(mapping_.bank_group_of(line));
  const std::int64_t set = mapping_.row_set_of(part.begin);
  Bank& bank = banks_[static_cast<std::size_t>(group * mapping_.banks_per_group()) + mapping_.bank_of(set)];
  Femtoseconds end = now;
  for (int i = 0; i < part.bursts; ++i) {
    end = serve_burst(now, bank, group, mapping_.row_of(set), is_write, i == 0);
  }
  return end;
}

Femtoseconds PseudoChannel::serve_burst(Femtoseconds now, Bank& bank, int group, std::int32_t row, bool is_write,
                                        bool new_run) {
  const Femtoseconds delay = data_delay(is_write), floor = bus_floor(group, is_write);
  for (;;) {
    const Femtoseconds ready = open_row(now, bank, group, row, is_write);
    const Femtoseconds start = bus_.earliest(std::max(ready + delay, floor), times_.slot, group);
    if (start - delay >= last_column(bank, is_write)) {
      cross_refresh(bank, start - delay);
      continue;
    }
    bus_.reserve(start, times_.slot, group, now);
    used(bank, start, is_write, new_run);
    last_group_ = group;
    count(1, is_write);
    return start + times_.burst;
  }
}

// The bank groups that a part of several lines touches, and how many bursts each gets.
int PseudoChannel::shares_of(const Part& part, std::array<Share, kMaxGroups>& shares) {
  const std::int64_t first = mapping_.line_of(part.begin), last = mapping_.line_of(part.end - 1);
  const int groups = mapping_.bank_groups();
  const std::int64_t set = mapping_.row_set_of(part.begin);
  std::array<int, kMaxGroups> bursts{};
  if (last - first + 1 >= 4 * groups) {  // all groups, equally but for the ends
    for (int g = 0; g < groups; ++g) {
      bursts[static_cast<std::size_t>(g)] = (part.bursts + groups - 1) / groups;
    }
  } else {
    for (std::int64_t line = first; line <= last; ++line) {
      const std::int64_t from = std::max(part.begin, mapping_.line_begin(line));
      const std::int64_t to = std::min(part.end, mapping_.line_begin(line + 1));
      bursts[mapping_.bank_group_of(line)] += mapping_.bursts(from, to);
    }
  }
  int touched = 0;
  for (int g = 0; g < groups; ++g) {
    if (bursts[static_cast<std::size_t>(g)] > 0) {
      Bank& bank = banks_[static_cast<std::size_t>(g * mapping_.banks_per_group()) + mapping_.bank_of(set)];
      shares[static_cast<std::size_t>(touched++)] = {g, bursts[static_cast<std::size_t>(g)], &bank, 0};
    }
  }
  return touched;
}

// Bursts of several lines, ordered so that neighbours lie in different bank groups: one block on the bus, tCCD_S
// apiece, that ends no sooner than any bank group can deliver its share at tCCD_L apiece.
Femtoseconds PseudoChannel::serve_interleaved(Femtoseconds now, const Part& part, bool is_write) {
  std::array<Share, kMaxGroups> shares;
  const int touched = shares_of(part, shares);
  const std::int32_t row = mapping_.row_of(mapping_.row_set_of(part.begin));
  const Femtoseconds delay = data_delay(is_write), floor = bus_floor(touched == 1 ? shares[0].group : -1, is_write);
  int left = part.bursts;
  for (;;) {
    Femtoseconds first = kNever, length = left * times_.slot, all_delivered = 0, limit = kNever;
    for (int i = 0; i < touched; ++i) {
      Share& s = shares[static_cast<std::size_t>(i)];
      s.ready = open_row(now, *s.bank, s.group, row, is_write) + delay;
      limit = std::min(limit, last_column(*s.bank, is_write));
      const Femtoseconds own = (s.bursts - 1) * times_.ccd_l + times_.slot;
      length = std::max(length, own);
      first = std::min(first, s.ready);
      all_delivered = std::max(all_delivered, s.ready + own);
    }
    const Femtoseconds start =
        bus_.earliest(std::max({first, all_delivered - length, floor}), length, touched == 1 ? shares[0].group : -1);
    const Femtoseconds per_burst = length / left;
    const Femtoseconds room = limit + delay - start;  // for starts of bursts, before the refresh
    const int now_served =
        room <= 0 ? 0 : static_cast<int>(std::min<Femtoseconds>(left, (room + per_burst - 1) / per_burst));
    if (now_served > 0) {
      bus_.reserve(start, now_served * per_burst, touched == 1 ? shares[0].group : -1, now);
      last_group_ = touched == 1 ? shares[0].group : -1;
      count(now_served, is_write);
    }
    const Femtoseconds last_start = start + (now_served - 1) * per_burst;
    left -= now_served;
    for (int i = 0; i < touched; ++i) {
      Share& s = shares[static_cast<std::size_t>(i)];
      if (now_served > 0) {
        used(*s.bank, last_start, is_write, left + now_served == part.bursts);
      }
      if (left > 0) {
        const Femtoseconds column = start + now_served * per_burst - delay;
        if (column >= last_column(*s.bank, is_write)) {
          cross_refresh(*s.bank, column);
        }
        s.bursts = (left + touched - 1) / touched;
      }
    }
    if (left == 0) {
      return last_start + times_.burst;
    }
  }
}

}  // namespace mantissa::hardware
