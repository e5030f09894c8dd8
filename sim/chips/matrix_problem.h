// SPDX-License-Identifier: Apache-2.0
// A convolution or matrix product as the mappers see it: sizes, streams, and the element-wise tail.
#pragma once
#include "chips/placement.h"
#include "network/kernel.h"

namespace mantissa::chips {

struct MatrixProblem {
  network::GemmWork
      gemm;  // per group: batch x [m x k] x [k x n]; a convolution's m are output pixels, n output channels
  std::int64_t taps =
      1;        // kernel positions of a convolution: k = taps x channels, and `a` holds k / taps values per pixel
  bool convolution = false;
  Stream a, b;  // data and weights
  Stream rest;  // residual, bias and whatever else the tail reads, as one stream
  Stream out;
  double epilogue_ops = 0, epilogue_specials = 0;  // per output element
};

// REQUIRES: GemmWork or ConvWork.
MatrixProblem matrix_problem(const PlacedKernel& kernel);

// Depthwise convolution on the vector units: one multiply-add per tap and output, channel by channel.
struct StreamWork;
StreamWork depthwise_work(const network::Kernel& kernel);

// [begin, end) of part `index` when `length` is cut into blocks of `block`.
struct Range {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
};
Range block_range(std::int64_t length, std::int64_t block, std::int64_t index);

}  // namespace mantissa::chips
