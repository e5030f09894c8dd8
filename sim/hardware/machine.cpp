// SPDX-License-Identifier: Apache-2.0
#include "hardware/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace mantissa::hardware {

using sc_core::sc_time;
using sc_core::sc_time_stamp;

namespace {

energy::DramCounters difference(energy::DramCounters now, const energy::DramCounters& before) {
  now.activates -= before.activates;
  now.reads -= before.reads;
  now.writes -= before.writes;
  now.refreshes -= before.refreshes;
  now.row_hits -= before.row_hits;
  now.row_misses -= before.row_misses;
  now.read_bytes -= before.read_bytes;
  now.write_bytes -= before.write_bytes;
  return now;
}

}  // namespace

Machine::Machine(const sc_core::sc_module_name& name, const config::Chip& chip)
    : sc_module(name), clock_(chip.clock()), memory_("memory", chip), dram_("dram", chip.dram) {
  // The kernel's notes and warnings go to stdout, where results go; running a kernel that makes no event is none of a
  // user's worry.
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DO_NOTHING);
  memory_.dram_socket.bind(dram_.socket);
  for (int i = 0; i < chip.cores; ++i) {
    cores_.push_back(std::make_unique<Core>(fmt::format("core{}", i).c_str(), chip, memory_, i));
  }
}

void Machine::set_clock(Hertz frequency) {
  clock_ = ClockDomain(frequency);
  memory_.set_clock(clock_);
  for (auto& core : cores_) {
    core->set_clock(clock_);
  }
}

energy::Counters Machine::run(const Schedule& schedule, Cycles overhead) {
  sc_core::sc_start(sc_core::SC_ZERO_TIME);  // before the first kernel: every process reaches its first wait
  const energy::DramCounters dram_before = dram_.counters();
  const sc_time started = sc_time_stamp();
  memory_.forget_cached();
  for (auto& core : cores_) {
    core->start(schedule);
  }
  sc_core::sc_start();
  for (const auto& core : cores_) {
    if (!core->finished()) {
      throw std::logic_error("the simulation ran out of events before the kernel ended; " + core->describe());
    }
  }
  energy::Counters counters;
  counters.timeline = timeline(started, overhead);
  for (const auto& core : cores_) {
    const Core::Account& account = core->account();
    counters.macs += account.macs;
    counters.mac_slots += account.mac_slots;
    counters.staging_read += account.staging_read;
    counters.vector_ops += account.vector_ops;
    counters.special_ops += account.special_ops;
  }
  memory_.collect(counters);
  dram_.drain();
  counters.dram = difference(dram_.counters(), dram_before);
  return counters;
}

// Averages the cores' accounts. Rounding to whole cycles leaves a few over; the largest part takes them, so that the
// parts sum to the total.
energy::Timeline Machine::timeline(const sc_time& started, Cycles overhead) const {
  sc_time end = started;
  for (const auto& core : cores_) {
    end = std::max(end, core->finish_time());
  }
  std::array<double, 6> seconds{};  // matrix, vector, wait_load, wait_store, idle, overhead
  for (const auto& core : cores_) {
    const Core::Account& a = core->account();
    const std::array<sc_time, 6> parts{a.matrix,  a.vector, a.wait_load, a.wait_store, end - core->finish_time(),
                                       a.overhead};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      seconds[i] += parts[i].to_seconds() / static_cast<double>(cores_.size());
    }
  }
  energy::Timeline t;
  t.total = clock_.to_cycles(end - started) + overhead;
  const std::array<Cycles*, 6> fields{&t.matrix, &t.vector, &t.wait_load, &t.wait_store, &t.idle, &t.overhead};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    *fields[i] = Cycles(static_cast<std::int64_t>(seconds[i] * clock_.frequency().count()));
  }
  t.overhead += overhead;
  **std::max_element(fields.begin(), fields.end(), [](const Cycles* a, const Cycles* b) { return *a < *b; }) +=
      t.total - t.sum();
  return t;
}

}  // namespace mantissa::hardware
