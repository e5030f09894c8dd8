// SPDX-License-Identifier: Apache-2.0
// The quantized executor against a plain evaluation of the same small network, element by element through the oracle,
// with every rounding written out. Bit for bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "execute/executor.h"
#include "support/precisions.h"
#include "support/small_networks.h"

namespace mantissa::execute {
namespace {

using config::Precision;
using config::Recipe;
using network::Graph;
using network::Op;
using network::Shape;
using network::Tensor;
using testing::HasSubstr;
using Ints = std::vector<std::int64_t>;

std::size_t idx(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// One operand on the datapath's grid, and what one unit of it is worth.
struct Codes {
  std::vector<float> q;
  std::vector<float> scale;        // one, or one for each channel (axis 0)
  std::vector<std::int32_t> zero;  // likewise
};

struct Oracle {
  Precision precision;
  Recipe recipe;
  const Calibration* calibration;

  const numerics::Datapath& path(bool depthwise) const { return depthwise ? precision.depthwise : precision.matrix; }

  static float code(const numerics::Format& f, float x, float scale, std::int32_t zero, bool symmetric) {
    if (std::isnan(x)) {
      return f.integer ? static_cast<float>(zero) : x;
    }
    if (!f.integer) {
      return numerics::round_to(f, std::clamp(x / scale, -448.0F, 448.0F));
    }
    const float rounded = std::nearbyintf(x / scale) + static_cast<float>(zero);
    return std::clamp(rounded, symmetric ? -127.0F : -128.0F, 127.0F);
  }

  // 448 is E4M3's largest number, the only scaled float here.
  static void scale_of(const numerics::Format& f, bool symmetric, float low, float high, float& scale,
                       std::int32_t& zero) {
    low = std::min(low, 0.0F);
    high = std::max(high, 0.0F);
    scale = 1;
    zero = 0;
    if (low == high) {
      return;
    }
    if (!f.integer || symmetric) {
      scale =
          static_cast<float>(std::max(-static_cast<double>(low), static_cast<double>(high)) / (f.integer ? 127 : 448));
      return;
    }
    scale = static_cast<float>((static_cast<double>(high) - static_cast<double>(low)) / 255);
    zero = static_cast<std::int32_t>(std::nearbyint(-128 - static_cast<double>(low) / static_cast<double>(scale)));
  }

  Codes encode(const numerics::Datapath& d, const config::TensorRecipe& r, const Tensor& x, std::size_t channels,
               const std::function<std::pair<float, float>(std::size_t)>& range) const {
    Codes codes{std::vector<float>(x.floats().begin(), x.floats().end()), {}, {}};
    const bool scaled = d.a.integer || d.a.name == "e4m3";
    for (std::size_t c = 0; c < channels; ++c) {
      float scale = 1;
      std::int32_t zero = 0;
      if (scaled) {
        const auto [low, high] = range(c);
        scale_of(d.a, r.symmetric, low, high, scale, zero);
      }
      codes.scale.push_back(scale);
      codes.zero.push_back(zero);
    }
    const std::size_t inner = codes.q.size() / channels;
    for (std::size_t i = 0; i < codes.q.size(); ++i) {
      const std::size_t c = i / inner;
      codes.q[i] = scaled ? code(d.a, codes.q[i], codes.scale[c], codes.zero[c], r.symmetric)
                          : numerics::round_to(d.a, codes.q[i], d.operand_rounding);
    }
    return codes;
  }

  Codes data(const numerics::Datapath& d, network::ValueId id, const Tensor& x) const {
    return encode(d, recipe.activations, x, 1,
                  [&](std::size_t) { return calibration->activations.at(id).range(recipe.activations); });
  }

  Codes weights(const numerics::Datapath& d, const Tensor& w) const {
    const bool per_channel = recipe.weights.granularity == config::Granularity::kPerChannel;
    const std::size_t channels = per_channel ? idx(w.shape[0]) : 1, inner = w.floats().size() / channels;
    return encode(d, recipe.weights, w, channels, [&](std::size_t c) {
      const auto part = w.floats().subspan(c * inner, inner);
      return std::pair(*std::ranges::min_element(part), *std::ranges::max_element(part));
    });
  }

  // Dot product in the datapath; integers with the zero points taken off every code first.
  static float dot(const numerics::Datapath& d, const std::vector<float>& a, const std::vector<float>& b,
                   std::int32_t za, std::int32_t zb) {
    if (d.accumulation != numerics::Accumulation::kInteger) {
      return numerics::dot_oracle(d, a, b, 0.0F);
    }
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      sum += (static_cast<std::int64_t>(a[i]) - za) * (static_cast<std::int64_t>(b[i]) - zb);
    }
    return static_cast<float>(sum);
  }

  // Conv with square stride and padding; elements of a dot product run over kernel row, kernel column, channel.
  Tensor conv(network::ValueId id, const Tensor& x, const Tensor& w, const Tensor* bias, std::int64_t groups,
              std::int64_t stride, std::int64_t pad) const {
    const auto& d = path(groups == x.shape[1] && groups > 1);
    const Codes qx = data(d, id, x), qw = weights(d, w);
    const std::int64_t channels = w.shape[1], kh = w.shape[2], kw = w.shape[3], height = x.shape[2], width = x.shape[3];
    const std::int64_t oh = (height + 2 * pad - kh) / stride + 1, ow = (width + 2 * pad - kw) / stride + 1;
    Tensor y = Tensor::zeros(network::ElementType::kFloat, {x.shape[0], w.shape[0], oh, ow});
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(y.floats().size()); ++i) {
      const std::int64_t ox = i % ow, oy = i / ow % oh, out = i / ow / oh % w.shape[0],
                         image = i / ow / oh / w.shape[0];
      std::vector<float> a, b;
      for (std::int64_t r = 0; r < kh; ++r) {
        for (std::int64_t s = 0; s < kw; ++s) {
          for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t iy = oy * stride - pad + r, ix = ox * stride - pad + s;
            const std::int64_t in = out / (w.shape[0] / groups) * channels + c;
            const bool inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
            a.push_back(inside ? qx.q[idx(((image * x.shape[1] + in) * height + iy) * width + ix)]
                               : static_cast<float>(qx.zero[0]));
            b.push_back(qw.q[idx(((out * channels + c) * kh + r) * kw + s)]);
          }
        }
      }
      const std::size_t channel = qw.scale.size() > 1 ? idx(out) : 0;
      const float sum = dot(d, a, b, qx.zero[0], qw.zero[channel]) * (qx.scale[0] * qw.scale[channel]);
      y.floats()[idx(i)] = bias != nullptr ? sum + bias->floats()[idx(out)] : sum;
    }
    return y;
  }

