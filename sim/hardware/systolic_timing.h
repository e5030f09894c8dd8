// SPDX-License-Identifier: Apache-2.0
// Cycles of a weight-stationary systolic array in closed form. SystolicArray (systolic_array.h) is the same machine
// register by register; a test holds the two equal.
//
// The product C[m x n] = A[m x k] B[k x n] is folded into ceil(k/rows) x ceil(n/cols) weight tiles. A tile's weights
// take ceil(rows/push) cycles to enter; then the m rows of A stream past them, one per cycle, skewed: the last result
// of the last column leaves rows + cols - 2 cycles after the last row of A went in at the first row and column. Tiles
// go by k first: all column tiles of one k tile, then the next k tile, whose sums start from the results of the one
// before.
#pragma once
#include <algorithm>

#include "base/units.h"

namespace mantissa::hardware {

struct SystolicShape {
  int rows = 0, cols = 0;
  int weight_rows_per_cycle = 1;  // "push"; divides rows
  bool double_buffered = true;    // weights of the next tile enter while this one runs
};

constexpr Cycles weight_load_cycles(const SystolicShape& s) {
  return Cycles(ceil_div(s.rows, s.weight_rows_per_cycle));
}

// From the first row of A at the first row of PEs to the last result of the last column, both cycles included.
constexpr Cycles stream_cycles(const SystolicShape& s, std::int64_t m) {
  return Cycles(m + s.rows + s.cols - 2);
}

// From the start of one tile to the start of the next, as far as the array itself allows.
constexpr Cycles tile_cycles(const SystolicShape& s, std::int64_t m) {
  return s.double_buffered ? std::max(Cycles(m), weight_load_cycles(s)) : weight_load_cycles(s) + stream_cycles(s, m);
}

// A stream of weight tiles, k tile by k tile, from the start of its first tile to where the next stream's first tile
// may start. A result is back at the top of the array `rows` cycles after its sum started there: where all column tiles
// of a k tile take less, the next k tile waits. REQUIRES: double_buffered.
constexpr Cycles steady_cycles(const SystolicShape& s, std::int64_t m, std::int64_t n_tiles, std::int64_t k_tiles) {
  const Cycles tiles = tile_cycles(s, m) * n_tiles;
  return std::max(tiles, Cycles(s.rows)) * (k_tiles - 1) + tiles;
}

// The whole product, from the first weight to the last result.
//   not overlapped: every tile loads, streams and drains: tiles x (load + m + rows + cols - 2). SCALE-Sim's
//   weight-stationary
//                   "compute cycles" are this minus 1 (it gives the number of the last cycle, from 0), with push = 1.
//   overlapped:     one load, then the tiles in a steady stream, of which the last one ends with its last result.
constexpr Cycles gemm_cycles(const SystolicShape& s, std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t k_tiles = ceil_div(k, s.rows), n_tiles = ceil_div(n, s.cols);
  const Cycles tile = tile_cycles(s, m);
  if (!s.double_buffered) {
    return tile * (k_tiles * n_tiles);
  }
  return weight_load_cycles(s) + steady_cycles(s, m, n_tiles, k_tiles) - tile + stream_cycles(s, m);
}

}  // namespace mantissa::hardware
