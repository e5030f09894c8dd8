// SPDX-License-Identifier: Apache-2.0
// Networks that come quantized, on a chip: codes and scales of the file, against integer arithmetic written out here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "execute/executor.h"
#include "execute/given_scales.h"
#include "network/grid.h"
#include "support/precisions.h"
#include "support/small_networks.h"

namespace mantissa::execute {
namespace {

using network::ElementType;
using network::Graph;
using network::Op;
using network::Shape;
using network::Tensor;
using network::ValueId;
using Ints = std::vector<std::int64_t>;

std::size_t idx(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

Tensor codes(const Shape& shape, ElementType type, unsigned seed) {
  Tensor t = Tensor::zeros(type, shape);
  std::mt19937 random(seed);
  for (std::int64_t& q : t.ints()) {
    q = std::uniform_int_distribution<std::int64_t>(0, 255)(random) - (type == ElementType::kInt8 ? 128 : 0);
  }
  return t;
}
Tensor number(float x) {
  Tensor t = Tensor::zeros(ElementType::kFloat, {});
  t.floats()[0] = x;
  return t;
}
Tensor number(std::int64_t x, ElementType type) {
  Tensor t = Tensor::zeros(type, {});
  t.ints()[0] = x;
  return t;
}
Tensor list(std::vector<float> x) {
  Tensor t = Tensor::zeros(ElementType::kFloat, {static_cast<std::int64_t>(x.size())});
  t.data = std::move(x);
  return t;
}

// A network with grids where the importer would put them.
struct Net {
  tests::NetworkBuilder builder;
  std::vector<std::pair<ValueId, std::shared_ptr<const network::Grid>>> grids;

  // Q and DQ around a value.
  ValueId quantized(ValueId x, float scale, std::int64_t zero, ElementType type) {
    const ValueId s = builder.weights(number(scale)), z = builder.weights(number(zero, type));
    const ValueId y = builder.node(Op::kDequantizeLinear, {builder.node(Op::kQuantizeLinear, {x, s, z}), s, z});
    set_grid(y, {type, -1, {scale}, {zero}});
    return y;
  }
  // The float weights behind codes, as folding leaves them: one scale, or one along the axis.
  ValueId weights(const Tensor& q, int axis, const std::vector<float>& scales, const Ints& zeros) {
    network::Node node;
    node.op = Op::kDequantizeLinear;
    node.attributes = {{"axis", std::int64_t{std::max(axis, 0)}}};
    node.outputs = {0};
    Tensor z = Tensor::zeros(q.type, {static_cast<std::int64_t>(zeros.size())});
    z.data = zeros;
    const Tensor s = list(scales);
    const std::vector<const Tensor*> inputs{&q, &s, &z};
    const ValueId id = builder.weights(network::evaluate(node, inputs)[0]);
    set_grid(id, {q.type, axis, scales, zeros});
    return id;
  }
  void set_grid(ValueId id, network::Grid grid) {
    grids.emplace_back(id, std::make_shared<const network::Grid>(std::move(grid)));
  }
  Graph build(ValueId output) {
    Graph graph = builder.build({output});
    for (const auto& [id, grid] : grids) {
      graph.values[idx(id)].grid = grid;
    }
    return graph;
  }
};

std::int64_t code(float x, float scale, std::int64_t zero, ElementType type) {
  const std::int64_t low = type == ElementType::kInt8 ? -128 : 0;
  return std::clamp<std::int64_t>(std::llrint(static_cast<double>(x / scale)) + zero, low, low + 255);
}

float in_fp16(float x) {
  return numerics::round_to(tests::format("fp16"), x);
}

TEST(GivenScales, AMatrixProductUsesTheCodesOfTheFile) {
  for (const ElementType type : {ElementType::kInt8, ElementType::kUint8}) {
    const std::int64_t m = 5, k = 24, n = 7, zero = type == ElementType::kInt8 ? -3 : 119;
    const float scale = 0.031F;
    const Tensor w = codes({k, n}, type, 1), x = tests::random_tensor({m, k}, 2, 2.0F);
    std::vector<float> scales;
    Ints zeros;
    for (std::int64_t c = 0; c < n; ++c) {
      scales.push_back(0.002F + 0.0007F * static_cast<float>(c));
      zeros.push_back((type == ElementType::kInt8 ? 0 : 128) + c - 3);
    }
    Net net;
    const ValueId input = net.builder.input({m, k});
    const ValueId y =
        net.builder.node(Op::kMatMul, {net.quantized(input, scale, zero, type), net.weights(w, 1, scales, zeros)});
    const Graph graph = net.build(y);
    const auto precision = tests::precision("int8");
    EXPECT_FALSE(needs_calibration(graph, precision, {}));
    const auto out = make_quantized(graph, precision, {}, {})->run({&x, 1});
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t c = 0; c < n; ++c) {
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < k; ++i) {
          sum += (code(in_fp16(x.floats()[idx(r * k + i)]), scale, zero, type) - zero) *
                 (w.ints()[idx(i * n + c)] - zeros[idx(c)]);
        }
        ASSERT_EQ(out[0].floats()[idx(r * n + c)], in_fp16(static_cast<float>(sum) * (scale * scales[idx(c)])));
      }
    }
  }
}

