// SPDX-License-Identifier: Apache-2.0
// Work that is done once, at import: nodes whose inputs are all known are computed, a batch normalization behind a
// convolution goes into its weights, and what nothing needs is removed. The time and memory that a file can claim here
// are bounded.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "network/graph.h"
#include "network/op.h"

namespace mantissa::network {

class ConstantFolder {
 public:
  // `weight_bytes`: what the file's own constants take; results may take as much again four times, and 256 MB besides.
  explicit ConstantFolder(std::int64_t weight_bytes);

  // The node's outputs when all inputs are constant, or when it asks only for a shape. nullopt: not known before the
  // run. Throws OpError beyond the bounds.
  std::optional<std::vector<Tensor>> fold(const Node& node, std::span<const Value* const> inputs,
                                          std::span<const TensorType> outputs);

 private:
  std::int64_t bytes_left_ = 0;
  double work_left_ = 0;  // elementary steps
};

// W' = W * s and b' = (b - mean) * s + shift with s = scale / sqrt(variance + epsilon), computed in double and rounded
// once. Only for Conv -> BatchNormalization in inference, with nothing else reading the convolution's result, and with
// weights that the file has not quantized.
void fold_batch_normalizations(Graph& graph);

// Nodes and values that no output needs; ValueIds are numbered anew.
void remove_unused(Graph& graph);

}  // namespace mantissa::network
