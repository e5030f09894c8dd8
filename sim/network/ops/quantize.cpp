// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear. Divisions and products of reals are single-precision
// operations, each rounded once; codes round half to even and saturate. What ONNX leaves open: NaN becomes the code of
// zero; the int32 input of QuantizeLinear is divided in double; the scale of a tensor of zeros is 1.
#include <algorithm>
#include <cmath>

#include "network/ops/codes.h"
#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

// Where each number of scale and zero point holds: [outer][channel][inner] of the tensor.
struct Layout {
  Dim outer = 1, channels = 1, inner = 1;
};

Layout layout_of(const Node& node, const Shape& shape, Dim scales) {
  if (scales == 1) {
    return {1, 1, checked_count(shape)};
  }
  const std::size_t axis = axis_in(node.integer("axis", 1), shape.size());
  return {product(shape, 0, axis), shape[axis], product(shape, axis + 1, shape.size())};
}

// The scale may be one number, or one for each index of `axis`; a zero point has as many.
void check_parameters(const Node& node, Values inputs, ElementType codes, const char* scale, const char* zero_point) {
  const Shape& shape = inputs[0]->shape;
  Granularity granularity;
  if (checked_count(need(inputs, 1).shape) != 1) {
    const std::size_t axis = axis_in(node.integer("axis", 1), shape.size());
    granularity = {shape[axis], "indices of its axis"};
  }
  check_scale(inputs, 1, scale, granularity);
  check_zero_point(inputs, 2, codes, zero_point, granularity);
  require(!has(inputs, 2) || checked_count(inputs[2]->shape) == checked_count(inputs[1]->shape),
          "its {} has {} numbers and its {} has {}; both need as many", scale, checked_count(inputs[1]->shape),
          zero_point, has(inputs, 2) ? checked_count(inputs[2]->shape) : 0);
}

// body(scale, zero point, first, last) for each run of elements that share them.
template <class Body>
void each_channel(const Layout& l, const PerChannel<float>& scales, const PerChannel<Dim>& zeros, Body&& body) {
  for (Dim o = 0, at = 0; o < l.outer; ++o) {
    for (Dim c = 0; c < l.channels; ++c, at += l.inner) {
      body(scales(c), zeros(c), at, at + l.inner);
    }
  }
}

// Half to even for |x| <= 2^22 without a library call: the sum has no fraction bits left.
float round_half_even(float x) {
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23
  return (x + kMagic) - kMagic;
}

// REQUIRES: x is no code yet, only x / scale.
Dim to_code(float x, Dim zero, Dim low, Dim high) {
  const float least = static_cast<float>(low - zero), most = static_cast<float>(high - zero);
  const float bounded = std::isnan(x) ? 0.0F : std::clamp(x, least, most);
  return static_cast<Dim>(round_half_even(bounded)) + zero;
}

// Wraps for codes beyond their type, which no file holds.
Dim difference(Dim a, Dim b) {
  return static_cast<Dim>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

ElementType code_type(Values inputs) {
  return has(inputs, 2) ? inputs[2]->type : ElementType::kUint8;
}

struct Range {
  float low = 0, high = 0;  // with zero inside
};

Range range_of(std::span<const float> x) {
  Range range;
  for (const float v : x) {
    require(std::isfinite(v), "its input holds {}, so it has no range to quantize", v);
    range.low = std::min(range.low, v);
    range.high = std::max(range.high, v);
  }
  return range;
}

// (high - low) / 255, kept within the normal numbers of FP32.
float dynamic_scale(const Range& range) {
  if (range.low == range.high) {
    return 1.0F;
  }
  const float width = range.high - range.low;
  const float scale =
      std::isfinite(width)
          ? width / 255.0F
          : static_cast<float>((static_cast<double>(range.high) - static_cast<double>(range.low)) / 255.0);
  return std::max(scale, std::numeric_limits<float>::min());
}

}  // namespace

