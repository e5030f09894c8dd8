// SPDX-License-Identifier: Apache-2.0
// Simple request streams, as DRAM simulators are compared with: sequential, two reads to a write, three DMA streams,
// random 64-byte blocks, strides, one request at a time. One generator keeps at most `window` transactions of one burst
// under way; requests wait for a channel's queue in front of it, and latency starts when the queue takes them. Writes
// leave the window when they are issued (command model) or posted (burst model).
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "energy/counters.h"
#include "hardware/dram_command.h"

namespace mantissa::hardware {

struct DramStreamRequest {
  std::int64_t address = 0;
  bool is_write = false;
};

// The stream of a name: seq_read, seq_write, seq_rw21, dma21, rand_read, rand_write, rand_rw21, stride<bytes>,
// idle_lat, seq_lat1; in transactions of `tx_bytes`. Throws ModelError for another name.
std::function<DramStreamRequest(std::int64_t)> dram_pattern(const std::string& name, std::int64_t tx_bytes);

struct DramPatternResult {
  double seconds = 0;           // simulated, until the last data
  double bytes_per_second = 0;  // achieved
  double efficiency = 0;        // of the peak
  double read_latency_ns = 0, max_read_latency_ns = 0;
  double row_hits = 0;  // share of requests that opened no row
  energy::DramCounters counters;
};

// Runs the stream on the model that dram.fidelity names. offered_load: 0 as fast as the window allows; else requests
// are paced at this share of the peak bandwidth. `trace`, command model of one channel only: gets every command.
DramPatternResult run_pattern(const config::Dram& dram, const std::string& pattern, std::int64_t requests, int window,
                              double offered_load = 0, std::vector<DramCommand>* trace = nullptr);

}  // namespace mantissa::hardware
