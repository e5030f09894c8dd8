// SPDX-License-Identifier: Apache-2.0
#include "config/recipe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/fields.h"

namespace mantissa::config {
namespace {

constexpr int kMaxIntegerBits = 16;

enum class Role { kWeights, kActivations, kCache };

template <class Enum>
struct Word {
  const char* name;
  Enum value;
};

constexpr Word<Granularity> kGranularities[] = {{"per_tensor", Granularity::kPerTensor},
                                                {"per_channel", Granularity::kPerChannel},
                                                {"per_group", Granularity::kPerGroup},
                                                {"per_token", Granularity::kPerToken}};
constexpr Word<Calibrator> kCalibrators[] = {{"min_max", Calibrator::kMinMax},
                                             {"percentile", Calibrator::kPercentile},
                                             {"entropy", Calibrator::kEntropy},
                                             {"mse", Calibrator::kMse},
                                             {"amax_history", Calibrator::kAmaxHistory}};
constexpr Word<numerics::Requantization> kRequantizations[] = {
    {"double_rounding", numerics::Requantization::kDoubleRounding},
    {"single_rounding", numerics::Requantization::kSingleRounding},
    {"float_scale", numerics::Requantization::kFloatScale}};
constexpr Word<Scaling> kScalings[] = {{"static", Scaling::kStatic}, {"dynamic", Scaling::kDynamic}};

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

void read_storage_format(MapReader& reader, TensorRecipe& recipe) {
  const auto node = reader.find("format");
  if (!node) {
    return;
  }
  const std::string name = node->text();
  recipe.format = numerics::find_format(name);
  recipe.block_format = recipe.format ? std::nullopt : numerics::find_block_format(name);
  if (recipe.format && recipe.format->integer && recipe.format->mantissa_bits > kMaxIntegerBits) {
    node->error(
        fmt::format("'{}' is too wide to keep tensors in; integers have at most {} bits", name, kMaxIntegerBits));
    recipe.format.reset();
  } else if (!recipe.format && !recipe.block_format && node->kind() == YamlNode::Kind::kScalar) {
    std::vector<std::string> names;
    for (const auto& format : numerics::known_block_formats()) {
      names.push_back(format.name);
    }
    const bool blocks = name.rfind("mx", 0) == 0 || name.rfind("nv", 0) == 0;
    node->error(blocks ? fmt::format("'{}' is not a known block format{}", name, suggestion(name, names))
                       : numerics::format_defect(name));
  }
}

// Reports combinations that make no sense, at a key of this map that takes part in them: one that it inherits as a
// whole was reported where it was written.
class Consistency {
 public:
  Consistency(MapReader& reader, const YamlNode& node, const TensorRecipe& recipe, Role role)
      : reader_(reader), node_(node), r_(recipe), role_(role) {}

  void check() {
    check_role();
    if (r_.block_format) {
      check_block_format();
      return;
    }
    check_scales();
    check_calibrator();
  }

 private:
  // At the first of `keys` that this map has.
  void report(std::initializer_list<std::string_view> keys, const std::string& message) {
    for (const auto key : keys) {
      if (const auto node = reader_.find(key)) {
        node->error_at_key(message);
        return;
      }
    }
  }

  void check_role() {
    const bool weights = role_ == Role::kWeights;
    if (weights && r_.granularity == Granularity::kPerToken) {
      report({"granularity"}, "weights have no tokens; per_token is for activations and kv_cache");
    }
    if (!weights && (r_.granularity == Granularity::kPerChannel || r_.granularity == Granularity::kPerGroup)) {
      report({"granularity"},
             role_ == Role::kActivations
                 ? "activations take one scale per tensor or per token; per_channel and per_group are for weights"
                 : "a KV cache takes one scale per tensor or per token; per_channel and per_group are for weights");
    }
    if (weights) {
      report({"scaling"}, "weights do not change while the network runs, so their scales are static; remove this key");
      if (r_.calibrator == Calibrator::kAmaxHistory) {
        report({"calibrator"}, "weights have no history of batches; use calibrator: min_max for them");
      }
    }
    if (role_ == Role::kCache && !r_.format && !r_.block_format && !reader_.has("format")) {
      node_.error_at_key("kv_cache says how keys and values are stored, so it needs a 'format' (int8, e4m3 ...)");
    }
  }

  void check_block_format() {
    const bool tensor_scale = r_.block_format->tensor_scale && role_ != Role::kWeights;
    for (const auto key : {"symmetric", "granularity", "group", "margin"}) {
      report({key},
             fmt::format("{} has no effect with block format '{}', whose blocks have their own scales; remove it", key,
                         r_.block_format->name));
    }
    for (const auto key : {"calibrator", "percentile", "history", "most_recent", "scaling"}) {
      if (!tensor_scale) {
        report({key},
               fmt::format("{} has no effect with block format '{}', which has no scale for the tensor; remove it", key,
                           r_.block_format->name));
      }
    }
    if (tensor_scale && (r_.calibrator == Calibrator::kEntropy || r_.calibrator == Calibrator::kMse)) {
      report({"calibrator", "format"},
             fmt::format("entropy and mse do not suit block format '{}'; use min_max or percentile",
                         r_.block_format->name));
    }
  }

