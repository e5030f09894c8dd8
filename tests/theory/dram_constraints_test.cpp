// SPDX-License-Identifier: Apache-2.0
// Every command that the command-by-command DRAM model issues, against the constraints of the standards: an independent
// checker looks back through the trace and holds each pair of commands against the least time between them.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <random>

#include "config/memory.h"
#include "hardware/dram_device.h"
#include "hardware/dram_patterns.h"

namespace mantissa::testing {
namespace {

using hardware::DramCommand;
using hardware::DramOp;
using hardware::Ticks;

constexpr Ticks kNone = -(Ticks{1} << 40);

// State of the checker: times of the last commands, at the places where a constraint asks for them.
class Checker {
 public:
  explicit Checker(const config::Dram& dram)
      : d_(dram), scale_(dram.activate_command_cycles == std::floor(dram.activate_command_cycles) ? 1 : 2) {}

  void check(const DramCommand& c) {
    const Place p{c.pseudo_channel, c.bank_group, c.bank};
    switch (c.op) {
      case DramOp::kActivate:
        activate(c, p);
        break;
      case DramOp::kRead:
      case DramOp::kWrite:
        column(c, p);
        break;
      case DramOp::kPrecharge:
        precharge(c, p);
        EXPECT_GE(open_.count(p), 1U) << "a closed bank is precharged at " << c.at;
        open_.erase(p);
        break;
      case DramOp::kPrechargeAll:
        for (auto it = open_.begin(); it != open_.end();) {
          if (std::get<0>(it->first) == c.pseudo_channel) {
            precharge(c, it->first);
            it = open_.erase(it);
          } else {
            ++it;
          }
        }
        break;
      case DramOp::kRefreshAll:
        for (const auto& [place, row] : open_) {
          EXPECT_NE(std::get<0>(place), c.pseudo_channel) << "refresh with an open row at " << c.at;
        }
        for (const auto& [place, at] : precharged_) {
          if (std::get<0>(place) == c.pseudo_channel) {
            apart(c, at, d_.rp, "tRP before REF");
          }
        }
        apart(c, last(refreshed_all_, c.pseudo_channel), d_.rfc, "tRFC");
        refreshed_all_[c.pseudo_channel] = c.at;
        break;
      case DramOp::kRefreshBank:
        EXPECT_EQ(open_.count(p), 0U) << "refresh of an open bank at " << c.at;
        apart(c, last(precharged_, p), d_.rp, "tRP before REFpb");
        apart(c, last(refreshed_, p), d_.rfc_pb, "tRFCpb");
        apart(c, last(any_refresh_, c.pseudo_channel), d_.rrefd, "tRREFD");
        refreshed_[p] = any_refresh_[c.pseudo_channel] = c.at;
        break;
    }
    bus(c);
  }
  std::int64_t open_rows() const { return static_cast<std::int64_t>(open_.size()); }

 private:
  using Place = std::tuple<int, int, int>;
  template <class Map, class Key>
  static Ticks last(const Map& map, const Key& key) {
    const auto at = map.find(key);
    return at == map.end() ? kNone : at->second;
  }
  Ticks ticks(Cycles cycles) const { return cycles.count() * scale_; }
  void apart(const DramCommand& c, Ticks before, Cycles least, const char* what) {
    EXPECT_GE(c.at - before, ticks(least)) << what << " broken at " << c.at << " by a command at " << before;
  }
  int die(int bank) const { return bank / (d_.banks_per_group / d_.stack_ids); }

  void activate(const DramCommand& c, const Place& p) {
    EXPECT_EQ(open_.count(p), 0U) << "an open bank is activated at " << c.at;
    apart(c, last(activated_, p), d_.rc, "tRC");
    apart(c, last(precharged_, p), d_.rp, "tRP");
    apart(c, last(refreshed_, p), d_.rfc_pb, "tRFCpb before ACT");
    apart(c, last(refreshed_all_, c.pseudo_channel), d_.rfc, "tRFC before ACT");
    apart(c, last(any_refresh_, c.pseudo_channel), d_.pbr2act, "REFpb to ACT");
    for (const auto& [place, at] : activated_) {
      if (std::get<0>(place) == c.pseudo_channel && place != p) {
        const bool same = std::get<1>(place) == c.bank_group && die(std::get<2>(place)) == die(c.bank);
        apart(c, at, same ? d_.rrd_l : d_.rrd_s, "tRRD");
      }
    }
    auto& four = activates_[c.pseudo_channel];
    if (four.size() >= 4) {
      apart(c, four[four.size() - 4], d_.faw, "tFAW");
    }
    four.push_back(c.at);
    activated_[p] = c.at;
    open_[p] = c.row;
  }

