// SPDX-License-Identifier: Apache-2.0
// Commands of a DRAM, and its timings in ticks, for the command-by-command model (dram_controller.h). A tick is one
// tCK, or half of one where row commands take half a tCK.
#pragma once
#include <cstdint>

#include "config/chip.h"

namespace mantissa::hardware {

using Ticks = std::int64_t;

enum class DramOp : std::uint8_t { kActivate, kPrecharge, kPrechargeAll, kRead, kWrite, kRefreshAll, kRefreshBank };

struct DramCommand {  // as a trace records it; `bank` and `row` are -1 where they mean nothing
  Ticks at = 0;
  DramOp op = DramOp::kActivate;
  int pseudo_channel = 0, bank_group = -1, bank = -1;
  std::int32_t row = -1;
};

struct DramTicks {
  // Throws ModelError for timings that cannot be.
  explicit DramTicks(const config::Dram& dram);

  int per_cycle = 1;  // ticks of one tCK: 1 or 2
  std::int64_t tick_fs = 0;
  Ticks burst, ccd_s, ccd_l, ccd_r, rcd_read, rcd_write, rp, ras, rc, cl, cwl, wr, rtp, rrd_s, rrd_l, faw, wtr_s, wtr_l,
      rtw, rfc, refi, rfc_pb, refi_pb, rrefd, pbr2act, ppd;
  Ticks activate_bus, row_bus, column_bus;  // how long a command holds its bus
};

}  // namespace mantissa::hardware
