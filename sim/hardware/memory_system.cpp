// SPDX-License-Identifier: Apache-2.0
#include "hardware/memory_system.h"

#include <algorithm>

#include "base/error.h"

namespace mantissa::hardware {

using sc_core::sc_time;
using sc_core::sc_time_stamp;

MemorySystem::MemorySystem(const sc_core::sc_module_name& name, const config::Chip& chip)
    : sc_module(name), chip_(chip), clock_(chip.clock()), port_free_(static_cast<std::size_t>(chip.cores)) {}

void MemorySystem::forget_cached() {
  blocks_.clear();
  ages_.clear();
  cached_ = Bytes(0);
}

sc_time MemorySystem::access_dram(std::uint64_t address, Bytes bytes, bool write) {
  tlm::tlm_generic_payload payload;
  payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload.set_address(address);
  payload.set_data_length(static_cast<unsigned>(bytes.count()));
  payload.set_streaming_width(static_cast<unsigned>(bytes.count()));
  sc_time delay = sc_core::SC_ZERO_TIME;
  dram_socket->b_transport(payload, delay);
  check(payload.is_response_ok(), "the DRAM refused a transaction");
  (write ? counters_.dram_write : counters_.dram_read) += bytes;
  return sc_time_stamp() + delay;
}

sc_time MemorySystem::reserve_port(int core, Bytes bytes) {
  sc_time& free = port_free_[static_cast<std::size_t>(core)];
  free =
      std::max(free, sc_time_stamp()) + clock_.to_time(static_cast<double>(bytes.count()) / chip_.dma.bytes_per_cycle);
  return free;
}

sc_time MemorySystem::reserve_shared(Bytes bytes, bool write) {
  shared_free_ = std::max(shared_free_, sc_time_stamp()) +
                 clock_.to_time(static_cast<double>(bytes.count()) / chip_.shared.bytes_per_cycle);
  (write ? counters_.shared_write : counters_.shared_read) += bytes;
  return shared_free_ + clock_.to_time(chip_.shared.latency);
}

sc_time MemorySystem::lookup(const Transfer& transfer) {
  if (const auto found = blocks_.find(transfer.key); found != blocks_.end()) {
    ages_.splice(ages_.end(), ages_, found->second.age);
    return found->second.filled;
  }
  const sc_time filled = access_dram(transfer.address, transfer.miss_bytes, false);
  ages_.push_back(transfer.key);
  blocks_.emplace(transfer.key, Block{filled, transfer.miss_bytes, std::prev(ages_.end())});
  cached_ += transfer.miss_bytes;
  counters_.shared_write += transfer.miss_bytes;
  while (cached_ > chip_.shared.capacity && ages_.size() > 1) {
    const auto oldest = blocks_.find(ages_.front());
    cached_ -= oldest->second.bytes;
    blocks_.erase(oldest);
    ages_.pop_front();
  }
  return filled;
}

sc_time MemorySystem::copy_to_shared(const Transfer& transfer) {
  copy_free_ = std::max(copy_free_, sc_time_stamp()) +
               clock_.to_time(static_cast<double>(transfer.bytes.count()) / chip_.dma.copy_bytes_per_cycle);
  const sc_time read = access_dram(transfer.address, transfer.bytes, false);
  return std::max({copy_free_, read + clock_.to_time(chip_.shared.latency), reserve_shared(transfer.bytes, true)});
}

sc_time MemorySystem::load(int core, const Transfer& transfer) {
  if (transfer.to_shared) {
    return copy_to_shared(transfer);
  }
  counters_.staging_write += transfer.bytes;
  const sc_time port = reserve_port(core, transfer.bytes);
  switch (transfer.level) {
    case Level::kDram:
      return std::max(port, access_dram(transfer.address, transfer.bytes, false));
    case Level::kShared:
      return std::max(port, reserve_shared(transfer.bytes, false));
    case Level::kCached: {
      const sc_time filled = lookup(transfer) + clock_.to_time(chip_.shared.latency);
      return std::max({port, filled, reserve_shared(transfer.bytes, false)});
    }
  }
  throw std::logic_error("unknown memory level");
}

sc_time MemorySystem::store(int core, const Transfer& transfer) {
  counters_.staging_read += transfer.bytes;
  const sc_time port = reserve_port(core, transfer.bytes);
  if (transfer.level == Level::kDram) {
    return std::max(port, access_dram(transfer.address, transfer.bytes, true));
  }
  return std::max(port, reserve_shared(transfer.bytes, true));
}

void MemorySystem::collect(energy::Counters& counters) {
  counters.dram_read += counters_.dram_read;
  counters.dram_write += counters_.dram_write;
  counters.shared_read += counters_.shared_read;
  counters.shared_write += counters_.shared_write;
  counters.staging_read += counters_.staging_read;
  counters.staging_write += counters_.staging_write;
  counters_ = {};
}

}  // namespace mantissa::hardware
