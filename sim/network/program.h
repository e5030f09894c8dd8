// SPDX-License-Identifier: Apache-2.0
// What one of several equal chips does in a step: kernels, the collective operations beside them, and for training the
// backward pass and the optimizer (network/backward.h). Made from a lowered network by divide().
#pragma once
#include <string>
#include <vector>

#include "network/graph.h"
#include "network/kernel.h"

namespace mantissa::network {

enum class CollectiveKind { kAllReduce, kAllGather, kReduceScatter, kAllToAll };

// Which chips take part: those that differ only in this coordinate. kTensor: both of the two after it.
enum class ChipGroup { kTensor, kTensorRows, kTensorColumns, kFsdp, kData };

struct Collective {
  CollectiveKind kind{};
  ChipGroup group{};
  // Of the whole tensor: what each chip has after an all-gather or before a reduce-scatter; of an all-to-all what each
  // chip holds.
  std::int64_t elements = 0;
  bool operator==(const Collective&) const = default;
};

enum class Phase { kForward, kRecompute, kBackward, kOptimizer };

struct ProgramStep {
  Kernel kernel;
  std::vector<Collective> before;  // the kernel needs their results
  std::vector<Collective> beside;  // the same, but what they move is there early: nothing waits but this kernel
  std::vector<Collective> after;   // what comes next needs their results
  Phase phase = Phase::kForward;
  int block = 0;  // kernels of a repeated block have its number; others make blocks of their own, in order
};

struct Program {
  Graph graph;  // values of one chip, with the shapes that it holds
  std::vector<ProgramStep> steps;
  int blocks = 0;
  std::int64_t parameters = 0;  // of the whole network
};

// Divides every matrix product over `tensor` chips, `rows` of which (it must divide tensor) divide the inner dimension
// of the weights that widen and tensor / rows the outer one (Pope et al., "Efficiently Scaling Transformer Inference",
// 2022: weight-stationary layouts in one and two dimensions; with rows = 1 it is Megatron's). Between products,
// activations are divided by positions or features where there are at least `tensor` positions, else each chip has all.
// Attention is divided by heads, and where there are too few key-value heads by texts (with an all-to-all), then by
// query heads and positions with copies of keys and values. Throws ModelError for networks it cannot divide.
Program divide(const Graph& graph, const std::vector<Kernel>& kernels, int tensor, int rows);

}  // namespace mantissa::network