  Tensor stored(Tensor x) const {
    for (float& v : x.floats()) {
      v = numerics::round_to(precision.vector, v);
    }
    return x;
  }
};

// x -> Conv stride 2 -> Relu -> depthwise Conv -> HardSwish -> Conv 1x1 -> + (Relu's result) -> GlobalAveragePool ->
// Flatten -> Gemm
struct SmallCnn {
  Tensor w1 = tests::random_tensor({8, 3, 3, 3}, 11, 0.3F), b1 = tests::random_tensor({8}, 12, 0.2F);
  Tensor wd = tests::random_tensor({8, 1, 3, 3}, 13, 0.4F), bd = tests::random_tensor({8}, 14, 0.2F);
  Tensor wp = tests::random_tensor({8, 8, 1, 1}, 15, 0.3F);
  Tensor wg = tests::random_tensor({4, 8}, 16, 0.5F), bg = tests::random_tensor({4}, 17, 0.1F);
  network::ValueId x = 0, relu = 0, swish = 0, flat = 0;
  Graph graph;

  SmallCnn() {
    std::fill_n(w1.floats().begin(), 27, 0.0F);  // a channel of zeros
    tests::NetworkBuilder b;
    x = b.input({2, 3, 6, 5});
    const auto c1 = b.node(Op::kConv, {x, b.weights(w1), b.weights(b1)},
                           {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}, {"kernel_shape", Ints{3, 3}}});
    relu = b.node(Op::kRelu, {c1});
    const auto cd = b.node(Op::kConv, {relu, b.weights(wd), b.weights(bd)},
                           {{"group", std::int64_t{8}}, {"pads", Ints{1, 1, 1, 1}}, {"kernel_shape", Ints{3, 3}}});
    swish = b.node(Op::kHardSwish, {cd});
    const auto cp = b.node(Op::kConv, {swish, b.weights(wp)}, {{"kernel_shape", Ints{1, 1}}});
    const auto sum = b.node(Op::kAdd, {cp, relu});
    const auto pooled = b.node(Op::kGlobalAveragePool, {sum});
    flat = b.node(Op::kFlatten, {pooled});
    const auto y = b.node(Op::kGemm, {flat, b.weights(wg), b.weights(bg)}, {{"transB", std::int64_t{1}}});
    graph = b.build({y});
  }

  std::vector<float> expected(const Oracle& o, const Tensor& image) const {
    Tensor r = o.conv(x, image, w1, &b1, 1, 2, 1);
    for (float& v : r.floats()) {
      v = std::max(v, 0.0F);
    }
    r = o.stored(r);  // read by the addition too, so it is in the vector format
    Tensor s = o.conv(relu, r, wd, &bd, 8, 1, 1);
    for (float& v : s.floats()) {  // read by a convolution alone: not rounded
      const auto wide = static_cast<double>(v);
      v = static_cast<float>(wide * std::clamp(wide / 6 + 0.5, 0.0, 1.0));
    }
    Tensor sum = o.conv(swish, s, wp, nullptr, 1, 1, 0);
    for (std::size_t i = 0; i < sum.floats().size(); ++i) {
      sum.floats()[i] += r.floats()[i];
    }
    sum = o.stored(sum);
    const std::size_t pixels = idx(sum.shape[2] * sum.shape[3]);
    Tensor pooled = Tensor::zeros(network::ElementType::kFloat, {image.shape[0], 8, 1, 1});
    for (std::size_t i = 0; i < pooled.floats().size(); ++i) {
      double total = 0;
      for (std::size_t p = 0; p < pixels; ++p) {
        total += static_cast<double>(sum.floats()[i * pixels + p]);
      }
      pooled.floats()[i] = static_cast<float>(total / static_cast<double>(pixels));
    }
    Tensor kernel = wg;
    kernel.shape = {4, 8, 1, 1};
    const Tensor y = o.stored(o.conv(flat, pooled, kernel, &bg, 1, 1, 0));
    return {y.floats().begin(), y.floats().end()};
  }
};

