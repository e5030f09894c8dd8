// SPDX-License-Identifier: Apache-2.0
#include "hardware/core.h"

#include <fmt/format.h>

#include <algorithm>

namespace mantissa::hardware {

using sc_core::sc_time;
using sc_core::sc_time_stamp;

Core::Core(const sc_core::sc_module_name& name, const config::Chip& chip, MemorySystem& memory, int index)
    : sc_module(name), index_(index), dma_("dma", chip.dma, memory, index), clock_(chip.clock()) {
  SC_HAS_PROCESS(Core);
  set_clock(clock_);
  SC_THREAD(prefetch_tiles);
  SC_THREAD(compute_tiles);
  SC_THREAD(drain_results);
}

void Core::set_clock(const ClockDomain& clock) {
  clock_ = clock;
  dma_.set_clock(clock);
  matrix_unit_.set_clock(clock);
  vector_unit_.set_clock(clock);
}

void Core::start(const Schedule& schedule) {
  schedule_ = &schedule;
  account_ = {};
  finished_ = computed_ = false;
  free_result_buffers_ = schedule.result_buffers;
  staging_.start(schedule.depth);
  started_.notify(sc_core::SC_ZERO_TIME);
}

std::string Core::describe() const {
  return fmt::format("{}: {}, {} results to drain, {} result buffers free", name(),
                     computed_ ? "last tile computed" : "waiting for a tile", results_.size(), free_result_buffers_);
}

void Core::prefetch_tiles() {
  while (true) {
    wait(started_);
    if (schedule_->start > Cycles(0)) {
      wait(clock_.to_time(schedule_->start));
    }
    TileTask task;
    staging_.take_slot();
    while (task = TileTask{}, schedule_->next(index_, task)) {
      staging_.push(task, dma_.load(task));
      staging_.take_slot();
    }
    staging_.end();
  }
}

void Core::compute_tiles() {
  while (true) {
    wait(started_);
    account_.overhead = clock_.to_time(schedule_->start);
    if (account_.overhead > sc_core::SC_ZERO_TIME) {
      wait(account_.overhead);
    }
    sc_time idle_since = sc_time_stamp();
    while (const StagingBuffer::Tile* tile = staging_.front()) {
      if (tile->ready > sc_time_stamp()) {
        wait(tile->ready - sc_time_stamp());
      }
      account_.wait_load += sc_time_stamp() - idle_since;
      compute(tile->task);
      idle_since = sc_time_stamp();
    }
    account_.wait_load += sc_time_stamp() - idle_since;
    computed_ = true;
    computed_at_ = sc_time_stamp();
    result_queued_.notify(sc_core::SC_ZERO_TIME);
  }
}

void Core::compute(const TileTask& task) {
  account_.matrix += matrix_unit_.work(task.matrix);
  const sc_time before = sc_time_stamp();
  vector_unit_.work(task.vector);
  account_.vector += sc_time_stamp() - before;
  account_.macs += task.macs;
  account_.mac_slots += task.mac_slots;
  account_.staging_read += task.staging_read;
  account_.vector_ops += task.vector_ops;
  account_.special_ops += task.special_ops;
  const bool has_results = task.has_results;
  if (has_results) {
    --free_result_buffers_;
    results_.push_back(task);
    result_queued_.notify(sc_core::SC_ZERO_TIME);
  }
  staging_.free_slot();  // ends the life of `task`
  if (has_results) {
    wait_for_result_buffer();
  }
}

// The matrix unit needs somewhere to put the next tile's results. The wait counts as vector time until the epilogue
// that is in the way has ended, and as waiting for the store after that.
void Core::wait_for_result_buffer() {
  while (free_result_buffers_ == 0) {
    const sc_time before = sc_time_stamp();
    wait(result_drained_);
    account_exposed_drain(before);
  }
}

// The results drained just now held the core up since `since`.
void Core::account_exposed_drain(const sc_time& since) {
  const sc_time middle = std::clamp(epilogue_end_, since, sc_time_stamp());
  account_.vector += middle - since;
  account_.wait_store += sc_time_stamp() - middle;
}

void Core::drain_results() {
  while (true) {
    while (results_.empty()) {
      if (computed_ && !finished_) {
        finish();
      }
      wait(result_queued_);
    }
    const TileTask task = results_.front();
    const sc_time before = sc_time_stamp();
    vector_unit_.work(task.epilogue);
    epilogue_end_ = sc_time_stamp();
    const sc_time stored = dma_.store(task.store);
    if (stored > epilogue_end_) {
      wait(stored - epilogue_end_);
    }
    results_.pop_front();
    ++free_result_buffers_;
    result_drained_.notify(sc_core::SC_ZERO_TIME);
    if (computed_) {  // nothing was computed meanwhile: this is the tail of the kernel
      account_exposed_drain(std::max(before, computed_at_));
    }
  }
}

void Core::finish() {
  finished_ = true;
  finish_time_ = sc_time_stamp();
}

}  // namespace mantissa::hardware
