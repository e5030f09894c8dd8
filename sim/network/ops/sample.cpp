// SPDX-License-Identifier: Apache-2.0
// GridSample of images (opset 16): bilinear, nearest, bicubic; zeros, border and reflection padding. In double, rounded
// once.
#include <algorithm>
#include <array>
#include <cmath>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

struct Sampler {
  std::string mode, padding;
  bool align_corners = false;
  Dim height = 1, width = 1;
};

Sampler sampler_of(const Node& node, const Shape& x) {
  Sampler s{node.text("mode", "bilinear"), node.text("padding_mode", "zeros"), node.integer("align_corners", 0) != 0,
            x[2], x[3]};
  require(s.mode == "bilinear" || s.mode == "nearest" || s.mode == "bicubic", "mode '{}' is not supported", s.mode);
  require(s.padding == "zeros" || s.padding == "border" || s.padding == "reflection",
          "padding_mode '{}' is not supported", s.padding);
  return s;
}

// A coordinate of -1..1 as a pixel position.
double pixel(const Sampler& s, double x, Dim size) {
  const double n = static_cast<double>(size);
  return s.align_corners ? (x + 1) / 2 * (n - 1) : ((x + 1) * n - 1) / 2;
}

// Folds a position back into the image: at its outer pixels' centres (align_corners) or at their edges.
double reflect(const Sampler& s, double x, Dim size) {
  const double low = s.align_corners ? 0 : -0.5, span = static_cast<double>(size) - (s.align_corners ? 1 : 0);
  if (span <= 0) {
    return 0;
  }
  const double distance = std::fmod(std::abs(x - low), 2 * span);
  return low + (distance > span ? 2 * span - distance : distance);
}

double into_image(const Sampler& s, double x, Dim size) {
  if (!std::isfinite(x)) {
    return s.padding == "zeros" ? -2 : 0;
  }
  const double folded = s.padding == "reflection" ? reflect(s, x, size) : x;
  return s.padding == "zeros" ? folded : std::clamp(folded, 0.0, static_cast<double>(size - 1));
}

double at(const Sampler& s, const float* image, double y, double x) {
  const double row = into_image(s, y, s.height), column = into_image(s, x, s.width);
  if (row < 0 || column < 0 || row >= static_cast<double>(s.height) || column >= static_cast<double>(s.width)) {
    return 0;
  }
  return static_cast<double>(image[static_cast<Dim>(row) * s.width + static_cast<Dim>(column)]);
}

// Weights of the four pixels around a position, for the fraction f behind the second of them.
std::array<double, 4> weights(const Sampler& s, double f) {
  if (s.mode == "bilinear") {
    return {0, 1 - f, f, 0};
  }
  constexpr double kA = -0.75;
  const auto near = [](double d) { return ((kA + 2) * d - (kA + 3)) * d * d + 1; };
  const auto far = [](double d) { return ((kA * d - 5 * kA) * d + 8 * kA) * d - 4 * kA; };
  return {far(1 + f), near(f), near(1 - f), far(2 - f)};
}

double sample(const Sampler& s, const float* image, double y, double x) {
  if (!std::isfinite(x) || !std::isfinite(y)) {
    return 0;
  }
  if (s.mode != "bicubic") {  // the position itself is moved into the image; bicubic moves each of its pixels
    y = into_image(s, y, s.height);
    x = into_image(s, x, s.width);
  }
  if (s.mode == "nearest") {
    return at(s, image, std::nearbyint(y), std::nearbyint(x));
  }
  const double y0 = std::floor(y), x0 = std::floor(x);
  const std::array<double, 4> wy = weights(s, y - y0), wx = weights(s, x - x0);
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      const double w = wy[static_cast<std::size_t>(i)] * wx[static_cast<std::size_t>(j)];
      sum += w == 0 ? 0 : w * at(s, image, y0 + i - 1, x0 + j - 1);
    }
  }
  return sum;
}

}  // namespace

Types infer_grid_sample(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const Value& grid = need(inputs, 1);
  require_kfloat(x, "its input");
  require_kfloat(grid, "its grid");
  require(x.shape.size() == 4 && grid.shape.size() == 4 && grid.shape[3] == 2 && grid.shape[0] == x.shape[0],
          "its input {} and grid {} must be N x C x H x W and N x H x W x 2", to_string(x.shape),
          to_string(grid.shape));
  require(x.shape[2] > 0 && x.shape[3] > 0, "its input has no pixels");
  sampler_of(node, x.shape);
  return {{x.type, {x.shape[0], x.shape[1], grid.shape[1], grid.shape[2]}}};
}

std::vector<Tensor> evaluate_grid_sample(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape& shape = inputs[0]->shape;
  const Sampler s = sampler_of(node, shape);
  const Dim pixels = out[0].shape[2] * out[0].shape[3];
  for (Dim i = 0; i < checked_count(out[0].shape); ++i) {
    const Dim plane = i / pixels, n = plane / shape[1];
    const float* where = inputs[1]->floats().data() + (n * pixels + i % pixels) * 2;
    const double x = pixel(s, static_cast<double>(where[0]), s.width),
                 y = pixel(s, static_cast<double>(where[1]), s.height);
    out[0].floats()[idx(i)] =
        static_cast<float>(sample(s, inputs[0]->floats().data() + plane * s.height * s.width, y, x));
  }
  return out;
}

}  // namespace mantissa::network::ops
