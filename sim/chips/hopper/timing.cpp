// SPDX-License-Identifier: Apache-2.0
#include "chips/hopper/timing.h"

#include <algorithm>
#include <cmath>

namespace mantissa::chips::hopper {

Cycles stage_cycles(const config::Hopper& spec, double macs_per_cycle, std::int64_t tile_m, std::int64_t tile_n,
                    std::int64_t k, int element_bytes) {
  const std::int64_t k_step = kInstructionBytes / element_bytes;
  const std::int64_t instructions = ceil_div(tile_m, kWarpgroupRows) * ceil_div(k, k_step);
  const double macs = static_cast<double>(kWarpgroupRows * tile_n * k_step) / macs_per_cycle;
  const double operands =
      static_cast<double>((kWarpgroupRows + tile_n) * kInstructionBytes) / spec.smem_bytes_per_cycle;
  const double each = std::max({macs, operands, static_cast<double>(spec.issue_cycles)});
  return Cycles(static_cast<std::int64_t>(std::ceil(each * static_cast<double>(instructions))));
}

}  // namespace mantissa::chips::hopper
