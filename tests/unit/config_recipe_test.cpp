// SPDX-License-Identifier: Apache-2.0
// Recipes: every key, presets, and combinations that make no sense.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "config/fields.h"
#include "config/recipe.h"
#include "support/files.h"

namespace mantissa::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StrEq;

Recipe read(const std::string& text, Recipe recipe = {}) {
  const YamlNode root = YamlNode::parse(text, "r.yaml");
  read_recipe(root, recipe);
  root.finish();
  return recipe;
}

// The first line of what is said about a recipe; empty if nothing.
std::string mistake(const std::string& text, const Recipe& base = {}) {
  try {
    read(text, base);
  } catch (const ConfigError& error) {
    const std::string what = error.what();
    return what.substr(0, what.find('\n'));
  }
  return {};
}

std::size_t mistakes(const std::string& text) {
  try {
    read(text);
  } catch (const ConfigError& error) {
    const std::string what = error.what();
    std::size_t count = 0;
    for (std::size_t at = what.find("error:"); at != std::string::npos; at = what.find("error:", at + 1)) {
      ++count;
    }
    return count;
  }
  return 0;
}

TEST(Recipe, ReadsEveryKey) {
  const Recipe r = read(
      "weights: {symmetric: false, granularity: per_group, group: 64, calibrator: mse, format: int4}\n"
      "activations: {calibrator: amax_history, history: 16, most_recent: true, margin: 2}\n"
      "kv_cache: {format: e4m3, granularity: per_token, scaling: dynamic}\n"
      "smooth: 0.6\n"
      "keep_float: [head]\n"
      "layers: {conv1: bf16, fc: int8}\n");
  EXPECT_FALSE(r.weights.symmetric);
  EXPECT_EQ(r.weights.granularity, Granularity::kPerGroup);
  EXPECT_EQ(r.weights.group, 64);
  EXPECT_EQ(r.weights.calibrator, Calibrator::kMse);
  EXPECT_EQ(r.weights.format->name, "int4");
  EXPECT_EQ(r.activations.calibrator, Calibrator::kAmaxHistory);
  EXPECT_EQ(r.activations.history, 16);
  EXPECT_TRUE(r.activations.most_recent);
  EXPECT_EQ(r.activations.margin, 2);
  EXPECT_FALSE(r.activations.format || r.activations.block_format);
  EXPECT_EQ(r.kv_cache->format->name, "e4m3");
  EXPECT_EQ(r.kv_cache->granularity, Granularity::kPerToken);
  EXPECT_EQ(r.kv_cache->scaling, Scaling::kDynamic);
  EXPECT_EQ(r.smooth, 0.6);
  EXPECT_EQ(r.keep_float, std::vector<std::string>{"head"});
  EXPECT_EQ(r.layers.at("conv1"), "bf16");
  EXPECT_EQ(read("activations: {calibrator: entropy}").activations.calibrator, Calibrator::kEntropy);
  EXPECT_EQ(read("activations: {calibrator: percentile, percentile: 99}").activations.percentile, 99);
  const Recipe blocks = read("weights: {format: mxfp4}\nactivations: {format: nvfp4, scaling: dynamic}");
  EXPECT_EQ(blocks.weights.block_format->name, "mxfp4");
  EXPECT_FALSE(blocks.weights.format);
  EXPECT_EQ(blocks.activations.block_format->name, "nvfp4");
}

TEST(Recipe, AFormatReplacesABlockFormatAndTheOtherWayRound) {
  const Recipe base = read("weights: {format: mxfp4}\nkv_cache: {format: int8}");
  const Recipe r = read("weights: {format: int8}\nkv_cache: {format: mxfp8_e4m3}", base);
  EXPECT_EQ(r.weights.format->name, "int8");
  EXPECT_FALSE(r.weights.block_format);
  EXPECT_EQ(r.kv_cache->block_format->name, "mxfp8_e4m3");
  EXPECT_FALSE(r.kv_cache->format);
}

struct Case {
  const char* text;
  const char* said;
};

