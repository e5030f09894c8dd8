// SPDX-License-Identifier: Apache-2.0
// When the kernels and collectives of a program happen: kernels one after the other on a stream for computing,
// collectives of products on a second stream, those of weights and gradients on a third, each waiting for what it
// needs.
//
// MODEL: weights of a block are gathered while the block before it computes (one block ahead, as memory allows);
// gradients of a block are reduced while the next one computes; the optimizer waits for its block's gradients. A
// collective beside a matrix product is cut into as many chunks as its longest axis has chips, if that is faster: then
// chunks are sent while others are computed ("collective matmul", Wang et al., ASPLOS 2023). The streams do not slow
// each other down: they use different axes of the torus.
#pragma once
#include <map>
#include <tuple>
#include <vector>

#include "config/chip.h"
#include "config/workload.h"
#include "hardware/torus.h"
#include "network/program.h"

namespace mantissa::study {

struct ScheduleInput {
  const config::Chip& chip;
  const network::Program& program;
  const config::Parallelism& parallel;
  std::vector<Seconds> kernels;      // parallel to the program's steps, all repetitions
  std::vector<Bytes> block_weights;  // by block, as stored
  std::vector<Bytes> block_gradients;
  int activation_bytes = 2;  // of an element that a collective of products moves
  bool training = false;
};

struct ScheduleTimes {
  Seconds total{}, compute{}, communication{};
  Bytes sent{};  // by one chip
  std::size_t collectives = 0;
};

ScheduleTimes schedule(const ScheduleInput& input);

}  // namespace mantissa::study
