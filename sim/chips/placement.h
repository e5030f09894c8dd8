// SPDX-License-Identifier: Apache-2.0
// Where the tensors of a network live while it runs: activations stay in the memory that the cores share when there is
// room for them from the kernel that makes them to the last one that reads them; everything else is in DRAM.
//
// MODEL: first come, first placed, as static allocators of inference compilers do; no spilling of part of a tensor. A
// cache (Hopper's L2) also keeps the weights from one inference to the next when weights and activations fit together.
#pragma once
#include <cstdint>
#include <vector>

#include "config/chip.h"
#include "network/graph.h"
#include "network/kernel.h"

namespace mantissa::chips {

// One operand of a kernel as memory traffic.
struct Stream {
  Bytes bytes{};
  bool on_chip = false;
  std::uint64_t address = 0;  // in DRAM, the same for equal kernels
  bool operator==(const Stream&) const = default;
};

struct PlacedKernel {
  const network::Kernel* kernel = nullptr;
  std::vector<Stream> reads, writes;  // parallel to the kernel's

  Bytes dram_bytes() const;  // read and written once each: the least that a run moves
};

struct Placement {
  std::vector<PlacedKernel> kernels;
  Bytes weights{};           // as stored
  Bytes activations_peak{};  // most bytes alive at once
};

// Tensors that only matrix kernels read are in the format that these multiply (the widest, where the plan lets them run
// at different precisions), all others in the vector format of the plan's base. Throws ModelError when weights and
// activations exceed the DRAM.
Placement place(const config::Chip& chip, const config::PrecisionPlan& plan, const network::Graph& graph,
                const std::vector<network::Kernel>& kernels);

}  // namespace mantissa::chips
