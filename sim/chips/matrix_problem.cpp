// SPDX-License-Identifier: Apache-2.0
#include "chips/matrix_problem.h"

#include <algorithm>

#include "base/error.h"
#include "chips/mapper.h"

namespace mantissa::chips {

MatrixProblem matrix_problem(const PlacedKernel& placed) {
  const network::Kernel& kernel = *placed.kernel;
  check(placed.reads.size() >= 2 && !placed.writes.empty(), "a matrix kernel has two operands and a result");
  MatrixProblem problem;
  if (const auto* conv = std::get_if<network::ConvWork>(&kernel.work)) {
    problem.gemm = network::as_gemm(*conv);
    problem.taps = conv->kernel_h * conv->kernel_w;
    problem.convolution = true;
  } else {
    problem.gemm = std::get<network::GemmWork>(kernel.work);
  }
  problem.a = placed.reads[0];
  problem.b = placed.reads[1];
  for (std::size_t i = 2; i < placed.reads.size(); ++i) {
    const Bytes before = problem.rest.bytes;
    // Of the operands that the tail reads, the largest (a residual) says where the stream comes from.
    if (placed.reads[i].bytes >= before) {
      problem.rest = placed.reads[i];
      problem.rest.bytes += before;
    } else {
      problem.rest.bytes += placed.reads[i].bytes;
    }
  }
  problem.out = placed.writes.front();
  problem.epilogue_ops = kernel.epilogue_ops;
  problem.epilogue_specials = kernel.epilogue_specials;
  return problem;
}

StreamWork depthwise_work(const network::Kernel& kernel) {
  const auto& conv = std::get<network::ConvWork>(kernel.work);
  const double taps = static_cast<double>(conv.kernel_h * conv.kernel_w);
  return {kernel.output_elements(), taps + kernel.epilogue_ops, kernel.epilogue_specials, kernel.macs(), 1};
}

Range block_range(std::int64_t length, std::int64_t block, std::int64_t index) {
  return {std::min(length, index * block), std::min(length, (index + 1) * block)};
}

}  // namespace mantissa::chips