TEST(GivenScales, AConvolutionUsesThemThroughViewsAndPadsWithZero) {
  const Shape shape{2, 3, 4, 5};
  const Tensor w = codes({4, 3, 3, 3}, ElementType::kInt8, 3), x = tests::random_tensor({2, 60}, 4);
  const float scale = 0.02F;
  const std::vector<float> scales{0.01F, 0.02F, 0.003F, 0.004F};
  Net net;
  Tensor target = Tensor::zeros(ElementType::kInt64, {4});
  target.data = Ints(shape.begin(), shape.end());
  const ValueId q = net.quantized(net.builder.input({2, 60}), scale, 10, ElementType::kUint8);
  const ValueId view = net.builder.node(Op::kReshape, {q, net.builder.weights(target)});
  net.set_grid(view, {ElementType::kUint8, -1, {scale}, {10}});
  const ValueId y =
      net.builder.node(Op::kConv, {view, net.weights(w, 0, scales, {0, 0, 0, 0})}, {{"pads", Ints{1, 1, 1, 1}}});
  const Graph graph = net.build(y);
  EXPECT_FALSE(needs_calibration(graph, tests::precision("int8"), {}));
  const auto out = make_quantized(graph, tests::precision("int8"), {}, {})->run({&x, 1});
  for (std::int64_t i = 0; i < 2 * 4 * 20; ++i) {
    const std::int64_t image = i / 80, o = i / 20 % 4, row = i / 5 % 4, column = i % 5;
    std::int64_t sum = 0;
    for (std::int64_t t = 0; t < 27; ++t) {
      const std::int64_t c = t / 9, h = row + t / 3 % 3 - 1, v = column + t % 3 - 1;
      if (h >= 0 && h < 4 && v >= 0 && v < 5) {
        const float value = in_fp16(x.floats()[idx(((image * 3 + c) * 4 + h) * 5 + v)]);
        sum += (code(value, scale, 10, ElementType::kUint8) - 10) * w.ints()[idx(o * 27 + t)];
      }
    }
    ASSERT_EQ(out[0].floats()[idx(i)], in_fp16(static_cast<float>(sum) * (scale * scales[idx(o)])));
  }
}

