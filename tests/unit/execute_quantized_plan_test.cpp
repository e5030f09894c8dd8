// SPDX-License-Identifier: Apache-2.0
// Mixed precision, SmoothQuant, and what recipes may not ask for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "execute/rules.h"
#include "support/quantized_oracle.h"

namespace mantissa::execute {
namespace {

using config::Granularity;
using config::Precision;
using config::Recipe;
using config::Scaling;
using network::Graph;
using network::Op;
using network::Tensor;
using testing::HasSubstr;
using tests::Codes;
using tests::Oracle;
using tests::same_bits;
using tests::SmallCnn;

TEST(PrecisionPlan, EachMatrixKernelRunsAtItsOwnPrecision) {
  tests::NetworkBuilder b;
  const Tensor w1 = tests::random_tensor({6, 8}, 1), w2 = tests::random_tensor({8, 4}, 2);
  const auto x = b.input({2, 6});
  const auto h = b.node(Op::kMatMul, {x, b.weights(w1)});
  const auto r = b.node(Op::kRelu, {h});
  const auto z = b.node(Op::kMatMul, {r, b.weights(w2)});
  const auto y = b.node(Op::kAdd, {z, b.weights(tests::random_tensor({4}, 3))});
  const Graph graph = b.build({y});
  const Tensor input = tests::random_tensor({2, 6}, 4);
  const Precision base = tests::precision("bf16"), other = tests::precision("int8");
  config::PrecisionPlan plan(base);
  plan.assign(graph.nodes[2].name, other);
  EXPECT_TRUE(needs_calibration(graph, plan, {}));
  EXPECT_FALSE(needs_calibration(graph, base, {}));
  const Calibration calibration = calibrate(graph, {&input, 1});
  const auto out = make_quantized(graph, plan, {}, calibration)->run({&input, 1})[0];
  const Oracle first{base, {}, &calibration}, second{other, {}, &calibration};
  const auto multiply = [](const Oracle& o, network::ValueId id, const Tensor& a, const Tensor& w) {
    Tensor channels = Tensor::zeros(network::ElementType::kFloat, {w.shape[1], w.shape[0]});
    for (std::int64_t i = 0; i < w.shape[0] * w.shape[1]; ++i) {
      channels.floats()[tests::idx(i % w.shape[1] * w.shape[0] + i / w.shape[1])] = w.floats()[tests::idx(i)];
    }
    Tensor pixels = a, kernel = channels;
    pixels.shape = {a.shape[0], a.shape[1], 1, 1};
    kernel.shape = {w.shape[1], w.shape[0], 1, 1};
    return o.conv(id, pixels, kernel, nullptr, 1, 1, 0);
  };
  Tensor hidden = multiply(first, x, input, w1);
  for (float& v : hidden.floats()) {
    v = std::max(v, 0.0F);
  }
  hidden.shape = {2, 8};
  const Tensor sum = multiply(second, r, hidden, w2);
  for (std::size_t i = 0; i < 8; ++i) {
    const float y_i = sum.floats()[i] + tests::random_tensor({4}, 3).floats()[i % 4];
    EXPECT_TRUE(same_bits(out.floats()[i], numerics::round_to(base.vector, y_i))) << i;
  }
}

TEST(PrecisionPlan, AssigningEveryNodeTheBaseChangesNothing) {
  const SmallCnn cnn;
  const Tensor batch = tests::random_tensor({2, 3, 6, 5}, 1);
  const Calibration calibration = calibrate(cnn.graph, {&batch, 1});
  const Precision base = tests::precision("int8"), copy = base;
  config::PrecisionPlan plan(base);
  for (const auto& node : cnn.graph.nodes) {
    plan.assign(node.name, copy);
  }
  EXPECT_EQ(make_quantized(cnn.graph, plan, {}, calibration)->run({&batch, 1})[0].data,
            make_quantized(cnn.graph, base, {}, calibration)->run({&batch, 1})[0].data);
}

// Two layers that read one input, with outlier channels.
struct SmoothedLayers {
  Tensor w1 = tests::random_tensor({6, 8}, 1), w2 = tests::random_tensor({4, 6}, 2);
  network::ValueId x = 0;
  Graph graph;
  Tensor input = tests::random_tensor({2, 5, 6}, 4);

