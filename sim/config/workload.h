// SPDX-License-Identifier: Apache-2.0
// A workload file (workloads/*.yaml): a network (an ONNX file, or a compact shape-only description), the data to run it
// on and the quantization recipe of each precision.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/dataset.h"
#include "config/yaml.h"
#include "numerics/block.h"
#include "numerics/format.h"
#include "numerics/requantize.h"

namespace mantissa::config {

// What shares one scale.
enum class Granularity {
  kPerTensor,
  kPerChannel,  // weights: an output channel
  kPerGroup,    // weights: `group` consecutive elements of an output channel, in the order of accumulation
  kPerToken,    // activations and cached keys and values: a row (all axes but the last), with dynamic scaling only; a
                // convolution's data has no rows, and its samples are taken
};
enum class Calibrator {
  kMinMax,
  kPercentile,
  kEntropy,      // least KL divergence between the histograms before and after (TensorRT, ModelOpt)
  kMse,          // least mean square error
  kAmaxHistory,  // FP8 delayed scaling (TransformerEngine): from the largest magnitudes of the last batches
};
enum class Scaling {
  kStatic,   // ranges from calibration
  kDynamic,  // the range of the very values that are quantized ("current scaling"); one scale for each sample of the
             // batch, or for each token
};

struct TensorRecipe {
  bool symmetric = true;  // false: affine (a zero point)
  Granularity granularity = Granularity::kPerTensor;
  std::int64_t group = 128;  // kPerGroup
  Calibrator calibrator = Calibrator::kMinMax;
  double percentile = 99.99;           // kPercentile
  std::int64_t history = 1024;         // kAmaxHistory: batches
  bool most_recent = false;            // kAmaxHistory: the last batch alone, not the largest of the history
  int margin = 0;                      // kMinMax, kAmaxHistory: the scale leaves 2^margin of headroom
  Scaling scaling = Scaling::kStatic;  // activations
  // Storage format where it is not the datapath's: values are quantized to it, scaled back and then enter the datapath
  // in its own operand format (weight-only quantization, MX and NVFP4 emulation, quantized KV caches). Exactly one of
  // both is set, or none.
  std::optional<numerics::Format> format{};
  std::optional<numerics::BlockFormat> block_format{};
};

// Post-training quantization at one precision. Formats come from the chip; integer formats and FP8 use scales, wider
// floating-point formats are plain casts.
struct Recipe {
  TensorRecipe weights{.granularity = Granularity::kPerChannel};
  TensorRecipe activations{};
  // How keys and values are stored: the second operand of products of two computed matrices. Has a format.
  std::optional<TensorRecipe> kv_cache;
  // SmoothQuant: the share of the difficulty that moves from activations to weights, 0..1 (Xiao et al., ICML 2023).
  std::optional<double> smooth;
  // Integer precisions: how sums become the codes of the next integer matrix operation (absent: they are scaled to FP32
  // and quantized again).
  std::optional<numerics::Requantization> requantization{};
  std::vector<std::string> keep_float;        // node names left in the chip's vector format
  std::map<std::string, std::string> layers;  // mixed precision: node name -> precision of the chip
};

// A training step instead of inference.
struct Training {
  enum class Optimizer { kAdam, kSgdMomentum };
  Optimizer optimizer = Optimizer::kAdam;
  bool loss_scaling = false;   // gradients are scaled, checked for overflow and scaled back
  bool checkpointing = false;  // keep only what enters a block; its forward pass runs again in the backward pass
};

// How work is divided over chips: data x fsdp x tensor of them. 1: not divided.
struct Parallelism {
  int data = 1;    // copies of the network, each with a part of the batch; gradients are summed
  int fsdp = 1;    // parts of the batch, too, but each chip keeps a part of the weights and gathers the rest per block
  int tensor = 1;  // parts of each matrix product
  int tensor_rows = 1;  // of these, how many divide the weights' inputs (the two-dimensional layout); divides tensor
  bool chunked = true;  // collectives of `tensor` are cut into chunks that overlap with the product before or after
  int chips() const { return data * fsdp * tensor; }
  bool operator==(const Parallelism&) const = default;
};

struct Workload {
  std::string name, summary;
  std::string path, hash;
  std::int64_t batch = 1;
  std::optional<std::string> onnx;                 // path, resolved against the workload file's folder
  std::optional<YamlNode> network;                 // the compact form; read by network/compact.h
  std::map<std::string, std::int64_t> dimensions;  // values for symbolic ONNX dimensions ("batch" is set by the run)
  std::optional<Training> training;                // none: inference
  Parallelism parallel;
  std::optional<Dataset> dataset;
  Recipe recipe;                          // default
  std::map<std::string, Recipe> recipes;  // by precision name
  const Recipe& recipe_for(const std::string& precision) const;
};

Workload load_workload(const std::string& path);
// The same for a file that is parsed already (a sweep changes values in between).
Workload parse_workload(const YamlNode& root, const std::string& path);

}  // namespace mantissa::config
