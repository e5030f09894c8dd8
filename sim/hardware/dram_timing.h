// SPDX-License-Identifier: Apache-2.0
// The time a DRAM of several channels takes to serve requests, bank by bank, without SystemC: `Dram` (dram.h) puts it
// behind a TLM socket, tests and benchmarks use it directly. What each pseudo-channel models stands in dram_channel.h,
// the address mapping in dram_mapping.h.
//
// MODEL: with fidelity `command`, every command is scheduled (dram_device.h). With `burst`, requests are planned in the
// order of the calls: banks do not reorder their own requests, and a plan once made is not changed. That agrees with
// `command` within 1 % on streams (tests/theory/dram_fidelity_test.cpp); random and mixed traffic is up to 40 % off.
// A long transaction is planned whole when it arrives: requests behind it wait for it, so initiators share fairly only
// in small pieces.
#pragma once
#include <memory>
#include <vector>

#include "hardware/dram_channel.h"
#include "hardware/dram_device.h"

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
  std::unique_ptr<DramDevice> device_;  // fidelity: command; it then does all the work
  Bytes read_{}, written_{};
};

}  // namespace mantissa::hardware