  SmoothedLayers() {
    for (std::size_t i = 0; i < input.floats().size(); i += 6) {
      input.floats()[i + 2] *= 40;
      input.floats()[i + 4] = 0;
    }
    tests::NetworkBuilder b;
    x = b.input({2, 5, 6});
    const auto left = b.node(Op::kMatMul, {x, b.weights(w1)});
    Tensor transposed = Tensor::zeros(network::ElementType::kFloat, {6, 4});
    for (std::size_t i = 0; i < 24; ++i) {
      transposed.floats()[i % 6 * 4 + i / 6] = w2.floats()[i];
    }
    const auto right = b.node(Op::kMatMul, {x, b.weights(transposed)});
    graph = b.build({left, right});
  }

  // max|x_j|^alpha / max|w_j|^(1 - alpha), w of both layers.
  std::vector<float> factors(double alpha) const {
    std::vector<float> s;
    for (std::size_t j = 0; j < 6; ++j) {
      double activation = 0, weight = 0;
      for (std::size_t i = j; i < input.floats().size(); i += 6) {
        activation = std::max(activation, std::abs(static_cast<double>(input.floats()[i])));
      }
      for (std::size_t n = 0; n < 8; ++n) {
        weight = std::max(weight, std::abs(static_cast<double>(w1.floats()[j * 8 + n])));
      }
      for (std::size_t n = 0; n < 4; ++n) {
        weight = std::max(weight, std::abs(static_cast<double>(w2.floats()[n * 6 + j])));
      }
      s.push_back(activation == 0 ? 1.0F
                                  : static_cast<float>(std::pow(activation, alpha) / std::pow(weight, 1 - alpha)));
    }
    return s;
  }
};

TEST(SmoothQuant, DividesActivationsAndMultipliesWeightsBeforeBothAreQuantized) {
  const SmoothedLayers net;
  for (const double alpha : {0.0, 0.5, 0.8, 1.0}) {
    for (const bool dynamic : {false, true}) {
      Recipe recipe;
      recipe.smooth = alpha;
      recipe.activations.scaling = dynamic ? Scaling::kDynamic : Scaling::kStatic;
      const Precision precision = tests::precision("int8");
      EXPECT_TRUE(needs_calibration(net.graph, precision, recipe));
      const Calibration calibration = calibrate(net.graph, {&net.input, 1}, 0, recipe);
      const auto out = make_quantized(net.graph, precision, recipe, calibration)->run({&net.input, 1});
      const auto s = net.factors(alpha);
      const std::size_t run = dynamic ? 30 : 60;
      for (std::size_t i = 0; i < out[0].floats().size(); ++i) {
        const std::size_t row = i / 8, n = i % 8;
        float largest = 0, weight_largest = 0;
        for (std::size_t j = row * 6 / run * run; j < row * 6 / run * run + run; ++j) {
          largest = std::max(largest, std::abs(net.input.floats()[j] / s[j % 6]));
        }
        for (std::size_t j = 0; j < 6; ++j) {
          weight_largest = std::max(weight_largest, std::abs(net.w1.floats()[j * 8 + n] * s[j]));
        }
        const float scale = largest / 127, weight_scale = weight_largest / 127;
        float sum = 0;
        for (std::size_t j = 0; j < 6; ++j) {
          sum += std::nearbyintf(net.input.floats()[row * 6 + j] / s[j] / scale) *
                 std::nearbyintf(net.w1.floats()[j * 8 + n] * s[j] / weight_scale);
        }
        const float want = numerics::round_to(precision.vector, sum * (scale * weight_scale));
        EXPECT_TRUE(same_bits(out[0].floats()[i], want)) << alpha << " " << i;
      }
    }
  }
}

TEST(SmoothQuant, ChangesNothingButRoundingWithoutQuantization) {
  const SmoothedLayers net;
  Recipe recipe;
  recipe.smooth = 0.5;
  Precision fp32 = tests::precision("tf32");
  fp32.matrix = numerics::fp32_reference();
  const Calibration calibration = calibrate(net.graph, {&net.input, 1}, 0, recipe);
  const auto smoothed = make_quantized(net.graph, fp32, recipe, calibration)->run({&net.input, 1});
  const auto reference = make_reference(net.graph)->run({&net.input, 1});
  bool differs = false;
  for (std::size_t output = 0; output < 2; ++output) {
    for (std::size_t i = 0; i < reference[output].floats().size(); ++i) {
      const float want = reference[output].floats()[i];
      EXPECT_NEAR(smoothed[output].floats()[i], want, 1e-5F * (std::abs(want) + 40));
      differs = differs || smoothed[output].floats()[i] != want;
    }
  }
  EXPECT_TRUE(differs) << "the factors are no powers of two, so some product is rounded differently";
}

TEST(SmoothQuant, HelpsWhereAChannelIsAnOutlier) {
  const SmoothedLayers net;
  const auto reference = make_reference(net.graph)->run({&net.input, 1})[0];
  const auto error = [&](std::optional<double> alpha) {
    Recipe recipe;
    recipe.smooth = alpha;
    const Calibration calibration = calibrate(net.graph, {&net.input, 1}, 0, recipe);
    const auto y = make_quantized(net.graph, tests::precision("int8"), recipe, calibration)->run({&net.input, 1})[0];
    double sum = 0;
    for (std::size_t i = 0; i < y.floats().size(); ++i) {
      sum += std::pow(static_cast<double>(y.floats()[i]) - static_cast<double>(reference.floats()[i]), 2);
    }
    return sum;
  };
  EXPECT_LT(error(0.5), error(std::nullopt) / 2);
}

TEST(SmoothQuant, LeavesKeptNodesAlone) {
  const SmoothedLayers net;
  Recipe recipe, plain;
  recipe.smooth = 0.5;
  for (const auto& node : net.graph.nodes) {
    recipe.keep_float.push_back(node.name);
  }
  plain.keep_float = recipe.keep_float;
  EXPECT_FALSE(needs_calibration(net.graph, tests::precision("int8"), recipe));
  EXPECT_EQ(make_quantized(net.graph, tests::precision("int8"), recipe, {})->run({&net.input, 1})[0].data,
            make_quantized(net.graph, tests::precision("int8"), plain, {})->run({&net.input, 1})[0].data);
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

TEST(RecipeCheck, RefusesWhatHasNoMeaning) {
  const SmallCnn cnn;
  const auto check = [&](auto&& change) {
    Recipe recipe;
    change(recipe);
    return message_of([&] { check_recipe(cnn.graph, recipe, "w.yaml"); });
  };
  EXPECT_EQ(check([](Recipe&) {}), "no error");
  EXPECT_THAT(check([](Recipe& r) { r.activations.granularity = Granularity::kPerGroup; }), HasSubstr("per_group"));
  EXPECT_THAT(check([](Recipe& r) { r.activations.granularity = Granularity::kPerToken; }),
              HasSubstr("needs scaling: dynamic"));
  EXPECT_THAT(check([](Recipe& r) { r.weights.granularity = Granularity::kPerToken; }), HasSubstr("no tokens"));
  EXPECT_THAT(check([](Recipe& r) {
                r.weights.granularity = Granularity::kPerGroup;
                r.weights.group = 0;
              }),
              HasSubstr("use 1 or more"));
  EXPECT_THAT(check([](Recipe& r) { r.kv_cache = config::TensorRecipe{}; }), HasSubstr("add format:"));
  EXPECT_THAT(check([](Recipe& r) { r.smooth = 1.5; }), HasSubstr("0..1"));
  EXPECT_THAT(check([](Recipe& r) { r.smooth = std::nan(""); }), HasSubstr("0..1"));
  EXPECT_THAT(check([](Recipe& r) { r.layers["Conv00"] = "int8"; }), HasSubstr("did you mean 'Conv0'"));
  EXPECT_THAT(check([](Recipe& r) {
                r.layers["Conv0"] = "int8";
                r.keep_float = {"Conv0"};
              }),
              HasSubstr("remove one of them"));
}

TEST(RecipeCheck, FindsPrecisionsOfTheChipByName) {
  const SmallCnn cnn;
  config::Chip chip;
  chip.name = "tiny";
  chip.precisions = {tests::precision("int8"), tests::precision("fp16")};
  Recipe recipe;
  recipe.layers["Conv0"] = "fp16";
  const auto plan = make_plan(chip, chip.precisions[0], cnn.graph, recipe, "w.yaml");
  EXPECT_EQ(plan.of("Conv0").name, "fp16");
  EXPECT_EQ(plan.of("Gemm7").name, "int8");
  recipe.layers["Conv0"] = "fp61";
  EXPECT_THAT(message_of([&] { make_plan(chip, chip.precisions[0], cnn.graph, recipe, "w.yaml"); }),
              HasSubstr("did you mean 'fp16'"));
}

TEST(Calibration, EmptyCalibrationOfASmoothedNetworkIsRefused) {
  const SmoothedLayers net;
  Recipe recipe;
  recipe.smooth = 0.5;
  recipe.activations.scaling = Scaling::kDynamic;
  EXPECT_THAT(message_of([&] { make_quantized(net.graph, tests::precision("int8"), recipe, {}); }),
              HasSubstr("smoothing needs the magnitudes"));
  EXPECT_THAT(message_of([&] {
                make_quantized(net.graph, tests::precision("fp16"), recipe, calibrate(net.graph, {}, 0, recipe));
              }),
              HasSubstr("calibration_images"));
}

}  // namespace
}  // namespace mantissa::execute
