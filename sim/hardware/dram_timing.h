// SPDX-License-Identifier: Apache-2.0
// The time a DRAM of several channels takes to serve requests, bank by bank, without SystemC: `Dram` (dram.h) puts it
// behind a TLM socket, tests and benchmarks use it directly. What each pseudo-channel models stands in dram_channel.h,
// the address mapping in dram_mapping.h.
//
// MODEL: requests arrive in the order of the calls. Differences from a controller that looks again at all waiting
// requests in every cycle: banks never reorder their own requests (row hits behind a miss wait), and a plan once made
// is not changed. Held against cycle-by-cycle simulators in tests/theory/dram_reference_test.cpp, which states the
// error per pattern.
#pragma once
#include <vector>

#include "hardware/dram_channel.h"

namespace mantissa::hardware {

class DramTiming {
 public:
  // Throws ModelError for an organisation or timings that cannot be modelled.
  explicit DramTiming(const config::Dram& dram);
  DramTiming(const DramTiming&) = delete;
  DramTiming& operator=(const DramTiming&) = delete;

  // A read or write of `bytes` bytes (at least 1) at `address`, arrived at now_ps; calls in order of arrival. Returns
  // when the last byte is there (read) or accepted (write), controller latency included, in picoseconds rounded up.
  // Throws ModelError beyond the capacity.
  std::int64_t serve(std::int64_t now_ps, std::int64_t address, std::int64_t bytes, bool is_write);

  // Writes what is still in the write buffers; returns when all data is in the banks (now_ps if nothing is under way).
  std::int64_t drain(std::int64_t now_ps);

  // Commands so far; refreshes are those due until now_ps. Buffered writes count when they are written: drain() first
  // for a final count. Bytes count when they are accepted.
  energy::DramCounters counters(std::int64_t now_ps) const;
  // Time (ps) in which the data buses of a channel carried data, averaged over its pseudo-channels.
  std::int64_t busy_ps(int channel) const;
  int channels() const { return channels_; }

 private:
  int channels_ = 1, pseudo_per_channel_ = 1;
  std::int64_t capacity_ = 0, controller_latency_ps_ = 0;
  DramMapping mapping_;
  DramTimes times_;
  std::vector<PseudoChannel> pseudo_channels_;
  Bytes read_{}, written_{};
};

}  // namespace mantissa::hardware
