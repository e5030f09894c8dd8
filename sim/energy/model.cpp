// SPDX-License-Identifier: Apache-2.0
#include "energy/model.h"

#include <algorithm>
#include <initializer_list>

namespace mantissa::energy {
namespace {

constexpr double kPico = 1e-12, kNano = 1e-9, kMilli = 1e-3;
constexpr double kClockStepHz = 15e6;

Joules picojoules(double count, double pj_each) {
  return Joules(count * pj_each * kPico);
}

double bits(std::int64_t bursts, Bytes burst) {
  return 8.0 * static_cast<double>(bursts) * static_cast<double>(burst.count());
}

// (V/V_nominal)^2 at a clock of `relative` times the nominal one.
double voltage_squared(const config::PowerModel& power, double relative) {
  const double voltage = 1.0 + power.voltage_slope * (relative - 1.0);
  return voltage * voltage;
}

Joules dram_commands(const config::Dram& dram, const DramCounters& counters) {
  Joules sum = picojoules(static_cast<double>(counters.activates), dram.activate_pj);
  sum += picojoules(bits(counters.reads, dram.burst), dram.read_pj_per_bit + dram.io_pj_per_bit);
  sum += picojoules(bits(counters.writes, dram.burst), dram.write_pj_per_bit + dram.io_pj_per_bit);
  sum += Joules(static_cast<double>(counters.refreshes) * dram.refresh_nj * kNano);
  return sum;
}

}  // namespace

void Breakdown::add(const Breakdown& other, double times) {
  for (const auto part : {&Breakdown::matrix, &Breakdown::vector, &Breakdown::staging, &Breakdown::shared,
                          &Breakdown::dram, &Breakdown::dram_background, &Breakdown::idle, &Breakdown::active}) {
    this->*part += other.*part * times;
  }
}

Breakdown energy_of(const config::Chip& chip, const config::Precision& precision, const Counters& counters,
                    Hertz clock) {
  const Seconds time = at(counters.timeline.total, clock);
  const double relative = ratio(clock, chip.clock());
  const double v2 = voltage_squared(chip.power, relative);
  // A special function occupies the vector unit as long as ops_per_cycle / special_per_cycle plain operations, and is
  // charged as those.
  const config::VectorUnit& vector = chip.vector;
  const double special_weight = vector.special_per_cycle > 0 ? vector.ops_per_cycle / vector.special_per_cycle : 1.0;

  Breakdown e;
  e.matrix = picojoules(static_cast<double>(counters.macs.count()), precision.mac_pj * v2);
  e.vector = picojoules(counters.vector_ops + special_weight * counters.special_ops, vector.op_pj * v2);
  e.staging = picojoules(static_cast<double>((counters.staging_read + counters.staging_write).count()),
                         chip.staging.pj_per_byte * v2);
  e.shared = picojoules(static_cast<double>((counters.shared_read + counters.shared_write).count()),
                        chip.shared.pj_per_byte * v2);
  e.dram = dram_commands(chip.dram, counters.dram);
  e.dram_background = Joules(chip.dram.background_mw * kMilli * chip.dram.channels * time.count());
  e.idle = Joules(chip.power.idle.count() * time.count());
  e.active = Joules(chip.power.active.count() * relative * v2 * time.count());
  return e;
}

Hertz governed_clock(const config::Chip& chip, const config::Precision& precision, const Counters& counters) {
  return governed_clock(chip, energy_of(chip, precision, counters, chip.clock()), counters);
}

Hertz governed_clock(const config::Chip& chip, const Breakdown& at_nominal, const Counters& counters) {
  const Hertz nominal = chip.clock();
  const Timeline& t = counters.timeline;
  if (!chip.power.limit || t.total.count() <= 0) {
    return nominal;
  }
  const Seconds time = at(t.total, nominal);
  const double compute_share =
      ratio(t.matrix + t.vector, t.total - t.idle);  // idle cores wait for what the others wait for
  const Hertz floor(std::min(nominal.count(), std::max(kClockStepHz, chip.power.min_clock_mhz * 1e6)));
  const Joules unscaled = at_nominal.dram;
  const Watts constant(chip.power.idle.count() + chip.dram.background_mw * kMilli * chip.dram.channels);
  Hertz clock = nominal;
  for (int step = 0; clock > floor; ++step) {
    clock = Hertz(std::max(floor.count(), nominal.count() - step * kClockStepHz));
    const double relative = ratio(clock, nominal), v2 = voltage_squared(chip.power, relative);
    const Seconds stretched = time * (compute_share / relative + 1.0 - compute_share);
    const Watts events = average_power(at_nominal.dynamic() * v2 + unscaled, stretched);
    if (events + constant + chip.power.active * (relative * v2) <= *chip.power.limit) {
      return clock;
    }
  }
  return clock;
}

}  // namespace mantissa::energy
