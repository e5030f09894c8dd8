// SPDX-License-Identifier: Apache-2.0
// Energy: each term written again as a formula, conservation, and the governor against a search over all clocks.
#include <gtest/gtest.h>

#include <cmath>

#include "energy/model.h"

namespace mantissa::energy {
namespace {

config::Chip chip() {
  config::Chip c;
  c.clock_mhz = 1980;
  c.dram.channels = 80;
  c.dram.pseudo_channels = 2;
  c.dram.burst = Bytes(32);
  c.dram.activate_pj = 800;
  c.dram.read_pj_per_bit = 2.25;
  c.dram.write_pj_per_bit = 2.5;
  c.dram.io_pj_per_bit = 0.5;
  c.dram.refresh_nj = 15;
  c.dram.background_mw = 98;
  c.shared.pj_per_byte = 2.0;
  c.staging.pj_per_byte = 0.7;
  c.vector = {128, 16, 1.5};
  c.power.idle = Watts(80);
  c.power.active = Watts(60);
  c.power.voltage_slope = 0.8;
  return c;
}

config::Precision precision() {
  config::Precision p;
  p.mac_pj = 0.6;
  return p;
}

Counters counters() {
  Counters c;
  c.timeline = {Cycles(1'000'000), Cycles(700'000), Cycles(50'000), Cycles(100'000),
                Cycles(20'000),    Cycles(80'000),  Cycles(50'000)};
  c.macs = Macs(400'000'000'000);
  c.mac_slots = Macs(450'000'000'000);
  c.mac_capacity = Macs(530'000'000'000);
  c.shared_read = Bytes(300'000'000);
  c.shared_write = Bytes(100'000'000);
  c.staging_read = Bytes(2'000'000'000);
  c.staging_write = Bytes(500'000'000);
  c.vector_ops = 5e8;
  c.special_ops = 1e7;
  c.dram = {100'000, 3'000'000, 1'000'000, 20'000, 900'000, 100'000, Bytes(96'000'000), Bytes(32'000'000)};
  return c;
}

TEST(Energy, EachPartIsItsEventsTimesTheirEnergy) {
  const Breakdown e = energy_of(chip(), precision(), counters(), Hertz(1980e6));
  const double seconds = 1e6 / 1980e6;
  EXPECT_NEAR(e.matrix.count(), 400e9 * 0.6e-12, 1e-9);
  EXPECT_NEAR(e.vector.count(), (5e8 + 1e7 * 128 / 16) * 1.5e-12, 1e-12);
  EXPECT_NEAR(e.staging.count(), 2.5e9 * 0.7e-12, 1e-12);
  EXPECT_NEAR(e.shared.count(), 0.4e9 * 2.0e-12, 1e-12);
  EXPECT_NEAR(e.dram.count(), 100'000 * 800e-12 + 96e6 * 8 * 2.75e-12 + 32e6 * 8 * 3.0e-12 + 20'000 * 15e-9, 1e-12);
  EXPECT_NEAR(e.dram_background.count(), 80 * 0.098 * seconds, 1e-12);
  EXPECT_NEAR(e.idle.count(), 80 * seconds, 1e-12);
  EXPECT_NEAR(e.active.count(), 60 * seconds, 1e-12);
}

TEST(Energy, PartsSumToTheTotal) {
  const Breakdown e = energy_of(chip(), precision(), counters(), Hertz(1500e6));
  EXPECT_DOUBLE_EQ(e.total().count(), e.matrix.count() + e.vector.count() + e.staging.count() + e.shared.count() +
                                          e.dram.count() + e.dram_background.count() + e.idle.count() +
                                          e.active.count());
  EXPECT_DOUBLE_EQ(e.dynamic().count(), e.matrix.count() + e.vector.count() + e.staging.count() + e.shared.count());
}

TEST(Energy, CoreEventsScaleWithTheSquareOfTheVoltage) {
  const Breakdown nominal = energy_of(chip(), precision(), counters(), Hertz(1980e6));
  const Breakdown half = energy_of(chip(), precision(), counters(), Hertz(990e6));
  const double voltage = 1 + 0.8 * (0.5 - 1);  // 0.6
  EXPECT_NEAR(half.matrix.count() / nominal.matrix.count(), voltage * voltage, 1e-12);
  EXPECT_NEAR(half.vector.count() / nominal.vector.count(), 0.36, 1e-12);
  EXPECT_NEAR(half.staging.count() / nominal.staging.count(), 0.36, 1e-12);
  EXPECT_NEAR(half.shared.count() / nominal.shared.count(), 0.36, 1e-12);
  EXPECT_DOUBLE_EQ(half.dram.count(), nominal.dram.count());
  EXPECT_NEAR(half.idle.count(), 2 * nominal.idle.count(), 1e-12);  // twice the time
  EXPECT_NEAR(half.dram_background.count(), 2 * nominal.dram_background.count(), 1e-12);
  EXPECT_NEAR(half.active.count(), 0.36 * nominal.active.count(), 1e-12);  // half the power x 0.36, twice the time
}

TEST(Energy, AddingRepeatsMultipliesEveryPart) {
  const Breakdown one = energy_of(chip(), precision(), counters(), Hertz(1980e6));
  Breakdown sum;
  sum.add(one);
  sum.add(one, 31);
  EXPECT_NEAR(sum.total().count(), 32 * one.total().count(), 1e-9);
  EXPECT_NEAR(sum.dram.count(), 32 * one.dram.count(), 1e-9);
}

TEST(Counters, AddingKeepsTheTimelineWhole) {
  Counters sum;
  sum.add(counters(), 3);
  sum.add(counters());
  EXPECT_EQ(counters().timeline.sum(), counters().timeline.total);
  EXPECT_EQ(sum.timeline.sum(), sum.timeline.total);
  EXPECT_EQ(sum.timeline.total, Cycles(4'000'000));
  EXPECT_EQ(sum.macs, Macs(1'600'000'000'000));
  EXPECT_EQ(sum.staging_write, Bytes(2'000'000'000));
  EXPECT_EQ(sum.dram.activates, 400'000);
  EXPECT_EQ(sum.dram.write_bytes, Bytes(128'000'000));
  EXPECT_DOUBLE_EQ(sum.special_ops, 4e7);
}

TEST(Counters, EnergyOfASumIsTheSumOfEnergies) {
  Counters twice;
  twice.add(counters(), 2);
  const Breakdown one = energy_of(chip(), precision(), counters(), Hertz(1200e6));
  const Breakdown two = energy_of(chip(), precision(), twice, Hertz(1200e6));
  EXPECT_NEAR(two.total().count(), 2 * one.total().count(), 1e-9);
}

// Power of a run at clock f, written again: compute-bound time stretches, core energy scales with V^2.
double power_at(double f_mhz) {
  const Counters c = counters();
  const double r = f_mhz / 1980, v2 = std::pow(1 + 0.8 * (r - 1), 2);
  const double share = 750.0 / 920.0;  // (matrix + vector) / (total - idle)
  const double seconds = 1e6 / 1980e6 * (share / r + 1 - share);
  const Breakdown e = energy_of(chip(), precision(), c, Hertz(1980e6));
  return (e.dynamic().count() * v2 + e.dram.count()) / seconds + 80 + 80 * 0.098 + 60 * r * v2;
}

TEST(Governor, PicksTheHighestClockWithinTheLimit) {
  for (const double limit : {700.0, 600.0, 400.0, 300.0}) {
    config::Chip c = chip();
    c.power.limit = Watts(limit);
    c.power.min_clock_mhz = 210;
    const double clock = governed_clock(c, precision(), counters()).count() / 1e6;
    EXPECT_LE(power_at(clock), limit);
    if (clock < 1980) {
      EXPECT_GT(power_at(clock + 15), limit);
    }
    EXPECT_NEAR(std::remainder(1980 - clock, 15), 0, 1e-9);
  }
}

TEST(Governor, KeepsTheNominalClockWithoutALimitOrBelowIt) {
  config::Chip c = chip();
  EXPECT_EQ(governed_clock(c, precision(), counters()), Hertz(1980e6));
  c.power.limit = Watts(5000);
  EXPECT_EQ(governed_clock(c, precision(), counters()), Hertz(1980e6));
  c.power.limit = Watts(1);
  EXPECT_EQ(governed_clock(c, precision(), Counters{}), Hertz(1980e6));  // nothing ran
}

TEST(Governor, StopsAtTheLowestClock) {
  config::Chip c = chip();
  c.power.limit = Watts(100);
  c.power.min_clock_mhz = 1000;
  EXPECT_EQ(governed_clock(c, precision(), counters()), Hertz(1000e6));
}

}  // namespace
}  // namespace mantissa::energy