// The codes would be lost in the vector format: FP16 has no numbers between them.
TEST(GivenScales, ATensorOnTheFilesGridKeepsItsCodesForOtherReaders) {
  const float scale = 1e-8F;
  const Tensor w = codes({6, 6}, ElementType::kInt8, 5);
  Tensor x = tests::random_tensor({2, 6}, 6);
  Net net;
  const ValueId input = net.builder.input({2, 6});
  // The product of the input with 1e-8 stays inside the kernel that quantizes it.
  const ValueId small = net.builder.node(Op::kMul, {input, net.builder.weights(number(3e-7F))});
  const ValueId q = net.quantized(small, scale, 0, ElementType::kInt8);
  const ValueId y = net.builder.node(Op::kMatMul, {q, net.weights(w, -1, {1000.0F}, {0})});
  const ValueId sum = net.builder.node(Op::kAdd, {y, q});
  const auto out = make_quantized(net.build(sum), tests::precision("int8"), {}, {})->run({&x, 1});
  for (std::int64_t i = 0; i < 12; ++i) {
    std::int64_t dot = 0, own = 0;
    for (std::int64_t k = 0; k < 6; ++k) {
      const std::int64_t c = code(in_fp16(x.floats()[idx(i / 6 * 6 + k)]) * 3e-7F, scale, 0, ElementType::kInt8);
      dot += c * w.ints()[idx(k * 6 + i % 6)];
      own = k == i % 6 ? c : own;
    }
    EXPECT_NE(own, 0);
    const float product = static_cast<float>(dot) * (scale * 1000.0F);
    EXPECT_EQ(out[0].floats()[idx(i)], in_fp16(product + static_cast<float>(own) * scale));
  }
}

TEST(GivenScales, AreFakeQuantizationAtOtherPrecisions) {
  const Tensor w = codes({8, 3}, ElementType::kInt8, 7), x = tests::random_tensor({4, 8}, 8);
  Net net;
  const ValueId q = net.quantized(net.builder.input({4, 8}), 0.05F, 0, ElementType::kInt8);
  const Graph graph = net.build(net.builder.node(Op::kMatMul, {q, net.weights(w, -1, {0.01F}, {0})}));
  const auto out = make_quantized(graph, tests::precision("tf32"), {}, {})->run({&x, 1});
  for (std::int64_t i = 0; i < 12; ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < 8; ++k) {
      sum += static_cast<double>(code(x.floats()[idx(i / 3 * 8 + k)], 0.05F, 0, ElementType::kInt8)) * 0.05 * 0.01 *
             static_cast<double>(w.ints()[idx(k * 3 + i % 3)]);
    }
    EXPECT_NEAR(static_cast<double>(out[0].floats()[idx(i)]), sum, 4e-3);
  }
}