  void column(const DramCommand& c, const Place& p) {
    const bool write = c.op == DramOp::kWrite;
    ASSERT_EQ(open_.count(p), 1U) << "a closed bank is accessed at " << c.at;
    EXPECT_EQ(open_[p], c.row) << "another row is open at " << c.at;
    apart(c, last(activated_, p), write ? d_.rcd_write : d_.rcd_read, "tRCD");
    const Cycles write_to_read = d_.cwl + d_.burst_cycles;
    for (int group = 0; group < d_.bank_groups; ++group) {
      for (int id = 0; id < d_.stack_ids; ++id) {
        const std::tuple<int, int, int> set{c.pseudo_channel, group, id};
        const bool same_die = id == die(c.bank), same = same_die && group == c.bank_group;
        const Cycles again = same ? d_.ccd_l : same_die ? d_.ccd_s : std::max(d_.ccd_s, d_.ccd_r);
        apart(c, last(write ? wrote_ : read_, set), again, "tCCD");
        if (write) {
          apart(c, last(read_, set), d_.rtw, "tRTW");
        } else {
          apart(c, last(wrote_, set), write_to_read + (same ? d_.wtr_l : d_.wtr_s), "tWTR");
        }
      }
    }
    (write ? wrote_ : read_)[{c.pseudo_channel, c.bank_group, die(c.bank)}] = c.at;
    (write ? bank_wrote_ : bank_read_)[p] = c.at;
    const Ticks data = c.at + ticks(write ? d_.cwl : d_.cl);
    Ticks& free = data_free_.try_emplace(c.pseudo_channel, kNone).first->second;
    EXPECT_GE(data, free) << "two bursts on the data bus at " << data;
    free = data + ticks(d_.burst_cycles);
  }

  void precharge(const DramCommand& c, const Place& p) {
    apart(c, last(activated_, p), d_.ras, "tRAS");
    apart(c, last(bank_read_, p), d_.rtp, "tRTP");
    apart(c, last(bank_wrote_, p), d_.cwl + d_.burst_cycles + d_.wr, "tWR");
    apart(c, last(any_precharge_, c.pseudo_channel), c.op == DramOp::kPrecharge ? d_.ppd : Cycles(0), "tPPD");
    precharged_[p] = any_precharge_[c.pseudo_channel] = c.at;
  }

  // Commands of one bus: no two at one time, and nothing within an ACT.
  void bus(const DramCommand& c) {
    const bool column = c.op == DramOp::kRead || c.op == DramOp::kWrite;
    const Ticks length = column ? scale_
                         : c.op == DramOp::kActivate && !d_.shared_command_bus
                             ? static_cast<Ticks>(d_.activate_command_cycles * static_cast<double>(scale_))
                             : 1;
    Ticks& free = column && !d_.shared_command_bus ? column_free_ : row_free_;
    EXPECT_GE(c.at, free) << "two commands on one bus at " << c.at;
    free = c.at + length;
    if (scale_ == 2 && (column || c.op == DramOp::kActivate)) {
      EXPECT_EQ(c.at % 2, 0) << "in the middle of a clock";
    }
  }

