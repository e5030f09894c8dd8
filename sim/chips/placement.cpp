// SPDX-License-Identifier: Apache-2.0
#include "chips/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"

namespace mantissa::chips {
namespace {

constexpr std::int64_t kRegion = 4096;  // operands start at multiples of this in DRAM

int element_bytes(const config::Precision& precision, const network::Operand& operand) {
  switch (operand.storage) {
    case network::Storage::kMatrix:
      return (operand.weights ? precision.matrix.b : precision.matrix.a).storage_bytes();
    case network::Storage::kVector:
      return precision.vector.storage_bytes();
    case network::Storage::kIndex:
      return 8;
  }
  throw std::logic_error("unknown storage");
}

// The life of an activation: made by kernel `first` (-1: an input), last read by kernel `last`.
struct Life {
  int first = -1, last = -1;
  Bytes bytes{};
};

std::map<network::ValueId, Life> find_lives(const config::Chip& chip, const config::Precision& precision,
                                            const network::Graph& graph, const std::vector<network::Kernel>& kernels) {
  std::map<network::ValueId, Life> lives;
  const auto see = [&](const network::Operand& operand, int index, bool made) {
    if (operand.weights || operand.value < 0) {
      return;
    }
    Life& life = lives[operand.value];
    life.first = made ? index : life.first;
    life.last = index;
    life.bytes = std::max(life.bytes, stored_bytes(chip, precision, graph, operand));
  };
  for (int i = 0; i < static_cast<int>(kernels.size()); ++i) {
    for (const auto& read : kernels[static_cast<std::size_t>(i)].reads) {
      see(read, i, false);
    }
    for (const auto& write : kernels[static_cast<std::size_t>(i)].writes) {
      see(write, i, true);
    }
  }
  return lives;
}

// The values that stay on chip, and the most bytes of activations that are alive at once.
std::pair<std::set<network::ValueId>, Bytes> choose_on_chip(const std::map<network::ValueId, Life>& lives,
                                                            const network::Graph& graph, int kernels, Bytes capacity) {
  std::set<network::ValueId> resident;
  Bytes used{}, peak{};
  for (int i = 0; i < kernels; ++i) {
    Bytes alive{};
    for (const auto& [value, life] : lives) {
      alive += life.first <= i && i <= life.last ? life.bytes : Bytes(0);
      const bool output = std::find(graph.outputs.begin(), graph.outputs.end(), value) != graph.outputs.end();
      if (life.first == i && !output && used + life.bytes <= capacity) {
        resident.insert(value);
        used += life.bytes;
      }
    }
    for (const auto& [value, life] : lives) {
      if (life.last == i && resident.count(value) != 0) {
        used -= life.bytes;
      }
    }
    peak = std::max(peak, alive);
  }
  return {std::move(resident), peak};
}

}  // namespace

Bytes PlacedKernel::dram_bytes() const {
  Bytes total{};
  for (const auto* streams : {&reads, &writes}) {
    for (const auto& stream : *streams) {
      total += stream.on_chip ? Bytes(0) : stream.bytes;
    }
  }
  return total;
}

Bytes stored_bytes(const config::Chip& chip, const config::Precision& precision, const network::Graph& graph,
                   const network::Operand& operand) {
  const std::int64_t size = element_bytes(precision, operand);
  const auto* ane = std::get_if<config::Ane>(&chip.architecture);
  if (ane == nullptr || operand.weights || operand.value < 0 || graph.value(operand.value).shape.empty()) {
    return Bytes(operand.elements * size);
  }
  // A tensor that is one long row ([batch, features]) is laid out as channels, 64 bytes to a group, not as one row for
  // each feature.
  const std::int64_t row = std::max<std::int64_t>(1, graph.value(operand.value).shape.back());
  return Bytes(ceil_div(operand.elements, row) * round_up(row * size, ane->row_alignment.count()));
}

Placement place(const config::Chip& chip, const config::Precision& precision, const network::Graph& graph,
                const std::vector<network::Kernel>& kernels) {
  Placement placement;
  std::map<network::ValueId, Bytes> weights;
  for (const auto& kernel : kernels) {
    for (const auto& read : kernel.reads) {
      if (read.weights) {
        Bytes& bytes = weights[read.value];
        // The whole parameter is stored, even if a kernel reads part of it (an embedding).
        bytes = std::max(bytes,
                         Bytes(network::element_count(graph.value(read.value).shape) * element_bytes(precision, read)));
      }
    }
  }
  for (const auto& [value, bytes] : weights) {
    placement.weights += bytes;
  }
  const auto lives = find_lives(chip, precision, graph, kernels);
  const auto on_chip_and_peak = choose_on_chip(lives, graph, static_cast<int>(kernels.size()), chip.shared.capacity);
  const std::set<network::ValueId>& resident = on_chip_and_peak.first;
  const Bytes peak = on_chip_and_peak.second;
  placement.activations_peak = peak;
  if (placement.weights + peak > chip.dram.capacity) {
    throw ModelError(
        chip.name + ".dram",
        fmt::format(
            "the network needs {:.1f} GB for weights and {:.1f} GB for activations at {}, the chip has {:.1f} GB; "
            "use a smaller batch or a narrower precision",
            static_cast<double>(placement.weights.count()) / 1e9, static_cast<double>(peak.count()) / 1e9,
            precision.name, static_cast<double>(chip.dram.capacity.count()) / 1e9));
  }
  const bool weights_stay =
      std::holds_alternative<config::Hopper>(chip.architecture) && placement.weights + peak <= chip.shared.capacity;
  for (const auto& kernel : kernels) {
    PlacedKernel placed{&kernel, {}, {}};
    std::int64_t address = 0;
    const auto add = [&](const network::Operand& operand, std::vector<Stream>& streams) {
      const Bytes bytes = stored_bytes(chip, precision, graph, operand);
      const bool on_chip = operand.weights ? weights_stay : resident.count(operand.value) != 0;
      streams.push_back({bytes, on_chip, static_cast<std::uint64_t>(address)});
      address += round_up(bytes.count(), kRegion);
    };
    for (const auto& read : kernel.reads) {
      add(read, placed.reads);
    }
    for (const auto& write : kernel.writes) {
      add(write, placed.writes);
    }
    placement.kernels.push_back(std::move(placed));
  }
  return placement;
}

}  // namespace mantissa::chips
