// SPDX-License-Identifier: Apache-2.0
// Fused attention on any chip: blocks of queries stay in the core while blocks of keys and values stream past; scores
// never leave the core. Softmax runs on the vector unit while the matrix unit works on the next block.
#pragma once
#include <functional>

#include "chips/mapper.h"

namespace mantissa::chips {

struct AttentionBlocks {
  std::int64_t queries = 128, keys = 128;  // rows of a block
  // Matrix-unit cycles of one core for [m x k] by [k x n].
  std::function<Cycles(std::int64_t m, std::int64_t n, std::int64_t k)> cycles;
  double macs_per_core_cycle = 1;
};

MappedKernel map_attention(const config::Chip& chip, const PlacedKernel& kernel, const AttentionBlocks& blocks);

}  // namespace mantissa::chips
