// SPDX-License-Identifier: Apache-2.0
// The last part of a training step: overflow checks of loss scaling, and the update of every weight. One kernel for
// each parameter tensor, as XLA makes them.
#pragma once
#include <vector>

#include "config/workload.h"
#include "network/program.h"

namespace mantissa::network {

struct TrainedWeight {
  ValueId value = -1, gradient = -1;
  std::int64_t elements = 0;
  int block = 0;
};

// `shards`: each chip updates one of so many parts of every weight.
void add_optimizer(Program& program, const std::vector<TrainedWeight>& weights, const config::Training& training,
                   int shards);

}  // namespace mantissa::network
