// SPDX-License-Identifier: Apache-2.0
#include "hardware/dram_timing.h"

#include <cmath>
#include <string>

#include "base/error.h"

namespace mantissa::hardware {
namespace {

constexpr Femtoseconds kPerPs = 1000;

std::int64_t to_ps(Femtoseconds t) {
  return ceil_div(t, kPerPs);
}

}  // namespace

DramTiming::DramTiming(const config::Dram& dram)
    : channels_(dram.channels),
      pseudo_per_channel_(dram.pseudo_channels),
      capacity_(dram.capacity.count()),
      controller_latency_ps_(static_cast<std::int64_t>(std::llround(dram.controller_latency_ns * 1e3))),
      mapping_(dram),
      times_(dram) {
  if (dram.fidelity == config::DramFidelity::kCommand) {
    device_ = std::make_unique<DramDevice>(dram, mapping_);
    return;
  }
  if (dram.refresh == config::DramRefresh::kPerBank) {
    throw ModelError("dram", "per-bank refresh needs fidelity: command");
  }
  pseudo_channels_.reserve(static_cast<std::size_t>(mapping_.pseudo_channels()));
  for (int i = 0; i < mapping_.pseudo_channels(); ++i) {
    pseudo_channels_.emplace_back(mapping_, times_);
  }
}

std::int64_t DramTiming::serve(std::int64_t now_ps, std::int64_t address, std::int64_t bytes, bool is_write) {
  check(bytes > 0 && address >= 0, "DramTiming::serve: an empty or negative range");
  if (address + bytes > capacity_) {
    throw ModelError("dram", "address " + std::to_string(address) + " + " + std::to_string(bytes) +
                                 " bytes lies beyond the capacity of " + std::to_string(capacity_) + " bytes");
  }
  if (device_) {
    (is_write ? written_ : read_) += Bytes(bytes);
    return device_->serve(now_ps, address, bytes, is_write) + controller_latency_ps_;
  }
  const Femtoseconds now = now_ps * kPerPs;
  Femtoseconds done = now;
  if (is_write) {
    written_ += Bytes(bytes);
    mapping_.split(address, bytes, [&](int pc, std::int64_t begin, std::int64_t end) {
      done = std::max(done, pseudo_channels_[static_cast<std::size_t>(pc)].write(now, begin, end));
    });
  } else {
    read_ += Bytes(bytes);
    mapping_.split(address, bytes, [&](int pc, std::int64_t begin, std::int64_t end) {
      done = std::max(done, pseudo_channels_[static_cast<std::size_t>(pc)].read(now, begin, end));
    });
  }
  return to_ps(done) + controller_latency_ps_;
}

std::int64_t DramTiming::drain(std::int64_t now_ps) {
  if (device_) {
    return device_->drain(now_ps);
  }
  Femtoseconds done = now_ps * kPerPs;
  for (PseudoChannel& pc : pseudo_channels_) {
    done = std::max({done, pc.drain(now_ps * kPerPs), pc.bus_end()});
  }
  return to_ps(done);
}

energy::DramCounters DramTiming::counters(std::int64_t now_ps) const {
  energy::DramCounters sum;
  for (const PseudoChannel& pc : pseudo_channels_) {
    const energy::DramCounters& c = pc.counters();
    sum.activates += c.activates;
    sum.reads += c.reads;
    sum.writes += c.writes;
    sum.row_hits += c.row_hits;
    sum.row_misses += c.row_misses;
  }
  if (device_) {
    sum = device_->counters();
  } else if (times_.refi > 0) {
    sum.refreshes = now_ps * kPerPs / times_.refi * mapping_.pseudo_channels();
  }
  sum.read_bytes = read_;
  sum.write_bytes = written_;
  return sum;
}

std::int64_t DramTiming::busy_ps(int channel) const {
  if (device_) {
    return device_->busy_ps(channel);
  }
  Femtoseconds busy = 0;
  for (int i = 0; i < pseudo_per_channel_; ++i) {
    busy += pseudo_channels_[static_cast<std::size_t>(channel * pseudo_per_channel_ + i)].busy();
  }
  return busy / pseudo_per_channel_ / kPerPs;
}

}  // namespace mantissa::hardware
