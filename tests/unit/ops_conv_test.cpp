// SPDX-License-Identifier: Apache-2.0
// Convolutions and pooling against loops written from their definitions, on random geometries.
#include <cmath>

#include "unit/ops_support.h"

namespace mantissa::network {
namespace {

using namespace test;

constexpr int kTrials = 150;

// A random geometry of 1 to 3 spatial dimensions, as three with leading ones.
struct Geometry {
  std::size_t rank = 2;
  std::int64_t n = 1, groups = 1, c = 1, o = 1;  // channels of a group
  std::int64_t in[3]{1, 1, 1}, k[3]{1, 1, 1}, s[3]{1, 1, 1}, d[3]{1, 1, 1}, p[3]{0, 0, 0}, q[3]{0, 0, 0},
      extra[3]{0, 0, 0};

  explicit Geometry(std::mt19937& random) {
    const auto pick = [&](std::int64_t low, std::int64_t high) {
      return std::uniform_int_distribution<std::int64_t>(low, high)(random);
    };
    rank = static_cast<std::size_t>(pick(1, 3));
    n = pick(1, 2), groups = pick(1, 3), c = pick(1, 4), o = pick(1, 4);
    for (std::size_t i = 3 - rank; i < 3; ++i) {
      k[i] = pick(1, 3), s[i] = pick(1, 3), d[i] = pick(1, 2), p[i] = pick(0, 2), q[i] = pick(0, 2);
      in[i] = pick(d[i] * (k[i] - 1) + 1, 9);
      extra[i] = pick(0, s[i] - 1);
    }
  }
  Shape tail(const std::int64_t (&v)[3]) const { return Shape(v + 3 - rank, v + 3); }
  Shape shape(std::int64_t a, std::int64_t b, const std::int64_t (&v)[3]) const {
    Shape s2{a, b};
    s2.insert(s2.end(), v + 3 - rank, v + 3);
    return s2;
  }
  Attributes attributes() const {
    Ints pads = tail(p);
    const Ints end = tail(q);
    pads.insert(pads.end(), end.begin(), end.end());
    return {{"kernel_shape", tail(k)}, {"strides", tail(s)}, {"pads", pads}};
  }
  std::int64_t forward(int i) const { return (in[i] + p[i] + q[i] - d[i] * (k[i] - 1) - 1) / s[i] + 1; }
  std::int64_t backward(int i) const { return (in[i] - 1) * s[i] + d[i] * (k[i] - 1) + 1 + extra[i] - p[i] - q[i]; }
};

// body(a, b, c) for all positions of a box.
template <class Body>
void box(const std::int64_t (&size)[3], Body&& body) {
  for (std::int64_t a = 0; a < size[0]; ++a) {
    for (std::int64_t b = 0; b < size[1]; ++b) {
      for (std::int64_t c = 0; c < size[2]; ++c) {
        body(a, b, c);
      }
    }
  }
}

std::size_t at(std::int64_t plane, const std::int64_t (&size)[3], std::int64_t a, std::int64_t b, std::int64_t c) {
  return static_cast<std::size_t>(((plane * size[0] + a) * size[1] + b) * size[2] + c);
}

void expect_near(const Tensor& got, const Shape& shape, const std::vector<double>& expected) {
  ASSERT_EQ(got.shape, shape);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(got.floats()[i]), expected[i], 2e-5) << "element " << i;
  }
}

