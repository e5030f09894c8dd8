// SPDX-License-Identifier: Apache-2.0
// The timings of a DRAM as its file states them (in tCK), in femtoseconds: whole clock periods of DRAMs are no whole
// picoseconds.
#pragma once
#include "config/chip.h"
#include "hardware/dram_calendar.h"

namespace mantissa::hardware {

// Rounded up: nothing is faster than the file says. Throws ModelError for timings that cannot be.
struct DramTimes {
  explicit DramTimes(const config::Dram& dram);
  Femtoseconds burst, slot;  // data of one burst; bus time of one burst = max(burst, tCCD_S)
  Femtoseconds ccd_l, rcd_read, rcd_write, rp, ras, rc, cl, cwl, wr, rtp, rrd_s, rrd_l, faw, wtr_s, wtr_l;
  Femtoseconds read_to_write;  // idle bus time between read data and write data: tRTW + tCWL - tCL - burst
  Femtoseconds refi;           // 0: no refresh
  Femtoseconds refresh;        // banks are away this long from each multiple of tREFI on: tRTP + tRP + tRFC
  Femtoseconds write_lead;     // a write's column access must be this much earlier before a refresh than a read's
};

}  // namespace mantissa::hardware
