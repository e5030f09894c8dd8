// SPDX-License-Identifier: Apache-2.0
#include "chips/tpu/timing.h"

#include <algorithm>

namespace mantissa::chips::tpu {
namespace {

constexpr std::int64_t kSublanes = 8;  // operands enter in groups of eight rows (a vector register)

}  // namespace

Cycles pass_cycles(const config::Tpu& spec, std::int64_t m) {
  return Cycles(std::max(round_up(m, kSublanes), ceil_div(spec.rows, spec.weight_rows_per_cycle)));
}

Cycles fill_cycles(const config::Tpu& spec) {
  return Cycles(ceil_div(spec.rows, spec.weight_rows_per_cycle) + spec.rows + spec.cols - 2) + spec.result_latency;
}

Cycles block_cycles(const config::Tpu& spec, int passes, std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t tiles = ceil_div(k, spec.rows) * ceil_div(n, spec.cols);
  Cycles best{};
  for (std::int64_t row_ways = 1; row_ways <= spec.arrays_per_core; row_ways *= 2) {
    const std::int64_t tile_ways = spec.arrays_per_core / row_ways;
    const Cycles cycles = pass_cycles(spec, ceil_div(m, row_ways)) * (ceil_div(tiles, tile_ways) * passes);
    best = row_ways == 1 ? cycles : std::min(best, cycles);
  }
  return best;
}

}  // namespace mantissa::chips::tpu
