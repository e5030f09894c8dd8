// SPDX-License-Identifier: Apache-2.0
// A clock: whole cycles to SystemC time and back. 1050 MHz is not a whole number of picoseconds, so the period is never
// rounded: a count of cycles is turned into time at once, rounded up to a picosecond.
#pragma once
#include <cmath>
#include <systemc>

#include "base/units.h"

namespace mantissa::hardware {

class ClockDomain {
 public:
  explicit ClockDomain(Hertz frequency) : frequency_(frequency) {}
  Hertz frequency() const { return frequency_; }
  sc_core::sc_time to_time(double cycles) const {
    return sc_core::sc_time(std::ceil(cycles * 1e12 / frequency_.count() - 1e-6), sc_core::SC_PS);
  }
  sc_core::sc_time to_time(Cycles cycles) const { return to_time(static_cast<double>(cycles.count())); }
  // Nearest whole number of cycles.
  Cycles to_cycles(const sc_core::sc_time& time) const {
    return Cycles(std::llround(time.to_seconds() * frequency_.count()));
  }

 private:
  Hertz frequency_;
};

}  // namespace mantissa::hardware
