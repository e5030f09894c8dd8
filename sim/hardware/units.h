// SPDX-License-Identifier: Apache-2.0
// The parts of a core. Each is a SystemC module whose work is done in the thread of the core that calls it.
#pragma once
#include <boost/circular_buffer.hpp>
#include <deque>
#include <systemc>

#include "hardware/clock_domain.h"
#include "hardware/memory_system.h"
#include "hardware/tile_task.h"

namespace mantissa::hardware {

// Splits transfers into requests and keeps a bounded number of them in flight.
class Dma : public sc_core::sc_module {
 public:
  Dma(const sc_core::sc_module_name& name, const config::Dma& spec, MemorySystem& memory, int core);
  void set_clock(const ClockDomain& clock) { clock_ = clock; }
  // Issues all loads of a task, waiting where too many requests are in flight. Returns when the last byte will have
  // come.
  sc_core::sc_time load(const TileTask& task);
  sc_core::sc_time store(const Transfer& transfer);

 private:
  Transfer next_request(Transfer& rest) const;
  void wait_for_room();

  const config::Dma& spec_;
  MemorySystem& memory_;
  ClockDomain clock_;
  int core_;
  std::deque<sc_core::sc_time> in_flight_;
};

// Holds tiles that are loaded or on their way, in order; a slot is taken before the first load and freed when the tile
// is computed.
class StagingBuffer : public sc_core::sc_module {
 public:
  struct Tile {
    TileTask task;
    sc_core::sc_time ready;
  };

  explicit StagingBuffer(const sc_core::sc_module_name& name) : sc_module(name) {}
  void start(int slots);
  void take_slot();  // waits for a free slot
  void push(const TileTask& task, const sc_core::sc_time& ready);
  void end();  // no more tiles will come
  // Waits for the next tile, which stays in its slot until free_slot(); null: there are no more.
  const Tile* front();
  void free_slot();  // the front tile is done with

 private:
  int free_slots_ = 0;
  bool ended_ = false;
  boost::circular_buffer<Tile> tiles_;
  sc_core::sc_event slot_freed_, tile_pushed_;
};

// A unit that works on one thing at a time.
class ExecutionUnit : public sc_core::sc_module {
 public:
  explicit ExecutionUnit(const sc_core::sc_module_name& name) : sc_module(name) {}
  void set_clock(const ClockDomain& clock) { clock_ = clock; }
  bool busy() const { return free_at_ > sc_core::sc_time_stamp(); }
  // Waits until the unit is free, then while it works. Returns the time it worked.
  sc_core::sc_time work(Cycles cycles);

 private:
  ClockDomain clock_{Hertz(1e9)};
  sc_core::sc_time free_at_;
};

}  // namespace mantissa::hardware
