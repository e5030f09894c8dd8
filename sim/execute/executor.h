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

// What calibration saw of the FP32 reference's matrix operands.
struct Calibration {
  // SmoothQuant: what the channels (last axis) of a value are divided by, and the values that come out.
  struct Smoothed {
    std::vector<float> factors;
    quantize::Observer range;
  };
  std::map<network::ValueId, quantize::Observer> activations;
  std::map<network::ValueId, Smoothed> smoothed;  // inputs of linear layers, if the recipe asks for it
};
// Runs batches (each one the graph's single input) on all cores; the result does not depend on how many there are.
// `images` (0: all) of them count; the rest, at the end of the last batch, is padding. The graph's batches count as the
// batches of kAmaxHistory, in their order. Of the recipe only `smooth` matters; with it the reference runs twice.
Calibration calibrate(const network::Graph& graph, std::span<const network::Tensor> batches, std::int64_t images = 0,
                      const config::Recipe& recipe = {});

// The values of the first `images` of a batch; all of a tensor whose first dimension is no multiple of the batch.
std::span<const float> leading_images(const network::Tensor& tensor, std::int64_t batch, std::int64_t images);

// Throws ConfigError as make_reference, for what check_recipe (rules.h) refuses, for a matrix operation that goes
// through no datapath, and for a scale that calibration gave no range for. Of recipe.layers only the names are checked:
// the plan says what runs where (make_plan, rules.h).
//
// MODEL: matrix operands are quantized per recipe and precision; accumulators leave the datapath, are scaled and biased
// in FP32, pass the fused element-wise tail in FP32 and round to the storage format of the tensor that is written.
std::unique_ptr<Executor> make_quantized(const network::Graph& graph, const config::PrecisionPlan& plan,
                                         const config::Recipe& recipe, const Calibration& calibration);

// Whether make_quantized will look ranges up in the calibration.
bool needs_calibration(const network::Graph& graph, const config::PrecisionPlan& plan, const config::Recipe& recipe);

}  // namespace mantissa::execute
