// SPDX-License-Identifier: Apache-2.0
// Import and lowering of networks as PyTorch exports them: the committed stand-in, and torchvision's own where
// MANTISSA_TORCHVISION_DIR says where scripts/export_torchvision.py has put them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "network/import.h"
#include "network/kernel.h"
#include "network/op.h"

namespace mantissa::network {
namespace {

std::int64_t macs(const std::vector<Kernel>& kernels) {
  std::int64_t sum = 0;
  for (const Kernel& kernel : kernels) {
    sum += kernel.macs().count() * kernel.repeat;
  }
  return sum;
}

std::string tiny(int opset) {
  return std::string(MANTISSA_SOURCE_DIR) + "/tests/data/onnx/tiny_opset" + std::to_string(opset) + ".onnx";
}

class TinyExport : public testing::TestWithParam<int> {};

// Layer by layer: output pixels x output channels x what each sums over.
constexpr std::int64_t kTinyMacs = 16 * 16 * 8 * 27 + 2 * 8 * 8 * 8 * 72 + 8 * 8 * 16 * 8 + 4 * 4 * 16 * 9 +
                                   2 * 16 * 8 + 4 * 4 * 12 * 16 + 4 * 4 * 12 * 8 + 12 * 10;

TEST_P(TinyExport, HasTheMultiplyAccumulatesOfItsLayers) {
  const Graph graph = import_onnx(tiny(GetParam()), {});
  EXPECT_EQ(macs(lower(graph)), kTinyMacs);
  EXPECT_EQ(graph.batch, 1);
}

TEST_P(TinyExport, ScalesWithTheBatchOfTheRun) {
  ImportOptions options;
  options.batch = 5;
  const Graph graph = import_onnx(tiny(GetParam()), options);
  EXPECT_EQ(macs(lower(graph)), 5 * kTinyMacs);
  EXPECT_EQ(graph.value(graph.inputs.at(0)).shape, (Shape{5, 3, 32, 32}));
  EXPECT_EQ(graph.value(graph.outputs.at(0)).shape, (Shape{5, 10}));
}

TEST_P(TinyExport, FusesEveryActivationAndBothAdditions) {
  const Graph graph = import_onnx(tiny(GetParam()), {});
  const std::vector<Kernel> kernels = lower(graph);
  // 10 matrix operations, one maximum pool, two averages, and the scaling of squeeze-and-excite.
  EXPECT_EQ(std::ranges::count_if(kernels, &Kernel::is_matrix), 10);
  EXPECT_EQ(kernels.size(), 14U);
  EXPECT_EQ(std::ranges::count_if(kernels, [](const Kernel& k) { return std::holds_alternative<VectorWork>(k.work); }),
            1);
  EXPECT_EQ(std::ranges::count_if(kernels, [](const Kernel& k) { return k.is_matrix() && k.reads.size() == 4; }), 2);
}

TEST_P(TinyExport, KeepsNoShapeArithmeticAndNoNormalization) {
  const Graph graph = import_onnx(tiny(GetParam()), {});
  for (const Node& node : graph.nodes) {
    EXPECT_NE(node.op, Op::kShape);
    EXPECT_NE(node.op, Op::kConcat);
    EXPECT_NE(node.op, Op::kGather);
    EXPECT_NE(node.op, Op::kBatchNormalization);
  }
}

INSTANTIATE_TEST_SUITE_P(Opsets, TinyExport, testing::Values(11, 13, 17));

struct Torchvision {
  const char* name;
  std::int64_t macs;
};

class TorchvisionExport : public testing::TestWithParam<std::tuple<Torchvision, int>> {};

// Multiply-accumulates of convolutions and linear layers at 224x224, padding counted: torchvision's documentation gives
// them in G: 1.81, 4.09, 0.3, 0.06, 0.22.
TEST_P(TorchvisionExport, HasThePublishedMultiplyAccumulates) {
  const char* folder = std::getenv("MANTISSA_TORCHVISION_DIR");
  if (folder == nullptr) {
    GTEST_SKIP() << "MANTISSA_TORCHVISION_DIR is not set; scripts/export_torchvision.py makes the files";
  }
  const auto& [network, opset] = GetParam();
  const std::string path = std::string(folder) + "/" + network.name + "_opset" + std::to_string(opset) + ".onnx";
  EXPECT_EQ(macs(lower(import_onnx(path, {}))), network.macs);
}

INSTANTIATE_TEST_SUITE_P(Files, TorchvisionExport,
                         testing::Combine(testing::Values(Torchvision{"resnet18", 1'814'073'344},
                                                          Torchvision{"resnet50", 4'089'184'256},
                                                          Torchvision{"mobilenet_v2", 300'774'272},
                                                          Torchvision{"mobilenet_v3_small", 56'510'400},
                                                          Torchvision{"mobilenet_v3_large", 216'589'760}),
                                          testing::Values(11, 13, 17)));

TEST(Import, RefusesABatchThatAFixedModelCannotRun) {
  ImportOptions options;
  options.batch = 4;
  const std::string path = std::string(MANTISSA_SOURCE_DIR) + "/tests/bad/onnx/reshape_sizes.onnx";
  try {
    import_onnx(path, options);
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(
        std::string(error.what()),
        path +
            ": error: the model has a fixed batch of 1 (input 'x'), but the run asks for 4; run it with that batch, or "
            "export it with a symbolic first dimension (dynamic_axes)");
  }
}

TEST(Import, TakesSymbolicDimensionsByName) {
  ImportOptions options;
  options.batch = 2;
  options.dimensions = {{"height", 6}};
  const Graph graph =
      import_onnx(std::string(MANTISSA_SOURCE_DIR) + "/tests/bad/onnx/symbolic_dimension.onnx", options);
  EXPECT_EQ(graph.value(graph.inputs.at(0)).shape, (Shape{2, 3, 6, 8}));
}

}  // namespace
}  // namespace mantissa::network
