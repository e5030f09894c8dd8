// SPDX-License-Identifier: Apache-2.0
// Tiling for Hopper: thread-block tiles of a library's list, fed by TMA through a ring of stages, persistent blocks
// that take the next tile when they are done, split k (with a reduction kernel) where the grid is small. The tile with
// the least estimated time is simulated.
//
// MODEL: one thread block per SM; operand tiles are cache blocks of L2, so their reuse by other SMs follows from the
// order of tiles; a convolution reads its input's blocks once for each tap, from L2 after the first. With two result
// tiles in the register file the epilogue overlaps the next tile's main loop. Depthwise convolutions run on the CUDA
// cores.
#pragma once
#include "chips/mapper.h"
#include "chips/matrix_problem.h"

namespace mantissa::chips::hopper {

class HopperMapper : public Mapper {
 public:
  HopperMapper(const config::Chip& chip, const config::Precision& precision);
  MappedKernel map(const PlacedKernel& kernel) const override;
  double peak_macs_per_cycle(const network::Kernel& kernel) const override;

 private:
  struct Plan;
  Cycles launch_cycles() const;
  MappedKernel map_matrix(const MatrixProblem& problem) const;
  Plan make_plan(const MatrixProblem& problem, config::Hopper::Tile tile, std::int64_t splits) const;
  Plan choose_plan(const MatrixProblem& problem) const;
  double estimate(const MatrixProblem& problem, const Plan& plan) const;
  hardware::TileTask make_task(const MatrixProblem& problem, const Plan& plan, std::int64_t block,
                               std::int64_t stage) const;
  void add_epilogue(const MatrixProblem& problem, const Plan& plan, std::int64_t block, const Range& rows,
                    const Range& cols, hardware::TileTask& task) const;

  const config::Chip& chip_;
  const config::Precision& precision_;
  const config::Hopper& spec_;
  int element_bytes_;
};

}  // namespace mantissa::chips::hopper
