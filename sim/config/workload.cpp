// SPDX-License-Identifier: Apache-2.0
#include "config/workload.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/text.h"
#include "config/fields.h"

namespace mantissa::config {
namespace {

template <class Enum>
struct Word {
  const char* name;
  Enum value;
};

template <class Enum, std::size_t N>
void read_word(MapReader& reader, std::string_view key, const Word<Enum> (&words)[N], Enum& target) {
  const auto node = reader.find(key);
  if (!node) {
    return;
  }
  const std::string text = node->text();
  std::vector<std::string> names;
  for (const auto& word : words) {
    if (text == word.name) {
      target = word.value;
      return;
    }
    names.emplace_back(word.name);
  }
  if (node->kind() == YamlNode::Kind::kScalar) {
    node->error(fmt::format("'{}' is not a known {}{}", text, key, suggestion(text, names)));
  }
}

void read_tensor_recipe(const YamlNode& node, TensorRecipe& recipe) {
  static constexpr Word<Granularity> kGranularities[] = {{"per_tensor", Granularity::kPerTensor},
                                                         {"per_channel", Granularity::kPerChannel}};
  static constexpr Word<Calibrator> kCalibrators[] = {{"min_max", Calibrator::kMinMax},
                                                      {"percentile", Calibrator::kPercentile}};
  MapReader reader(node);
  read_fields(reader, tensor_recipe_fields(), "", recipe);
  read_word(reader, "granularity", kGranularities, recipe.granularity);
  read_word(reader, "calibrator", kCalibrators, recipe.calibrator);
  if (const auto percentile = reader.find("percentile"); percentile && recipe.calibrator != Calibrator::kPercentile) {
    percentile->error_at_key("percentile has no effect without calibrator: percentile; add it or remove this key");
  }
  reader.finish();
}

void read_recipe(const YamlNode& node, Recipe& recipe) {
  MapReader reader(node);
  if (const auto weights = reader.find("weights")) {
    read_tensor_recipe(*weights, recipe.weights);
  }
  if (const auto activations = reader.find("activations")) {
    read_tensor_recipe(*activations, recipe.activations);
    if (recipe.activations.granularity == Granularity::kPerChannel) {
      activations->error_at_key("activations take one scale per tensor; remove granularity: per_channel");
    }
  }
  if (const auto keep = reader.find("keep_float")) {
    recipe.keep_float.clear();
    for (const YamlNode& item : keep->items()) {
      recipe.keep_float.push_back(item.text());
    }
  }
  reader.finish();
}

void read_dataset(const YamlNode& node, Workload& workload) {
  static const std::vector<std::string> known = {"fashion_mnist"};
  workload.dataset.emplace();
  MapReader reader(node);
  read_fields(reader, workload_fields(), "dataset", workload);
  const YamlNode name = reader.required("name");
  workload.dataset->name = name.text();
  if (name.kind() == YamlNode::Kind::kScalar && workload.dataset->name != known.front()) {
    name.error(fmt::format("'{}' is not a known data set{}", workload.dataset->name,
                           suggestion(workload.dataset->name, known)));
  }
  reader.finish();
}

void read_network(const YamlNode& root, MapReader& reader, Workload& workload) {
  const auto onnx = reader.find("onnx");
  const auto network = reader.find("network");
  if (onnx) {
    const std::filesystem::path file = onnx->text();
    const auto resolved = file.is_absolute() ? file : std::filesystem::path(workload.path).parent_path() / file;
    workload.onnx = resolved.lexically_normal().string();
    std::error_code ignored;
    if (onnx->kind() == YamlNode::Kind::kScalar && !std::filesystem::is_regular_file(resolved, ignored)) {
      onnx->error(fmt::format("there is no file '{}'; the path is seen from this file's folder", *workload.onnx));
    }
  }
  if (network) {
    workload.network = *network;
    if (network->kind() != YamlNode::Kind::kMap) {
      static_cast<void>(network->entries());  // reports it
    }
  }
  if (onnx && network) {
    network->error_at_key("a workload has 'onnx' or 'network', not both; remove one");
  } else if (!onnx && !network && root.kind() == YamlNode::Kind::kMap) {
    root.error("the network is missing; add 'onnx: FILE.onnx' or a compact 'network:'");
  }
  if (const auto dimensions = reader.find("dimensions")) {
    for (const auto& [name, value] : dimensions->entries()) {
      workload.dimensions[name] = value.integer(1, std::int64_t{1} << 31);
    }
    if (network && !onnx) {
      dimensions->error_at_key("'dimensions' names symbolic dimensions of an ONNX file; a compact network has none");
    }
  }
}

}  // namespace

const Recipe& Workload::recipe_for(const std::string& precision) const {
  const auto at = recipes.find(precision);
  return at == recipes.end() ? recipe : at->second;
}

Workload load_workload(const std::string& path) {
  const YamlNode root = YamlNode::load_file(path);
  Workload workload;
  workload.path = path;
  workload.hash = root.hash();
  MapReader reader(root);
  read_fields(reader, workload_fields(), "", workload);
  read_network(root, reader, workload);
  if (const auto dataset = reader.find("dataset")) {
    read_dataset(*dataset, workload);
    if (workload.network && !workload.onnx) {
      dataset->error_at_key(
          "a compact network has no weights: accuracy cannot be measured; remove 'dataset' or give 'onnx'");
    }
  }
  if (const auto recipe = reader.find("recipe")) {
    read_recipe(*recipe, workload.recipe);
  }
  if (const auto recipes = reader.find("recipes")) {
    for (const auto& [precision, node] : recipes->entries()) {
      Recipe recipe = workload.recipe;
      read_recipe(node, recipe);
      workload.recipes[precision] = recipe;
    }
  }
  reader.finish();
  root.finish();
  return workload;
}

}  // namespace mantissa::config
