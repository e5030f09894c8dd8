// SPDX-License-Identifier: Apache-2.0
// Counted events times energy per event, plus static power times time; and the clock that a power limit allows.
//
// MODEL: a core event costs its energy at nominal voltage times (V/V_nominal)^2, V/V_nominal = 1 + voltage_slope
// (f/f_nominal - 1). `active` power (clock trees, schedulers) scales with f V^2; idle power and all of DRAM do not
// scale. A multiply by zero costs as much as any other; padding of tiles costs nothing (idle multipliers are gated). A
// special function counts as ops_per_cycle/special_per_cycle plain vector operations.
#pragma once
#include "config/chip.h"
#include "energy/counters.h"

namespace mantissa::energy {

// Joules of one kernel or of a whole run, by where they went.
struct Breakdown {
  Joules matrix{}, vector{}, staging{}, shared{}, dram{}, dram_background{}, idle{}, active{};
  Joules total() const { return matrix + vector + staging + shared + dram + dram_background + idle + active; }
  Joules dynamic() const { return matrix + vector + staging + shared; }  // scales with the core voltage
  void add(const Breakdown& other, double times = 1);
};

// `clock` is the clock the counters were taken at: core events are scaled by (V/V_nominal)^2.
Breakdown energy_of(const config::Chip& chip, const config::Precision& precision, const Counters& counters,
                    Hertz clock);

// The highest clock not above nominal, in 15 MHz steps below it and not below min_clock_mhz, at which a run with these
// counters (taken at the nominal clock) stays within the power limit. MODEL: the compute-bound share of the time,
// (matrix + vector) / (total - idle), stretches as 1/f, the rest does not. Without a limit: the nominal clock; when no
// clock is low enough: the lowest.
Hertz governed_clock(const config::Chip& chip, const config::Precision& precision, const Counters& counters);
// The same for a run whose kernels had several precisions: its energy at the nominal clock is given.
Hertz governed_clock(const config::Chip& chip, const Breakdown& at_nominal, const Counters& counters);

}  // namespace mantissa::energy
