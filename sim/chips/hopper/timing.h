// SPDX-License-Identifier: Apache-2.0
// Cycles of a streaming multiprocessor's tensor cores. SOURCE: fitted on published wgmma micro-benchmarks (H800):
// cycles = max(MACs / rate, shared-memory operand bytes / 128, issue floor) for each wgmma of 64 rows.
#pragma once
#include <cstdint>

#include "base/units.h"
#include "config/chip.h"

namespace mantissa::chips::hopper {

inline constexpr std::int64_t kWarpgroupRows = 64;     // rows of one wgmma
inline constexpr std::int64_t kInstructionBytes = 32;  // of an operand row along k: 16 FP16, 32 FP8, 8 TF32

// One stage of a thread block: [tile_m x k] by [k x tile_n] from shared memory, element_bytes each. Partial 64-row
// groups and partial k steps take whole instructions.
Cycles stage_cycles(const config::Hopper& spec, double macs_per_cycle, std::int64_t tile_m, std::int64_t tile_n,
                    std::int64_t k, int element_bytes);

}  // namespace mantissa::chips::hopper
