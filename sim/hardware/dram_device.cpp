// SPDX-License-Identifier: Apache-2.0
#include "hardware/dram_device.h"

#include <algorithm>

#include "base/error.h"

namespace mantissa::hardware {
namespace {

constexpr std::int64_t kFsPerPs = 1000;

}  // namespace

DramDevice::DramDevice(const config::Dram& dram, const DramMapping& mapping)
    : mapping_(mapping), ticks_(dram), burst_(dram.burst.count()), pseudo_per_channel_(dram.pseudo_channels) {
  channels_.reserve(static_cast<std::size_t>(dram.channels));
  for (int i = 0; i < dram.channels; ++i) {
    channels_.emplace_back(dram, ticks_);
  }
  left_.resize(channels_.size());
}

void DramDevice::play_until(DramController& channel, Ticks t) {
  while (channel.next() < t) {
    channel.step(done_);
  }
  done_.clear();
}

std::int64_t DramDevice::serve(std::int64_t now_ps, std::int64_t address, std::int64_t bytes, bool is_write) {
  const Ticks now = ceil_div(now_ps * kFsPerPs, ticks_.tick_fs);
  const std::int64_t first = next_id_;
  touched_.clear();
  for (std::int64_t at = address / burst_ * burst_; at < address + bytes; at += burst_) {
    const DramPlace place = mapping_.locate(at);
    const auto c = static_cast<std::size_t>(place.channel);
    if (left_[c]++ == 0) {
      touched_.push_back(place.channel);
      play_until(channels_[c], now);
    }
    channels_[c].submit({next_id_++, now, place, is_write});
  }
  Ticks end = now;
  for (const int index : touched_) {
    const auto c = static_cast<std::size_t>(index);
    DramController ahead = channels_[c];
    ahead.trace_to(nullptr);
    while (left_[c] > 0) {
      done_.clear();
      ahead.step(done_);
      for (const DramCompletion& d : done_) {
        if (d.id >= first) {
          --left_[c];
          end = std::max(end, d.done);
        }
      }
    }
  }
  done_.clear();
  return std::max(now_ps, ceil_div(end * ticks_.tick_fs, kFsPerPs));
}

std::int64_t DramDevice::drain(std::int64_t now_ps) {
  Ticks end = 0;
  for (DramController& channel : channels_) {
    while (channel.pending() > 0) {
      channel.step(done_);
    }
    end = std::max(end, channel.data_end());
  }
  done_.clear();
  return std::max(now_ps, ceil_div(end * ticks_.tick_fs, kFsPerPs));
}

energy::DramCounters DramDevice::counters() const {
  energy::DramCounters sum;
  for (const DramController& channel : channels_) {
    const energy::DramCounters c = channel.counters();
    sum.activates += c.activates;
    sum.reads += c.reads;
    sum.writes += c.writes;
    sum.refreshes += c.refreshes;
    sum.row_hits += c.row_hits;
    sum.row_misses += c.row_misses;
  }
  return sum;
}

std::int64_t DramDevice::busy_ps(int channel) const {
  return channels_[static_cast<std::size_t>(channel)].busy() * ticks_.tick_fs / pseudo_per_channel_ / kFsPerPs;
}

}  // namespace mantissa::hardware
