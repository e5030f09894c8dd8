// SPDX-License-Identifier: Apache-2.0
// Quantized operators against their definitions: loops in 64-bit integers and double, without offsets or matrix
// products.
#include <cmath>

#include "unit/ops_support.h"

namespace mantissa::network {
namespace {

using namespace test;

constexpr ElementType kBytes[] = {ElementType::kInt8, ElementType::kUint8};
const float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

std::int64_t low(ElementType type) {
  return type == ElementType::kUint8 ? 0 : -128;
}

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}
  std::int64_t pick(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  ElementType type() { return kBytes[pick(0, 1)]; }
  Tensor codes(ElementType type, Shape shape) {
    Tensor t = Tensor::zeros(type, std::move(shape));
    for (std::int64_t& q : t.ints()) {
      q = low(type) + pick(0, 255);
    }
    return t;
  }
  Tensor scales(Shape shape) {
    Tensor t = Tensor::zeros(ElementType::kFloat, std::move(shape));
    for (float& s : t.floats()) {
      s = std::uniform_real_distribution<float>(0.001F, 0.02F)(random_);
    }
    return t;
  }

 private:
  std::mt19937 random_;
};

Tensor scalar(float value) {
  return floats({}, {value});
}
Tensor zero_point(std::int64_t value, ElementType type) {
  return ints({}, {value}, type);
}

// Saturating, half to even.
std::int64_t quantized(double real, std::int64_t zero, ElementType type) {
  const double q = std::rint(real) + static_cast<double>(zero);
  return static_cast<std::int64_t>(
      std::min(std::max(q, static_cast<double>(low(type))), static_cast<double>(low(type) + 255)));
}

// ONNX Runtime's way: the sum as FP32 times one FP32 factor.
std::int64_t requantized(std::int64_t sum, float a, float b, float y, std::int64_t zero, ElementType type) {
  const float factor = a * b / y;
  return quantized(static_cast<double>(static_cast<float>(sum) * factor), zero, type);
}

TEST(QuantizeLinear, RoundsHalvesToEvenAndSaturates) {
  const Tensor x = floats({12}, {0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 126.5F, 127.4F, 1e30F, -1e30F, kInf, -kInf, kNan});
  const auto y = run(node(Op::kQuantizeLinear), {x, scalar(1), zero_point(0, ElementType::kInt8)});
  EXPECT_EQ(integers(y[0]), (Ints{0, 2, 2, 0, -2, 126, 127, 127, -128, 127, -128, 0}));
  const auto u = run(node(Op::kQuantizeLinear), {x, scalar(1), zero_point(3, ElementType::kUint8)});
  EXPECT_EQ(integers(u[0]), (Ints{3, 5, 5, 3, 1, 129, 130, 255, 0, 255, 0, 3}));
}

TEST(QuantizeLinear, GivesUint8WithoutAZeroPoint) {
  const auto y = run(node(Op::kQuantizeLinear), {floats({3}, {-1, 2, 300}), scalar(0.5F)});
  EXPECT_EQ(y[0].type, ElementType::kUint8);
  EXPECT_EQ(integers(y[0]), (Ints{0, 4, 255}));
}

TEST(QuantizeLinear, TakesInt32) {
  const auto y = run(node(Op::kQuantizeLinear), {ints({4}, {5, 7, -5, 2147483647}, ElementType::kInt32), scalar(2),
                                                 zero_point(1, ElementType::kInt8)});
  EXPECT_EQ(integers(y[0]), (Ints{3, 5, -1, 127}));
}

TEST(QuantizeAndDequantize, UseTheScaleAndZeroPointOfTheirAxis) {
  Draw draw(1);
  for (const ElementType type : kBytes) {
    for (const std::int64_t axis : {0, 1, 2, -1}) {
      const Shape shape{3, 4, 5};
      const std::int64_t n = shape[static_cast<std::size_t>(axis < 0 ? 2 : axis)], inner = axis == 0   ? 20
                                                                                           : axis == 1 ? 5
                                                                                                       : 1;
      const Tensor q = draw.codes(type, shape), scale = draw.scales({n}), zero = draw.codes(type, {n});
      const auto x = run(node(Op::kDequantizeLinear, {{"axis", axis}}), {q, scale, zero});
      for (std::size_t i = 0; i < 60; ++i) {
        const auto c = static_cast<std::size_t>(static_cast<std::int64_t>(i) / inner % n);
        ASSERT_EQ(x[0].floats()[i], static_cast<float>(q.ints()[i] - zero.ints()[c]) * scale.floats()[c]);
      }
      const auto back = run(node(Op::kQuantizeLinear, {{"axis", axis}}), {x[0], scale, zero});
      EXPECT_EQ(back[0].type, type);
      EXPECT_EQ(integers(back[0]), integers(q)) << "every code comes back";
    }
  }
}

TEST(DequantizeLinear, TakesSumsOf32Bits) {
  const auto y = run(node(Op::kDequantizeLinear), {ints({2}, {100000, -3}, ElementType::kInt32), scalar(0.5F)});
  EXPECT_EQ(values(y[0]), (std::vector<float>{50000, -1.5F}));
}

TEST(DynamicQuantizeLinear, CoversTheRangeWithZeroInside) {
  const auto y = run(node(Op::kDynamicQuantizeLinear, {}, 11, 3), {floats({4}, {1, 2, 3, 4})});
  const float scale = 4.0F / 255.0F;
  EXPECT_EQ(y[1].floats()[0], scale);
  EXPECT_EQ(integers(y[2]), (Ints{0}));
  EXPECT_EQ(integers(y[0]),
            (Ints{std::lrint(1 / scale), std::lrint(2 / scale), std::lrint(3 / scale), std::lrint(4 / scale)}));
}

TEST(DynamicQuantizeLinear, HasAScaleWhateverTheNumbers) {
  const auto of = [](std::vector<float> x) {
    const auto n = static_cast<std::int64_t>(x.size());
    return run(node(Op::kDynamicQuantizeLinear, {}, 11, 3), {floats({n}, std::move(x))});
  };
  const auto zeros = of({0, 0});
  EXPECT_EQ(zeros[1].floats()[0], 1.0F);
  EXPECT_EQ(integers(zeros[0]), (Ints{0, 0}));
  const auto huge = of({3e38F, -3e38F});
  EXPECT_EQ(huge[1].floats()[0], static_cast<float>(6e38 / 255));
  EXPECT_EQ(integers(huge[0]), (Ints{255, 0}));
  const auto tiny = of({1e-44F, 0});
  EXPECT_EQ(tiny[1].floats()[0], std::numeric_limits<float>::min());
  EXPECT_EQ(refusal_of([&] { of({1, kNan}); }), "its input holds nan, so it has no range to quantize");
}

// [.., m, k] x [.., k, n] by definition. zero_a(matrix, row), zero_b(matrix, column).
template <class ZeroA, class ZeroB>
Ints products(const Tensor& a, const Tensor& b, std::int64_t batch, ZeroA&& zero_a, ZeroB&& zero_b) {
  const std::int64_t m = a.shape[a.shape.size() - 2], k = a.shape.back(), n = b.shape.back();
  const bool many_a = a.shape.size() > 2, many_b = b.shape.size() > 2;
  Ints result;
  for (std::int64_t o = 0; o < batch; ++o) {
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t c = 0; c < n; ++c) {
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < k; ++i) {
          const std::int64_t qa = a.ints()[static_cast<std::size_t>(((many_a ? o : 0) * m + r) * k + i)];
          const std::int64_t qb = b.ints()[static_cast<std::size_t>(((many_b ? o : 0) * k + i) * n + c)];
          sum += (qa - zero_a(o, r)) * (qb - zero_b(o, c));
        }
        result.push_back(static_cast<std::int32_t>(sum));
      }
    }
  }
  return result;
}

