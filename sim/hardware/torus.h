// SPDX-License-Identifier: Apache-2.0
// Chips in a grid of up to three axes, a link between neighbours for each direction; collective operations run on it
// chunk by chunk, each chunk waiting for its link. Time is the chunk's bytes at the link's rate, then the hop's latency
// (during which the link takes the next chunk).
//
// MODEL: bidirectional rings (lines, where an axis does not close), axis after axis; the tensor is cut in as many parts
// as there are axes, and each part takes the axes in another order, so that all links work at the same time. Messages
// that pass a chip on the way take each link of the way in turn. Not modelled: routing around faults, twisted tori,
// packet headers (the link's rate is what transfers reach).
#pragma once
#include <cstdint>
#include <vector>

#include "base/units.h"
#include "config/chip.h"

namespace mantissa::hardware {

// One axis of a group of chips: `length` of them, `stride` links apart, closed to a ring or a line.
struct TorusAxis {
  int length = 1, stride = 1;
  bool ring = false;
  bool operator==(const TorusAxis&) const = default;
  auto operator<=>(const TorusAxis&) const = default;
};

enum class CollectiveOperation { kAllGather, kReduceScatter, kAllReduce, kAllToAll };

struct CollectiveRun {
  Seconds time{};         // from the start on all chips to the end on the last one
  Bytes sent_most{};      // over the links of the chip that sends most
  Bytes sent_total{};     // over all links
  bool complete = false;  // every chip has every byte that it should have
};

// The grid of a slice of so many chips: axes as equal as its factors allow, powers of two first, as slices of TPU v4
// are offered (2x2x1, 2x2x2, 2x2x4, 2x4x4, 4x4x4, 4x4x8 ...).
std::vector<int> slice_shape(int chips);

// Divides a slice's axes over groups of the given sizes, the first innermost. Throws ModelError when a size does not
// fit the grid.
std::vector<std::vector<TorusAxis>> divide_slice(const config::Interconnect& net, int chips,
                                                 const std::vector<int>& sizes);

// Runs one collective on the chips of a group. `bytes`: of the whole tensor (what every chip has after an all-gather,
// before a reduce-scatter or an all-reduce); of an all-to-all what each chip holds. Without the launch.
CollectiveRun run_collective(const config::Interconnect& net, const std::vector<TorusAxis>& axes,
                             CollectiveOperation operation, Bytes bytes);

}  // namespace mantissa::hardware
