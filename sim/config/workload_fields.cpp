// SPDX-License-Identifier: Apache-2.0
// Every key of a workload file and of a runs file.
#include "config/fields.h"

namespace mantissa::config {
namespace {

constexpr double kMaxBatch = 1 << 20;

constexpr auto kI = FieldType::kInteger;
constexpr auto kN = FieldType::kNumber;
constexpr auto kT = FieldType::kText;
constexpr auto kB = FieldType::kBoolean;

using V = FieldValue;

// clang-format off
const Field<Workload> kWorkloadFields[] = {
  {"schema", kI, "", 1, 1, "1", "Version of this file's layout.", [](Workload&, const V&) {}},
  {"name", kT, "", 0, 0, kRequired, "Short name, as used on the command line.", [](Workload& w, const V& v) { w.name = v.text; }},
  {"summary", kT, "", 0, 0, kRequired, "One sentence for `mantissa list`.", [](Workload& w, const V& v) { w.summary = v.text; }},
  {"batch", kI, "", 1, kMaxBatch, "1", "Inputs in one run of the network; --batch overrides it.", [](Workload& w, const V& v) { w.batch = v.integer; }},
  {"onnx", kT, "", 0, 0, kOptional, "ONNX file with the network, seen from this file's folder. A workload has this or `network`.", nullptr},
  {"network", FieldType::kMap, "", 0, 0, kOptional, "Compact description of a shape-only network (docs/workloads.md): it is timed, its accuracy is not known.", nullptr},
  {"dimensions", FieldType::kMap, "", 0, 0, kOptional, "Values for symbolic dimensions of the ONNX file, by their names.", nullptr},
  {"training", FieldType::kMap, "", 0, 0, kOptional, "A training step instead of inference (docs/training.md).", nullptr},
  {"training.optimizer", kT, "", 0, 0, "adam", "adam (two moments in FP32 beside FP32 weights) or sgd_momentum (one).", nullptr},
  {"training.loss_scaling", kB, "", 0, 0, "false", "Gradients are scaled up, checked for overflow and scaled back before the optimizer: for formats with few exponent bits; BF16 needs none.", [](Workload& w, const V& v) { w.training->loss_scaling = v.boolean; }},
  {"training.checkpointing", kB, "", 0, 0, "false", "Keep only what enters each block and run its forward pass again in the backward pass: less memory, a third more work.", [](Workload& w, const V& v) { w.training->checkpointing = v.boolean; }},
  {"parallel", FieldType::kMap, "", 0, 0, kOptional, "How work is divided over data x fsdp x tensor chips (docs/parallel.md).", nullptr},
  {"parallel.data", kI, "", 1, 65536, "1", "Copies of the network, each with a part of the batch.", [](Workload& w, const V& v) { w.parallel.data = static_cast<int>(v.integer); }},
  {"parallel.fsdp", kI, "", 1, 65536, "1", "Parts of the batch whose chips share the weights between them and gather them block by block.", [](Workload& w, const V& v) { w.parallel.fsdp = static_cast<int>(v.integer); }},
  {"parallel.tensor", kI, "", 1, 65536, "1", "Parts of each matrix product.", [](Workload& w, const V& v) { w.parallel.tensor = static_cast<int>(v.integer); }},
  {"parallel.tensor_rows", kI, "", 1, 65536, "1", "Of parallel.tensor, how many divide the inputs of a weight matrix (two-dimensional layout).", [](Workload& w, const V& v) { w.parallel.tensor_rows = static_cast<int>(v.integer); }},
  {"parallel.chunked", kB, "", 0, 0, "true", "Collectives of parallel.tensor are cut into chunks that overlap with the product beside them.", [](Workload& w, const V& v) { w.parallel.chunked = v.boolean; }},
  {"dataset", FieldType::kMap, "", 0, 0, kOptional, "Data to calibrate on and to measure accuracy with.", nullptr},
  {"dataset.name", kT, "", 0, 0, kRequired, "Data set: fashion_mnist (images, Debian's package dataset-fashion-mnist; accuracy is top-1), or token_ids (texts as rows of token ids; accuracy is perplexity).", nullptr},
  {"dataset.folder", kT, "", 0, 0, kOptional, "fashion_mnist: folder with its files; by default where Debian's package puts it.", [](Workload& w, const V& v) { w.dataset->folder = v.text; }},
  {"dataset.images", kI, "", 1, 10'000'000, kOptional, "fashion_mnist, required there: test images to measure accuracy on, from the first on; --images lowers it.", [](Workload& w, const V& v) { w.dataset->images = v.integer; }},
  {"dataset.calibration_images", kI, "", 1, 10'000'000, kOptional, "fashion_mnist, required there: training images to calibrate on, from the first on. Test images are never used for that.", [](Workload& w, const V& v) { w.dataset->calibration_images = v.integer; }},
  {"dataset.mean", kN, "", -1000, 1000, "0", "fashion_mnist: a pixel p of 0..255 enters as (p / 255 - mean) / std.", [](Workload& w, const V& v) { w.dataset->mean = v.number; }},
  {"dataset.std", kN, "", 1e-6, 1000, "1", "See dataset.mean.", [](Workload& w, const V& v) { w.dataset->std = v.number; }},
  {"dataset.file", kT, "", 0, 0, kOptional, "token_ids, required there: NumPy file (.npy, docs/workloads.md) with rows of token ids to measure perplexity on, seen from this file's folder.", nullptr},
  {"dataset.sequences", kI, "", 1, 10'000'000, kOptional, "token_ids, required there: rows of `file` to measure on, from the first on; --images lowers it.", [](Workload& w, const V& v) { w.dataset->sequences = v.integer; }},
  {"dataset.calibration_file", kT, "", 0, 0, kOptional, "token_ids, required there: NumPy file with rows to calibrate on; none of them may be among the measured ones.", nullptr},
  {"dataset.calibration_sequences", kI, "", 1, 10'000'000, kOptional, "token_ids, required there: rows of `calibration_file` to calibrate on, from the first on.", [](Workload& w, const V& v) { w.dataset->calibration_sequences = v.integer; }},
  {"recipe", FieldType::kMap, "", 0, 0, kOptional, "How tensors are quantized after training, where the precision needs scales (integers, FP8).", nullptr},
  {"recipe.preset", kT, "", 0, 0, kOptional, "A scheme of another tool that the keys below refine: coreml_w8a8, coreml_w8, tflite_int8, aqt_int8, modelopt_int8, modelopt_int8_smoothquant, modelopt_fp8, te_fp8_delayed, te_fp8_current, mxfp8, nvfp4, w4a16 (docs/quantization.md).", nullptr},
  {"recipe.weights", FieldType::kMap, "", 0, 0, kOptional, "Recipe of weights; by default symmetric, per channel, min-max.", nullptr},
  {"recipe.activations", FieldType::kMap, "", 0, 0, kOptional, "Recipe of activations; by default symmetric, per tensor, min-max.", nullptr},
  {"recipe.kv_cache", FieldType::kMap, "", 0, 0, kOptional, "How keys and values are stored: the second operand of products of two computed matrices. Has the keys of recipe.activations and needs `format`.", nullptr},
  {"recipe.smooth", kN, "", 0, 1, kOptional, "SmoothQuant: the share of the difficulty that moves from the activations of linear layers to their weights.", nullptr},
  {"recipe.requantization", kT, "", 0, 0, kOptional, "Integer precisions: int32 sums become the codes of the next integer matrix operation without FP32 in between: double_rounding (gemmlowp, TFLite), single_rounding (newer TFLite kernels) or float_scale (ONNX Runtime, TensorRT).", nullptr},
  {"recipe.keep_float", FieldType::kList, "", 0, 0, kOptional, "Names of nodes that stay in the chip's vector format.", nullptr},
  {"recipe.layers", FieldType::kMap, "", 0, 0, kOptional, "Mixed precision: names of nodes, each with the precision of the chip that it runs at.", nullptr},
  {"recipes", FieldType::kMap, "", 0, 0, kOptional, "Recipes for single precisions, by their names; what they leave out is as in `recipe`.", nullptr},
};

const Field<TensorRecipe> kTensorRecipeFields[] = {
  {"symmetric", kB, "", 0, 0, kOptional, "true: one scale for both signs, zero is the code 0; false: affine, with a zero point (integers only).", [](TensorRecipe& r, const V& v) { r.symmetric = v.boolean; }},
  {"granularity", kT, "", 0, 0, kOptional, "What shares a scale: per_tensor; of weights also per_channel (an output channel) and per_group; of others also per_token (a row), with scaling: dynamic.", nullptr},
  {"group", kI, "", 2, 1 << 20, kOptional, "Weights: consecutive ones that share a scale, with granularity: per_group; 128 by default.", [](TensorRecipe& r, const V& v) { r.group = v.integer; }},
  {"calibrator", kT, "", 0, 0, kOptional, "min_max: the whole observed range; percentile: without its extremes; entropy: least KL divergence; mse: least mean square error; amax_history (not for weights): FP8 delayed scaling.", nullptr},
  {"percentile", kN, "%", 50, 100, kOptional, "Share of the values that stays inside the range, with calibrator: percentile; 99.99 by default.", [](TensorRecipe& r, const V& v) { r.percentile = v.number; }},
  {"history", kI, "batches", 1, 1'000'000, kOptional, "Not for weights. Batches whose largest magnitudes are looked at, with calibrator: amax_history; 1024 by default.", [](TensorRecipe& r, const V& v) { r.history = v.integer; }},
  {"most_recent", kB, "", 0, 0, kOptional, "Not for weights. With calibrator: amax_history, true: the last batch alone counts; false: the largest of the history.", [](TensorRecipe& r, const V& v) { r.most_recent = v.boolean; }},
  {"margin", kI, "", 0, 30, kOptional, "Headroom: the range is 2^margin times the largest magnitude, with calibrator: min_max or amax_history; 0 by default.", [](TensorRecipe& r, const V& v) { r.margin = static_cast<int>(v.integer); }},
  {"scaling", kT, "", 0, 0, kOptional, "Not for weights. static: ranges from calibration; dynamic: from the values themselves, a scale for each sample or token.", nullptr},
  {"format", kT, "", 0, 0, kOptional, "Storage format, also a block format (mxfp8_e4m3, nvfp4 ...): values are quantized to it and scaled back before they enter the datapath.", nullptr},
};

const Field<RunRequest> kRunFields[] = {
  {"chip", kT, "", 0, 0, kRequired, "A chip: a name of `mantissa list`, or a file seen from the runs file's folder.", nullptr},
  {"workload", kT, "", 0, 0, kRequired, "A workload: a name of `mantissa list`, or a file seen from the runs file's folder.", nullptr},
  {"precision", kT, "", 0, 0, kOptional, "One of the chip's precisions; its default where absent.", [](RunRequest& r, const V& v) { r.precision = v.text; }},
  {"batch", kI, "", 1, kMaxBatch, kOptional, "Inputs in one run of the network; the workload's where absent.", [](RunRequest& r, const V& v) { r.batch = v.integer; }},
};
// clang-format on

}  // namespace

std::span<const Field<Workload>> workload_fields() {
  return kWorkloadFields;
}
std::span<const Field<TensorRecipe>> tensor_recipe_fields() {
  return kTensorRecipeFields;
}
std::span<const Field<RunRequest>> run_fields() {
  return kRunFields;
}

}  // namespace mantissa::config
