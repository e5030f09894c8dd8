// SPDX-License-Identifier: Apache-2.0
// Counted events times energy per event, plus static power times time; and the clock that a power limit allows.
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
Breakdown energy_of(const config::Chip& chip, const config::Precision& precision, const Counters& counters, Hertz clock);

// The highest clock not above nominal, in 15 MHz steps, at which a run with these counters stays within the power limit. MODEL: the
// compute-bound share of the time stretches as 1/f, the rest does not. Without a limit: the nominal clock.
Hertz governed_clock(const config::Chip& chip, const config::Precision& precision, const Counters& counters);

}  // namespace mantissa::energy
