// SPDX-License-Identifier: Apache-2.0
// Cycles of a TensorCore's systolic arrays and of the vector work that goes with them, as pure functions. tests/theory
// states them again; the PE-by-PE model (hardware/systolic_array.h) is the arrays' oracle.
#pragma once
#include <cstdint>

#include "base/units.h"
#include "config/chip.h"
#include "hardware/systolic_timing.h"

namespace mantissa::chips::tpu {

constexpr std::int64_t kSublanes = 8;  // a vector register holds eight rows; operands enter the arrays in such groups
constexpr std::int64_t kLanes = 128;   // of a vector register; the last axis of a stored matrix is padded to it

// A block of work: [m x k] by [k x n].
struct Block {
  std::int64_t m = 1, n = 1, k = 1;
};

// One array of a TensorCore.
hardware::SystolicShape array_shape(const config::Tpu& spec);
// Filling the first tile of a kernel: its weights, then the skew of the array until the last column's last result is
// out.
Cycles fill_cycles(const config::Tpu& spec);
// A block on all arrays of a core, in a steady stream (no fill). The arrays share the work by rows of m, by column
// tiles or by k tiles (whose sums the vector unit then adds), whichever is fastest. The precision says how many passes
// a product takes and how many products a cell does at once.
Cycles array_cycles(const config::Tpu& spec, const config::Precision& precision, const Block& block);
// Lane operations of the vector unit while the arrays work. For every eight rows that stream past a weight tile: the
// operand's registers are brought into the arrays' format (operand_ops an element) and the results' registers are added
// to their sums (accumulate_ops an element). The weights of the block are brought into the format once. Registers count
// whole.
double stream_ops(const config::Tpu& spec, const config::Precision& precision, const Block& block);
// The arrays and the vector unit work at the same time; the slower one decides.
Cycles block_cycles(const config::Tpu& spec, const config::VectorUnit& vector, const config::Precision& precision,
                    const Block& block);

}  // namespace mantissa::chips::tpu
