// SPDX-License-Identifier: Apache-2.0
#include "energy/counters.h"

#include <initializer_list>

namespace mantissa::energy {

void Counters::add(const Counters& other, std::int64_t times) {
  const auto add_cycles = [&](Cycles Timeline::*part) { timeline.*part += other.timeline.*part * times; };
  for (const auto part : {&Timeline::total, &Timeline::matrix, &Timeline::vector, &Timeline::wait_load,
                          &Timeline::wait_store, &Timeline::idle, &Timeline::overhead}) {
    add_cycles(part);
  }
  for (const auto count : {&Counters::macs, &Counters::mac_slots, &Counters::mac_capacity}) {
    this->*count += other.*count * times;
  }
  for (const auto bytes : {&Counters::dram_read, &Counters::dram_write, &Counters::shared_read, &Counters::shared_write,
                           &Counters::staging_read, &Counters::staging_write}) {
    this->*bytes += other.*bytes * times;
  }
  vector_ops += other.vector_ops * static_cast<double>(times);
  special_ops += other.special_ops * static_cast<double>(times);
  for (const auto count : {&DramCounters::activates, &DramCounters::reads, &DramCounters::writes,
                           &DramCounters::refreshes, &DramCounters::row_hits, &DramCounters::row_misses}) {
    dram.*count += other.dram.*count * times;
  }
  dram.read_bytes += other.dram.read_bytes * times;
  dram.write_bytes += other.dram.write_bytes * times;
}

}  // namespace mantissa::energy
