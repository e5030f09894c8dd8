// SPDX-License-Identifier: Apache-2.0
// Cycles of a TensorCore's systolic arrays, as pure functions. tests/theory states them again; the PE-by-PE model
// (hardware/systolic_array.h) is their oracle.
#pragma once
#include <cstdint>

#include "base/units.h"
#include "config/chip.h"
#include "hardware/systolic_timing.h"

namespace mantissa::chips::tpu {

// One array of a TensorCore.
hardware::SystolicShape array_shape(const config::Tpu& spec);
// Filling the first tile of a kernel: its weights, then the skew of the array until the last column's last result is
// out.
Cycles fill_cycles(const config::Tpu& spec);
// [m x k] by [k x n] on all arrays of a core, in a steady stream (no fill). The arrays share the work by rows of m, by
// column tiles or by k tiles (whose sums the vector unit then adds), whichever is fastest. `passes`: bf16 passes of one
// product.
Cycles block_cycles(const config::Tpu& spec, int passes, std::int64_t m, std::int64_t n, std::int64_t k);

}  // namespace mantissa::chips::tpu
