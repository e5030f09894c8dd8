// SPDX-License-Identifier: Apache-2.0
// From a program of the forward pass to a training step: loss, backward pass, optimizer. The gradient of a product is
// two products, dX = dY W' and dW = X' dY; of an element-wise operation or normalization another pass over its inputs
// and dY; of attention seven products in place of two, because scores are computed again, once for dQ and once for dK
// and dV (as JAX's flash attention on TPU does). Collectives turn round: what the forward pass gathers is reduced and
// scattered.
//
// MODEL: sums of gradients ride on the product that makes the last of them; the gradient of an activation is a kernel
// of its own that reads the product's result before it, which the forward pass keeps.
#pragma once
#include "config/workload.h"
#include "network/program.h"

namespace mantissa::network {

// `shards`: each chip's optimizer works on one of so many parts of the weights (fsdp). Throws ModelError for a network
// with operators that have no gradient here.
Program add_training(Program forward, const config::Training& training, int shards);

// Parameters of which a program's optimizer steps keep moments: elements of one chip.
std::int64_t optimizer_elements(const Program& program);

}  // namespace mantissa::network