bool same_bits(float a, float b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

struct Case {
  const char* name;
  const char* precision;
  bool symmetric_activations, symmetric_weights, per_channel;
};

class QuantizedCnn : public testing::TestWithParam<Case> {};

TEST_P(QuantizedCnn, EqualsTheOracleBitForBit) {
  const SmallCnn cnn;
  const Case& c = GetParam();
  Recipe recipe;
  recipe.activations.symmetric = c.symmetric_activations;
  recipe.weights.symmetric = c.symmetric_weights;
  recipe.weights.granularity = c.per_channel ? config::Granularity::kPerChannel : config::Granularity::kPerTensor;
  const std::vector<Tensor> batches{tests::random_tensor({2, 3, 6, 5}, 1), tests::random_tensor({2, 3, 6, 5}, 2)};
  const Calibration calibration = calibrate(cnn.graph, batches);
  const Oracle oracle{tests::precision(c.precision), recipe, &calibration};
  const auto executor = make_quantized(cnn.graph, oracle.precision, recipe, calibration);
  for (unsigned seed = 20; seed < 24; ++seed) {
    const Tensor image = tests::random_tensor({2, 3, 6, 5}, seed, 1.3F);
    const auto outputs = executor->run({&image, 1});
    const auto expected = cnn.expected(oracle, image);
    ASSERT_EQ(outputs[0].shape, (Shape{2, 4}));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(same_bits(outputs[0].floats()[i], expected[i]))
          << i << ": " << outputs[0].floats()[i] << " != " << expected[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, QuantizedCnn,
                         testing::Values(Case{"Int8Symmetric", "int8", true, true, true},
                                         Case{"Int8SymmetricPerTensor", "int8", true, true, false},
                                         Case{"Int8AffineActivations", "int8", false, true, true},
                                         Case{"Int8AffineBoth", "int8", false, false, true},
                                         Case{"Fp8", "fp8_e4m3", true, true, false},
                                         Case{"Fp8PerChannel", "fp8_e4m3", true, true, true},
                                         Case{"Bf16", "bf16", true, true, true}, Case{"Fp16", "fp16", true, true, true},
                                         Case{"Tf32", "tf32", true, true, true}),
                         [](const auto& c) { return c.param.name; });

Calibration calibrated(const SmallCnn& cnn) {
  const Tensor batch = tests::random_tensor({2, 3, 6, 5}, 1);
  return calibrate(cnn.graph, {&batch, 1});
}

TEST(Quantized, TapSeesWhatKernelsWriteInTheirStorageFormat) {
  const SmallCnn cnn;
  const Tensor image = tests::random_tensor({2, 3, 6, 5}, 5);
  std::map<network::ValueId, Tensor> seen;
  make_quantized(cnn.graph, tests::precision("bf16"), {}, {})
      ->run({&image, 1}, [&](network::ValueId id, const Tensor& t) { seen[id] = t; });
  EXPECT_FALSE(seen.contains(cnn.relu - 1)) << "the convolution's result before Relu stays inside the kernel";
  for (const float v : seen.at(cnn.relu).floats()) {
    EXPECT_EQ(v, numerics::round_to(tests::format("bf16"), v));
  }
  EXPECT_TRUE(std::ranges::any_of(seen.at(cnn.swish).floats(), [](float v) {
    return v != numerics::round_to(tests::format("bf16"), v);
  })) << "a tensor that only matrix operations read is not rounded to the vector format";
}

TEST(Quantized, NanInOneImageLeavesTheOthersAlone) {
  const SmallCnn cnn;
  const Calibration calibration = calibrated(cnn);
  for (const char* name : {"int8", "fp8_e4m3", "bf16", "fp16", "tf32"}) {
    Tensor image = tests::random_tensor({2, 3, 6, 5}, 5);
    const auto executor = make_quantized(cnn.graph, tests::precision(name), {}, calibration);
    const auto clean = executor->run({&image, 1})[0];
    image.floats()[7] = std::nanf("");
    const auto dirty = executor->run({&image, 1})[0];
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(std::isnan(dirty.floats()[i]), name != std::string("int8")) << name;
      EXPECT_TRUE(same_bits(dirty.floats()[4 + i], clean.floats()[4 + i])) << name;
    }
  }
}

TEST(Quantized, ConstantActivationsRunThroughEveryPrecision) {
  const SmallCnn cnn;
  Tensor constant = Tensor::zeros(network::ElementType::kFloat, {2, 3, 6, 5});
  for (const float value : {0.0F, 0.75F}) {
    std::ranges::fill(constant.floats(), value);
    const Calibration calibration = calibrate(cnn.graph, {&constant, 1});
    const auto reference = make_reference(cnn.graph)->run({&constant, 1})[0];
    for (const char* name : {"int8", "fp8_e4m3", "bf16"}) {
      for (const bool symmetric : {true, false}) {
        Recipe recipe;
        recipe.activations.symmetric = symmetric;
        const auto y = make_quantized(cnn.graph, tests::precision(name), recipe, calibration)->run({&constant, 1})[0];
        for (std::size_t i = 0; i < y.floats().size(); ++i) {
          EXPECT_NEAR(y.floats()[i], reference.floats()[i], 0.1F) << name;
        }
      }
    }
  }
}

TEST(Quantized, KeptNodesRunInTheVectorFormat) {
  const SmallCnn cnn;
  const Calibration calibration = calibrated(cnn);
  const Tensor image = tests::random_tensor({2, 3, 6, 5}, 5);
  Recipe keep_all;
  for (const auto& node : cnn.graph.nodes) {
    if (node.op == Op::kConv || node.op == Op::kGemm) {
      keep_all.keep_float.push_back(node.name);
    }
  }
  // With every matrix operation kept, INT8 is FP16 operands through FP32 multiply-adds; calibration is not looked at.
  Precision fp16 = tests::precision("int8");
  fp16.matrix = fp16.depthwise = numerics::fp32_reference();
  fp16.matrix.a = fp16.matrix.b = fp16.depthwise.a = fp16.depthwise.b = tests::format("fp16");
  const auto expected = make_quantized(cnn.graph, fp16, {}, {})->run({&image, 1})[0];
  EXPECT_FALSE(needs_calibration(cnn.graph, tests::precision("int8"), keep_all));
  const auto y = make_quantized(cnn.graph, tests::precision("int8"), keep_all, {})->run({&image, 1})[0];
  EXPECT_TRUE(std::ranges::equal(y.floats(), expected.floats()));
  const auto quantized = make_quantized(cnn.graph, tests::precision("int8"), {}, calibration)->run({&image, 1})[0];
  EXPECT_FALSE(std::ranges::equal(y.floats(), quantized.floats()));
}

template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Quantized, RefusesWhatItCannotDo) {
  const SmallCnn cnn;
  const Calibration none;
  const auto make = [&](const Graph& graph, const Recipe& recipe, const Calibration& calibration) {
    return message_of([&] { make_quantized(graph, tests::precision("int8"), recipe, calibration); });
  };
  EXPECT_THAT(make(cnn.graph, {}, none), HasSubstr("calibration saw no finite value"));
  EXPECT_THAT(make(cnn.graph, {}, calibrate(cnn.graph, {})), HasSubstr("calibration_images"));
  Recipe recipe;
  recipe.keep_float = {"Conv00"};
  EXPECT_THAT(make(cnn.graph, recipe, none), HasSubstr("did you mean 'Conv0'"));
  recipe.keep_float = {"Relu1"};
  EXPECT_THAT(make(cnn.graph, recipe, none), HasSubstr("no matrix operation"));
  recipe = {};
  recipe.activations.granularity = config::Granularity::kPerChannel;
  EXPECT_THAT(make(cnn.graph, recipe, calibrated(cnn)), HasSubstr("per tensor"));
  Graph shape_only = cnn.graph;
  shape_only.has_weights = false;
  EXPECT_THAT(make(shape_only, {}, none), HasSubstr("timed, not executed"));
}

TEST(Quantized, RefusesWeightsThatAreNotFinite) {
  tests::NetworkBuilder b;
  const auto x = b.input({2, 3});
  Tensor w = tests::random_tensor({3, 2}, 1);
  w.floats()[2] = std::numeric_limits<float>::infinity();
  const Graph graph = b.build({b.node(Op::kMatMul, {x, b.weights(w)})});
  const Tensor input = tests::random_tensor({2, 3}, 2);
  const Calibration calibration = calibrate(graph, {&input, 1});
  EXPECT_THAT(message_of([&] { make_quantized(graph, tests::precision("int8"), {}, calibration); }),
              HasSubstr("not finite"));
}

TEST(Quantized, TransposedConvolutionNeedsKeepFloat) {
  tests::NetworkBuilder b;
  const auto x = b.input({1, 2, 4, 4});
  const auto y =
      b.node(Op::kConvTranspose, {x, b.weights(tests::random_tensor({2, 3, 2, 2}, 1))}, {{"strides", Ints{2, 2}}});
  const Graph graph = b.build({y});
  const Tensor input = tests::random_tensor({1, 2, 4, 4}, 2);
  const Calibration calibration = calibrate(graph, {&input, 1});
  EXPECT_THAT(message_of([&] { make_quantized(graph, tests::precision("fp16"), {}, calibration); }),
              HasSubstr("keep_float"));
  Recipe keep;
  keep.keep_float = {"ConvTranspose0"};
  const auto out = make_quantized(graph, tests::precision("fp16"), keep, calibration)->run({&input, 1})[0];
  const auto reference = make_reference(graph)->run({&input, 1})[0];
  for (std::size_t i = 0; i < out.floats().size(); ++i) {
    EXPECT_NEAR(out.floats()[i], reference.floats()[i], 0.01F);
  }
}

// Attention scores: both operands computed, batched, and a product with a constant left operand.
TEST(Quantized, ProductsOfComputedMatricesEqualTheOracle) {
  tests::NetworkBuilder b;
  const auto p = b.input({2, 3, 5});
  const auto left = b.node(Op::kRelu, {p});
  const auto right = b.node(Op::kTranspose, {p}, {{"perm", Ints{0, 2, 1}}});
  const auto y = b.node(Op::kMatMul, {left, right});
  const Graph graph = b.build({y});
  const Tensor input = tests::random_tensor({2, 3, 5}, 9);
  const Calibration calibration = calibrate(graph, {&input, 1});
  for (const char* name : {"int8", "fp8_e4m3", "fp16"}) {
    for (const bool symmetric : {true, false}) {
      Recipe recipe;
      recipe.activations.symmetric = symmetric;
      const Precision precision = tests::precision(name);
      const Oracle oracle{precision, recipe, &calibration};
      const auto out = make_quantized(graph, precision, recipe, calibration)->run({&input, 1})[0];
      // The graph's input is read by other operations than products, so it comes in the vector format. What these make
      // of it is read by the product alone: not rounded before it is quantized.
      const Tensor rounded_input = oracle.stored(input);
      Tensor positive = rounded_input;
      for (float& v : positive.floats()) {
        v = std::max(v, 0.0F);
      }
      const Codes a = oracle.data(precision.matrix, left, positive),
                  c = oracle.data(precision.matrix, right, rounded_input);
      for (std::size_t i = 0; i < out.floats().size(); ++i) {
        const std::size_t batch = i / 9, row = i / 3 % 3, column = i % 3;
        std::vector<float> u, v;
        for (std::size_t k = 0; k < 5; ++k) {
          u.push_back(a.q[(batch * 3 + row) * 5 + k]);
          v.push_back(c.q[(batch * 3 + column) * 5 + k]);
        }
        const float sum = Oracle::dot(precision.matrix, u, v, a.zero[0], c.zero[0]) * (a.scale[0] * c.scale[0]);
        EXPECT_TRUE(same_bits(out.floats()[i], numerics::round_to(precision.vector, sum))) << name << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace mantissa::execute
