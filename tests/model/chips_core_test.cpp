// SPDX-License-Identifier: Apache-2.0
// One core in front of a memory of fixed latency: does overlap come out of the pipeline as the formulas say?
#include <gtest/gtest.h>
#include <tlm_utils/simple_target_socket.h>

#include <systemc>

#include "hardware/core.h"
#include "support/chips.h"

namespace mantissa::hardware {
namespace {

using sc_core::sc_time;

// A memory that is not ours: any loosely timed target can stand behind the memory system.
class FixedLatency : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<FixedLatency> socket{"socket"};
  FixedLatency(const sc_core::sc_module_name& name, sc_time latency) : sc_module(name), latency_(latency) {
    socket.register_b_transport(this, &FixedLatency::b_transport);
  }
  int transactions = 0;

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_time& delay) {
    ++transactions;
    delay += latency_;
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  sc_time latency_;
};

// One core at 1 GHz, so that a cycle is a nanosecond; its port moves 64 bytes per cycle.
class CoreTest : public ::testing::Test {
 protected:
  static constexpr int kLatency = 50;

  CoreTest() {
    chip_.cores = 1;
    chip_.clock_mhz = 1000;
    chip_.dma = {Bytes(1 << 20), 1000, Bytes(64), 64, Cycles(0)};
    chip_.shared = {Bytes(1 << 20), 128, Cycles(10), 0};
    memory_ = std::make_unique<MemorySystem>("memory", chip_);
    target_ = std::make_unique<FixedLatency>("target", sc_time(kLatency, sc_core::SC_NS));
    memory_->dram_socket.bind(target_->socket);
    core_ = std::make_unique<Core>("core", chip_, *memory_, 0);
  }

  // Runs `count` equal tasks and returns the cycles until the last result is stored.
  std::int64_t run(const TileTask& task, int count, int depth, int result_buffers = 2) {
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    Schedule schedule;
    schedule.depth = depth;
    schedule.result_buffers = result_buffers;
    schedule.next = [&, left = count](int, TileTask& next) mutable {
      next = task;
      return left-- > 0;
    };
    const sc_time start = sc_core::sc_time_stamp();
    core_->start(schedule);
    sc_core::sc_start();
    EXPECT_TRUE(core_->finished());
    return std::llround((core_->finish_time() - start).to_seconds() * 1e9);
  }

  static TileTask task(std::int64_t load_cycles, std::int64_t matrix, std::int64_t epilogue = 0) {
    TileTask t;
    t.add_load({Level::kDram, 0, Bytes(load_cycles * 64), Bytes(0), 0});
    t.matrix = Cycles(matrix);
    t.epilogue = Cycles(epilogue);
    t.has_results = true;
    return t;
  }

  config::Chip chip_;
  std::unique_ptr<MemorySystem> memory_;
  std::unique_ptr<FixedLatency> target_;
  std::unique_ptr<Core> core_;
};

TEST_F(CoreTest, DoubleBufferingHidesLoadsBehindMatrixWork) {
  EXPECT_EQ(run(task(100, 200), 10, 2), 100 + 10 * 200);
}

TEST_F(CoreTest, WithoutDoubleBufferingLoadsAndWorkAlternate) {
  EXPECT_EQ(run(task(100, 200), 10, 1), 10 * (100 + 200));
}

TEST_F(CoreTest, LoadsSetThePaceWhenTheyTakeLonger) {
  EXPECT_EQ(run(task(300, 100), 10, 2), 10 * 300 + 100);
}

TEST_F(CoreTest, DeepPrefetchHidesLatencyThatAShallowOneShows) {
  // A load takes max(port, latency) = 50 cycles, the work 10: four slots keep the port busy, one slot pays the latency
  // every time.
  EXPECT_EQ(run(task(10, 10), 10, 1), 10 * (kLatency + 10));
  EXPECT_EQ(run(task(10, 10), 100, 8), kLatency + 100 * 10);
}

TEST_F(CoreTest, OneResultBufferExposesTheEpilogue) {
  EXPECT_EQ(run(task(10, 100, 60), 10, 2, 1), kLatency + 10 * (100 + 60));
  EXPECT_EQ(core_->account().vector, sc_time(10 * 60, sc_core::SC_NS));
}

TEST_F(CoreTest, TwoResultBuffersHideTheEpilogue) {
  EXPECT_EQ(run(task(10, 100, 60), 10, 2, 2), kLatency + 10 * 100 + 60);
  EXPECT_EQ(core_->account().vector, sc_time(60, sc_core::SC_NS));
}

TEST_F(CoreTest, AccountsForEveryCycleUntilItFinishes) {
  TileTask t = task(70, 40, 90);
  t.vector = Cycles(25);
  t.store = {Level::kDram, 0, Bytes(64 * 30), Bytes(0), 0};
  for (const int buffers : {1, 2}) {
    const std::int64_t cycles = run(t, 7, 2, buffers);
    const auto& a = core_->account();
    EXPECT_EQ(std::llround((a.matrix + a.vector + a.wait_load + a.wait_store + a.overhead).to_seconds() * 1e9), cycles);
    EXPECT_EQ(a.matrix, sc_time(7 * 40, sc_core::SC_NS));
  }
}

TEST_F(CoreTest, LargeTransfersAreCutIntoRequests) {
  chip_.dma.chunk = Bytes(4096);
  run(task(640, 10), 1, 2);  // 40,960 bytes
  EXPECT_EQ(target_->transactions, 10);
}

TEST_F(CoreTest, RequestsInFlightAreBounded) {
  chip_.dma.chunk = Bytes(64);
  chip_.dma.outstanding = 2;
  // Two requests of one cycle each per latency of 50: 20 requests take ten latencies.
  EXPECT_GE(run(task(20, 1), 1, 2), 10 * kLatency);
}

TEST_F(CoreTest, ABlockFetchedOnceIsAHitAfterwards) {
  TileTask t;
  t.add_load({Level::kCached, 4096, Bytes(6400), Bytes(6400), 7});
  t.matrix = Cycles(1);
  run(t, 5, 2);
  EXPECT_EQ(target_->transactions, 1);
  energy::Counters counters;
  memory_->collect(counters);
  EXPECT_EQ(counters.dram_read, Bytes(6400));
  EXPECT_EQ(counters.shared_read, Bytes(5 * 6400));
}

TEST_F(CoreTest, TheLeastRecentlyUsedBlockLeavesAFullCache) {
  chip_.shared.capacity = Bytes(2 * 6400);
  const auto touch = [&](std::uint64_t key) {
    TileTask t;
    t.add_load({Level::kCached, 0, Bytes(6400), Bytes(6400), key});
    t.matrix = Cycles(1);
    run(t, 1, 2);
    return target_->transactions;
  };
  EXPECT_EQ(touch(1), 1);
  EXPECT_EQ(touch(2), 2);
  EXPECT_EQ(touch(1), 2);
  EXPECT_EQ(touch(3), 3);  // puts out 2
  EXPECT_EQ(touch(1), 3);
  EXPECT_EQ(touch(2), 4);
}

}  // namespace
}  // namespace mantissa::hardware
