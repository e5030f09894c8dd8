// SPDX-License-Identifier: Apache-2.0
// Transformers as PyTorch exports them (scripts/make_transformer_onnx.py): what is imported, computed and lowered,
// against what PyTorch computed and the layers' own arithmetic.
#include <gtest/gtest.h>

#include <cmath>

#include "network/kernel.h"
#include "support/computed_networks.h"

namespace mantissa::network {
namespace {

constexpr std::int64_t kBatch = 2, kTokens = 7, kDim = 24, kHidden = 40, kHeads = 4, kVocabulary = 40, kHeadDim = 6;

Graph load(const std::string& name) {
  ImportOptions options;
  options.batch = kBatch;
  options.dimensions = {{"tokens", kTokens}};
  return import_onnx(tests::data_file(name + ".onnx"), options);
}

class Transformer : public testing::TestWithParam<std::string> {};

TEST_P(Transformer, ComputesWhatPyTorchDoes) {
  const auto expected = tests::read_values(GetParam());
  const auto outputs = tests::compute(load(GetParam()), expected);
  ASSERT_GE(expected.size(), 2U);
  for (const auto& [name, tensor] : outputs) {
    const Tensor& wanted = expected.at(name);
    ASSERT_EQ(tensor.shape, wanted.shape) << name;
    ASSERT_EQ(tensor.type, wanted.type) << name;
    if (tensor.type == ElementType::kInt64) {
      EXPECT_EQ(tensor.data, wanted.data) << name;
      continue;
    }
    for (std::size_t i = 0; i < tensor.floats().size(); ++i) {
      const float x = tensor.floats()[i], y = wanted.floats()[i];
      ASSERT_LE(std::abs(x - y), 2e-6F + 2e-5F * std::abs(y)) << name << " " << i;
    }
  }
}

TEST_P(Transformer, LeavesNoArithmeticOnShapes) {
  for (const Node& node : load(GetParam()).nodes) {
    const KernelKind kind = info(node.op).kind;
    const bool makes_shapes = kind == KernelKind::kView && (node.op == Op::kShape || node.op == Op::kConstant ||
                                                            node.op == Op::kConstantOfShape || node.op == Op::kRange);
    EXPECT_FALSE(makes_shapes) << node.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Exports, Transformer,
                         testing::Values("bert_opset13", "bert_opset17", "gpt_opset13", "gpt_opset17", "llama_opset14",
                                         "llama_opset17"));

std::int64_t macs(const std::vector<Kernel>& kernels) {
  std::int64_t sum = 0;
  for (const Kernel& kernel : kernels) {
    sum += kernel.macs().count();
  }
  return sum;
}

constexpr std::int64_t kRows = kBatch * kTokens, kScores = kBatch * kHeads * kTokens * kTokens * kHeadDim;

TEST(TransformerKernels, HaveTheMultiplyAccumulatesOfTheLayers) {
  const std::int64_t bert = kRows * (4 * kDim * kDim + 2 * kDim * kHidden) + 2 * kScores + kBatch * kDim * kDim;
  const std::int64_t gpt = kRows * (4 * kDim * kDim + 2 * kDim * kHidden + kDim * kVocabulary) + 2 * kScores;
  const std::int64_t llama =
      kRows * (2 * kDim * kDim + 2 * kDim * 2 * kHeadDim + 3 * kDim * kHidden + kDim * kVocabulary) + 2 * kScores;
  for (const char* name : {"bert_opset13", "bert_opset17"}) {
    EXPECT_EQ(macs(lower(load(name))), bert) << name;
  }
  for (const char* name : {"gpt_opset13", "gpt_opset17"}) {
    EXPECT_EQ(macs(lower(load(name))), gpt) << name;
  }
  for (const char* name : {"llama_opset14", "llama_opset17"}) {
    EXPECT_EQ(macs(lower(load(name))), llama) << name;
  }
}

}  // namespace
}  // namespace mantissa::network
