// SPDX-License-Identifier: Apache-2.0
#include "hardware/dram_command.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace mantissa::hardware {

DramTicks::DramTicks(const config::Dram& dram) {
  const double bus = dram.activate_command_cycles;
  per_cycle = bus == std::floor(bus) ? 1 : 2;
  if (bus < 1 || bus * 2 != std::floor(bus * 2)) {
    throw ModelError("dram", "activate_command_cycles must be a multiple of 0.5 and at least 1");
  }
  if (dram.shared_command_bus && bus != 1 && bus != 2) {
    throw ModelError("dram", "with a shared command bus, activate_command_cycles must be 1 or 2");
  }
  tick_fs = std::llround(dram.clock_period_ns * 1e6 / per_cycle);
  if (tick_fs <= 0 || dram.burst_cycles.count() <= 0) {
    throw ModelError("dram", "burst_cycles and clock_period_ns must be positive");
  }
  const auto t = [&](Cycles cycles) { return cycles.count() * per_cycle; };
  burst = t(dram.burst_cycles);
  ccd_s = std::max(burst, t(dram.ccd_s));
  ccd_l = std::max(ccd_s, t(dram.ccd_l));
  ccd_r = std::max(ccd_s, t(dram.ccd_r));
  rcd_read = t(dram.rcd_read);
  rcd_write = t(dram.rcd_write);
  ras = t(dram.ras);
  rp = t(dram.rp);
  rc = std::max(t(dram.rc), ras + rp);
  cl = t(dram.cl);
  cwl = t(dram.cwl);
  wr = t(dram.wr);
  rtp = t(dram.rtp);
  rrd_s = t(dram.rrd_s);
  rrd_l = t(dram.rrd_l);
  faw = t(dram.faw);
  wtr_s = t(dram.wtr_s);
  wtr_l = t(dram.wtr_l);
  rtw = t(dram.rtw);
  rfc = t(dram.rfc);
  refi = t(dram.refi);
  rfc_pb = t(dram.rfc_pb);
  refi_pb = t(dram.refi_pb);
  rrefd = t(dram.rrefd);
  pbr2act = t(dram.pbr2act);
  ppd = t(dram.ppd);
  activate_bus = static_cast<Ticks>(bus * per_cycle);
  row_bus = 1;
  column_bus = per_cycle;
  if (refi > 0 && refi <= rfc + rc) {
    throw ModelError("dram", "refresh takes longer than the time between two refreshes");
  }
  if (dram.refresh == config::DramRefresh::kPerBank && refi > 0 && (refi_pb <= rrefd || rfc_pb <= 0 || rrefd < 0)) {
    throw ModelError("dram", "per-bank refresh needs rfc_pb_cycles, and refi_pb_cycles above rrefd_cycles");
  }
}

}  // namespace mantissa::hardware
