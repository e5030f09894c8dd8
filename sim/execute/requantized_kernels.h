// SPDX-License-Identifier: Apache-2.0
// Which integer matrix kernels hand their results on as int8 codes: those whose result only integer matrix operations
// read, all with one scale, and whose fused tail is nothing but a bias and Relu or Clip.
#pragma once
#include <optional>
#include <vector>

#include "execute/matrix/operation.h"
#include "network/kernel.h"

namespace mantissa::execute {

// rules[i]: of kernels[i], empty where it is no matrix kernel that goes through a datapath. One result a kernel.
std::vector<std::optional<Requantizer>> find_requantizers(const network::Graph& graph,
                                                          const std::vector<network::Kernel>& kernels,
                                                          const std::vector<std::optional<MatrixRules>>& rules,
                                                          numerics::Requantization how);

}  // namespace mantissa::execute
