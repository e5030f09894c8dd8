// SPDX-License-Identifier: Apache-2.0
// A weight-stationary systolic array as a SystemC module, cycle by cycle and PE by PE, carrying real data: the oracle
// for the closed-form timing (systolic_timing.h) and for the datapath (each result has the bits of one chain of
// numerics::dot_oracle steps over k). For small problems: a cycle costs a few nanoseconds per PE and a datapath step at
// every `group`-th row. One process clocks the whole array.
//
// MODEL: what the array does, not how operands reach it: A, B and the sums are read and written at its edges without
// delay.
#pragma once
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <systemc>
#include <variant>

#include "hardware/systolic_grid.h"
#include "numerics/datapath.h"

namespace mantissa::hardware {

class SystolicArray : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clock{"clock"};  // works at rising edges

  // An integer datapath takes int8 operands, any other one floats. Throws ModelError for a shape or a datapath that
  // does not fit: rows must be a multiple of the datapath's group and of the push; promotion into a second accumulator
  // is not a systolic column's.
  SystolicArray(const sc_core::sc_module_name& name, const SystolicShape& shape, const numerics::Datapath& datapath);

  // Starts C[m x n] = A[m x k] x B[k x n] (row-major, without gaps) at the next clock edge. The spans must outlive the
  // run; operands lie on the datapath's grids. REQUIRES: not busy(); the overload that fits the datapath.
  void start(std::int64_t m, std::int64_t n, std::int64_t k, std::span<const float> a, std::span<const float> b,
             std::span<float> c);
  void start(std::int64_t m, std::int64_t n, std::int64_t k, std::span<const std::int8_t> a,
             std::span<const std::int8_t> b, std::span<std::int32_t> c);
  bool busy() const { return busy_; }
  const sc_core::sc_event& product_done() const { return product_done_; }

  Cycles cycles() const;     // of the current or last product: first weight in to last result out
  Macs useful_macs() const;  // multiplications that were not padding
  // An exception inside a SystemC process loses its type, so a failure is kept and thrown here.
  void rethrow_failure() const;

  // Adds the array's signals to a waveform: busy, tile, row of A at the first PE, weights entering, PEs at work, result
  // of column 0.
  void trace(sc_core::sc_trace_file* file) const override;

 private:
  using FloatGrid = SystolicGrid<float, float>;
  using IntegerGrid = SystolicGrid<std::int8_t, std::int32_t>;

  void clock_grid();
  void finish();
  template <class Grid>
  void show(const Grid& grid);

  numerics::Datapath datapath_;
  std::variant<FloatGrid, IntegerGrid> grid_;
  std::span<float> float_results_;
  sc_core::sc_event product_done_;
  std::exception_ptr failure_;
  bool busy_ = false;

  struct {
    int tile = -1, row = -1, working_pes = 0;
    bool loading = false;
    double result = 0;
  } shown_;
};

}  // namespace mantissa::hardware
