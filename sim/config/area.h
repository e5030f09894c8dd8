// SPDX-License-Identifier: Apache-2.0
// Die area of a chip from its file, so that more of anything is not free (docs/area.md):
//
//   multipliers of the matrix units + vector lanes + SRAM + DRAM interfaces + cores * core_mm2 + fixed_mm2
//
// The constants are of the chip's process and stand under `area` of its file. Not modelled: clock and voltage
// (area is the same at any clock), wiring that grows faster than what it joins, yield.
#pragma once
#include <optional>

#include "config/chip.h"

namespace mantissa::config {

struct ChipArea {  // mm2
  double matrix = 0, vector = 0, shared = 0, staging = 0, dram = 0, cores = 0, fixed = 0;
  double total() const { return matrix + vector + shared + staging + dram + cores + fixed; }
};

// One multiplier of a datapath with its share of the adders, in um2.
double mac_um2(const AreaModel& model, const numerics::Datapath& datapath);

// Nothing where the chip's file has no `area`.
std::optional<ChipArea> chip_area(const Chip& chip);

}  // namespace mantissa::config
