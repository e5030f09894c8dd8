// SPDX-License-Identifier: Apache-2.0
#include "chips/tpu/timing.h"

#include <algorithm>

namespace mantissa::chips::tpu {
namespace {

constexpr std::int64_t kSublanes = 8;  // operands enter in groups of eight rows (a vector register)

}  // namespace

hardware::SystolicShape array_shape(const config::Tpu& spec) {
  return {spec.rows, spec.cols, spec.weight_rows_per_cycle, true};
}

Cycles fill_cycles(const config::Tpu& spec) {
  const hardware::SystolicShape array = array_shape(spec);
  return hardware::weight_load_cycles(array) + hardware::stream_cycles(array, 0) + spec.result_latency;
}

Cycles block_cycles(const config::Tpu& spec, int passes, std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t n_tiles = ceil_div(n, spec.cols), k_tiles = ceil_div(k, spec.rows);
  Cycles best{};
  for (std::int64_t row_ways = 1; row_ways <= spec.arrays_per_core; ++row_ways) {
    for (std::int64_t n_ways = 1; row_ways * n_ways <= spec.arrays_per_core; ++n_ways) {
      const std::int64_t k_ways = spec.arrays_per_core / (row_ways * n_ways);
      const Cycles cycles = hardware::steady_cycles(array_shape(spec), round_up(ceil_div(m, row_ways), kSublanes),
                                                    ceil_div(n_tiles, n_ways), ceil_div(k_tiles, k_ways)) *
                            passes;
      best = best == Cycles(0) ? cycles : std::min(best, cycles);
    }
  }
  return best;
}

}  // namespace mantissa::chips::tpu
