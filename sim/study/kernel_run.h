// SPDX-License-Identifier: Apache-2.0
// One kernel alone on a chip: what a micro-benchmark of a library measures. And the kernels that such benchmarks run,
// with the operation counts of the operators' table (network/op.h).
//
// Not modelled: what ran before (caches and open rows are as at power-on).
#pragma once
#include <span>
#include <string>
#include <vector>

#include "config/chip.h"
#include "energy/counters.h"
#include "energy/model.h"
#include "network/kernel.h"
#include "network/op.h"

namespace mantissa::study {

// Where a kernel's operands are. Each list is parallel to the kernel's; an empty one: where chips::place puts them.
struct KernelPlace {
  std::vector<bool> reads_on_chip, writes_on_chip;  // in the memory that the cores share (CMEM, L2)
  // As stored; where the last axes are padded (ANE rows, TPU tiles) bytes follow from them. Empty: one row each.
  std::vector<network::Shape> read_shapes, write_shapes;
};

// A kernel and its place.
struct LoneKernel {
  network::Kernel kernel;
  KernelPlace place;
};

struct KernelRun {
  Seconds latency{};  // with dispatch
  Hertz clock{};      // that the power limit allows
  energy::Counters counters;
  std::string mapping;
  energy::Breakdown energy;
  Watts power{};  // average
};

// REQUIRES: `precision` is one of the chip's ("": its default); at most one call in each piece of work of
// run_all_isolated, or it forks. Throws UsageError for an unknown precision, ModelError when it does not fit the chip.
KernelRun run_kernel(const config::Chip& chip, const std::string& precision, const network::Kernel& kernel,
                     const KernelPlace& place = {});
KernelRun run_kernel(const config::Chip& chip, const std::string& precision, const LoneKernel& kernel);
// Several kernels, each as if alone, in one simulation (of one clock): one result for each.
std::vector<KernelRun> run_kernels(const config::Chip& chip, const std::string& precision,
                                   std::span<const LoneKernel> kernels);

// batch x [m x k] by [k x n]; B may be a weight (stored in the precision's weight format).
LoneKernel gemm(std::int64_t m, std::int64_t n, std::int64_t k, bool weights = false, std::int64_t batch = 1);
// Square kernel, equal strides, "same" padding for odd kernels.
LoneKernel conv(std::int64_t n, std::int64_t channels, std::int64_t height, std::int64_t width,
                std::int64_t out_channels, std::int64_t kernel, std::int64_t stride, std::int64_t padding);
// One element-wise operator on tensors of this shape: one input, or two for binary operators.
LoneKernel elementwise(network::Op op, const network::Shape& shape);
// Softmax or layer norm over the last axis.
LoneKernel reduction(network::Op op, const network::Shape& shape);
LoneKernel attention(const network::AttentionWork& work);
// The tensor's bytes move once and nothing is computed: to the memory that the cores share, or within DRAM.
LoneKernel copy(const network::Shape& shape, bool to_chip);

}  // namespace mantissa::study
