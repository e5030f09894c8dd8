// SPDX-License-Identifier: Apache-2.0
// First-order DRAM formulas, written here again from the timings: latencies, refresh, tFAW, tCCD_L, conservation of
// commands.
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "base/error.h"
#include "support/dram_sets.h"

namespace mantissa::testing {
namespace {

using hardware::DramMapping;
using hardware::DramTiming;

double ns(const config::Dram& d, Cycles cycles) {
  return static_cast<double>(cycles.count()) * d.clock_period_ns;
}

config::Dram without_refresh(config::Dram d) {
  d.refi = Cycles(0);
  return d;
}

std::vector<config::Dram> all_sets() {
  return {hbm2_2000(), hbm2_2400(), hbm3_6400(), hbm3_5200(), lpddr5_6400(), lpddr5_6400(4)};
}

TEST(DramFormulas, FirstReadTakesActivateAndColumnLatency) {
  for (const config::Dram& d : all_sets()) {
    DramTiming timing(d);
    EXPECT_NEAR(static_cast<double>(timing.serve(0, 0, 32, false)) * 1e-3, ns(d, d.rcd_read + d.cl + d.burst_cycles),
                0.002);
  }
}

TEST(DramFormulas, ReadOfAnOpenRowTakesColumnLatency) {
  for (const config::Dram& d : all_sets()) {
    DramTiming timing(d);
    timing.serve(0, 0, 32, false);
    EXPECT_NEAR(static_cast<double>(timing.serve(1'000'000, 32, 32, false) - 1'000'000) * 1e-3,
                ns(d, d.cl + d.burst_cycles), 0.002);
  }
}

TEST(DramFormulas, ReadOfAnotherRowTakesPrechargeActivateAndColumnLatency) {
  config::Dram d = hbm2_2000();
  d.pseudo_channels = 1;
  const std::int64_t row_set = 4 * 1024;          // four bank groups of 1 KiB rows
  const std::int64_t next_row = 4 * 4 * row_set;  // behind the four banks of a group
  const DramMapping mapping(d);
  for (std::int64_t a = next_row;; a += 64) {  // the first address in the same bank and another row
    const std::int64_t set = mapping.row_set_of(a);
    if (mapping.bank_of(set) == mapping.bank_of(0) &&
        mapping.bank_group_of(mapping.line_of(a)) == mapping.bank_group_of(0)) {
      DramTiming timing(d);
      timing.serve(0, 0, 32, false);
      EXPECT_EQ(timing.serve(1'000'000, a, 32, false) - 1'000'000,
                (14 + 14 + 14 + 2) * 1000);  // tRP + tRCD + tCL + burst
      EXPECT_EQ(timing.counters(0).activates, 2);
      return;
    }
  }
}

TEST(DramFormulas, RowCycleSeparatesActivationsOfOneBank) {
  config::Dram d = without_refresh(hbm2_2000());
  d.pseudo_channels = 1;
  const DramMapping mapping(d);
  std::vector<std::int64_t> same_bank;
  for (std::int64_t a = 0; same_bank.size() < 50; a += 64) {
    const bool new_row = same_bank.empty() ||
                         mapping.row_of(mapping.row_set_of(a)) != mapping.row_of(mapping.row_set_of(same_bank.back()));
    if (new_row && mapping.bank_of(mapping.row_set_of(a)) == 0 && mapping.bank_group_of(mapping.line_of(a)) == 0) {
      same_bank.push_back(a);
    }
  }
  DramTiming timing(d);
  std::int64_t last = 0;
  for (const std::int64_t a : same_bank) {
    last = timing.serve(0, a, 32, false);
  }
  EXPECT_EQ(last, (14 + 14 + 2 + 49 * 48) * 1000);  // tRCD + tCL + burst of the last, 49 times tRC before it
}

// With few banks the XOR of row bits into the bank makes neighbours meet in one bank now and then.
TEST(DramFormulas, StreamWithoutRefreshReachesThePeak) {
  for (const config::Dram& set : all_sets()) {
    for (const int banks : {set.banks_per_group, 32}) {
      config::Dram d = without_refresh(set);
      d.banks_per_group = banks;
      DramTiming timing(d);
      const std::int64_t bytes = std::int64_t{64} << 20;
      const double seconds = static_cast<double>(timing.serve(0, 0, bytes, false)) * 1e-12;
      const double efficiency = static_cast<double>(bytes) / seconds / d.peak().count();
      EXPECT_GE(efficiency, banks == 32 ? 0.999 : 0.99);
      EXPECT_LE(efficiency, 1.0);
    }
  }
}

// Each tREFI loses tRFC, and the time to close and reopen rows around it.
TEST(DramFormulas, RefreshCostsItsShareOfTheTime) {
  for (const config::Dram& d : all_sets()) {
    DramTiming timing(d);
    const std::int64_t bytes = std::int64_t{64} << 20;
    const double seconds = static_cast<double>(timing.serve(0, 0, bytes, false)) * 1e-12;
    const double efficiency = static_cast<double>(bytes) / seconds / d.peak().count();
    const double upper = 1.0 - static_cast<double>(d.rfc.count()) / static_cast<double>(d.refi.count());
    const double around =
        static_cast<double>((d.rp + d.rtp + d.rcd_read + d.cl).count()) / static_cast<double>(d.refi.count());
    EXPECT_LE(efficiency, upper);
    EXPECT_GE(efficiency, upper - around - 0.01);  // the mapping's share, see above
  }
}

TEST(DramFormulas, NothingIsServedWhileTheBanksRefresh) {
  const config::Dram d = hbm2_2000();
  DramTiming timing(d);
  for (int i = 1; i < 20; ++i) {
    const std::int64_t in_refresh = i * 3'900'000 + 10'000;
    const std::int64_t done = timing.serve(in_refresh, i * 32, 32, false);
    // tRTP + tRP + tRFC after the refresh is due, then a first access
    EXPECT_EQ(done, i * 3'900'000 + (5 + 14 + 350 + 14 + 14 + 2) * 1000);
  }
  EXPECT_EQ(timing.counters(19 * 3'900'000 + 500'000).refreshes, 19 * 2);  // two pseudo-channels
}

// At most four activations per tFAW: with one burst for each, 4 bursts per tFAW and pseudo-channel.
TEST(DramFormulas, FourActivateWindowCapsAccessesToNewRows) {
  config::Dram d = without_refresh(hbm2_2000());
  d.faw = Cycles(40);
  d.banks_per_group = 16;
  d.page = Bytes(64);  // one line: each access opens a row
  std::mt19937_64 rng(3);
  const std::int64_t count = 20000;
  DramTiming timing(d);
  std::int64_t end = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    end = std::max(end, timing.serve(end > 2'000'000 ? end - 2'000'000 : 0,
                                     static_cast<std::int64_t>(rng() % (1 << 24)) * 64, 32, false));
  }
  const double per_second = static_cast<double>(timing.counters(end).activates) / (static_cast<double>(end) * 1e-12);
  const double cap = 2 * 4 / 40e-9;  // two pseudo-channels
  EXPECT_LE(per_second, cap);
  EXPECT_GE(per_second, 0.8 * cap);
}

TEST(DramFormulas, OneBankGroupStreamsAtCcdLong) {
  config::Dram d = without_refresh(hbm2_2000());
  d.pseudo_channels = 1;
  const DramMapping mapping(d);
  DramTiming timing(d);
  std::int64_t end = 0, bursts = 0;
  for (std::int64_t a = 0; bursts < 20000; a += 64) {
    if (mapping.bank_group_of(mapping.line_of(a)) == 1) {
      end = std::max(end, timing.serve(0, a, 64, false));
      bursts += 2;
    }
  }
  EXPECT_NEAR(static_cast<double>(end) / static_cast<double>(bursts), 4000.0,
              60.0);  // tCCD_L = 4 ns, not tCCD_S = 2 ns
}

TEST(DramFormulas, TurningTheBusCostsWriteToRead) {
  config::Dram d = without_refresh(hbm2_2000());
  d.pseudo_channels = 1;
  DramTiming timing(d);
  timing.serve(0, 0, 32, false);  // opens the rows
  timing.serve(0, 64 * 1, 32 * 128, false);
  const std::int64_t quiet = 1'000'000;
  timing.serve(quiet, 0, 4096, true);  // 128 bursts: written at once
  const std::int64_t read = timing.serve(quiet, 64, 32, false);
  // tCWL + 128 bursts at tCCD_S, tWTR_L, tCL, one burst
  EXPECT_EQ(read - quiet, (5 + 128 * 2 + 8 + 14 + 2) * 1000 + 0);
}

TEST(DramFormulas, WritesArePostedUntilTheBufferIsFull) {
  const config::Dram d = lpddr5_6400();
  DramTiming timing(d);
  EXPECT_EQ(timing.serve(5000, 0, 64, true), 5000);
  EXPECT_EQ(timing.counters(5000).writes, 0);
  EXPECT_GT(timing.drain(5000), 5000);
  EXPECT_EQ(timing.counters(5000).writes, 2);
  std::int64_t accepted = 0;
  for (std::int64_t i = 0; i < 1000; ++i) {
    accepted = std::max(accepted, timing.serve(5000, 4096 + i * 32, 32, true));
  }
  EXPECT_GT(accepted, (1000 - 64) * 2500 * 9 / 10);  // no faster than the bus, but for the 64 bursts of the buffer
}

TEST(DramFormulas, EveryByteIsCountedOnce) {
  const config::Dram d = hbm3_6400(3);  // six pseudo-channels: no power of two
  DramTiming timing(d);
  std::mt19937_64 rng(5);
  std::int64_t read = 0, written = 0, now = 0, read_bursts = 0, write_bursts = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::int64_t bytes = 32 * static_cast<std::int64_t>(1 + rng() % 2000),
                       address = 32 * static_cast<std::int64_t>(rng() % (1 << 24));
    const bool is_write = rng() % 3 == 0;
    (is_write ? written : read) += bytes;
    (is_write ? write_bursts : read_bursts) += bytes / 32;
    now = std::max(now, timing.serve(now, address, bytes, is_write) - 100'000);
  }
  timing.drain(now);
  const energy::DramCounters c = timing.counters(now);
  EXPECT_EQ(c.read_bytes.count(), read);
  EXPECT_EQ(c.write_bytes.count(), written);
  EXPECT_EQ(c.reads, read_bursts);
  EXPECT_EQ(c.writes, write_bursts);
  std::int64_t busy = 0;
  for (int channel = 0; channel < 3; ++channel) {
    busy += timing.busy_ps(channel) * 2;
  }
  EXPECT_NEAR(static_cast<double>(busy), static_cast<double>(read_bursts + write_bursts) * 1250, 100);
}

// The parts of a transaction cover it exactly, and no two addresses share a place.
TEST(DramMapping, IsOneToOne) {
  for (const int channels : {1, 3, 5, 8, 80}) {
    for (const std::int64_t interleave : {64, 256}) {
      config::Dram d = hbm3_5200(channels);
      d.interleave = Bytes(interleave);
      const DramMapping mapping(d);
      std::set<std::pair<int, std::int64_t>> places;
      const std::int64_t lines = 20000;
      for (std::int64_t i = 0; i < lines; ++i) {
        mapping.split(i * 64, 64, [&](int pc, std::int64_t begin, std::int64_t end) {
          EXPECT_EQ(end - begin, 64);
          EXPECT_TRUE(places.emplace(pc, begin).second);
        });
      }
      std::set<std::pair<int, std::int64_t>> in_one;
      mapping.split(0, lines * 64, [&](int pc, std::int64_t begin, std::int64_t end) {
        for (std::int64_t a = begin; a < end; a += 64) {
          EXPECT_TRUE(in_one.emplace(pc, a).second);
        }
      });
      EXPECT_EQ(places, in_one);
    }
  }
}

TEST(DramMapping, SplitsAnyRangeWithoutLoss) {
  const config::Dram d = hbm3_5200(5);
  const DramMapping mapping(d);
  std::mt19937_64 rng(7);
  for (int i = 0; i < 2000; ++i) {
    const auto address = static_cast<std::int64_t>(rng() % (1 << 20)),
               bytes = static_cast<std::int64_t>(1 + rng() % 5000);
    std::int64_t sum = 0;
    mapping.split(address, bytes, [&](int pc, std::int64_t begin, std::int64_t end) {
      EXPECT_LT(pc, 10);
      EXPECT_LT(begin, end);
      sum += end - begin;
    });
    EXPECT_EQ(sum, bytes);
  }
}

// A mapping string places every block once, with and without folds, and for a number of channels that is no power of
// two.
TEST(DramMapping, AStringOfFieldsIsOneToOne) {
  for (const int channels : {1, 4, 5}) {
    for (const bool folds : {false, true}) {
      config::Dram d = hbm3_5200(channels);
      d.stack_ids = 2;
      d.mapping = "row bank column bank_group pseudo_channel channel column:1";
      d.mapping_xor = folds;
      const DramMapping mapping(d);
      std::set<std::tuple<int, int, int, int, int, int>> places;
      for (std::int64_t i = 0; i < 20000; ++i) {
        const hardware::DramPlace p = mapping.locate(i * 32);
        EXPECT_LT(p.channel, channels);
        EXPECT_TRUE(places.emplace(p.channel, p.pseudo_channel, p.bank_group, p.bank, p.row, p.column).second);
      }
    }
  }
}

TEST(DramMapping, FieldsStandWhereTheStringSays) {
  config::Dram d = hbm2_2000(4);
  d.mapping_xor = false;
  d.mapping = "row bank column bank_group pseudo_channel channel column:1";
  const hardware::DramFields fields(d);
  EXPECT_EQ(fields.locate(32).column, 1);
  EXPECT_EQ(fields.locate(64).channel, 1);
  EXPECT_EQ(fields.locate(64 * 4).pseudo_channel, 1);
  EXPECT_EQ(fields.locate(64 * 8).bank_group, 1);
  EXPECT_EQ(fields.locate(64 * 32).column, 2);
  EXPECT_EQ(fields.locate(64 * 32 * 16).bank, 1);
  EXPECT_EQ(fields.locate(64 * 32 * 16 * 4).row, 1);
}

TEST(DramMapping, StringsThatDoNotFitAreRefused) {
  const auto why = [](const char* mapping) -> std::string {
    config::Dram d = hbm2_2000(4);
    d.mapping = mapping;
    try {
      const DramMapping refused(d);
    } catch (const ModelError& e) {
      return e.what();
    }
    return "";
  };
  const auto expect = [&](const char* mapping, const char* part) {
    EXPECT_NE(why(mapping).find(part), std::string::npos) << why(mapping);
  };
  expect("bank row", "must begin with 'row'");
  expect("row bank columns", "'columns' is none of row, bank, column");
  expect("row bank column bank_group pseudo_channel", "gives 0 bits to channel, which has 2");
  expect("row bank column bank_group pseudo_channel channel column:6", "gives 6 bits to column, which has 5");
  expect("row bank column column bank_group pseudo_channel channel", "stands twice without a number of bits");
  expect("row bank column:x bank_group pseudo_channel channel", "needs a number of bits");
}

TEST(DramTiming, RefusesWhatItCannotModel) {
  config::Dram d = hbm2_2000();
  d.page = Bytes(1000);
  EXPECT_THROW(DramTiming{d}, ModelError);
  d = hbm2_2000();
  d.interleave = Bytes(16);
  EXPECT_THROW(DramTiming{d}, ModelError);
  d = hbm2_2000();
  d.rfc = Cycles(3900);
  EXPECT_THROW(DramTiming{d}, ModelError);
  d = hbm2_2000();
  DramTiming timing(d);
  EXPECT_THROW(timing.serve(0, d.capacity.count() - 16, 32, false), ModelError);
}

}  // namespace
}  // namespace mantissa::testing
