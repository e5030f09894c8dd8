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
  {"dataset", FieldType::kMap, "", 0, 0, kOptional, "Data to calibrate on and to measure accuracy with.", nullptr},
  {"dataset.name", kT, "", 0, 0, kRequired, "Data set: fashion_mnist (Debian's package dataset-fashion-mnist).", nullptr},
  {"dataset.folder", kT, "", 0, 0, kOptional, "Folder with its files; by default where Debian's package puts it.", [](Workload& w, const V& v) { w.dataset->folder = v.text; }},
  {"dataset.images", kI, "", 1, 10'000'000, kRequired, "Test images to measure accuracy on, from the first on; --images lowers it.", [](Workload& w, const V& v) { w.dataset->images = v.integer; }},
  {"dataset.calibration_images", kI, "", 1, 10'000'000, kRequired, "Training images to calibrate on, from the first on. Test images are never used for that.", [](Workload& w, const V& v) { w.dataset->calibration_images = v.integer; }},
  {"dataset.mean", kN, "", -1000, 1000, "0", "A pixel p of 0..255 enters as (p / 255 - mean) / std.", [](Workload& w, const V& v) { w.dataset->mean = v.number; }},
  {"dataset.std", kN, "", 1e-6, 1000, "1", "See dataset.mean.", [](Workload& w, const V& v) { w.dataset->std = v.number; }},
  {"recipe", FieldType::kMap, "", 0, 0, kOptional, "How tensors are quantized after training, where the precision needs scales (integers, FP8).", nullptr},
  {"recipe.weights", FieldType::kMap, "", 0, 0, kOptional, "Recipe of weights; by default symmetric, per channel, min-max.", nullptr},
  {"recipe.activations", FieldType::kMap, "", 0, 0, kOptional, "Recipe of activations; by default symmetric, per tensor, min-max.", nullptr},
  {"recipe.keep_float", FieldType::kList, "", 0, 0, kOptional, "Names of nodes that stay in the chip's vector format.", nullptr},
  {"recipes", FieldType::kMap, "", 0, 0, kOptional, "Recipes for single precisions, by their names; what they leave out is as in `recipe`.", nullptr},
};

const Field<TensorRecipe> kTensorRecipeFields[] = {
  {"symmetric", kB, "", 0, 0, kOptional, "true: zero stands for zero; false: affine, with a zero point (integers only).", [](TensorRecipe& r, const V& v) { r.symmetric = v.boolean; }},
  {"granularity", kT, "", 0, 0, kOptional, "per_tensor: one scale; per_channel: one for each output channel.", nullptr},
  {"calibrator", kT, "", 0, 0, kOptional, "min_max: the whole observed range; percentile: without its extremes.", nullptr},
  {"percentile", kN, "%", 50, 100, kOptional, "Share of the values that stays inside the range, with calibrator: percentile; 99.99 by default.", [](TensorRecipe& r, const V& v) { r.percentile = v.number; }},
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
