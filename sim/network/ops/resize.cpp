// SPDX-License-Identifier: Apache-2.0
// Resize and Upsample: nearest, linear and cubic interpolation. Interpolation is separable: each dimension has, for
// each output position, up to four input positions with weights. Weights and sums are in double, rounded once.
#include <algorithm>
#include <array>
#include <cmath>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

struct Scaling {
  std::vector<double> scales;
  Shape sizes;
};

Scaling scaling_from(const Shape& shape, const std::vector<double>& scales) {
  Scaling s{scales, {}};
  require(scales.size() == shape.size(), "scales has {} entries for a tensor of rank {}", scales.size(), shape.size());
  for (std::size_t d = 0; d < shape.size(); ++d) {
    require(scales[d] > 0 && std::isfinite(scales[d]), "scales must be positive, not {}", scales[d]);
    const double size =
        std::floor(static_cast<double>(static_cast<float>(shape[d]) * static_cast<float>(scales[d])));  // in FP32
    require(size <= static_cast<double>(kMaxElements), "dimension {} would grow to {}", d, size);
    s.sizes.push_back(static_cast<Dim>(size));
  }
  return s;
}

Scaling scaling_of(const Node& node, Values inputs) {
  const Shape& shape = need(inputs, 0).shape;
  if (node.attributes.contains("scales")) {  // Upsample before opset 9
    const auto* list = std::get_if<std::vector<float>>(&node.attributes.at("scales"));
    require(list != nullptr, "attribute 'scales' must be a list of numbers");
    return scaling_from(shape, {list->begin(), list->end()});
  }
  const bool old = node.op == Op::kUpsample || node.opset < 11;
  const std::size_t at = old ? 1 : 2;
  const bool sized = !old && has(inputs, 3) && inputs[3]->shape != Shape{0};
  if (!sized) {
    require(has(inputs, at), "neither scales nor sizes are given");
    return scaling_from(shape, constant_reals(inputs, at, "scales"));
  }
  Scaling s{{}, constant_ints(inputs, 3, "sizes")};
  require(s.sizes.size() == shape.size(), "sizes has {} entries for a tensor of rank {}", s.sizes.size(), shape.size());
  for (std::size_t d = 0; d < shape.size(); ++d) {
    require(s.sizes[d] >= 0 && s.sizes[d] <= kMaxElements && (shape[d] > 0 || s.sizes[d] == 0),
            "dimension {} of {} cannot become {}", d, to_string(shape), s.sizes[d]);
    s.scales.push_back(shape[d] == 0 ? 1.0 : static_cast<double>(s.sizes[d]) / static_cast<double>(shape[d]));
  }
  return s;
}

struct Axis {
  Dim in = 1, out = 1;
  double length = 1;                     // of the resized dimension: with scales in x scale, which may be a fraction
  double scale = 1, start = 0, end = 1;  // start, end: the region of tf_crop_and_resize
};

// The position in the input that an output position looks at.
double source(const std::string& mode, const Axis& a, Dim position) {
  const double x = static_cast<double>(position), last = static_cast<double>(a.in - 1);
  if (mode == "asymmetric") {
    return x / a.scale;
  }
  if (mode == "align_corners") {
    return a.length == 1 ? 0.0 : x * last / (a.length - 1);
  }
  if (mode == "tf_half_pixel_for_nn") {
    return (x + 0.5) / a.scale;
  }
  if (mode == "tf_crop_and_resize") {
    return a.out > 1 ? a.start * last + x * (a.end - a.start) * last / static_cast<double>(a.out - 1)
                     : 0.5 * (a.start + a.end) * last;
  }
  return mode == "pytorch_half_pixel" && a.out == 1 ? 0.0 : (x + 0.5) / a.scale - 0.5;
}

double nearest(const std::string& mode, double x) {
  return mode == "floor"               ? std::floor(x)
         : mode == "ceil"              ? std::ceil(x)
         : mode == "round_prefer_ceil" ? std::floor(x + 0.5)
                                       : std::ceil(x - 0.5);
}

struct Taps {
  std::array<Dim, 4> at{};
  std::array<double, 4> weight{};
  int count = 0;
  bool outside = false;  // tf_crop_and_resize: the extrapolation value instead

  void add(double position, double w, Dim size, bool exclude) {
    const bool out_of_range = position < 0 || position > static_cast<double>(size - 1);
    at[static_cast<std::size_t>(count)] = static_cast<Dim>(std::clamp(position, 0.0, static_cast<double>(size - 1)));
    weight[static_cast<std::size_t>(count++)] = exclude && out_of_range ? 0.0 : w;
  }
};