TEST(MatMulInteger, IsTheSumOfProductsWithZeroPointsOfRowsAndColumns) {
  Draw draw(2);
  for (int trial = 0; trial < 60; ++trial) {
    const ElementType ta = draw.type(), tb = draw.type();
    const std::int64_t m = draw.pick(1, 5), k = draw.pick(1, 70), n = draw.pick(1, 6), batch = draw.pick(1, 3);
    const Tensor a = draw.codes(ta, trial % 2 == 0 ? Shape{batch, m, k} : Shape{m, k});
    const Tensor b = draw.codes(tb, trial % 3 == 0 ? Shape{batch, k, n} : Shape{k, n});
    const std::int64_t count = trial % 2 == 0 || trial % 3 == 0 ? batch : 1;
    const bool each_a = a.shape.size() == 3 && draw.pick(0, 1) == 1, rows = draw.pick(0, 1) == 1;
    const Tensor za = draw.codes(ta, each_a ? Shape{batch, m, 1} : rows ? Shape{m} : Shape{});
    const bool each_b = b.shape.size() == 3 && draw.pick(0, 1) == 1, columns = draw.pick(0, 1) == 1;
    const Tensor zb = draw.codes(tb, each_b ? Shape{batch, 1, n} : columns ? Shape{n} : Shape{1});
    const auto of_row = [&](std::int64_t o, std::int64_t r) {
      return za.ints()[static_cast<std::size_t>(each_a ? o * m + r : rows ? r : 0)];
    };
    const auto of_column = [&](std::int64_t o, std::int64_t c) {
      return zb.ints()[static_cast<std::size_t>(each_b ? o * n + c : columns ? c : 0)];
    };
    const auto y = run(node(Op::kMatMulInteger), {a, b, za, zb});
    ASSERT_EQ(y[0].type, ElementType::kInt32);
    ASSERT_EQ(integers(y[0]), products(a, b, count, of_row, of_column)) << trial;
  }
}

