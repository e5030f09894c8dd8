// SPDX-License-Identifier: Apache-2.0
// A workload file (workloads/*.yaml): a network (an ONNX file, or a compact shape-only description), the data to run it
// on and the quantization recipe of each precision.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/yaml.h"

namespace mantissa::config {

enum class Granularity { kPerTensor, kPerChannel };
enum class Calibrator { kMinMax, kPercentile };

struct TensorRecipe {
  bool symmetric = true;  // false: affine (a zero point)
  Granularity granularity = Granularity::kPerTensor;
  Calibrator calibrator = Calibrator::kMinMax;
  double percentile = 99.99;
};

// Post-training quantization at one precision. Formats come from the chip; integer formats and FP8 use scales, wider
// floating-point formats are plain casts.
struct Recipe {
  TensorRecipe weights{true, Granularity::kPerChannel, Calibrator::kMinMax, 99.99};
  TensorRecipe activations{};
  std::vector<std::string> keep_float;  // node names left in the chip's vector format
};

struct Dataset {
  std::string name;                     // "fashion_mnist"
  std::string folder;                   // empty: where Debian's package puts it
  std::int64_t images = 0;              // of the test split, from the first on
  std::int64_t calibration_images = 0;  // of the training split, from the first on
  double mean = 0, std = 1;             // (pixel / 255 - mean) / std
};

struct Workload {
  std::string name, summary;
  std::string path, hash;
  std::int64_t batch = 1;
  std::optional<std::string> onnx;                 // path, resolved against the workload file's folder
  std::optional<YamlNode> network;                 // the compact form; read by network/compact.h
  std::map<std::string, std::int64_t> dimensions;  // values for symbolic ONNX dimensions ("batch" is set by the run)
  std::optional<Dataset> dataset;
  Recipe recipe;                          // default
  std::map<std::string, Recipe> recipes;  // by precision name
  const Recipe& recipe_for(const std::string& precision) const;
};

Workload load_workload(const std::string& path);

}  // namespace mantissa::config