// Keys' cubic convolution with parameter a, at a distance below 2.
double cubic(double distance, double a) {
  const double d = std::abs(distance);
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

struct Options {
  std::string mode, coordinates, rounding;
  double cubic_a = -0.75, extrapolation = 0;
  bool exclude = false;
};

Options options_of(const Node& node) {
  const bool old = node.op == Op::kUpsample || node.opset < 11;
  Options o{node.text("mode", "nearest"),
            node.text("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel"),
            node.text("nearest_mode", old ? "floor" : "round_prefer_floor"),
            static_cast<double>(node.real("cubic_coeff_a", -0.75F)),
            static_cast<double>(node.real("extrapolation_value", 0.0F)),
            node.integer("exclude_outside", 0) != 0};
  const auto one_of = [](const char* what, const std::string& value, std::initializer_list<const char*> known) {
    require(std::ranges::find(known, value) != known.end(), "{} '{}' is not supported", what, value);
  };
  one_of("mode", o.mode, {"nearest", "linear", "bilinear", "cubic"});
  one_of("coordinate_transformation_mode", o.coordinates,
         {"half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
          "tf_crop_and_resize"});
  one_of("nearest_mode", o.rounding, {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  return o;
}

Taps taps_of(const Options& o, const Axis& a, Dim position) {
  Taps taps;
  const double x = source(o.coordinates, a, position), base = std::floor(x), f = x - base;
  taps.outside = o.coordinates == "tf_crop_and_resize" && (x < 0 || x > static_cast<double>(a.in - 1));
  if (o.mode == "nearest") {
    taps.add(nearest(o.rounding, x), 1, a.in, false);
    return taps;
  }
  if (o.mode != "cubic") {
    taps.add(base, 1 - f, a.in, false);
    taps.add(base + 1, f, a.in, false);
    return taps;
  }
  double sum = 0;
  for (int i = -1; i <= 2; ++i) {
    taps.add(base + i, cubic(f - i, o.cubic_a), a.in, o.exclude);
    sum += taps.weight[static_cast<std::size_t>(taps.count - 1)];
  }
  for (double& w : taps.weight) {
    w = o.exclude ? w / sum : w;
  }
  return taps;
}

// Interpolates along one dimension of an outer x in x inner tensor.
std::vector<double> along(const std::vector<double>& x, Dim outer, const Axis& a, Dim inner,
                          const std::vector<Taps>& taps) {
  std::vector<double> y(idx(outer * a.out * inner), 0.0);
  for (Dim o = 0; o < outer; ++o) {
    for (Dim p = 0; p < a.out; ++p) {
      const Taps& t = taps[idx(p)];
      for (int k = 0; k < t.count; ++k) {
        const double w = t.weight[static_cast<std::size_t>(k)];
        const double* from = x.data() + (o * a.in + t.at[static_cast<std::size_t>(k)]) * inner;
        double* to = y.data() + (o * a.out + p) * inner;
        for (Dim i = 0; w != 0 && i < inner; ++i) {
          to[i] += w * from[i];
        }
      }
    }
  }
  return y;
}

}  // namespace

Types infer_resize(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const Options o = options_of(node);
  // Data pass through double, which holds integers of up to 32 bits exactly.
  const bool small = is_integer(x.type) && x.type != ElementType::kInt64 && x.type != ElementType::kUint64;
  require(is_float(x.type) || (small && o.mode == "nearest" && o.coordinates != "tf_crop_and_resize"),
          "it cannot interpolate {}", type_name(x.type));
  if (o.coordinates == "tf_crop_and_resize") {
    require(constant_reals(inputs, 1, "roi").size() == 2 * x.shape.size(),
            "roi must have two numbers for each dimension");
  }
  return {{x.type, scaling_of(node, inputs).sizes}};
}

std::vector<Tensor> evaluate_resize(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape &from = inputs[0]->shape, &to = out[0].shape;
  const Options o = options_of(node);
  std::vector<Value> values(inputs.size());
  std::vector<const Value*> pointers;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != nullptr) {
      values[i].shape = inputs[i]->shape;
      values[i].constant = std::shared_ptr<const Tensor>(std::shared_ptr<void>(), inputs[i]);  // not owned
    }
    pointers.push_back(inputs[i] != nullptr ? &values[i] : nullptr);
  }
  const Scaling scaling = scaling_of(node, pointers);
  std::vector<double> data;
  for (Dim i = 0; i < checked_count(from); ++i) {
    data.push_back(real_at(*inputs[0], i));
  }
  std::vector<bool> outside(idx(checked_count(to)), false);
  for (std::size_t d = 0; d < from.size() && !outside.empty(); ++d) {
    Axis a{from[d], to[d], static_cast<double>(from[d]) * scaling.scales[d], scaling.scales[d]};
    if (o.coordinates == "tf_crop_and_resize") {
      a.start = real_at(*inputs[1], len(d));
      a.end = real_at(*inputs[1], len(d + from.size()));
    }
    if (a.in == a.out && a.scale == 1 && o.coordinates != "tf_crop_and_resize") {
      continue;
    }
    std::vector<Taps> taps;
    const Dim inner_out = product(to, d + 1, to.size());
    for (Dim p = 0; p < a.out; ++p) {
      taps.push_back(taps_of(o, a, p));
      for (Dim i = 0; taps.back().outside && i < len(outside.size()); ++i) {
        outside[idx(i)] = outside[idx(i)] || i / inner_out % a.out == p;
      }
    }
    data = along(data, product(to, 0, d), a, product(from, d + 1, from.size()), taps);
  }
  std::visit(
      [&]<class T>(std::vector<T>& y) {
        if constexpr (std::is_arithmetic_v<T>) {
          for (std::size_t i = 0; i < y.size(); ++i) {
            y[i] = static_cast<T>(outside[i] ? o.extrapolation : data[i]);
          }
        }
      },
      out[0].data);
  return out;
}

}  // namespace mantissa::network::ops