TEST(MatMulInteger, WrapsAt32Bits) {
  const std::int64_t k = 40000;  // 40000 * 255 * 255 > 2^31
  const Tensor a = ints({1, k}, Ints(static_cast<std::size_t>(k), 255), ElementType::kUint8);
  const Tensor b = ints({k, 1}, Ints(static_cast<std::size_t>(k), 255), ElementType::kUint8);
  const auto y = run(node(Op::kMatMulInteger), {a, b});
  EXPECT_EQ(y[0].ints()[0], k * 255 * 255 - (std::int64_t{1} << 32));
}

TEST(QLinearMatMul, ScalesRowsAndColumnsAndRounds) {
  Draw draw(3);
  for (int trial = 0; trial < 60; ++trial) {
    const ElementType ta = draw.type(), tb = draw.type(), ty = draw.type();
    const std::int64_t m = draw.pick(1, 5), k = draw.pick(1, 40), n = draw.pick(1, 6), batch = draw.pick(1, 3);
    const Tensor a = draw.codes(ta, {batch, m, k}),
                 b = draw.codes(tb, trial % 2 == 0 ? Shape{batch, k, n} : Shape{k, n});
    const bool rows = trial % 3 == 0, columns = trial % 5 < 2;
    const Shape shape_a = rows ? Shape{batch, m, 1} : Shape{}, shape_b = columns ? Shape{n} : Shape{1};
    const Tensor sa = draw.scales(shape_a), za = draw.codes(ta, shape_a), sb = draw.scales(shape_b),
                 zb = draw.codes(tb, shape_b), zy = draw.codes(ty, {});
    const Tensor sy = scalar(static_cast<float>(draw.pick(1, 50)) * 1e-3F);
    const auto row = [&](std::int64_t o, std::int64_t r) { return static_cast<std::size_t>(rows ? o * m + r : 0); };
    const auto column = [&](std::int64_t c) { return static_cast<std::size_t>(columns ? c : 0); };
    const Ints sums = products(
        a, b, batch, [&](std::int64_t o, std::int64_t r) { return za.ints()[row(o, r)]; },
        [&](std::int64_t, std::int64_t c) { return zb.ints()[column(c)]; });
    const auto y = run(node(Op::kQLinearMatMul), {a, sa, za, b, sb, zb, sy, zy});
    ASSERT_EQ(y[0].type, ty);
    for (std::int64_t i = 0; i < batch * m * n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      ASSERT_EQ(y[0].ints()[at], requantized(sums[at], sa.floats()[row(i / n / m, i / n % m)],
                                             sb.floats()[column(i % n)], sy.floats()[0], zy.ints()[0], ty))
          << trial;
    }
  }
}

