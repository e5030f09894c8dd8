// SPDX-License-Identifier: Apache-2.0
// Runs a network on real data: in FP32 (the reference), or with every matrix operation through a chip's datapath.
// docs/quantization.md states what is computed, rounding by rounding.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/chip.h"
#include "config/workload.h"
#include "network/graph.h"
#include "quantize/scheme.h"

namespace mantissa::execute {

// Called with computed values, for calibration and for per-layer comparison: by the reference with every one, by the
// quantized executor with those that a kernel writes to memory (what a fused tail passes on inside the kernel is not
// seen).
using Tap = std::function<void(network::ValueId, const network::Tensor&)>;

class Executor {
 public:
  virtual ~Executor() = default;
  // Graph inputs in order -> graph outputs in order. Thread-safe: several batches may run at once. Throws
  // std::invalid_argument if the inputs do not have the graph's shapes.
  virtual std::vector<network::Tensor> run(std::span<const network::Tensor> inputs, const Tap& tap = {}) const = 0;
};

// Throws ConfigError for a graph without weights or with operators that cannot be executed.
std::unique_ptr<Executor> make_reference(const network::Graph& graph);

// Ranges of every matrix operand, found by running the reference on calibration images.
struct Calibration {
  std::map<network::ValueId, quantize::Observer> activations;
};
// Runs batches (each one the graph's single input) on all cores; the result does not depend on how many there are.
// `images` (0: all) of them count; the rest, at the end of the last batch, is padding.
Calibration calibrate(const network::Graph& graph, std::span<const network::Tensor> batches, std::int64_t images = 0);

// The values of the first `images` of a batch; all of a tensor whose first dimension is not the batch.
std::span<const float> leading_images(const network::Tensor& tensor, std::int64_t batch, std::int64_t images);

// Throws ConfigError as make_reference, and for a matrix operation that goes through no datapath, a name in keep_float
// that is no matrix operation, or a scale that calibration gave no range for.
//
// MODEL: matrix operands are quantized per recipe and precision; accumulators leave the datapath, are scaled and biased
// in FP32, pass the fused element-wise tail in FP32 and round to the storage format of the tensor that is written.
std::unique_ptr<Executor> make_quantized(const network::Graph& graph, const config::Precision& precision,
                                         const config::Recipe& recipe, const Calibration& calibration);

// Whether make_quantized will look ranges up in the calibration.
bool needs_calibration(const network::Graph& graph, const config::Precision& precision, const config::Recipe& recipe);

}  // namespace mantissa::execute