TEST(Conv, EqualsItsDefinitionOnRandomGeometries) {
  std::mt19937 random(1);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Geometry g(random);
    const Tensor x = random_floats(g.shape(g.n, g.groups * g.c, g.in), random);
    const Tensor w = random_floats(g.shape(g.groups * g.o, g.c, g.k), random),
                 bias = random_floats({g.groups * g.o}, random);
    Attributes attributes = g.attributes();
    attributes["dilations"] = g.tail(g.d);
    attributes["group"] = g.groups;
    const std::int64_t out[3]{g.forward(0), g.forward(1), g.forward(2)};
    std::vector<double> expected(static_cast<std::size_t>(g.n * g.groups * g.o * out[0] * out[1] * out[2]));
    for (std::int64_t plane = 0; plane < g.n * g.groups * g.o; ++plane) {
      const std::int64_t oc = plane % (g.groups * g.o), image = plane / (g.groups * g.o);
      box(out, [&](std::int64_t a, std::int64_t b, std::int64_t c) {
        double& sum = expected[at(plane, out, a, b, c)];
        sum = static_cast<double>(bias.floats()[static_cast<std::size_t>(oc)]);
        for (std::int64_t ic = 0; ic < g.c; ++ic) {
          box(g.k, [&](std::int64_t ka, std::int64_t kb, std::int64_t kc) {
            const std::int64_t ia = a * g.s[0] - g.p[0] + ka * g.d[0], ib = b * g.s[1] - g.p[1] + kb * g.d[1],
                               ix = c * g.s[2] - g.p[2] + kc * g.d[2];
            if (ia >= 0 && ia < g.in[0] && ib >= 0 && ib < g.in[1] && ix >= 0 && ix < g.in[2]) {
              const std::int64_t from = (image * g.groups + oc / g.o) * g.c + ic;
              sum += static_cast<double>(x.floats()[at(from, g.in, ia, ib, ix)]) *
                     static_cast<double>(w.floats()[at(oc * g.c + ic, g.k, ka, kb, kc)]);
            }
          });
        }
      });
    }
    expect_near(run(node(Op::kConv, attributes), {x, w, bias})[0], g.shape(g.n, g.groups * g.o, out), expected);
  }
}

// Scatters each input through the kernel, as the gradient of a convolution does.
TEST(ConvTranspose, EqualsItsDefinitionOnRandomGeometries) {
  std::mt19937 random(2);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Geometry g(random);
    const std::int64_t out[3]{g.backward(0), g.backward(1), g.backward(2)};
    if (out[0] < 1 || out[1] < 1 || out[2] < 1) {
      continue;
    }
    const Tensor x = random_floats(g.shape(g.n, g.groups * g.c, g.in), random);
    const Tensor w = random_floats(g.shape(g.groups * g.c, g.o, g.k), random);
    Attributes attributes = g.attributes();
    attributes["dilations"] = g.tail(g.d);
    attributes["group"] = g.groups;
    attributes["output_padding"] = g.tail(g.extra);
    std::vector<double> expected(static_cast<std::size_t>(g.n * g.groups * g.o * out[0] * out[1] * out[2]), 0.0);
    for (std::int64_t plane = 0; plane < g.n * g.groups * g.c; ++plane) {
      const std::int64_t ic = plane % (g.groups * g.c), group = plane / g.c;
      box(g.in, [&](std::int64_t a, std::int64_t b, std::int64_t c) {
        for (std::int64_t oc = 0; oc < g.o; ++oc) {
          box(g.k, [&](std::int64_t ka, std::int64_t kb, std::int64_t kc) {
            const std::int64_t oa = a * g.s[0] - g.p[0] + ka * g.d[0], ob = b * g.s[1] - g.p[1] + kb * g.d[1],
                               ox = c * g.s[2] - g.p[2] + kc * g.d[2];
            if (oa >= 0 && oa < out[0] && ob >= 0 && ob < out[1] && ox >= 0 && ox < out[2]) {
              expected[at(group * g.o + oc, out, oa, ob, ox)] +=
                  static_cast<double>(x.floats()[at(plane, g.in, a, b, c)]) *
                  static_cast<double>(w.floats()[at(ic * g.o + oc, g.k, ka, kb, kc)]);
            }
          });
        }
      });
    }
    expect_near(run(node(Op::kConvTranspose, attributes), {x, w})[0], g.shape(g.n, g.groups * g.o, out), expected);
  }
}

struct PoolCase {
  Op op;
  bool count_padding = false, ceil = false;
};

// Output positions of one dimension: windows start inside the input or its padding at the start.
std::int64_t pooled(const Geometry& g, int i, bool ceil) {
  std::int64_t count = 0;
  for (std::int64_t start = -g.p[i]; start + g.k[i] <= g.in[i] + g.q[i] || (ceil && start < g.in[i] && count > 0);
       start += g.s[i]) {
    ++count;
    if (ceil && start + g.k[i] >= g.in[i] + g.q[i]) {
      break;
    }
  }
  return count;
}

