// SPDX-License-Identifier: Apache-2.0
// What stands between the cores and DRAM: each core's port, the on-chip memory that the cores share (a software-managed
// buffer or a cache), and the DRAM behind a TLM-2.0 socket. Any LT target can be bound to `dram_socket`.
//
// MODEL: ports and the shared memory are servers with a bandwidth; a transfer reserves its time on each of them when it
// is issued, in the order of issue. A cache holds whole blocks (the transfers' units), least recently used out first; a
// block under way is a hit that waits for it. Results written to a cache stay there; the mapper sends what does not fit
// to DRAM.
#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <list>
#include <systemc>
#include <unordered_map>
#include <vector>

#include "config/chip.h"
#include "energy/counters.h"
#include "hardware/clock_domain.h"
#include "hardware/tile_task.h"

namespace mantissa::hardware {

class MemorySystem : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<MemorySystem> dram_socket{"dram_socket"};

  MemorySystem(const sc_core::sc_module_name& name, const config::Chip& chip);

  void set_clock(const ClockDomain& clock) { clock_ = clock; }
  void forget_cached();  // empties the cache: a kernel starts cold

  // Starts a transfer now. Returns the time at which its last byte has arrived (load) or has been taken (store).
  sc_core::sc_time load(int core, const Transfer& transfer);
  sc_core::sc_time store(int core, const Transfer& transfer);

  // Byte counts since the last call.
  void collect(energy::Counters& counters);

 private:
  struct Block {
    sc_core::sc_time filled;
    Bytes bytes;
    std::list<std::uint64_t>::iterator age;
  };

  sc_core::sc_time access_dram(std::uint64_t address, Bytes bytes, bool write);
  sc_core::sc_time reserve_port(int core, Bytes bytes);
  sc_core::sc_time reserve_shared(Bytes bytes, bool write);
  sc_core::sc_time copy_to_shared(const Transfer& transfer);
  sc_core::sc_time lookup(const Transfer& transfer);

  const config::Chip& chip_;
  ClockDomain clock_;
  std::vector<sc_core::sc_time> port_free_;
  sc_core::sc_time shared_free_, copy_free_;
  std::unordered_map<std::uint64_t, Block> blocks_;
  std::list<std::uint64_t> ages_;  // oldest first
  Bytes cached_{};
  energy::Counters counters_;
};

}  // namespace mantissa::hardware
