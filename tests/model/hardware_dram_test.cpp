// SPDX-License-Identifier: Apache-2.0
// The TLM-2.0 shell of the DRAM: its contract with initiators, and that it says what DramTiming says.
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include "hardware/dram.h"
#include "support/dram_sets.h"

namespace mantissa::testing {
namespace {

using sc_core::sc_time;

struct Initiator : sc_core::sc_module {
  Initiator(const sc_core::sc_module_name& name, std::function<void(Initiator&)> job)
      : sc_module(name), job_(std::move(job)) {
    SC_HAS_PROCESS(Initiator);
    SC_THREAD(do_job);
  }
  void do_job() { job_(*this); }
  tlm::tlm_response_status request(std::uint64_t address, unsigned bytes, tlm::tlm_command command, sc_time& delay) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    socket->b_transport(payload, delay);
    return payload.get_response_status();
  }
  tlm_utils::simple_initiator_socket<Initiator> socket{"socket"};
  std::function<void(Initiator&)> job_;
};

TEST(Dram, AnnotatesTheDelayOfTheTimingModel) {
  const config::Dram spec = hbm2_2400(2);
  hardware::Dram dram("dram", spec);
  hardware::DramTiming same(spec);
  bool ran = false;
  Initiator initiator("initiator", [&](Initiator& self) {
    std::mt19937_64 rng(1);
    for (int i = 0; i < 200; ++i) {
      const auto bytes = static_cast<unsigned>(1 + rng() % 20000);
      const std::uint64_t address = rng() % (1 << 28);
      const bool is_write = i % 3 == 0;
      sc_time delay(5, sc_core::SC_NS);
      const auto arrival = static_cast<std::int64_t>((sc_core::sc_time_stamp() + delay).value());  // ps
      ASSERT_EQ(self.request(address, bytes, is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, delay),
                tlm::TLM_OK_RESPONSE);
      const std::int64_t done = same.serve(arrival, static_cast<std::int64_t>(address), bytes, is_write);
      EXPECT_EQ(static_cast<std::int64_t>((sc_core::sc_time_stamp() + delay).value()), done);
      sc_core::wait(delay);
    }
    ran = true;
  });
  initiator.socket.bind(dram.socket);
  sc_core::sc_start();
  EXPECT_TRUE(ran);
  const auto now = static_cast<std::int64_t>(sc_core::sc_time_stamp().value());
  EXPECT_EQ(static_cast<std::int64_t>(dram.drain().value()), same.drain(now));
  EXPECT_EQ(dram.counters().activates, same.counters(now).activates);
  EXPECT_EQ(dram.counters().read_bytes, same.counters(now).read_bytes);
  EXPECT_EQ(static_cast<std::int64_t>(dram.busy(1).value()), same.busy_ps(1));
}

// The command-by-command model behind the same socket: the answer is there at the call, and the counters follow.
TEST(Dram, CommandFidelityKeepsTheContract) {
  config::Dram spec = hbm2_2000();
  spec.fidelity = config::DramFidelity::kCommand;
  spec.activate_command_cycles = 2;
  hardware::Dram dram("dram", spec);
  Initiator initiator("initiator", [&](Initiator& self) {
    sc_time delay;
    self.request(0, 32, tlm::TLM_READ_COMMAND, delay);
    EXPECT_EQ(delay, sc_time(14 + 14 + 2, sc_core::SC_NS));  // tRCD + tCL + burst
    sc_core::wait(delay);
    delay = sc_core::SC_ZERO_TIME;
    self.request(32, 32, tlm::TLM_READ_COMMAND, delay);
    EXPECT_EQ(delay, sc_time(14 + 2, sc_core::SC_NS));  // the row is open
    sc_core::wait(delay);
    delay = sc_core::SC_ZERO_TIME;
    self.request(4096, 4096, tlm::TLM_WRITE_COMMAND, delay);
    EXPECT_LT(delay, sc_time(1, sc_core::SC_US));
  });
  initiator.socket.bind(dram.socket);
  sc_core::sc_start();
  EXPECT_GT(dram.drain(), sc_core::SC_ZERO_TIME);
  EXPECT_EQ(dram.counters().reads, 2);
  EXPECT_EQ(dram.counters().writes, 4096 / 32);
  EXPECT_EQ(dram.counters().write_bytes, Bytes(4096));
}

TEST(Dram, ControllerLatencyIsAddedOnceToEachRequest) {
  config::Dram spec = hbm2_2000();
  spec.controller_latency_ns = 60;
  hardware::Dram dram("dram", spec);
  Initiator initiator("initiator", [&](Initiator& self) {
    sc_time delay;
    self.request(0, 32, tlm::TLM_READ_COMMAND, delay);
    EXPECT_EQ(delay, sc_time(60 + 14 + 14 + 2, sc_core::SC_NS));  // tRCD + tCL + burst
  });
  initiator.socket.bind(dram.socket);
  sc_core::sc_start();
}

TEST(Dram, RefusesWhatTheContractExcludes) {
  const config::Dram spec = hbm2_2000();
  hardware::Dram dram("dram", spec);
  Initiator initiator("initiator", [&](Initiator& self) {
    sc_time delay(7, sc_core::SC_NS);
    const auto capacity = static_cast<std::uint64_t>(spec.capacity.count());
    EXPECT_EQ(self.request(capacity - 16, 32, tlm::TLM_READ_COMMAND, delay), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(self.request(~std::uint64_t{0}, 32, tlm::TLM_READ_COMMAND, delay), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(self.request(0, 0, tlm::TLM_READ_COMMAND, delay), tlm::TLM_BURST_ERROR_RESPONSE);
    EXPECT_EQ(self.request(0, 32, tlm::TLM_IGNORE_COMMAND, delay), tlm::TLM_COMMAND_ERROR_RESPONSE);
    EXPECT_EQ(delay, sc_time(7, sc_core::SC_NS));
  });
  initiator.socket.bind(dram.socket);
  sc_core::sc_start();
  EXPECT_EQ(dram.counters().reads, 0);
}

// Two initiators at the same time get together what one would get alone.
TEST(Dram, InitiatorsShareTheBandwidth) {
  const config::Dram spec = hbm2_2000();
  hardware::Dram dram("dram", spec);
  const unsigned piece = 1 << 16;
  sc_time end[2];
  const auto stream = [&](int which) {
    return [&, which](Initiator& self) {
      for (unsigned i = 0; i < 100; ++i) {
        sc_time delay;
        self.request((static_cast<std::uint64_t>(which) << 24) + i * piece, piece, tlm::TLM_READ_COMMAND, delay);
        sc_core::wait(delay);
      }
      end[which] = sc_core::sc_time_stamp();
    };
  };
  struct Join : sc_core::sc_module {  // an interconnect without time of its own
    explicit Join(const sc_core::sc_module_name& name) : sc_module(name) {
      first.register_b_transport(this, &Join::pass);
      second.register_b_transport(this, &Join::pass);
    }
    void pass(tlm::tlm_generic_payload& payload, sc_time& delay) { out->b_transport(payload, delay); }
    tlm_utils::simple_target_socket<Join> first{"first"}, second{"second"};
    tlm_utils::simple_initiator_socket<Join> out{"out"};
  };
  Join join("join");
  Initiator a("a", stream(0));
  Initiator b("b", stream(1));
  a.socket.bind(join.first);
  b.socket.bind(join.second);
  join.out.bind(dram.socket);
  sc_core::sc_start();
  const double bytes = 2.0 * 100 * piece;
  const double seconds = std::max(end[0], end[1]).to_seconds();
  EXPECT_LE(bytes / seconds, spec.peak().count());
  EXPECT_GE(bytes / seconds, 0.85 * spec.peak().count());
  EXPECT_LT(std::abs(end[0].to_seconds() - end[1].to_seconds()), 0.05 * seconds);
}

}  // namespace
}  // namespace mantissa::testing
