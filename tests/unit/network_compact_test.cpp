// SPDX-License-Identifier: Apache-2.0
// The shape-only networks of workloads/ against published counts, and the mistakes that the compact form tells.
//
// Convention: one multiply-accumulate per product of convolutions, linear layers and attention, padding counted,
// element-wise work and pooling not; parameters as trained (weights, biases, scale and shift of normalizations),
// running statistics not.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "network/import.h"
#include "network/kernel.h"

namespace mantissa::network {
namespace {

Graph load(const std::string& name, std::int64_t batch = 1) {
  return load_network(config::load_workload(std::string(MANTISSA_SOURCE_DIR) + "/workloads/" + name + ".yaml"), batch);
}

std::int64_t macs(const Graph& graph) {
  std::int64_t sum = 0;
  for (const Kernel& kernel : lower(graph)) {
    sum += kernel.macs().count() * kernel.repeat;
  }
  return sum;
}

TEST(Resnet50, HasThePublishedCounts) {
  const Graph graph = load("resnet50");
  EXPECT_EQ(macs(graph), 4'089'184'256);  // torchvision: 4.09 G
  EXPECT_EQ(graph.parameter_count(), 25'557'032);
  EXPECT_EQ(macs(load("resnet50", 8)), 8 * macs(graph));
}

TEST(Resnet50, LowersToOneKernelPerMatrixOperationAndPool) {
  const std::vector<Kernel> kernels = lower(load("resnet50"));
  EXPECT_EQ(kernels.size(), 53U + 1 + 1 + 1);  // convolutions, maximum pool, average, classifier
}

TEST(MobilenetV3Large, HasThePublishedCounts) {
  const Graph graph = load("mobilenetv3_large");
  EXPECT_EQ(macs(graph), 216'589'760);  // 217 M; the paper says 219 M
  EXPECT_EQ(macs(load("mobilenetv3_large", 3)), 3 * macs(graph));
  EXPECT_EQ(graph.parameter_count(), 5'483'032);
}

TEST(MobilenetV3Small, HasThePublishedCounts) {
  const Graph graph = load("mobilenetv3_small");
  EXPECT_EQ(macs(graph), 56'510'400);  // 57 M; the paper says 56 M
  EXPECT_EQ(graph.parameter_count(), 2'542'856);
}

// Embedding and vocabulary, and per block four projections, three layers of the MLP and two norms; one norm at the end.
constexpr std::int64_t kLlamaBlock = 4 * 4096 * 4096 + 3 * 4096 * 11008;
constexpr std::int64_t kLlamaParameters = 2 * 32000 * 4096LL + 32 * (kLlamaBlock + 2 * 4096LL) + 4096;

TEST(Llama2, HasThePublishedParameters) {
  static_assert(kLlamaParameters == 6'738'415'616);
  EXPECT_EQ(load("llama2_7b_decode").parameter_count(), kLlamaParameters);
  EXPECT_EQ(load("llama2_7b_prefill").parameter_count(), kLlamaParameters);
}

TEST(Llama2, DecodeMultipliesEachWeightOnceAndAttendsToTheCache) {
  EXPECT_EQ(macs(load("llama2_7b_decode")), 32 * (kLlamaBlock + 2LL * 1024 * 4096) + 32000LL * 4096);
}

TEST(Llama2, HasTheMultiplyAccumulatesOfTheDocumentation) {
  EXPECT_EQ(macs(load("llama2_7b_decode")), 6'875'512'832);
  EXPECT_EQ(macs(load("llama2_7b_prefill")), 14'362'501'709'824);
}

TEST(Llama2, PrefillMultipliesEachWeightForEachTokenAndTheVocabularyOnce) {
  EXPECT_EQ(macs(load("llama2_7b_prefill")), 32 * (2048 * kLlamaBlock + 2LL * 2048 * 2048 * 4096) + 32000LL * 4096);
}

TEST(Llama2, ABlockIsTenKernelsAndAllBlocksCostTheSame) {
  const std::vector<Kernel> kernels = lower(load("llama2_7b_decode"));
  // rms_norm, q, k, v, attention, out (with the residual), rms_norm, up, gate (with silu and product), down.
  constexpr std::size_t kBlock = 10;
  ASSERT_EQ(kernels.size(), 1 + 32 * kBlock + 2);
  for (std::size_t i = 1 + kBlock; i < 1 + 32 * kBlock; ++i) {
    EXPECT_TRUE(same_cost(kernels[i], kernels[i - kBlock])) << kernels[i].name;
  }
}

TEST(Llama2, DecodeReadsTheWholeCacheFromMemoryAndWritesOnePosition) {
  const std::vector<Kernel> kernels = lower(load("llama2_7b_decode"));
  const auto attention =
      std::ranges::find_if(kernels, [](const Kernel& k) { return std::holds_alternative<AttentionWork>(k.work); });
  ASSERT_NE(attention, kernels.end());
  ASSERT_EQ(attention->reads.size(), 3U);
  EXPECT_EQ(attention->reads[0].elements, 4096);
  EXPECT_EQ(attention->reads[1].elements, 1024 * 4096);
  EXPECT_EQ(attention->reads[2].elements, 1024 * 4096);
  const auto key = std::ranges::find(kernels, "block.0.attend.attention.k", &Kernel::name);
  ASSERT_NE(key, kernels.end());
  EXPECT_EQ(key->writes.at(0).elements, 4096);
  EXPECT_EQ(key->writes.at(0).storage, Storage::kMatrix);
}

TEST(CompactForm, TheExampleOfTheDocumentationBuilds) {
  std::ifstream file(std::string(MANTISSA_SOURCE_DIR) + "/docs/workloads.md");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t start = text.find("```yaml\n");
  ASSERT_NE(start, std::string::npos);
  text = text.substr(start + 8, text.find("```", start + 8) - start - 8);
  config::MapReader reader(config::YamlNode::parse(text, "docs/workloads.md"));
  const Graph graph = build_compact(reader.required("network"), "example", 2);
  EXPECT_EQ(graph.value(graph.outputs.at(0)).shape, (Shape{2, 10}));
  EXPECT_EQ(macs(graph), 2 * (32 * 32 * 16 * 27 + 6 * 32 * 32 * 16 * 144 + 160));
}

TEST(CompactForm, BuildsTheLayersThatNoShippedNetworkUses) {
  const std::string text =
      "input: {tokens: 12}\nlayers:\n"
      "  - embedding: {vocabulary: 50, features: 32}\n"
      "  - residual: {layers: [layer_norm, attention: {heads: 4, kv_heads: 2, bias: true, causal: false}]}\n"
      "  - residual: {layers: [layer_norm, mlp: {hidden: 64, activation: gelu, bias: true}]}\n"
      "  - last_token\n"
      "  - linear: {features: 50, activation: tanh}\n"
      "  - softmax\n";
  const Graph graph = build_compact(config::YamlNode::parse(text, "net.yaml"), "net", 3);
  EXPECT_EQ(graph.value(graph.outputs.at(0)).shape, (Shape{3, 1, 50}));
  EXPECT_EQ(graph.parameter_count(),
            50 * 32 + 2 * 64 + (32 + 16 + 16 + 32) * 33 + (32 * 64 + 64) + (64 * 32 + 32) + 32 * 50 + 50);
  const std::int64_t per_token = 32 * (32 + 16 + 16 + 32) + 2 * 12 * 32 + 2 * 32 * 64;
  EXPECT_EQ(macs(graph), 3 * (12 * per_token + 32 * 50));
}

std::string mistake(const std::string& layers) {
  const std::string text = "input: {shape: [3, 8, 8]}\nlayers:\n" + layers;
  try {
    build_compact(config::YamlNode::parse(text, "net.yaml"), "net", 1);
    return "(accepted)";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(CompactForm, SuggestsTheLayerThatWasMeant) {
  EXPECT_EQ(mistake("  - dephtwise: {kernel: 3}\n"),
            "net.yaml:3:5: error: unknown layer 'dephtwise'; did you mean 'depthwise'?\n"
            "      - dephtwise: {kernel: 3}\n"
            "        ^");
}

TEST(CompactForm, TellsWhichShortcutNeedsAProjection) {
  EXPECT_EQ(mistake("  - residual:\n      layers:\n        - conv: {channels: 4, kernel: 3}\n"),
            "net.yaml:3:5: error: the block turns 1x3x8x8 into 1x4x8x8, which cannot be added to the shortcut's "
            "1x3x8x8; give it a "
            "projection\n"
            "      - residual:\n"
            "        ^");
}

TEST(CompactForm, ReportsMissingUnknownAndOutOfRangeOptions) {
  EXPECT_NE(mistake("  - conv: {kernel: 3}\n").find("missing key"), std::string::npos);
  EXPECT_NE(mistake("  - conv: {channels: 4, kernel: 3, strides: 2}\n").find("did you mean 'stride'?"),
            std::string::npos);
  EXPECT_NE(mistake("  - conv: {channels: 0, kernel: 3}\n").find("net.yaml:3:"), std::string::npos);
  EXPECT_NE(mistake("  - conv\n").find("'conv' needs options"), std::string::npos);
  EXPECT_NE(mistake("  - linear: {features: 10}\n").find("put 'flatten' before it"), std::string::npos);
  EXPECT_NE(mistake("  - conv: {channels: 4, kernel: 3, groups: 2}\n").find("2 groups do not divide 3 input"),
            std::string::npos);
  EXPECT_NE(mistake("  - conv: {channels: 4, kernel: 3, activation: hardswich}\n").find("did you mean 'hardswish'?"),
            std::string::npos);
  EXPECT_NE(mistake("  - conv: {channels: 4, kernel: 11, padding: 0}\n").find("Conv"), std::string::npos);
}

TEST(CompactForm, BoundsWhatNestedRepeatsCanBuild) {
  EXPECT_NE(
      mistake("  - repeat:\n      times: 10000\n      layers:\n        - repeat: {times: 10000, layers: [relu]}\n")
          .find("the network has more than 100000 operators"),
      std::string::npos);
}

}  // namespace
}  // namespace mantissa::network