std::string message_of(const Graph& graph, const config::Precision& precision, const config::Recipe& recipe = {}) {
  try {
    make_quantized(graph, precision, recipe, {});
    return "(accepted)";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(GivenScales, AlongAnAxisThatIsSummedOverAreRefused) {
  Net net;
  const ValueId q = net.quantized(net.builder.input({2, 3}), 1, 0, ElementType::kInt8);
  const ValueId w = net.weights(codes({3, 4}, ElementType::kInt8, 9), 0, {1, 2, 3}, {0, 0, 0});
  const Graph graph = net.build(net.builder.node(Op::kMatMul, {q, w}));
  EXPECT_EQ(
      message_of(graph, tests::precision("int8")),
      "test: error: node 'MatMul2': 'weights5' has scales along axis 0, and an integer sum takes one scale of the "
      "data and one for each result channel of the weights; run it at a precision without scales, or quantize it "
      "so");
  EXPECT_EQ(message_of(graph, tests::precision("fp16")), "(accepted)");
}

// DynamicQuantizeLinear -> MatMulInteger -> Cast -> Mul(scales) -> Add, as dynamic quantization writes it.
struct Dynamic {
  Tensor w = codes({16, 5}, ElementType::kInt8, 10), bias = tests::random_tensor({5}, 11);
  float w_scale = 3e-6F;
  Graph graph;

  Dynamic() {
    tests::NetworkBuilder b;
    const ValueId x = b.input({3, 16});
    const ValueId y = b.node(Op::kDynamicQuantizeLinear, {x});
    const ValueId weights = b.weights(w), scale = b.weights(number(w_scale));
    graph = b.build({y});
    // The builder gives one output: the scale and the zero point come by hand.
    network::Node& quantize = graph.nodes[0];
    const auto value = [&](const char* name, ElementType type, Shape shape) {
      network::Value v;
      v.name = name;
      v.type = type;
      v.shape = std::move(shape);
      graph.values.push_back(std::move(v));
      return static_cast<ValueId>(graph.values.size() - 1);
    };
    quantize.outputs.push_back(value("scale", ElementType::kFloat, {}));
    quantize.outputs.push_back(value("zero", ElementType::kUint8, {}));
    const ValueId sums = value("sums", ElementType::kInt32, {3, 5}), both = value("both", ElementType::kFloat, {}),
                  real = value("real", ElementType::kFloat, {3, 5}), out = value("out", ElementType::kFloat, {3, 5});
    const ValueId offset = value("bias", ElementType::kFloat, {5}),
                  result = value("result", ElementType::kFloat, {3, 5});
    graph.values.at(idx(offset)).constant = std::make_shared<const Tensor>(bias);
    const ValueId scale_x = graph.nodes[0].outputs[1], zero_x = graph.nodes[0].outputs[2];
    const auto node = [&](const char* name, Op op, std::vector<ValueId> inputs, ValueId output,
                          std::map<std::string, network::Attribute> attributes = {}) {
      graph.nodes.push_back({name, op, 13, std::move(attributes), std::move(inputs), {output}});
    };
    node("scales", Op::kMul, {scale_x, scale}, both);
    node("product", Op::kMatMulInteger, {y, weights, zero_x}, sums);
    node("cast", Op::kCast, {sums}, real, {{"to", std::int64_t{1}}});
    node("scaled", Op::kMul, {real, both}, out);
    node("biased", Op::kAdd, {out, offset}, result);
    graph.outputs = {result};
  }
};

TEST(IntegerOperators, RunOnAnIntegerDatapathWithScalesFoundAtRunTime) {
  const Dynamic network;
  const Tensor x = tests::random_tensor({3, 16}, 12);
  const auto precision = tests::precision("int8");
  EXPECT_FALSE(needs_calibration(network.graph, precision, {}));
  const auto out = make_quantized(network.graph, precision, {}, {})->run({&x, 1});
  float low = 0, high = 0;
  for (const float v : x.floats()) {
    low = std::min(low, in_fp16(v)), high = std::max(high, in_fp16(v));
  }
  const float scale = (high - low) / 255.0F;
  const std::int64_t zero = std::lrint(-low / scale);
  for (std::int64_t i = 0; i < 15; ++i) {
    std::int64_t sum = 0;
    for (std::int64_t k = 0; k < 16; ++k) {
      sum += (code(in_fp16(x.floats()[idx(i / 5 * 16 + k)]), scale, zero, ElementType::kUint8) - zero) *
             network.w.ints()[idx(k * 5 + i % 5)];
    }
    // 3e-6 times the scale of x is no number of FP16: it must not have been rounded there.
    const float factor = scale * network.w_scale;
    EXPECT_NE(factor, in_fp16(factor));
    EXPECT_EQ(out[0].floats()[idx(i)], in_fp16(static_cast<float>(sum) * factor + network.bias.floats()[idx(i % 5)]));
  }
}

TEST(IntegerOperators, AreRefusedWhereTheChipDoesNotMultiplyIntegers) {
  const Dynamic network;
  EXPECT_EQ(message_of(network.graph, tests::precision("fp16")),
            "test: error: node 'product' (MatMulInteger) is quantized to INT8 already, and precision 'fp16' does not "
            "multiply INT8; run it at an integer precision");
  config::Recipe recipe;
  recipe.keep_float = {"product"};
  EXPECT_EQ(message_of(network.graph, tests::precision("int8"), recipe),
            "test: error: node 'product' (MatMulInteger) is quantized to INT8 already, so keep_float cannot keep it in "
            "float; take it off the list");
}

}  // namespace
}  // namespace mantissa::execute