  const config::Dram d_;
  Ticks scale_;
  std::map<Place, std::int32_t> open_;
  std::map<Place, Ticks> activated_, precharged_, refreshed_, bank_read_, bank_wrote_, read_, wrote_;
  std::map<int, Ticks> refreshed_all_, any_refresh_, any_precharge_, data_free_;
  std::map<int, std::vector<Ticks>> activates_;
  Ticks row_free_ = kNone, column_free_ = kNone;
};

config::Dram one_channel(const std::string& name) {
  config::Dram dram = config::shipped_memory(name).dram;
  dram.channels = 1;
  return dram;
}

void expect_legal(const config::Dram& dram, const std::string& pattern, int window, double load = 0) {
  std::vector<DramCommand> trace;
  const std::int64_t requests = 10000;
  const auto result = hardware::run_pattern(dram, pattern, requests, window, load, &trace);
  Checker checker(dram);
  std::map<DramOp, std::int64_t> count;
  for (const DramCommand& c : trace) {
    checker.check(c);
    ++count[c.op];
    if (::testing::Test::HasFailure()) {
      FAIL() << dram.standard << ' ' << pattern;
    }
  }
  EXPECT_EQ(count[DramOp::kActivate], result.counters.activates);
  EXPECT_EQ(count[DramOp::kRead] + count[DramOp::kWrite], result.counters.reads + result.counters.writes);
  EXPECT_EQ(count[DramOp::kRefreshAll] + count[DramOp::kRefreshBank] > 0, true);
  if (pattern != "rand_rw21") {  // there, a read may be served from the write queue
    EXPECT_EQ(result.counters.reads + result.counters.writes, requests);
  }
}

class DramConstraints : public ::testing::TestWithParam<std::string> {};

TEST_P(DramConstraints, HoldOnRandomTraffic) {
  config::Dram dram = one_channel(GetParam());
  for (const char* pattern : {"rand_rw21", "rand_read", "rand_write", "dma21", "seq_rw21", "stride1024"}) {
    expect_legal(dram, pattern, 64);
  }
  expect_legal(dram, "rand_rw21", 200, 0.3);
}

TEST_P(DramConstraints, HoldWithEveryPolicy) {
  config::Dram dram = one_channel(GetParam());
  dram.scheduler.page_policy = config::PagePolicy::kClosed;
  expect_legal(dram, "rand_rw21", 64);
  dram.scheduler.page_policy = config::PagePolicy::kTimeout;
  dram.scheduler.page_timeout = Cycles(60);
  expect_legal(dram, "rand_rw21", 16, 0.1);
  dram.scheduler.page_policy = config::PagePolicy::kOpen;
  dram.scheduler.group_writes = false;
  dram.scheduler.row_hit_cap = 4;
  expect_legal(dram, "rand_rw21", 64);
  if (dram.rfc_pb.count() > 0) {
    dram.refresh = config::DramRefresh::kPerBank;
    expect_legal(dram, "rand_rw21", 64);
    expect_legal(dram, "seq_rw21", 64);
  }
  dram.refresh = config::DramRefresh::kAllBank;
  dram.stagger_refresh = true;
  expect_legal(dram, "rand_rw21", 64);
}

INSTANTIATE_TEST_SUITE_P(Memories, DramConstraints,
                         ::testing::Values("hbm2_2000", "hbm2_2400", "hbm2e_3200", "hbm3_6400", "hbm3_5200",
                                           "hbm3e_9200", "lpddr5_6400", "lpddr5x_8533", "hbm2_2000_dramsys",
                                           "hbm2_2000_dramsim3"),
                         [](const auto& memory) { return memory.param; });

// The checker must be able to fail: a memory that claims shorter times than it is checked with.
TEST(DramChecker, SeesEveryTimeThatIsTooShort) {
  const config::Dram dram = one_channel("hbm2_2000");
  std::vector<DramCommand> trace;
  hardware::run_pattern(dram, "rand_rw21", 6000, 64, 0, &trace);
  const std::vector<std::pair<const char*, Cycles config::Dram::*>> times = {
      {"tRCD", &config::Dram::rcd_read}, {"tRP", &config::Dram::rp},     {"tRAS", &config::Dram::ras},
      {"tCCD_L", &config::Dram::ccd_l},  {"tRRD", &config::Dram::rrd_l}, {"tFAW", &config::Dram::faw},
      {"tWTR", &config::Dram::wtr_l},    {"tRTW", &config::Dram::rtw},   {"tRFC", &config::Dram::rfc},
      {"tWR", &config::Dram::wr},        {"tRC", &config::Dram::rc}};
  for (const auto& [name, member] : times) {
    config::Dram longer = dram;
    longer.*member = longer.*member + Cycles(2);
    ::testing::TestPartResultArray failures;
    {
      ::testing::ScopedFakeTestPartResultReporter reporter(
          ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
      Checker checker(longer);
      for (const DramCommand& c : trace) {
        checker.check(c);
      }
    }
    EXPECT_GT(failures.size(), 0) << name;
  }
}

// Rows that are opened are closed or still open; bytes that go in come out.
TEST(DramConservation, ActivatesMatchPrechargesAndOpenRows) {
  for (const char* name : {"hbm2_2400", "hbm3_6400", "lpddr5_6400"}) {
    const config::Dram dram = one_channel(name);
    const hardware::DramMapping mapping(dram);
    hardware::DramDevice device(dram, mapping);
    std::mt19937_64 rng(11);
    std::int64_t now = 0, reads = 0, writes = 0;
    for (int i = 0; i < 2000; ++i) {
      const std::int64_t bursts = static_cast<std::int64_t>(1 + rng() % 8);
      const bool is_write = rng() % 3 == 0;
      now = std::max(
          now, device.serve(now, static_cast<std::int64_t>(rng() % (1 << 22)) * 256, bursts * 32, is_write) - 100'000);
      (is_write ? writes : reads) += bursts;
    }
    device.drain(now);
    const auto& channel = device.channels().front();
    const auto counters = device.counters();
    EXPECT_EQ(counters.activates, channel.precharged_banks() + channel.open_banks());
    EXPECT_EQ(counters.reads + channel.forwarded(), reads);
    EXPECT_EQ(counters.writes, writes);
    EXPECT_EQ(channel.busy(), (counters.reads + counters.writes) * device.ticks().burst);
  }
}

}  // namespace
}  // namespace mantissa::testing
