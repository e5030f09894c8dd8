// SPDX-License-Identifier: Apache-2.0
// Tiling for a neural engine: output channels are dealt to the cores; in a core one weight at a time is multiplied with
// a patch of output pixels while the rest of the MAC width works on further output channels. Kernels stream from DRAM
// through the core's kernel store; activations are in the L2 data buffer when they fit and are broadcast to the cores.
//
// MODEL: where there are fewer channel groups than cores the pixels are split as well. Depthwise convolution uses one
// output channel of the array's width, since no two channels share an input. Maps that do not fit L2 are cut into bands
// of pixels.
#pragma once
#include "chips/mapper.h"
#include "chips/matrix_problem.h"

namespace mantissa::chips::ane {

// Cycles of one core for [m pixels x k] by [k x n channels]; `channels_per_cycle` output channels at once, `patch`
// pixels at once.
Cycles core_cycles(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t channels_per_cycle, std::int64_t patch);

class AneMapper : public Mapper {
 public:
  AneMapper(const config::Chip& chip, const config::Precision& precision);
  MappedKernel map(const PlacedKernel& kernel) const override;
  double peak_macs_per_cycle(const network::Kernel& kernel) const override;

 private:
  struct Plan;
  Plan make_plan(const MatrixProblem& problem, bool depthwise) const;
  MappedKernel map_matrix(const MatrixProblem& problem, bool depthwise) const;
  bool make_task(const MatrixProblem& problem, const Plan& plan, int core, std::int64_t index,
                 hardware::TileTask& task) const;

  const config::Chip& chip_;
  const config::Precision& precision_;
  const config::Ane& spec_;
  std::int64_t channels_per_cycle_;
};

}  // namespace mantissa::chips::ane
