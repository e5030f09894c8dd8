// SPDX-License-Identifier: Apache-2.0
#include "hardware/dram_times.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace mantissa::hardware {

DramTimes::DramTimes(const config::Dram& dram) {
  const auto time = [&](Cycles cycles) {
    return static_cast<Femtoseconds>(
        std::ceil(static_cast<double>(cycles.count()) * dram.clock_period_ns * 1e6 - 1e-3));
  };
  burst = time(dram.burst_cycles);
  slot = std::max(burst, time(dram.ccd_s));
  ccd_l = std::max(slot, time(dram.ccd_l));
  rcd_read = time(dram.rcd_read);
  rcd_write = time(dram.rcd_write);
  rp = time(dram.rp);
  ras = time(dram.ras);
  rc = time(dram.rc);
  cl = time(dram.cl);
  cwl = time(dram.cwl);
  wr = time(dram.wr);
  rtp = time(dram.rtp);
  rrd_s = time(dram.rrd_s);
  rrd_l = time(dram.rrd_l);
  faw = time(dram.faw);
  wtr_s = time(dram.wtr_s);
  wtr_l = time(dram.wtr_l);
  read_to_write = std::max<Femtoseconds>(0, time(dram.rtw) + cwl - cl - burst);
  refi = time(dram.refi);
  refresh = rtp + rp + time(dram.rfc);
  write_lead = std::max<Femtoseconds>(0, cwl + burst + wr - rtp);
  if (burst <= 0) {
    throw ModelError("dram", "burst_cycles and clock_period_ns must be positive");
  }
  if (refi > 0 && refi <= refresh + rc + write_lead) {
    throw ModelError("dram", "refresh takes longer than the time between two refreshes");
  }
}

}  // namespace mantissa::hardware
