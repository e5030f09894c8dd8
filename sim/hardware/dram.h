// SPDX-License-Identifier: Apache-2.0
// The DRAM behind a TLM-2.0 target socket: a thin shell around DramTiming.
//
// What an initiator may rely on (any other loosely timed SystemC memory that keeps this can take its place):
//   - b_transport with a plain generic payload: TLM_READ_COMMAND or TLM_WRITE_COMMAND, address, data length of at
//   least 1. No extensions,
//     no byte enables, streaming width equal to the length. The data pointer may be null: no data is carried, only
//     time.
//   - A transaction may have any length and alignment; the memory splits it.
//   - `delay` on entry is when the request arrives, relative to sc_time_stamp(); on return it has grown to when the
//   last byte is there
//     (read) or accepted (write). The target never waits and spends no SystemC event; the initiator waits for `delay`.
//   - Requests are served in the order of the calls, so initiators should not run ahead of one another in time.
//   - An address beyond the capacity returns TLM_ADDRESS_ERROR_RESPONSE, another command TLM_COMMAND_ERROR_RESPONSE, a
//   length of 0
//     TLM_BURST_ERROR_RESPONSE, byte enables TLM_BYTE_ENABLE_ERROR_RESPONSE; `delay` is then unchanged.
#pragma once
#include <tlm_utils/simple_target_socket.h>

#include <systemc>

#include "hardware/dram_timing.h"

namespace mantissa::hardware {

class Dram : public sc_core::sc_module {
 public:
  Dram(const sc_core::sc_module_name& name, const config::Dram& dram);

  tlm_utils::simple_target_socket<Dram> socket{"socket"};

  // Writes what is still buffered; returns when the last of it is in the banks.
  sc_core::sc_time drain();
  // Commands and bytes so far, refreshes up to now. Call drain() before the final reading.
  energy::DramCounters counters() const;
  sc_core::sc_time busy(int channel) const;  // the channel's data bus carried data
  int channels() const { return timing_.channels(); }

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  std::int64_t capacity_;
  DramTiming timing_;
};

}  // namespace mantissa::hardware
