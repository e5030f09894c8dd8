// SPDX-License-Identifier: Apache-2.0
#include "config/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "config/fields.h"
#include "config/recipe.h"

namespace mantissa::config {
namespace {

const std::vector<std::string> kOptimizers = {"adam", "sgd_momentum"};

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
  return parse_workload(YamlNode::load_file(path), path);
}

Workload parse_workload(const YamlNode& root, const std::string& path) {
  Workload workload;
  workload.path = path;
  workload.hash = root.hash();
  MapReader reader(root);
  read_fields(reader, workload_fields(), "", workload);
  read_network(root, reader, workload);
  if (const auto training = reader.find("training")) {
    workload.training.emplace();
    MapReader section(*training);
    read_fields(section, workload_fields(), "training", workload);
    if (const auto optimizer = section.find("optimizer")) {
      const std::string word = optimizer->text();
      workload.training->optimizer =
          word == "sgd_momentum" ? Training::Optimizer::kSgdMomentum : Training::Optimizer::kAdam;
      if (word != "adam" && word != "sgd_momentum" && optimizer->kind() == YamlNode::Kind::kScalar) {
        optimizer->error(fmt::format("'{}' is not an optimizer{}", word, suggestion(word, kOptimizers)));
      }
    }
    section.finish();
  }
  if (const auto parallel = reader.find("parallel")) {
    MapReader section(*parallel);
    read_fields(section, workload_fields(), "parallel", workload);
    if (workload.parallel.tensor % std::max(1, workload.parallel.tensor_rows) != 0) {
      section.required("tensor_rows").error("tensor_rows must divide tensor");
    }
    section.finish();
  }
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
