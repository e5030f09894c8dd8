// SPDX-License-Identifier: Apache-2.0
// The unit of work of every chip: a tile that is loaded, multiplied, finished and stored. A mapper turns a kernel into
// one stream of tile tasks for each core; the hardware decides when each of them runs.
#pragma once
#include <array>
#include <cstdint>
#include <functional>

#include "base/units.h"

namespace mantissa::hardware {

// Where the far end of a transfer is.
enum class Level {
  kDram,    // straight from or to DRAM
  kShared,  // on-chip memory shared by the cores: data known to be there
  kCached,  // through the shared memory as a cache: there if an earlier transfer with the same key brought it
};

struct Transfer {
  Level level = Level::kDram;
  std::uint64_t address = 0;  // in DRAM
  Bytes bytes{};              // what crosses the core's port
  Bytes miss_bytes{};         // kCached: what a miss fetches from DRAM (less than bytes when tiles share data)
  std::uint64_t key = 0;      // kCached: names the block within the kernel
  bool to_shared = false;     // a load from DRAM that ends in the shared memory, past the core's port
};

struct TileTask {
  std::array<Transfer, 4> loads{};
  int load_count = 0;
  Cycles matrix{};           // matrix unit, once the loads are in
  Cycles vector{};           // vector unit, after the matrix work and before the next task (not overlapped)
  Cycles epilogue{};         // vector unit, after the matrix work; the next task's matrix work runs meanwhile
  bool has_results = false;  // the task ends with results that occupy a result buffer until they are stored
  Transfer store{};          // bytes 0: nothing to store
  Macs macs{}, mac_slots{};  // useful; multiplier-cycles taken, padding included
  Bytes staging_read{};      // operand bytes that the matrix unit reads from the staging buffer
  double vector_ops = 0, special_ops = 0;

  void add_load(const Transfer& transfer) { loads.at(static_cast<std::size_t>(load_count++)) = transfer; }
};

// A kernel as the cores run it. `next` hands out the tasks of a core in order and returns false after the last one; it
// is called when the core is ready to load another tile, so a schedule may share one queue among all cores.
struct Schedule {
  std::function<bool(int core, TileTask& task)> next;
  int depth = 2;           // tasks whose loads may be under way or waiting, the running one included
  int result_buffers = 2;  // 1: the matrix unit waits until the results have been drained
  Cycles start{};          // each core, before its first load (set-up of the kernel)
};

}  // namespace mantissa::hardware