void expect_pool(const Geometry& g, const PoolCase& pool, std::mt19937& random) {
  const std::int64_t out[3]{pooled(g, 0, pool.ceil), pooled(g, 1, pool.ceil), pooled(g, 2, pool.ceil)};
  const Tensor x = random_floats(g.shape(g.n, g.c, g.in), random);
  Attributes attributes = g.attributes();
  attributes["ceil_mode"] = std::int64_t{pool.ceil};
  if (pool.op == Op::kAveragePool) {
    attributes["count_include_pad"] = std::int64_t{pool.count_padding};
  }
  std::vector<double> expected(static_cast<std::size_t>(g.n * g.c * out[0] * out[1] * out[2]));
  for (std::int64_t plane = 0; plane < g.n * g.c; ++plane) {
    box(out, [&](std::int64_t a, std::int64_t b, std::int64_t c) {
      double best = -1e30, sum = 0, inside = 0, padded = 0;
      box(g.k, [&](std::int64_t ka, std::int64_t kb, std::int64_t kc) {
        const std::int64_t i[3]{a * g.s[0] - g.p[0] + ka, b * g.s[1] - g.p[1] + kb, c * g.s[2] - g.p[2] + kc};
        padded += i[0] < g.in[0] + g.q[0] && i[1] < g.in[1] + g.q[1] && i[2] < g.in[2] + g.q[2];
        if (i[0] >= 0 && i[0] < g.in[0] && i[1] >= 0 && i[1] < g.in[1] && i[2] >= 0 && i[2] < g.in[2]) {
          const double v = static_cast<double>(x.floats()[at(plane, g.in, i[0], i[1], i[2])]);
          best = std::max(best, v);
          sum += v;
          ++inside;
        }
      });
      expected[at(plane, out, a, b, c)] = pool.op == Op::kMaxPool ? best : sum / (pool.count_padding ? padded : inside);
    });
  }
  expect_near(run(node(pool.op, attributes), {x})[0], g.shape(g.n, g.c, out), expected);
}

TEST(Pool, EqualsItsDefinitionOnRandomGeometries) {
  std::mt19937 random(3);
  for (int trial = 0; trial < kTrials; ++trial) {
    Geometry g(random);
    for (int i = 0; i < 3; ++i) {
      g.d[i] = 1;
      g.p[i] = std::min(g.p[i], g.k[i] - 1);
      g.q[i] = std::min(g.q[i], g.k[i] - 1);
    }
    for (bool ceil : {false, true}) {
      expect_pool(g, {Op::kMaxPool, false, ceil}, random);
      expect_pool(g, {Op::kAveragePool, false, ceil}, random);
      expect_pool(g, {Op::kAveragePool, true, ceil}, random);
    }
  }
}

// The order of accumulation is part of the contract: kernel position first, channel innermost, one FMA after the other.
TEST(Conv, AccumulatesOverKernelPositionsThenChannelsInFp32) {
  std::mt19937 random(4);
  const Tensor x = random_floats({1, 3, 2, 2}, random), w = random_floats({1, 3, 2, 2}, random);
  float sum = 0;
  for (std::size_t tap = 0; tap < 4; ++tap) {
    for (std::size_t c = 0; c < 3; ++c) {
      sum = std::fma(w.floats()[c * 4 + tap], x.floats()[c * 4 + tap], sum);
    }
  }
  EXPECT_EQ(values(run(node(Op::kConv), {x, w})[0]), std::vector<float>{sum});
}

TEST(MaxPool, GivesIndicesIntoTheWholeTensor) {
  const Tensor x = floats({1, 2, 2, 2}, {1, 2, 3, 0, 5, 9, 7, 8});
  const auto out = run(node(Op::kMaxPool, {{"kernel_shape", Ints{2, 2}}}, 17, 2), {x});
  EXPECT_EQ(values(out[0]), (std::vector<float>{3, 9}));
  EXPECT_EQ(integers(out[1]), (Ints{2, 5}));
  const auto column_major =
      run(node(Op::kMaxPool, {{"kernel_shape", Ints{2, 2}}, {"storage_order", std::int64_t{1}}}, 17, 2), {x});
  EXPECT_EQ(integers(column_major[1]), (Ints{1, 6}));
}

}  // namespace
}  // namespace mantissa::network