struct Geometry {
  std::int64_t images, groups, in, out, height, width, kernel, stride, pad, dilation;
  std::int64_t out_height() const { return (height + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1; }
  std::int64_t out_width() const { return (width + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1; }
  Attributes attributes() const {
    return {{"group", groups},
            {"strides", Ints{stride, stride}},
            {"dilations", Ints{dilation, dilation}},
            {"pads", Ints{pad, pad, pad, pad}}};
  }
};

Geometry geometry(Draw& draw) {
  Geometry g{draw.pick(1, 2), draw.pick(1, 3), draw.pick(1, 4), draw.pick(1, 4), 0, 0,
             draw.pick(1, 3), draw.pick(1, 2), draw.pick(0, 2), draw.pick(1, 2)};
  g.height = g.dilation * (g.kernel - 1) + draw.pick(1, 6);
  g.width = g.dilation * (g.kernel - 1) + draw.pick(1, 6);
  return g;
}

// Padding is zero: it adds nothing.
Ints convolution(const Geometry& g, const Tensor& x, std::int64_t zero_x, const Tensor& w, const Ints& zero_w) {
  Ints result;
  const auto at = [](const Tensor& t, std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) {
    return t.ints()[static_cast<std::size_t>(((a * t.shape[1] + b) * t.shape[2] + c) * t.shape[3] + d)];
  };
  for (std::int64_t n = 0; n < g.images; ++n) {
    for (std::int64_t o = 0; o < g.groups * g.out; ++o) {
      const std::int64_t zw = zero_w[zero_w.size() == 1 ? 0 : static_cast<std::size_t>(o)];
      for (std::int64_t p = 0; p < g.out_height() * g.out_width(); ++p) {
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < g.in * g.kernel * g.kernel; ++i) {
          const std::int64_t c = i / (g.kernel * g.kernel), kh = i / g.kernel % g.kernel, kw = i % g.kernel;
          const std::int64_t h = p / g.out_width() * g.stride - g.pad + kh * g.dilation,
                             v = p % g.out_width() * g.stride - g.pad + kw * g.dilation;
          if (h >= 0 && h < g.height && v >= 0 && v < g.width) {
            sum += (at(x, n, o / g.out * g.in + c, h, v) - zero_x) * (at(w, o, c, kh, kw) - zw);
          }
        }
        result.push_back(sum);
      }
    }
  }
  return result;
}

TEST(ConvInteger, IsTheSumOfProductsAndPadsWithTheZeroPoint) {
  Draw draw(4);
  for (int trial = 0; trial < 60; ++trial) {
    const Geometry g = geometry(draw);
    const ElementType tx = draw.type(), tw = draw.type();
    const Tensor x = draw.codes(tx, {g.images, g.groups * g.in, g.height, g.width});
    const Tensor w = draw.codes(tw, {g.groups * g.out, g.in, g.kernel, g.kernel});
    const Tensor zx = draw.codes(tx, {}), zw = draw.codes(tw, trial % 2 == 0 ? Shape{g.groups * g.out} : Shape{});
    const auto y = run(node(Op::kConvInteger, g.attributes()), {x, w, zx, zw});
    ASSERT_EQ(y[0].shape, (Shape{g.images, g.groups * g.out, g.out_height(), g.out_width()}));
    ASSERT_EQ(integers(y[0]), convolution(g, x, zx.ints()[0], w, integers(zw))) << trial;
    const auto plain = run(node(Op::kConvInteger, g.attributes()), {x, w});
    ASSERT_EQ(integers(plain[0]), convolution(g, x, 0, w, {0})) << trial;
  }
}

TEST(QLinearConv, ScalesEachChannelAddsTheBiasAndRounds) {
  Draw draw(5);
  for (int trial = 0; trial < 60; ++trial) {
    const Geometry g = geometry(draw);
    const ElementType tx = draw.type(), tw = draw.type(), ty = draw.type();
    const std::int64_t channels = g.groups * g.out;
    const Tensor x = draw.codes(tx, {g.images, g.groups * g.in, g.height, g.width});
    const Tensor w = draw.codes(tw, {channels, g.in, g.kernel, g.kernel});
    const Shape per_channel = trial % 2 == 0 ? Shape{channels} : Shape{1};
    const Tensor zx = draw.codes(tx, {}), zw = draw.codes(tw, per_channel), sw = draw.scales(per_channel);
    const Tensor sx = draw.scales({}), sy = scalar(static_cast<float>(draw.pick(1, 30)) * 1e-3F),
                 zy = draw.codes(ty, {});
    std::optional<Tensor> bias;
    if (trial % 3 != 0) {
      bias = Tensor::zeros(ElementType::kInt32, {channels});
      for (std::int64_t& b : bias->ints()) {
        b = draw.pick(-20000, 20000);
      }
    }
    const auto y = run(node(Op::kQLinearConv, g.attributes()), {x, sx, zx, w, sw, zw, sy, zy, bias});
    const Ints sums = convolution(g, x, zx.ints()[0], w, integers(zw));
    const std::int64_t pixels = g.out_height() * g.out_width();
    ASSERT_EQ(y[0].type, ty);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const auto c = static_cast<std::size_t>(static_cast<std::int64_t>(i) / pixels % channels);
      ASSERT_EQ(y[0].ints()[i],
                requantized(sums[i] + (bias ? bias->ints()[c] : 0), sx.floats()[0],
                            sw.floats()[sw.floats().size() == 1 ? 0 : c], sy.floats()[0], zy.ints()[0], ty))
          << trial;
    }
  }
}

