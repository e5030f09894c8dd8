// SPDX-License-Identifier: Apache-2.0
// Tiling for a TPU: the larger of m and n is split over the TensorCores, blocks that fit VMEM twice are chosen by
// estimated time, weights stay in an array while the block's rows stream past.
//
// MODEL: a convolution is a matrix product whose taps are packed into k (what XLA does with small channel counts); its
// input is moved once per block, not once per tap. Depthwise convolutions run on the vector unit.
#pragma once
#include "chips/mapper.h"
#include "chips/matrix_problem.h"
#include "chips/tpu/plan.h"

namespace mantissa::chips::tpu {

class TpuMapper : public Mapper {
 public:
  TpuMapper(const config::Chip& chip, const config::Precision& precision);
  MappedKernel map(const PlacedKernel& kernel) const override;
  double peak_macs_per_cycle(const network::Kernel& kernel) const override;

 private:
  // One block's place in the product.
  struct Share {
    std::int64_t kb = 0, mb = 0, nb = 0, batch = 0, m_offset = 0, n_offset = 0;
    Range rows, cols, depth;
    bool empty = true;
  };
  MappedKernel map_matrix(const MatrixProblem& given) const;
  MappedKernel map_prefetch(const PlacedKernel& kernel) const;
  bool is_prefetch(const PlacedKernel& kernel) const;
  StreamCut stream_cut() const;
  Share share_of(const MatrixProblem& problem, const Plan& plan, int core, std::int64_t index) const;
  hardware::TileTask make_task(const MatrixProblem& problem, const Plan& plan, int core, std::int64_t index) const;

  const config::Chip& chip_;
  const config::Precision& precision_;
  const config::Tpu& spec_;
};

}  // namespace mantissa::chips::tpu
