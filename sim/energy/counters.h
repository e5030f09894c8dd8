// SPDX-License-Identifier: Apache-2.0
// What a simulated kernel did, counted by the hardware models: the input of energy and of every report. Cycles are of
// the chip's clock. Time of one core is split without rest: matrix + vector + the waits + idle + overhead = total.
#pragma once
#include "base/units.h"

namespace mantissa::energy {

// Where the cycles of the cores went, averaged over the cores. The parts sum to `total` exactly (the largest takes the
// rest).
struct Timeline {
  Cycles total{};
  Cycles matrix{};      // matrix unit works
  Cycles vector{};      // vector unit works while the matrix unit does not
  Cycles wait_load{};   // operands are still on their way
  Cycles wait_store{};  // results cannot leave
  Cycles idle{};        // this core has no tile (load imbalance, last wave)
  Cycles overhead{};    // dispatch, launch, prologue, epilogue barriers
  Cycles sum() const { return matrix + vector + wait_load + wait_store + idle + overhead; }
};

struct DramCounters {
  std::int64_t activates = 0, reads = 0, writes = 0, refreshes = 0;  // commands; reads and writes are bursts
  std::int64_t row_hits = 0, row_misses = 0;                         // of row-sized runs
  Bytes read_bytes{}, write_bytes{};
};

struct Counters {
  Timeline timeline;
  Macs macs{};          // useful multiply-accumulates
  Macs mac_slots{};     // multiplier-cycles that were busy, padding included (busy cycles x MACs per cycle)
  Macs mac_capacity{};  // multipliers x total cycles
  Bytes dram_read{}, dram_write{};
  Bytes shared_read{}, shared_write{};    // L2 data buffer, CMEM, L2 cache
  Bytes staging_read{}, staging_write{};  // kernel/data buffers, VMEM, shared memory
  double vector_ops = 0, special_ops = 0;
  DramCounters dram;
  void add(const Counters& other, std::int64_t times = 1);
};

}  // namespace mantissa::energy