TEST(QuantizedOperators, RefuseScalesThatAreNone) {
  const Tensor x = floats({2, 2}, {1, 2, 3, 4}), zero = zero_point(0, ElementType::kInt8);
  const auto message = [&](float scale) {
    return refusal_of([&] { run(node(Op::kQuantizeLinear), {x, scalar(scale), zero}); });
  };
  EXPECT_EQ(message(0), "its y_scale holds 0, which is no scale: scales are finite and greater than 0");
  EXPECT_EQ(message(-1), "its y_scale holds -1, which is no scale: scales are finite and greater than 0");
  EXPECT_EQ(message(kNan), "its y_scale holds nan, which is no scale: scales are finite and greater than 0");
  EXPECT_EQ(message(kInf), "its y_scale holds inf, which is no scale: scales are finite and greater than 0");
  const Tensor q = ints({1, 1}, {1}, ElementType::kInt8);
  EXPECT_EQ(refusal_of([&] {
              run(node(Op::kQLinearMatMul), {q, scalar(1e-30F), zero, q, scalar(1e-30F), zero, scalar(1), zero});
            }),
            "its scales 1e-30 * 1e-30 / 1 give the factor 0, which FP32 does not hold");
}

TEST(QuantizedOperators, RefuseParametersThatDoNotFit) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 6}), q = ints({2, 3}, {1, 2, 3, 4, 5, 6}, ElementType::kInt8);
  EXPECT_EQ(refusal_of([&] {
              run(node(Op::kDequantizeLinear), {q, scalar(1), zero_point(0, ElementType::kUint8)});
            }),
            "its x_zero_point is uint8, but what it belongs to is int8");
  EXPECT_EQ(refusal_of([&] {
              run(node(Op::kQuantizeLinear), {x, floats({2}, {1, 2})});
            }),
            "its y_scale holds 2 numbers, expected 1 or 3 (one for each of the indices of its axis)");
  EXPECT_EQ(refusal_of([&] {
              run(node(Op::kQuantizeLinear), {x, floats({3}, {1, 2, 3}), ints({}, {0}, ElementType::kInt8)});
            }),
            "its y_scale has 3 numbers and its y_zero_point has 1; both need as many");
  EXPECT_EQ(refusal_of([&] {
              run(node(Op::kQuantizeLinear), {x, scalar(1), ints({}, {0}, ElementType::kInt32)});
            }),
            "its y_zero_point must be int8 or uint8, not int32");
  EXPECT_EQ(refusal_of([&] {
              run(node(Op::kDequantizeLinear),
                  {ints({1}, {5}, ElementType::kInt32), scalar(1), ints({}, {2}, ElementType::kInt32)});
            }),
            "its x_zero_point must be 0 for int32 codes");
  const Tensor b = ints({3, 2}, {1, 2, 3, 4, 5, 6}, ElementType::kInt8);
  EXPECT_EQ(refusal_of([&] {
              run(node(Op::kMatMulInteger), {q, b, ints({3}, {0, 0, 0}, ElementType::kInt8)});
            }),
            "its a_zero_point holds 3 numbers, expected 1 or 2 (one for each row)");
  EXPECT_EQ(refusal_of([&] { run(node(Op::kMatMulInteger), {x, b}); }), "its input A must be int8 or uint8, not float");
  const Tensor image = ints({1, 1, 2, 2}, {1, 2, 3, 4}, ElementType::kUint8),
               kernel = ints({2, 1, 1, 1}, {1, 2}, ElementType::kInt8);
  EXPECT_EQ(refusal_of([&] {
              run(node(Op::kConvInteger),
                  {image, kernel, zero_point(0, ElementType::kUint8), ints({3}, {0, 0, 0}, ElementType::kInt8)});
            }),
            "its w_zero_point holds 3 numbers, expected 1 or 2 (one for each of the output channels)");
  EXPECT_EQ(
      refusal_of([&] {
        run(node(Op::kQLinearConv),
            {image, scalar(1), zero_point(0, ElementType::kUint8), kernel, scalar(1), zero_point(0, ElementType::kInt8),
             scalar(1), zero_point(0, ElementType::kInt8), ints({3}, {0, 0, 0}, ElementType::kInt32)});
      }),
      "the bias has shape 3, expected 2 output channels");
}

}  // namespace
}  // namespace mantissa::network
