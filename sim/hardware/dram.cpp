// SPDX-License-Identifier: Apache-2.0
#include "hardware/dram.h"

namespace mantissa::hardware {
namespace {

using sc_core::sc_time;

std::int64_t to_ps(const sc_time& t) {
  static const auto per_ps =
      static_cast<std::int64_t>(sc_time(1, sc_core::SC_PS).value());  // kernel resolution: 1 ps or finer
  return static_cast<std::int64_t>(t.value()) / per_ps;
}

sc_time from_ps(std::int64_t ps) {
  return sc_time(static_cast<double>(ps), sc_core::SC_PS);
}

}  // namespace

Dram::Dram(const sc_core::sc_module_name& name, const config::Dram& dram)
    : sc_core::sc_module(name), capacity_(dram.capacity.count()), timing_(dram) {
  socket.register_b_transport(this, &Dram::b_transport);
}

void Dram::b_transport(tlm::tlm_generic_payload& payload, sc_time& delay) {
  const auto bytes = static_cast<std::int64_t>(payload.get_data_length());
  const std::uint64_t address = payload.get_address();
  payload.set_dmi_allowed(false);
  if (payload.get_command() == tlm::TLM_IGNORE_COMMAND) {
    payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
    return;
  }
  if (payload.get_byte_enable_ptr() != nullptr) {
    payload.set_response_status(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    return;
  }
  if (bytes == 0) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  if (address >= static_cast<std::uint64_t>(capacity_) || bytes > capacity_ - static_cast<std::int64_t>(address)) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  const std::int64_t arrival = to_ps(sc_core::sc_time_stamp() + delay);
  const std::int64_t done = timing_.serve(arrival, static_cast<std::int64_t>(address), bytes, payload.is_write());
  delay += from_ps(done - arrival);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

sc_time Dram::drain() {
  return from_ps(timing_.drain(to_ps(sc_core::sc_time_stamp())));
}

energy::DramCounters Dram::counters() const {
  return timing_.counters(to_ps(sc_core::sc_time_stamp()));
}

sc_time Dram::busy(int channel) const {
  return from_ps(timing_.busy_ps(channel));
}

}  // namespace mantissa::hardware
