// SPDX-License-Identifier: Apache-2.0
// SOURCE: the code and documents of Core ML Tools, TensorFlow Lite, AQT, NVIDIA ModelOpt and TransformerEngine, OCP MX
// 1.0; docs/quantization.md, "Presets", has a row for each with what differs.
#include "base/error.h"
#include "config/recipe.h"

namespace mantissa::config {
namespace {

numerics::Format format(const char* name) {
  const auto found = numerics::find_format(name);
  check(found.has_value(), "a preset's format exists");
  return *found;
}

numerics::BlockFormat block_format(const char* name) {
  const auto found = numerics::find_block_format(name);
  check(found.has_value(), "a preset's block format exists");
  return *found;
}

void weights_per_tensor(Recipe& recipe) {
  recipe.weights.granularity = Granularity::kPerTensor;
}

void defaults(Recipe&) {}

void coreml_w8(Recipe& recipe) {
  recipe.weights.format = format("int8");
}

void tflite_int8(Recipe& recipe) {
  recipe.activations.symmetric = false;
}

void aqt_int8(Recipe& recipe) {
  recipe.activations.scaling = Scaling::kDynamic;
  recipe.activations.granularity = Granularity::kPerToken;
}

void modelopt_int8_smoothquant(Recipe& recipe) {
  recipe.smooth = 1.0;
}

void te_delayed(Recipe& recipe) {
  weights_per_tensor(recipe);
  recipe.activations.calibrator = Calibrator::kAmaxHistory;
}

void te_current(Recipe& recipe) {
  weights_per_tensor(recipe);
  recipe.activations.scaling = Scaling::kDynamic;
}

void in_blocks(Recipe& recipe, const char* name) {
  recipe.weights.block_format = recipe.activations.block_format = block_format(name);
  recipe.activations.scaling = Scaling::kDynamic;
}

void mxfp8(Recipe& recipe) {
  in_blocks(recipe, "mxfp8_e4m3");
}

void nvfp4(Recipe& recipe) {
  in_blocks(recipe, "nvfp4");
}

void w4a16(Recipe& recipe) {
  recipe.weights.format = format("int4");
  recipe.weights.granularity = Granularity::kPerGroup;
  recipe.weights.group = 128;
}

constexpr Preset kPresets[] = {
    {"coreml_w8a8", "Core ML Tools linear_symmetric weights and activations", defaults},
    {"coreml_w8", "Core ML Tools linear_symmetric weights alone", coreml_w8},
    {"tflite_int8", "TensorFlow Lite full integer quantization", tflite_int8},
    {"aqt_int8", "AQT dynamic INT8, largest magnitude kept", aqt_int8},
    {"modelopt_int8", "NVIDIA ModelOpt INT8_DEFAULT", defaults},
    {"modelopt_int8_smoothquant", "NVIDIA ModelOpt INT8_SMOOTHQUANT", modelopt_int8_smoothquant},
    {"modelopt_fp8", "NVIDIA ModelOpt FP8_DEFAULT", weights_per_tensor},
    {"te_fp8_delayed", "TransformerEngine DelayedScaling", te_delayed},
    {"te_fp8_current", "TransformerEngine Float8CurrentScaling", te_current},
    {"mxfp8", "OCP MXFP8 E4M3 weights and activations, emulated", mxfp8},
    {"nvfp4", "NVFP4 weights and activations, emulated", nvfp4},
    {"w4a16", "INT4 weights in groups of 128, activations as they are", w4a16},
};

}  // namespace

std::span<const Preset> presets() {
  return kPresets;
}

}  // namespace mantissa::config
