// SPDX-License-Identifier: Apache-2.0
// Tensors kept in a storage format that is not the datapath's: quantized when they are written and scaled back when
// they are read. Weight-only quantization, MX and NVFP4 emulation, quantized KV caches.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "config/workload.h"
#include "network/graph.h"
#include "quantize/scheme.h"

namespace mantissa::quantize {

// Whether the recipe names a storage format (`format:`) at all.
bool has_storage(const config::TensorRecipe& recipe);

// The values of weights after the round trip; `weights` as choose_weight_scheme takes them. Blocks of a block format
// run along an out channel in the order of accumulation (channel_axis 0), else along the last axis. Unchanged if
// !has_storage(). Throws std::invalid_argument for weights that are not finite.
network::Tensor stored_weights(const config::TensorRecipe& recipe, const network::Tensor& weights, int channel_axis);

// The round trip of tensors known only at run time.
class Storage {
 public:
  // Whether the constructor needs to see a calibration: static scaling to a format that needs a scale.
  static bool needs_calibration(const config::TensorRecipe& recipe);

  // REQUIRES: has_storage(recipe). `observed` may be null if !needs_calibration(). Throws std::invalid_argument when
  // nothing finite was observed.
  explicit Storage(const config::TensorRecipe& recipe, const Observer* observed = nullptr);

  // Rounds in place. A token's elements lie along axis `along` (negative: from the end; -1 for rows, -2 for a
  // transposed K of [..., elements, tokens]): scales per token and blocks run along it. The tensor consists of
  // `samples` consecutive equal samples; dynamic scales per tensor are those of a sample. A convolution's data has
  // channels along its axis 1 and no tokens: give it a recipe per tensor.
  void apply(const network::Shape& shape, int along, std::int64_t samples, std::span<float> values) const;

 private:
  void apply_rows(std::size_t length, std::int64_t samples, std::span<float> values) const;
  void apply_blocks(std::size_t length, std::int64_t samples, std::span<float> values) const;

  config::TensorRecipe recipe_;
  std::optional<Scheme> static_scheme_;
  std::optional<float> static_amax_;  // of block formats with a scale for the tensor
};

}  // namespace mantissa::quantize
