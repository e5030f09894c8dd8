// SPDX-License-Identifier: Apache-2.0
// A whole chip in SystemC: cores, memory system and DRAM, bound together. It runs one kernel after the other; simulated
// time goes on from kernel to kernel. One machine per SystemC kernel (sc_simcontext), which elaborates once.
#pragma once
#include <memory>
#include <systemc>
#include <vector>

#include "config/chip.h"
#include "energy/counters.h"
#include "hardware/core.h"
#include "hardware/dram.h"
#include "hardware/memory_system.h"

namespace mantissa::hardware {

class Machine : public sc_core::sc_module {
 public:
  Machine(const sc_core::sc_module_name& name, const config::Chip& chip);

  void set_clock(Hertz frequency);
  // Runs a kernel to its end, from an empty cache. `overhead` is what the kernel costs before the cores start
  // (dispatch); it is part of the total. Throws std::logic_error, with what every unit was waiting for, if the cores do
  // not finish.
  energy::Counters run(const Schedule& schedule, Cycles overhead);

 private:
  energy::Timeline timeline(const sc_core::sc_time& started, Cycles overhead) const;

  ClockDomain clock_;
  MemorySystem memory_;
  Dram dram_;
  std::vector<std::unique_ptr<Core>> cores_;
};

}  // namespace mantissa::hardware
