// SPDX-License-Identifier: Apache-2.0
// A plain evaluation of a small quantized network, element by element through the oracle, with every rounding written
// out: what the quantized executor is held against, bit for bit.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <utility>

#include "execute/executor.h"
#include "support/precisions.h"
#include "support/small_networks.h"

namespace mantissa::tests {

using Ints = std::vector<std::int64_t>;

inline std::size_t idx(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// One operand on the datapath's grid, and what one unit of it is worth.
struct Codes {
  std::vector<float> q;
  std::vector<float> scale;        // one, or one for each channel (axis 0)
  std::vector<std::int32_t> zero;  // likewise
};

struct Oracle {
  config::Precision precision;
  config::Recipe recipe;
  const execute::Calibration* calibration;

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

  Codes encode(const numerics::Datapath& d, const config::TensorRecipe& r, const network::Tensor& x,
               std::size_t channels, const std::function<std::pair<float, float>(std::size_t)>& range) const {
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

  Codes data(const numerics::Datapath& d, network::ValueId id, const network::Tensor& x) const {
    return encode(d, recipe.activations, x, 1,
                  [&](std::size_t) { return calibration->activations.at(id).range(recipe.activations); });
  }

  Codes weights(const numerics::Datapath& d, const network::Tensor& w) const {
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
  network::Tensor conv(network::ValueId id, const network::Tensor& x, const network::Tensor& w,
                       const network::Tensor* bias, std::int64_t groups, std::int64_t stride, std::int64_t pad) const {
    const auto& d = path(groups == x.shape[1] && groups > 1);
    const Codes qx = data(d, id, x), qw = weights(d, w);
    const std::int64_t channels = w.shape[1], kh = w.shape[2], kw = w.shape[3], height = x.shape[2], width = x.shape[3];
    const std::int64_t oh = (height + 2 * pad - kh) / stride + 1, ow = (width + 2 * pad - kw) / stride + 1;
    network::Tensor y = network::Tensor::zeros(network::ElementType::kFloat, {x.shape[0], w.shape[0], oh, ow});
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

  network::Tensor stored(network::Tensor x) const {
    for (float& v : x.floats()) {
      v = numerics::round_to(precision.vector, v);
    }
    return x;
  }
};

// x -> Conv stride 2 -> Relu -> depthwise Conv -> HardSwish -> Conv 1x1 -> + (Relu's result) -> GlobalAveragePool ->
// Flatten -> Gemm
struct SmallCnn {
  network::Tensor w1 = random_tensor({8, 3, 3, 3}, 11, 0.3F), b1 = random_tensor({8}, 12, 0.2F);
  network::Tensor wd = random_tensor({8, 1, 3, 3}, 13, 0.4F), bd = random_tensor({8}, 14, 0.2F);
  network::Tensor wp = random_tensor({8, 8, 1, 1}, 15, 0.3F);
  network::Tensor wg = random_tensor({4, 8}, 16, 0.5F), bg = random_tensor({4}, 17, 0.1F);
  network::ValueId x = 0, relu = 0, swish = 0, flat = 0;
  network::Graph graph;

  SmallCnn() {
    std::fill_n(w1.floats().begin(), 27, 0.0F);  // a channel of zeros
    NetworkBuilder b;
    x = b.input({2, 3, 6, 5});
    const auto c1 = b.node(network::Op::kConv, {x, b.weights(w1), b.weights(b1)},
                           {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}, {"kernel_shape", Ints{3, 3}}});
    relu = b.node(network::Op::kRelu, {c1});
    const auto cd = b.node(network::Op::kConv, {relu, b.weights(wd), b.weights(bd)},
                           {{"group", std::int64_t{8}}, {"pads", Ints{1, 1, 1, 1}}, {"kernel_shape", Ints{3, 3}}});
    swish = b.node(network::Op::kHardSwish, {cd});
    const auto cp = b.node(network::Op::kConv, {swish, b.weights(wp)}, {{"kernel_shape", Ints{1, 1}}});
    const auto sum = b.node(network::Op::kAdd, {cp, relu});
    const auto pooled = b.node(network::Op::kGlobalAveragePool, {sum});
    flat = b.node(network::Op::kFlatten, {pooled});
    const auto y = b.node(network::Op::kGemm, {flat, b.weights(wg), b.weights(bg)}, {{"transB", std::int64_t{1}}});
    graph = b.build({y});
  }

  std::vector<float> expected(const Oracle& o, const network::Tensor& image) const {
    network::Tensor r = o.conv(x, image, w1, &b1, 1, 2, 1);
    for (float& v : r.floats()) {
      v = std::max(v, 0.0F);
    }
    r = o.stored(r);  // read by the addition too, so it is in the vector format
    network::Tensor s = o.conv(relu, r, wd, &bd, 8, 1, 1);
    for (float& v : s.floats()) {  // read by a convolution alone: not rounded
      const auto wide = static_cast<double>(v);
      v = static_cast<float>(wide * std::clamp(wide / 6 + 0.5, 0.0, 1.0));
    }
    network::Tensor sum = o.conv(swish, s, wp, nullptr, 1, 1, 0);
    for (std::size_t i = 0; i < sum.floats().size(); ++i) {
      sum.floats()[i] += r.floats()[i];
    }
    sum = o.stored(sum);
    const std::size_t pixels = idx(sum.shape[2] * sum.shape[3]);
    network::Tensor pooled = network::Tensor::zeros(network::ElementType::kFloat, {image.shape[0], 8, 1, 1});
    for (std::size_t i = 0; i < pooled.floats().size(); ++i) {
      double total = 0;
      for (std::size_t p = 0; p < pixels; ++p) {
        total += static_cast<double>(sum.floats()[i * pixels + p]);
      }
      pooled.floats()[i] = static_cast<float>(total / static_cast<double>(pixels));
    }
    network::Tensor kernel = wg;
    kernel.shape = {4, 8, 1, 1};
    const network::Tensor y = o.stored(o.conv(flat, pooled, kernel, &bg, 1, 1, 0));
    return {y.floats().begin(), y.floats().end()};
  }
};

inline bool same_bits(float a, float b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace mantissa::tests
