// SPDX-License-Identifier: Apache-2.0
// Cycles of a TensorCore's systolic arrays, as pure functions. tests/theory states them again; the PE-by-PE model
// (hardware/systolic_array.h) is their oracle.
#pragma once
#include <cstdint>

#include "base/units.h"
#include "config/chip.h"

namespace mantissa::chips::tpu {

// One weight tile: rows stream past it while the next tile's weights are pushed into the shadow registers.
Cycles pass_cycles(const config::Tpu& spec, std::int64_t m);
// Filling the first tile of a kernel: its weights, then the skew of the array until the last column's last result is out.
Cycles fill_cycles(const config::Tpu& spec);
// [m x k] by [k x n] on all arrays of a core, in a steady stream (no fill): weight tiles are dealt to the arrays, and where there
// are fewer tiles than arrays, the rows of m as well. `passes`: bf16 passes of one product.
Cycles block_cycles(const config::Tpu& spec, int passes, std::int64_t m, std::int64_t n, std::int64_t k);

}  // namespace mantissa::chips::tpu
