// SPDX-License-Identifier: Apache-2.0
// DRAM timing sets for tests and benchmarks, in tCK, and the closed-loop request generator of the reference runs.
// SOURCE: Ramulator 2.1 (CMU-SAFARI/ramulator2, commit c5b1c3a478b6), python/ramulator/dram/{hbm2,hbm3,lpddr5}.py;
// HBM3 5.2 Gb/s is its 6.4 Gb/s set at constant nanoseconds. Energies are left at zero: only time is tested with these.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <vector>

#include "hardware/dram_timing.h"

namespace mantissa::testing {

struct Timings {
  double tck_ns;
  int bl, ccd_s, ccd_l, rcd_read, rcd_write, rp, ras, rc, cl, cwl, wr, rtp, rrd_s, rrd_l, faw, wtr_s, wtr_l, rtw, rfc,
      refi;
};

inline config::Dram dram_of(const char* standard, int channels, int pseudo_channels, int banks_per_group, int page,
                            const Timings& t) {
  config::Dram d;
  d.standard = standard;
  d.channels = channels;
  d.pseudo_channels = pseudo_channels;
  d.bank_groups = 4;
  d.banks_per_group = banks_per_group;
  d.page = Bytes(page);
  d.burst = Bytes(32);
  d.interleave = Bytes(64);
  d.capacity = Bytes(std::int64_t{1} << 34);
  d.clock_period_ns = t.tck_ns;
  const auto c = [](int n) { return Cycles(n); };
  d.burst_cycles = c(t.bl), d.ccd_s = c(t.ccd_s), d.ccd_l = c(t.ccd_l), d.rcd_read = c(t.rcd_read),
  d.rcd_write = c(t.rcd_write);
  d.rp = c(t.rp), d.ras = c(t.ras), d.rc = c(t.rc), d.cl = c(t.cl), d.cwl = c(t.cwl), d.wr = c(t.wr), d.rtp = c(t.rtp);
  d.rrd_s = c(t.rrd_s), d.rrd_l = c(t.rrd_l), d.faw = c(t.faw), d.wtr_s = c(t.wtr_s), d.wtr_l = c(t.wtr_l),
  d.rtw = c(t.rtw);
  d.rfc = c(t.rfc), d.refi = c(t.refi);
  return d;
}

inline config::Dram hbm2_2000(int channels = 1) {
  return dram_of("HBM2", channels, 2, 4, 1024,
                 {1.0, 2, 2, 4, 14, 12, 14, 34, 48, 14, 5, 16, 5, 4, 4, 15, 6, 8, 13, 350, 3900});
}
inline config::Dram hbm2_2400(int channels = 8) {
  return dram_of("HBM2", channels, 2, 4, 1024,
                 {0.833, 2, 2, 4, 17, 14, 17, 40, 57, 17, 6, 19, 6, 5, 5, 19, 8, 10, 15, 421, 4682});
}
inline config::Dram hbm3_6400(int channels = 1) {  // two stack IDs of 16 banks: 8 banks in each bank group
  return dram_of("HBM3", channels, 2, 8, 1024,
                 {0.625, 2, 2, 4, 31, 15, 26, 45, 72, 20, 10, 33, 9, 4, 5, 24, 7, 10, 20, 560, 6240});
}
inline config::Dram hbm3_5200(int channels = 16) {
  return dram_of("HBM3", channels, 2, 8, 1024,
                 {0.769, 2, 2, 4, 26, 13, 22, 37, 59, 17, 9, 27, 8, 4, 5, 20, 6, 9, 17, 456, 5072});
}
inline config::Dram lpddr5_6400(int channels = 1) {  // 16 Gb x16
  return dram_of("LPDDR5", channels, 1, 4, 2048,
                 {1.25, 2, 2, 4, 15, 15, 15, 34, 49, 17, 9, 28, 8, 4, 4, 16, 5, 10, 12, 224, 3125});
}

struct Request {
  std::int64_t address = 0, bytes = 0;
  bool is_write = false;
};

struct LoopResult {
  double efficiency = 0;       // of the peak bandwidth
  double read_latency_ns = 0;  // mean
  double row_hits = 0;         // share of the requests
};

// Issues `count` requests as soon as fewer than `window` are under way.
inline LoopResult closed_loop(const config::Dram& dram, std::int64_t count, int window,
                              const std::function<Request(std::int64_t)>& request) {
  hardware::DramTiming timing(dram);
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> under_way;
  std::int64_t now = 0, end = 0, reads = 0, bytes = 0;
  double latency = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (under_way.size() == static_cast<std::size_t>(window)) {
      now = std::max(now, under_way.top());
      under_way.pop();
    }
    const Request r = request(i);
    const std::int64_t done = timing.serve(now, r.address, r.bytes, r.is_write);
    under_way.push(done);
    end = std::max(end, done);
    bytes += r.bytes;
    if (!r.is_write) {
      latency += static_cast<double>(done - now) * 1e-3;
      ++reads;
    }
  }
  end = std::max(end, timing.drain(end));
  const energy::DramCounters c = timing.counters(end);
  LoopResult result;
  result.efficiency = static_cast<double>(bytes) / (static_cast<double>(end) * 1e-12) / dram.peak().count();
  result.read_latency_ns = reads > 0 ? latency / static_cast<double>(reads) : 0;
  result.row_hits =
      static_cast<double>(c.row_hits) / static_cast<double>(std::max<std::int64_t>(1, c.row_hits + c.row_misses));
  return result;
}

// The patterns of the reference runs: transactions of 32 bytes.
inline std::function<Request(std::int64_t)> pattern(const std::string& name) {
  constexpr std::int64_t kSpan = std::int64_t{1} << 30;
  if (name == "seq_read" || name == "seq_lat1") {
    return [](std::int64_t i) { return Request{i * 32, 32, false}; };
  }
  if (name == "seq_write") {
    return [](std::int64_t i) { return Request{i * 32, 32, true}; };
  }
  if (name == "seq_rw21") {  // two reads, one write
    return [](std::int64_t i) { return Request{i * 32, 32, i % 3 == 2}; };
  }
  if (name == "dma21") {  // two read streams and a write stream in 4 KiB pieces
    return [](std::int64_t i) {
      const std::int64_t piece = i / 128, stream = piece % 3;
      return Request{stream * (kSpan / 4) + piece / 3 * 4096 + i % 128 * 32, 32, stream == 2};
    };
  }
  if (name == "rand_read" || name == "idle_lat") {  // 64-byte blocks (idle_lat: their first half)
    const bool whole = name == "rand_read";
    return [whole, block = std::int64_t{0}, rng = std::mt19937_64(1)](std::int64_t i) mutable {
      if (!whole || i % 2 == 0) {
        block = static_cast<std::int64_t>(rng() % (kSpan / 64)) * 64;
      }
      return Request{block + (whole ? i % 2 * 32 : 0), 32, false};
    };
  }
  if (name == "rand_write" || name == "rand_rw21") {
    const bool mixed = name == "rand_rw21";  // two blocks read, one written
    return [mixed, block = std::int64_t{0}, rng = std::mt19937_64(1)](std::int64_t i) mutable {
      if (i % 2 == 0) {
        block = static_cast<std::int64_t>(rng() % (kSpan / 64)) * 64;
      }
      return Request{block + i % 2 * 32, 32, !mixed || i / 2 % 3 == 2};
    };
  }
  const std::int64_t stride = std::stoll(name.substr(6));  // "stride4096": 64 bytes every 4096
  return [stride](std::int64_t i) { return Request{i / 2 * stride % kSpan + i % 2 * 32, 32, false}; };
}

}  // namespace mantissa::testing