Types infer_quantize(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require(x.type == ElementType::kFloat || x.type == ElementType::kInt32, "its input must be float or int32, not {}",
          type_name(x.type));
  const ElementType codes = code_type(inputs);
  require(is_byte(codes), "its y_zero_point must be int8 or uint8, not {}", type_name(codes));
  check_parameters(node, inputs, codes, "y_scale", "y_zero_point");
  return {{codes, x.shape}};
}

std::vector<Tensor> evaluate_quantize(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Tensor& x = *inputs[0];
  const std::span<Dim> q = out[0].ints();
  const Dim low = lowest_code(out[0].type), high = highest_code(out[0].type);
  const PerChannel<float> scales = scales_of(inputs, 1);
  const PerChannel<Dim> zeros = zero_points_of(inputs, 2);
  const Layout layout = layout_of(node, x.shape, len(scales.values.size()));
  if (x.type == ElementType::kFloat) {
    const std::span<const float> real = x.floats();
    each_channel(layout, scales, zeros, [&](float scale, Dim zero, Dim first, Dim last) {
      for (Dim i = first; i < last; ++i) {
        q[idx(i)] = to_code(real[idx(i)] / scale, zero, low, high);
      }
    });
    return out;
  }
  each_channel(layout, scales, zeros, [&](float scale, Dim zero, Dim first, Dim last) {
    for (Dim i = first; i < last; ++i) {
      const double real = std::nearbyint(static_cast<double>(x.ints()[idx(i)]) / static_cast<double>(scale));
      const double least = static_cast<double>(low - zero), most = static_cast<double>(high - zero);
      q[idx(i)] = static_cast<Dim>(std::clamp(real, least, most)) + zero;
    }
  });
  return out;
}

Types infer_dequantize(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require(is_byte(x.type) || x.type == ElementType::kInt32, "its input must be int8, uint8 or int32, not {}",
          type_name(x.type));
  check_parameters(node, inputs, x.type, "x_scale", "x_zero_point");
  if (x.type == ElementType::kInt32 && has(inputs, 2) && inputs[2]->constant != nullptr) {
    require(std::ranges::all_of(inputs[2]->constant->ints(), [](Dim z) { return z == 0; }),
            "its x_zero_point must be 0 for int32 codes");
  }
  return {{ElementType::kFloat, x.shape}};
}

std::vector<Tensor> evaluate_dequantize(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::span<const Dim> q = inputs[0]->ints();
  const std::span<float> y = out[0].floats();
  const PerChannel<float> scales = scales_of(inputs, 1);
  each_channel(layout_of(node, inputs[0]->shape, len(scales.values.size())), scales, zero_points_of(inputs, 2),
               [&](float scale, Dim zero, Dim first, Dim last) {
                 for (Dim i = first; i < last; ++i) {
                   y[idx(i)] = static_cast<float>(difference(q[idx(i)], zero)) * scale;
                 }
               });
  return out;
}

Types infer_dynamic_quantize(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require_kfloat(x, "its input");
  Types types{{ElementType::kUint8, x.shape}, {ElementType::kFloat, {}}, {ElementType::kUint8, {}}};
  types.resize(output_count(node));
  return types;
}

std::vector<Tensor> evaluate_dynamic_quantize(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::span<const float> x = inputs[0]->floats();
  const Range range = range_of(x);
  const float scale = dynamic_scale(range);
  const Dim zero = static_cast<Dim>(std::nearbyint(std::clamp(0.0F - range.low / scale, 0.0F, 255.0F)));
  std::ranges::transform(x, out[0].ints().begin(), [&](float v) { return to_code(v / scale, zero, 0, 255); });
  if (out.size() > 1) {
    out[1].floats()[0] = scale;
  }
  if (out.size() > 2) {
    out[2].ints()[0] = zero;
  }
  return out;
}

}  // namespace mantissa::network::ops
