// SPDX-License-Identifier: Apache-2.0
#include "chips/tpu/timing.h"

#include <algorithm>
#include <cmath>

namespace mantissa::chips::tpu {

hardware::SystolicShape array_shape(const config::Tpu& spec) {
  return {spec.rows, spec.cols, spec.weight_rows_per_cycle, true};
}

Cycles fill_cycles(const config::Tpu& spec) {
  const hardware::SystolicShape array = array_shape(spec);
  return hardware::weight_load_cycles(array) + hardware::stream_cycles(array, 0) + spec.result_latency;
}

Cycles array_cycles(const config::Tpu& spec, const config::Precision& precision, const Block& block) {
  const std::int64_t depth = static_cast<std::int64_t>(spec.rows) * precision.products_per_cell;
  const std::int64_t n_tiles = ceil_div(block.n, spec.cols), k_tiles = ceil_div(block.k, depth);
  Cycles best{};
  for (std::int64_t row_ways = 1; row_ways <= spec.arrays_per_core; ++row_ways) {
    for (std::int64_t n_ways = 1; row_ways * n_ways <= spec.arrays_per_core; ++n_ways) {
      const std::int64_t k_ways = spec.arrays_per_core / (row_ways * n_ways);
      // Partial sums along k meet in the vector unit: no tile waits for the results of another one.
      const std::int64_t tiles = ceil_div(n_tiles, n_ways) * ceil_div(k_tiles, k_ways);
      const std::int64_t rows = round_up(ceil_div(block.m, row_ways), kSublanes);
      const Cycles cycles = hardware::tile_cycles(array_shape(spec), rows) * (tiles * precision.passes);
      best = best == Cycles(0) ? cycles : std::min(best, cycles);
    }
  }
  return best;
}

double stream_ops(const config::Tpu& spec, const config::Precision& precision, const Block& block) {
  const double m = static_cast<double>(round_up(block.m, kSublanes));
  const double n = static_cast<double>(round_up(block.n, spec.cols)),
               k = static_cast<double>(round_up(block.k, spec.rows));
  const double pushed = m * k * (n / spec.cols), popped = m * n * (k / spec.rows), weights = k * n;
  return precision.passes * (precision.operand_ops * (pushed + weights) + spec.accumulate_ops * popped);
}

Cycles block_cycles(const config::Tpu& spec, const config::VectorUnit& vector, const config::Precision& precision,
                    const Block& block) {
  const double cycles = std::ceil(stream_ops(spec, precision, block) / vector.ops_per_cycle);
  return std::max(array_cycles(spec, precision, block), Cycles(static_cast<std::int64_t>(cycles)));
}

}  // namespace mantissa::chips::tpu
