// SPDX-License-Identifier: Apache-2.0
// A core: tiles come from memory through the staging buffer, are multiplied in the matrix unit, finished in the vector
// unit and put back.
//
//   prefetch_tiles --(staging buffer, `depth` slots)--> compute_tiles --(`result_buffers`)--> drain_results
//     dma loads                                      matrix unit, vector unit              vector unit, dma stores
//
// Three processes for a core and none below it. Double buffering, stalls and contention are what these three do to each
// other: there is no overlap factor. The time of compute_tiles is split without rest into the parts of
// energy::Timeline.
#pragma once
#include <deque>
#include <systemc>

#include "config/chip.h"
#include "energy/counters.h"
#include "hardware/units.h"

namespace mantissa::hardware {

class Core : public sc_core::sc_module {
 public:
  Core(const sc_core::sc_module_name& name, const config::Chip& chip, MemorySystem& memory, int index);

  void set_clock(const ClockDomain& clock);
  // Begins a schedule at the current time; the schedule must live until finished().
  void start(const Schedule& schedule);
  bool finished() const { return finished_; }
  sc_core::sc_time finish_time() const { return finish_time_; }
  std::string describe() const;  // where its processes stand, for a simulation that did not finish

  // How compute_tiles spent its time since start(), and what it did.
  struct Account {
    sc_core::sc_time matrix, vector, wait_load, wait_store, overhead;
    Macs macs{}, mac_slots{};
    Bytes staging_read{};
    double vector_ops = 0, special_ops = 0;
  };
  const Account& account() const { return account_; }

 private:
  void prefetch_tiles();
  void compute_tiles();
  void drain_results();
  void compute(const TileTask& task);
  void wait_for_result_buffer();
  void account_exposed_drain(const sc_core::sc_time& since);
  void finish();

  int index_;

  Dma dma_;
  StagingBuffer staging_{"staging"};
  ExecutionUnit matrix_unit_{"matrix_unit"};
  ExecutionUnit vector_unit_{"vector_unit"};

  ClockDomain clock_;
  const Schedule* schedule_ = nullptr;
  Account account_;
  bool finished_ = true;
  bool computed_ = false;  // compute_tiles has seen the last tile
  sc_core::sc_time computed_at_, epilogue_end_, finish_time_;
  int free_result_buffers_ = 0;
  std::deque<TileTask> results_;
  sc_core::sc_event started_, result_queued_, result_drained_;
};

}  // namespace mantissa::hardware
