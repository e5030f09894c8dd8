// SPDX-License-Identifier: Apache-2.0
// One dot product after another, each with its own operands and its own initial accumulator: for streams of single
// results, where `gemm` has no operands to share. Scalar code in 64- and 128-bit integers, about twenty times as fast
// as the oracle and bit-identical to it; what it does not cover goes to the oracle.
#pragma once
#include <cstdint>
#include <span>

#include "numerics/datapath.h"

namespace mantissa::numerics {

class SingleDot {
 public:
  // REQUIRES: not kInteger. Throws ModelError for a description with a defect.
  explicit SingleDot(const Datapath& datapath);

  // dot_oracle(datapath, a, b, c). Values lie on the operand grids. May be called from several threads.
  float operator()(std::span<const float> a, std::span<const float> b, float c) const;

 private:
  float sum_of_products(std::span<const float> a, std::span<const float> b, float c) const;

  Datapath datapath_;
  bool covered_ = false;
};

}  // namespace mantissa::numerics
