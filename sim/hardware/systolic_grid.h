// SPDX-License-Identifier: Apache-2.0
// The registers of a weight-stationary systolic array and what one clock edge does to them, PE by PE. Operand is float
// with a Sum of float, or int8 with int32; SystolicArray (systolic_array.h) clocks it.
//
//              weights, and the sums so far        PE(r, c) at cycle t sees what PE(r, c-1) and PE(r-1, c) held after
//              t-1:
//                 |      |      |                     activation  from the left, passed on to the right
//   row 0  a -> PE --> PE --> PE                      sum         from above; its own product joins it; passed on below
//   row 1  a -> PE --> PE --> PE                      weights     travel down with the wave into the plane not in use
//                 |      |      |
//                results, column c one cycle after column c-1
//
// Invariants:
//  1. Row m of A reaches PE(r, c) r + c cycles after PE(0, 0), together with its sum; both carry the same tag (checked
//  every cycle).
//  2. `group` consecutive rows of PEs are one step of the datapath: the first group-1 pass their products on, the last
//  adds all of
//     them to the sum and rounds. A column over all k tiles is one chain of steps: the sum of k tile i enters at the
//     top for tile i+1.
//  3. Rows and columns beyond the matrices hold zeros: they take time and change no sum.
//  4. Weights use two planes in turn (one without double buffering). The wave of weights of tile i+1 sets out when tile
//  i starts, at
//     the speed of the wave of activations, so it overwrites a plane just behind the last activation that needed it.
//     With a push of p, p rows of weights travel abreast: row r hands its old weight to row r + p, p cycles later.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/error.h"
#include "hardware/systolic_timing.h"

namespace mantissa::hardware {

template <class Operand, class Sum>
class SystolicGrid {
 public:
  // One step of the datapath: sum + the dot product of `group` operand pairs.
  using Step = std::function<Sum(std::span<const Operand> a, std::span<const Operand> weights, Sum sum)>;

  SystolicGrid(const SystolicShape& shape, int group, Step step);

  // C = A x B, row-major without gaps; the spans must outlive the run. `c` holds the sums: zero at the start, the
  // results at the end.
  void start(std::int64_t m, std::int64_t n, std::int64_t k, std::span<const Operand> a, std::span<const Operand> b,
             std::span<Sum> c);
  bool busy() const { return collected_ < to_collect_; }
  void tick();  // one clock edge. REQUIRES: busy()

  std::int64_t cycles() const { return cycle_; }             // of this product so far
  std::int64_t useful_macs() const { return useful_macs_; }  // operand pairs that were not padding
  // For waveforms:
  std::int64_t streaming_tile() const { return head().valid ? head().tile : -1; }
  std::int64_t streaming_row() const { return head().valid ? head().m : -1; }
  bool loading_weights() const { return load_control_.front().valid; }
  Sum result(int column) const { return at(cells_, rows() - 1, column).sum; }
  int working_pes() const { return working_; }

 private:
  struct Tag {
    bool valid = false;
    std::int64_t tile = 0, m = 0;
    bool operator==(const Tag&) const = default;
  };
  struct Weight {  // on its way down
    bool valid = false;
    int plane = 0;
    Operand value{};
  };
  struct Pe {
    Operand activation{};
    Sum sum{};
    Tag activation_tag, sum_tag;
    Operand weights[2]{};
  };
  struct LoadControl {
    bool valid = false;
    std::int64_t tile = 0, step = 0;
  };

  int rows() const { return shape_.rows; }
  int cols() const { return shape_.cols; }
  std::size_t index(int r, int c) const {
    return static_cast<std::size_t>(r) * static_cast<std::size_t>(cols()) + static_cast<std::size_t>(c);
  }
  Pe& at(std::vector<Pe>& cells, int r, int c) { return cells[index(r, c)]; }
  const Pe& at(const std::vector<Pe>& cells, int r, int c) const { return cells[index(r, c)]; }
  const Tag& head() const { return stream_control_.front(); }
  int plane(std::int64_t tile) const { return shape_.double_buffered ? static_cast<int>(tile % 2) : 0; }
  std::int64_t k_tile(std::int64_t tile) const { return tile / n_tiles_; }
  std::int64_t n_tile(std::int64_t tile) const { return tile % n_tiles_; }

  void sequence();  // decides what enters at PE(0, 0) in this cycle
  void sequence_load();
  void sequence_stream();
  void move_weights();
  void move_cell(int r, int c);
  void accumulate(int r, int c, const Pe& from_above, Pe& cell);
  void collect(const Pe& bottom, int c);
  Operand activation_input(int row, const Tag& tag) const;
  Operand weight_input(int lane, int column, const LoadControl& control) const;
  Sum sum_input(int column, const Tag& tag) const;

  SystolicShape shape_;
  int group_;
  Step step_;
  std::int64_t m_ = 0, n_ = 0, k_ = 0, n_tiles_ = 0, tiles_ = 0;
  std::span<const Operand> a_, b_;
  std::span<Sum> c_;
  std::vector<std::int64_t>
      rounds_;  // k tiles accumulated in each element of a padded C row block: m x (n_tiles x cols)

  std::vector<Pe> cells_;         // row by row
  std::vector<Operand> pending_;  // per PE: the products of its group so far, as operand pairs
  std::vector<Operand> pending_weights_;
  std::vector<Weight> weight_wires_;       // p stages deep between row r and row r + p
  std::vector<Tag> stream_control_;        // [r]: what enters row r; a row one cycle after the row above
  std::vector<Tag> sum_control_;           // [c]: whose sum enters column c
  std::vector<LoadControl> load_control_;  // [q + c]: what enters lane q of column c

  std::int64_t cycle_ = 0, collected_ = 0, to_collect_ = 0, useful_macs_ = 0;
  std::int64_t loading_ = 0, load_step_ = 0;   // tile whose weights enter, and how many steps have
  std::int64_t loaded_ = 0;                    // tiles whose weights are in
  std::int64_t next_tile_ = 0, stream_m_ = 0;  // tile to start next; rows of the current one that went in
  bool streaming_ = false, load_allowed_ = true;
  int working_ = 0;
};

extern template class SystolicGrid<float, float>;
extern template class SystolicGrid<std::int8_t, std::int32_t>;

}  // namespace mantissa::hardware