  void check_scales() {
    if (!r_.symmetric && r_.format && !r_.format->integer) {
      report({"symmetric", "format"}, fmt::format("'{}' has no zero point, so it cannot be affine; use symmetric: true "
                                                  "or an integer format",
                                                  r_.format->name));
    }
    if (r_.granularity != Granularity::kPerGroup) {
      report({"group"}, "group has no effect without granularity: per_group; add it or remove this key");
    }
    if (r_.granularity == Granularity::kPerToken && r_.scaling != Scaling::kDynamic && role_ != Role::kWeights) {
      report({"granularity", "scaling"}, "tokens are known only when the network runs; add scaling: dynamic");
    }
    if (r_.scaling == Scaling::kDynamic && r_.calibrator != Calibrator::kMinMax) {
      report({"calibrator", "scaling"},
             "with scaling: dynamic the range is that of the values themselves; use calibrator: min_max");
    }
    if (r_.margin != 0 && !r_.symmetric) {
      report({"margin", "symmetric"}, "margin is headroom for the largest magnitude; it needs symmetric: true");
    }
  }

  void check_calibrator() {
    const Calibrator c = r_.calibrator;
    if (c != Calibrator::kPercentile) {
      report({"percentile"}, "percentile has no effect without calibrator: percentile; add it or remove this key");
    }
    if (c != Calibrator::kAmaxHistory) {
      for (const auto key : {"history", "most_recent"}) {
        report({key}, fmt::format("{} has no effect without calibrator: amax_history; add it or remove this key", key));
      }
    } else if (!r_.symmetric) {
      report({"calibrator", "symmetric"}, "amax_history knows magnitudes alone; it needs symmetric: true");
    }
    if (c != Calibrator::kAmaxHistory && c != Calibrator::kMinMax && r_.margin != 0) {
      report({"margin", "calibrator"}, "margin goes with calibrator: min_max or amax_history");
    }
    if (c == Calibrator::kEntropy) {
      check_entropy();
    }
  }

  void check_entropy() {
    if (!r_.symmetric) {
      report({"calibrator", "symmetric"}, "the entropy calibrator chooses a magnitude; it needs symmetric: true");
    }
    if (r_.format && !r_.format->integer) {
      report({"calibrator", "format"}, "the entropy calibrator is for integer formats; use mse or min_max");
    }
    if (role_ == Role::kWeights && r_.granularity != Granularity::kPerTensor) {
      report({"calibrator", "granularity"},
             "the entropy calibrator needs a histogram of many values; use granularity: per_tensor, or mse");
    }
  }

  MapReader& reader_;
  const YamlNode& node_;
  const TensorRecipe& r_;
  Role role_;
};

void read_tensor_recipe(const YamlNode& node, Role role, TensorRecipe& recipe) {
  MapReader reader(node);
  const std::size_t mistakes = node.mistakes();
  read_fields(reader, tensor_recipe_fields(), "", recipe);
  read_word(reader, "granularity", kGranularities, recipe.granularity);
  read_word(reader, "calibrator", kCalibrators, recipe.calibrator);
  read_word(reader, "scaling", kScalings, recipe.scaling);
  read_storage_format(reader, recipe);
  if (node.mistakes() == mistakes) {
    Consistency(reader, node, recipe, role).check();
  }
  reader.finish();
}

void read_preset(const YamlNode& node, Recipe& recipe) {
  const std::string name = node.text();
  std::vector<std::string> names;
  for (const Preset& preset : presets()) {
    if (name == preset.name) {
      Recipe base;
      preset.apply(base);
      base.keep_float = std::move(recipe.keep_float);
      base.layers = std::move(recipe.layers);
      recipe = std::move(base);
      return;
    }
    names.emplace_back(preset.name);
  }
  if (node.kind() == YamlNode::Kind::kScalar) {
    node.error(fmt::format("'{}' is not a known preset{}", name, suggestion(name, names)));
  }
}

void read_nodes(MapReader& reader, Recipe& recipe) {
  if (const auto keep = reader.find("keep_float")) {
    recipe.keep_float.clear();
    for (const YamlNode& item : keep->items()) {
      recipe.keep_float.push_back(item.text());
    }
  }
  if (const auto layers = reader.find("layers")) {
    recipe.layers.clear();
    for (const auto& [name, precision] : layers->entries()) {
      recipe.layers[name] = precision.text();
      if (std::find(recipe.keep_float.begin(), recipe.keep_float.end(), name) != recipe.keep_float.end()) {
        precision.error_at_key(fmt::format("node '{}' is in keep_float and in layers; remove one", name));
      }
    }
  }
}

}  // namespace

void read_recipe(const YamlNode& node, Recipe& recipe) {
  MapReader reader(node);
  if (const auto preset = reader.find("preset")) {
    read_preset(*preset, recipe);
  }
  if (const auto weights = reader.find("weights")) {
    read_tensor_recipe(*weights, Role::kWeights, recipe.weights);
  }
  if (const auto activations = reader.find("activations")) {
    read_tensor_recipe(*activations, Role::kActivations, recipe.activations);
  }
  if (const auto cache = reader.find("kv_cache")) {
    if (!recipe.kv_cache) {
      recipe.kv_cache.emplace();
    }
    read_tensor_recipe(*cache, Role::kCache, *recipe.kv_cache);
  }
  if (reader.has("smooth")) {
    recipe.smooth = reader.number("smooth", 0, 1);
  }
  if (reader.has("requantization")) {
    auto how = recipe.requantization.value_or(numerics::Requantization::kDoubleRounding);
    read_word(reader, "requantization", kRequantizations, how);
    recipe.requantization = how;
  }
  read_nodes(reader, recipe);
  reader.finish();
}

}  // namespace mantissa::config
