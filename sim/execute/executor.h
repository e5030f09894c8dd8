// SPDX-License-Identifier: Apache-2.0
// Runs a network on real data: in FP32 (the reference), or with every matrix operation through a chip's datapath.
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

// Called with every computed value; for calibration and for per-layer comparison.
using Tap = std::function<void(network::ValueId, const network::Tensor&)>;

class Executor {
 public:
  virtual ~Executor() = default;
  // Graph inputs in order -> graph outputs in order. Thread-safe: several batches may run at once.
  virtual std::vector<network::Tensor> run(std::span<const network::Tensor> inputs, const Tap& tap = {}) const = 0;
};

std::unique_ptr<Executor> make_reference(const network::Graph& graph);

// Scales of every matrix operand, found by running the reference on calibration images.
struct Calibration {
  std::map<network::ValueId, quantize::Observer> activations;
};
Calibration calibrate(const network::Graph& graph, std::span<const network::Tensor> batches);

// MODEL: matrix operands are quantized per recipe and precision; accumulators leave the datapath, are scaled and biased in
// FP32, pass the fused element-wise tail in FP32 and round to the storage format of the tensor that is written.
std::unique_ptr<Executor> make_quantized(const network::Graph& graph, const config::Precision& precision,
                                         const config::Recipe& recipe, const Calibration& calibration);

}  // namespace mantissa::execute