TEST(Recipe, TellsCombinationsThatMakeNoSense) {
  const Case cases[] = {
      {"weights: {granularity: per_token}",
       "1:11: error: weights have no tokens; per_token is for activations and kv_cache"},
      {"activations: {granularity: per_channel}",
       "1:15: error: activations take one scale per tensor or per token; per_channel and per_group are for weights"},
      {"activations: {granularity: per_group}",
       "1:15: error: activations take one scale per tensor or per token; per_channel and per_group are for weights"},
      {"kv_cache: {format: int8, granularity: per_channel}",
       "1:26: error: a KV cache takes one scale per tensor or per token; per_channel and per_group are for weights"},
      {"activations: {granularity: per_token}",
       "1:15: error: tokens are known only when the network runs; add scaling: dynamic"},
      {"activations: {granularity: per_token, scaling: static}",
       "1:15: error: tokens are known only when the network runs; add scaling: dynamic"},
      {"weights: {scaling: dynamic}",
       "1:11: error: weights do not change while the network runs, so their scales are static; remove this key"},
      {"weights: {calibrator: amax_history}",
       "1:11: error: weights have no history of batches; use calibrator: min_max for them"},
      {"weights: {group: 64}",
       "1:11: error: group has no effect without granularity: per_group; add it or remove this key"},
      {"activations: {percentile: 99}",
       "1:15: error: percentile has no effect without calibrator: percentile; add it or remove this key"},
      {"activations: {history: 4}",
       "1:15: error: history has no effect without calibrator: amax_history; add it or remove this key"},
      {"activations: {calibrator: mse, most_recent: true}",
       "1:32: error: most_recent has no effect without calibrator: amax_history; add it or remove this key"},
      {"activations: {calibrator: percentile, scaling: dynamic}",
       "1:15: error: with scaling: dynamic the range is that of the values themselves; use calibrator: min_max"},
      {"activations: {symmetric: false, calibrator: amax_history}",
       "1:33: error: amax_history knows magnitudes alone; it needs symmetric: true"},
      {"activations: {symmetric: false, calibrator: entropy}",
       "1:33: error: the entropy calibrator chooses a magnitude; it needs symmetric: true"},
      {"activations: {format: e4m3, calibrator: entropy}",
       "1:29: error: the entropy calibrator is for integer formats; use mse or min_max"},
      {"weights: {calibrator: entropy}",
       "1:11: error: the entropy calibrator needs a histogram of many values; use granularity: per_tensor, or mse"},
      {"activations: {margin: 1, symmetric: false}",
       "1:15: error: margin is headroom for the largest magnitude; it needs symmetric: true"},
      {"activations: {margin: 1, calibrator: mse}",
       "1:15: error: margin goes with calibrator: min_max or amax_history"},
      {"weights: {format: e4m3, symmetric: false}",
       "1:25: error: 'e4m3' has no zero point, so it cannot be affine; use symmetric: true or an integer format"},
      {"kv_cache: {scaling: dynamic}",
       "1:1: error: kv_cache says how keys and values are stored, so it needs a 'format' (int8, e4m3 ...)"},
      {"weights: {format: mxfp4, granularity: per_channel}",
       "1:26: error: granularity has no effect with block format 'mxfp4', whose blocks have their own scales; remove "
       "it"},
      {"activations: {format: mxfp4, scaling: dynamic}",
       "1:30: error: scaling has no effect with block format 'mxfp4', which has no scale for the tensor; remove it"},
      {"activations: {format: nvfp4, calibrator: mse}",
       "1:30: error: entropy and mse do not suit block format 'nvfp4'; use min_max or percentile"},
      {"weights: {format: int32}",
       "1:19: error: 'int32' is too wide to keep tensors in; integers have at most 16 bits"},
      {"weights: {format: mxfp5}", "1:19: error: 'mxfp5' is not a known block format; did you mean 'mxfp4'?"},
      {"weights: {granularity: per_row}",
       "1:24: error: 'per_row' is not a known granularity; known: per_tensor, per_channel, per_group, per_token"},
      {"activations: {calibrator: kl}",
       "1:27: error: 'kl' is not a known calibrator; known: min_max, percentile, entropy, mse, amax_history"},
      {"activations: {scaling: dynamc}", "1:24: error: 'dynamc' is not a known scaling; did you mean 'dynamic'?"},
      {"keep_float: [a]\nlayers: {a: int8}", "2:10: error: node 'a' is in keep_float and in layers; remove one"},
      {"preset: tflite_int9", "1:9: error: 'tflite_int9' is not a known preset; did you mean 'tflite_int8'?"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(mistake(c.text), StrEq(std::string("r.yaml:") + c.said)) << c.text;
    EXPECT_EQ(mistakes(c.text), 1u) << c.text;
  }
  EXPECT_THAT(mistake("smooth: 1.5"), HasSubstr("; found 1.5"));
  EXPECT_THAT(mistake("smooth: -0.1"), HasSubstr("; found -0.1"));
  EXPECT_THAT(mistake("weights: {granularity: per_group, group: 1}"), HasSubstr("; found 1"));
  EXPECT_THAT(mistake("activations: {calibrator: amax_history, history: 0}"), HasSubstr("; found 0"));
  EXPECT_THAT(mistake("activations: {margin: 31}"), HasSubstr("; found 31"));
  EXPECT_THAT(mistake("weights: {format: e0m0}"), HasSubstr("'e0m0' is not a number format: "));
  EXPECT_THAT(mistake("weights: {format: e9m40}"),
              HasSubstr("'e9m40' is not a number format: 9 exponent and 40 fraction bits; "));
  EXPECT_THAT(mistake("preset: [a]"), HasSubstr("error: "));
  EXPECT_THAT(mistake("layers: [a]"), HasSubstr("error: "));
}

TEST(Recipe, AConflictWithWhatIsInheritedIsToldAtTheNewKey) {
  const Recipe percentile = read("activations: {calibrator: percentile}");
  EXPECT_THAT(mistake("activations: {scaling: dynamic}", percentile),
              HasSubstr("1:15: error: with scaling: dynamic the range is that of the values themselves"));
  EXPECT_EQ(mistake("activations: {scaling: dynamic, calibrator: min_max}", percentile), "");
  // What is inherited as a whole is not told again.
  Recipe broken;
  broken.activations.granularity = Granularity::kPerChannel;
  EXPECT_EQ(mistake("activations: {symmetric: true}", broken), "");
}

TEST(Presets, AreReadByNameAndRefined) {
  const Recipe r =
      read("preset: tflite_int8\nactivations: {calibrator: percentile, percentile: 99.9}\nkeep_float: [a]");
  EXPECT_FALSE(r.activations.symmetric);
  EXPECT_EQ(r.activations.calibrator, Calibrator::kPercentile);
  EXPECT_TRUE(r.weights.symmetric);
  EXPECT_EQ(r.weights.granularity, Granularity::kPerChannel);
}

TEST(Presets, ReplaceTheInheritedSchemesButNotTheNodes) {
  const Recipe base = read(
      "weights: {format: int4}\nactivations: {symmetric: false}\nkv_cache: {format: int8}\nsmooth: 0.5\n"
      "keep_float: [a]\nlayers: {b: int8}");
  const Recipe r = read("preset: modelopt_fp8", base);
  EXPECT_FALSE(r.weights.format || r.kv_cache || r.smooth);
  EXPECT_TRUE(r.activations.symmetric);
  EXPECT_EQ(r.weights.granularity, Granularity::kPerTensor);
  EXPECT_EQ(r.keep_float, std::vector<std::string>{"a"});
  EXPECT_EQ(r.layers.at("b"), "int8");
}

TEST(Presets, SayWhatTheirToolsDo) {
  const auto of = [](const std::string& name) { return read("preset: " + name); };
  for (const char* name :
       {"coreml_w8a8", "coreml_w8", "tflite_int8", "aqt_int8", "modelopt_int8", "modelopt_int8_smoothquant"}) {
    EXPECT_TRUE(of(name).weights.symmetric) << name;
    EXPECT_EQ(of(name).weights.granularity, Granularity::kPerChannel) << name;
    EXPECT_EQ(of(name).weights.calibrator, Calibrator::kMinMax) << name;
    EXPECT_EQ(of(name).activations.symmetric, name != std::string("tflite_int8")) << name;
    EXPECT_EQ(of(name).activations.scaling, name == std::string("aqt_int8") ? Scaling::kDynamic : Scaling::kStatic);
    EXPECT_EQ(of(name).smooth.has_value(), name == std::string("modelopt_int8_smoothquant")) << name;
    EXPECT_EQ(of(name).weights.format.has_value(), name == std::string("coreml_w8")) << name;
  }
  EXPECT_EQ(of("aqt_int8").activations.granularity, Granularity::kPerToken);
  EXPECT_EQ(of("modelopt_int8_smoothquant").smooth, 1.0);
  for (const char* name : {"modelopt_fp8", "te_fp8_delayed", "te_fp8_current"}) {
    EXPECT_EQ(of(name).weights.granularity, Granularity::kPerTensor) << name;
  }
  const TensorRecipe delayed = of("te_fp8_delayed").activations;
  EXPECT_EQ(delayed.calibrator, Calibrator::kAmaxHistory);
  EXPECT_EQ(delayed.history, 1024);
  EXPECT_FALSE(delayed.most_recent);
  EXPECT_EQ(delayed.margin, 0);
  EXPECT_EQ(of("te_fp8_current").activations.scaling, Scaling::kDynamic);
  EXPECT_EQ(of("mxfp8").weights.block_format->name, "mxfp8_e4m3");
  EXPECT_EQ(of("nvfp4").activations.block_format->name, "nvfp4");
  EXPECT_EQ(of("w4a16").weights.format->name, "int4");
  EXPECT_EQ(of("w4a16").weights.granularity, Granularity::kPerGroup);
  EXPECT_EQ(of("w4a16").weights.group, 128);
}

TEST(Presets, AreAllExplainedAndDocumented) {
  std::string meaning;
  for (const auto& field : workload_fields()) {
    meaning += field.key == std::string("recipe.preset") ? field.meaning : "";
  }
  const std::string page = test::read_file(test::source_file("docs/quantization.md"));
  std::set<std::string> seen;
  for (const Preset& preset : presets()) {
    EXPECT_TRUE(seen.insert(preset.name).second);
    EXPECT_THAT(meaning, HasSubstr(preset.name));
    EXPECT_NE(page.find("| `" + std::string(preset.name) + "` |"), std::string::npos) << preset.name;
  }
}

}  // namespace
}  // namespace mantissa::config
