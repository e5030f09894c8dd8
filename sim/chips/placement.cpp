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

// Bytes of one element of each tensor in memory. A tensor in a matrix format that several kernels read at different
// precisions is stored once, in the widest of their formats.
class ElementSizes {
 public:
  ElementSizes(const config::PrecisionPlan& plan, const std::vector<network::Kernel>& kernels) : plan_(plan) {
    for (const auto& kernel : kernels) {
      const numerics::Datapath& datapath = plan.of(kernel.name).matrix;
      for (const auto& read : kernel.is_matrix() ? kernel.reads : std::vector<network::Operand>{}) {
        if (read.storage == network::Storage::kMatrix) {
          int& bytes = matrix_[{read.value, read.weights}];
          const numerics::Format& weights = plan.of(kernel.name).weights.value_or(datapath.b);
          bytes = std::max(bytes, (read.weights ? weights : datapath.a).storage_bytes());
        }
      }
    }
  }

  int of(const network::Operand& operand) const {
    switch (operand.storage) {
      case network::Storage::kMatrix: {
        const auto at = matrix_.find({operand.value, operand.weights});
        const numerics::Datapath& base = plan_.base().matrix;
        return at != matrix_.end() ? at->second
                                   : (operand.weights ? plan_.base().weights.value_or(base.b) : base.a).storage_bytes();
      }
      case network::Storage::kVector:
        return plan_.base().vector.storage_bytes();
      case network::Storage::kIndex:
        return 8;
      case network::Storage::kByte:
        return 1;
      case network::Storage::kWord:
        return 4;
    }
    throw std::logic_error("unknown storage");
  }

 private:
  const config::PrecisionPlan& plan_;
  std::map<std::pair<network::ValueId, bool>, int> matrix_;
};

// Bytes of an operand; the last axis of an activation is padded to the chip's row alignment (ANE).
Bytes stored_bytes(const config::Chip& chip, const ElementSizes& sizes, const network::Graph& graph,
                   const network::Operand& operand) {
  const std::int64_t size = sizes.of(operand);
  const auto* ane = std::get_if<config::Ane>(&chip.architecture);
  if (ane == nullptr || operand.weights || operand.value < 0 || graph.value(operand.value).shape.empty()) {
    return Bytes(operand.elements * size);
  }
  // A tensor that is one long row ([batch, features]) is laid out as channels, 64 bytes to a group, not as one row for
  // each feature.
  const std::int64_t row = std::max<std::int64_t>(1, graph.value(operand.value).shape.back());
  return Bytes(ceil_div(operand.elements, row) * round_up(row * size, ane->row_alignment.count()));
}

// The life of an activation: made by kernel `first` (-1: an input), last read by kernel `last`.
struct Life {
  int first = -1, last = -1;
  Bytes bytes{};
};

std::map<network::ValueId, Life> find_lives(const config::Chip& chip, const ElementSizes& sizes,
                                            const network::Graph& graph, const std::vector<network::Kernel>& kernels) {
  std::map<network::ValueId, Life> lives;
  const auto see = [&](const network::Operand& operand, int index, bool made) {
    if (operand.weights || operand.value < 0) {
      return;
    }
    Life& life = lives[operand.value];
    life.first = made ? index : life.first;
    life.last = index;
    life.bytes = std::max(life.bytes, stored_bytes(chip, sizes, graph, operand));
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

// The values that stay on chip, and the most bytes of activations that are alive at once. One walk over the kernels:
// networks of a training step have tens of thousands of values.
std::pair<std::set<network::ValueId>, Bytes> choose_on_chip(const std::map<network::ValueId, Life>& lives,
                                                            const network::Graph& graph, int kernels, Bytes capacity) {
  const std::set<network::ValueId> outputs(graph.outputs.begin(), graph.outputs.end());
  using Lives = std::vector<std::pair<network::ValueId, Bytes>>;
  std::vector<Lives> begin(static_cast<std::size_t>(kernels)), end(begin);
  Bytes alive{};
  for (const auto& [value, life] : lives) {
    if (life.first < 0) {
      alive += life.bytes;  // inputs are there before the first kernel
    } else {
      begin[static_cast<std::size_t>(life.first)].emplace_back(value, life.bytes);
    }
    end[static_cast<std::size_t>(life.last)].emplace_back(value, life.bytes);
  }
  std::set<network::ValueId> resident;
  Bytes used{}, peak{};
  for (std::size_t i = 0; i < begin.size(); ++i) {
    for (const auto& [value, bytes] : begin[i]) {
      alive += bytes;
      if (outputs.count(value) == 0 && used + bytes <= capacity) {
        resident.insert(value);
        used += bytes;
      }
    }
    peak = std::max(peak, alive);
    for (const auto& [value, bytes] : end[i]) {
      alive -= bytes;
      used -= resident.count(value) != 0 ? bytes : Bytes(0);
    }
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

Placement place(const config::Chip& chip, const config::PrecisionPlan& plan, const network::Graph& graph,
                const std::vector<network::Kernel>& kernels) {
  const ElementSizes sizes(plan, kernels);
  Placement placement;
  std::map<network::ValueId, Bytes> weights;
  for (const auto& kernel : kernels) {
    for (const auto& read : kernel.reads) {
      if (read.weights) {
        Bytes& bytes = weights[read.value];
        // The whole parameter is stored, even if a kernel reads part of it (an embedding).
        bytes = std::max(bytes, Bytes(network::element_count(graph.value(read.value).shape) * sizes.of(read)));
      }
    }
  }
  for (const auto& [value, bytes] : weights) {
    placement.weights += bytes;
  }
  const auto lives = find_lives(chip, sizes, graph, kernels);
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
            plan.base().name, static_cast<double>(chip.dram.capacity.count()) / 1e9));
  }
  const bool weights_stay =
      std::holds_alternative<config::Hopper>(chip.architecture) && placement.weights + peak <= chip.shared.capacity;
  for (const auto& kernel : kernels) {
    PlacedKernel placed{&kernel, {}, {}};
    std::int64_t address = 0;
    const auto add = [&](const network::Operand& operand, std::vector<Stream>& streams) {
      const Bytes bytes = stored_bytes(chip, sizes, graph, operand);
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
