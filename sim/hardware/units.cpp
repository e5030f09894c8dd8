// SPDX-License-Identifier: Apache-2.0
#include "hardware/units.h"

#include <algorithm>

namespace mantissa::hardware {

using sc_core::sc_time;
using sc_core::sc_time_stamp;

Dma::Dma(const sc_core::sc_module_name& name, const config::Dma& spec, MemorySystem& memory, int core)
    : sc_module(name), spec_(spec), memory_(memory), clock_(Hertz(1e9)), core_(core) {}

// DRAM transfers are cut into requests so that cores share the memory fairly; shared memory is served whole.
Transfer Dma::next_request(Transfer& rest) const {
  Transfer request = rest;
  if (rest.level == Level::kDram) {
    request.bytes = std::min(rest.bytes, spec_.chunk);
  }
  rest.address += static_cast<std::uint64_t>(request.bytes.count());
  rest.bytes -= request.bytes;
  return request;
}

void Dma::wait_for_room() {
  while (!in_flight_.empty() && in_flight_.front() <= sc_time_stamp()) {
    in_flight_.pop_front();
  }
  if (static_cast<int>(in_flight_.size()) >= spec_.outstanding) {
    wait(in_flight_.front() - sc_time_stamp());
    in_flight_.pop_front();
  }
}

sc_time Dma::load(const TileTask& task) {
  sc_time ready = sc_time_stamp();
  for (int i = 0; i < task.load_count; ++i) {
    Transfer rest = task.loads[static_cast<std::size_t>(i)];
    while (rest.bytes > Bytes(0)) {
      wait_for_room();
      const sc_time done = memory_.load(core_, next_request(rest)) + clock_.to_time(spec_.setup);
      in_flight_.push_back(in_flight_.empty() ? done : std::max(done, in_flight_.back()));
      ready = std::max(ready, done);
    }
  }
  return ready;
}

sc_time Dma::store(const Transfer& transfer) {
  sc_time done = sc_time_stamp();
  Transfer rest = transfer;
  while (rest.bytes > Bytes(0)) {
    done = std::max(done, memory_.store(core_, next_request(rest)));
  }
  return done;
}

void StagingBuffer::start(int slots) {
  free_slots_ = slots;
  ended_ = false;
  tiles_.clear();
  tiles_.set_capacity(static_cast<std::size_t>(slots));
}

void StagingBuffer::take_slot() {
  while (free_slots_ == 0) {
    wait(slot_freed_);
  }
  --free_slots_;
}

void StagingBuffer::push(const TileTask& task, const sc_time& ready) {
  tiles_.push_back({task, ready});
  tile_pushed_.notify(sc_core::SC_ZERO_TIME);
}

void StagingBuffer::end() {
  ended_ = true;
  tile_pushed_.notify(sc_core::SC_ZERO_TIME);
}

const StagingBuffer::Tile* StagingBuffer::front() {
  while (tiles_.empty()) {
    if (ended_) {
      return nullptr;
    }
    wait(tile_pushed_);
  }
  return &tiles_.front();
}

void StagingBuffer::free_slot() {
  tiles_.pop_front();
  ++free_slots_;
  slot_freed_.notify(sc_core::SC_ZERO_TIME);
}

sc_time ExecutionUnit::work(Cycles cycles) {
  if (cycles == Cycles(0)) {
    return sc_core::SC_ZERO_TIME;
  }
  const sc_time duration = clock_.to_time(cycles);
  const sc_time start = std::max(sc_time_stamp(), free_at_);
  free_at_ = start + duration;
  wait(free_at_ - sc_time_stamp());
  return duration;
}

}  // namespace mantissa::hardware
