// SPDX-License-Identifier: Apache-2.0
// The row-burst path of the DRAM model against the command-by-command path: where a stream leaves no choice to the
// scheduler, both must take the same time.
#include <gtest/gtest.h>

#include "config/memory.h"
#include "hardware/dram_patterns.h"
#include "hardware/dram_timing.h"

namespace mantissa::testing {
namespace {

config::Dram with(config::Dram dram, config::DramFidelity fidelity) {
  dram.fidelity = fidelity;
  return dram;
}

constexpr const char* kMemories[] = {"hbm2_2000", "hbm2_2400",  "hbm2e_3200",  "hbm3_6400",
                                     "hbm3_5200", "hbm3e_9200", "lpddr5_6400", "lpddr5x_8533"};

TEST(DramFidelity, StreamsOfSmallRequestsAgreeWithinOnePercent) {
  for (const char* name : kMemories) {
    config::Dram dram = config::shipped_memory(name).dram;
    dram.channels = 2;
    dram.scheduler.read_queue = dram.scheduler.write_queue = 256;  // as the burst path: no limit that matters
    for (const char* pattern : {"seq_read", "seq_write"}) {
      const auto burst = hardware::run_pattern(with(dram, config::DramFidelity::kBurst), pattern, 80000, 512);
      const auto command = hardware::run_pattern(with(dram, config::DramFidelity::kCommand), pattern, 80000, 512);
      EXPECT_NEAR(burst.efficiency / command.efficiency, 1.0, 0.01) << name << ' ' << pattern;
      EXPECT_EQ(burst.counters.reads, command.counters.reads);
      EXPECT_EQ(burst.counters.writes, command.counters.writes);
    }
  }
}

// As a DMA engine sends them: chunks, several under way.
double seconds_of_chunks(const config::Dram& dram, std::int64_t chunk, bool is_write) {
  hardware::DramTiming timing(dram);
  const std::int64_t total = 1 << 20;
  std::vector<std::int64_t> done;
  std::int64_t now = 0, end = 0;
  for (std::int64_t at = 0; at < total; at += chunk) {
    if (done.size() >= 8) {
      now = std::max(now, done[done.size() - 8]);
    }
    done.push_back(timing.serve(now, at, chunk, is_write));
    end = std::max(end, done.back());
  }
  return static_cast<double>(std::max(end, timing.drain(end))) * 1e-12;
}

TEST(DramFidelity, DmaChunksAgreeWithinOnePercent) {
  for (const char* name : {"hbm2_2400", "hbm3_5200", "lpddr5_6400"}) {  // those of the chips
    config::Dram dram = config::shipped_memory(name).dram;
    dram.channels = 2;
    dram.scheduler.read_queue = dram.scheduler.write_queue = 256;
    for (const bool chip_mapping : {false, true}) {
      if (chip_mapping) {  // as chip files map
        dram.mapping.clear();
        dram.interleave = Bytes(1024);
      }
      for (const bool is_write : {false, true}) {
        const double burst = seconds_of_chunks(with(dram, config::DramFidelity::kBurst), 4096, is_write);
        const double command = seconds_of_chunks(with(dram, config::DramFidelity::kCommand), 4096, is_write);
        EXPECT_NEAR(burst / command, 1.0, 0.01)
            << name << (is_write ? " write" : " read") << (chip_mapping ? ", chip mapping" : "");
      }
    }
  }
}

}  // namespace
}  // namespace mantissa::testing
