// SPDX-License-Identifier: Apache-2.0
// Pooling over windows and over whole channels, in 1 to 3 spatial dimensions. Averages and p-norms add in double and
// round once.
#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "network/ops/families.h"
#include "network/ops/window.h"

namespace mantissa::network::ops {

namespace {

bool global(Op op) {
  return op == Op::kGlobalAveragePool || op == Op::kGlobalMaxPool || op == Op::kGlobalLpPool;
}

Window pooling_window(const Node& node, const Shape& x) {
  if (!global(node.op)) {
    spatial(x, "its input");
    return forward_window(node, x, kernel_of(node, x.size() - 2, {}), node.integer("ceil_mode", 0) != 0);
  }
  Window w;
  w.in = w.kernel = spatial(x, "its input");
  w.rank = x.size() - 2;
  return w;
}

// The part of a window that lies inside the input along one dimension: taps [first, last).
struct Taps {
  Dim first, last;
};

Taps inside(const Window& w, std::size_t d, Dim o) {
  const Dim start = w.at(d, o, 0), step = w.dilation[d];
  const Dim first = start >= 0 ? 0 : (-start + step - 1) / step;
  const Dim last = w.in[d] <= start ? 0 : (w.in[d] - start + step - 1) / step;
  return {std::min(first, w.kernel[d]), std::clamp(last, std::min(first, w.kernel[d]), w.kernel[d])};
}

// Calls body(output index, taps in the input of each dimension, position of output) for each output of a plane.
template <class Body>
void each_window(const Window& w, Body&& body) {
  Triple o{};
  Dim index = 0;
  for (o[0] = 0; o[0] < w.out[0]; ++o[0]) {
    const Taps td = inside(w, 0, o[0]);
    for (o[1] = 0; o[1] < w.out[1]; ++o[1]) {
      const Taps th = inside(w, 1, o[1]);
      for (o[2] = 0; o[2] < w.out[2]; ++o[2]) {
        body(index++, std::array<Taps, 3>{td, th, inside(w, 2, o[2])}, o);
      }
    }
  }
}

// Calls body(input index) for the inputs of a window in row-major order.
template <class Body>
void each_input(const Window& w, const std::array<Taps, 3>& taps, const Triple& o, Body&& body) {
  for (Dim d = taps[0].first; d < taps[0].last; ++d) {
    for (Dim h = taps[1].first; h < taps[1].last; ++h) {
      const Dim row = (w.at(0, o[0], d) * w.in[1] + w.at(1, o[1], h)) * w.in[2];
      for (Dim x = taps[2].first; x < taps[2].last; ++x) {
        body(row + w.at(2, o[2], x));
      }
    }
  }
}

// Elements that an average divides by: those of the window that lie in the input and, if padding counts, in the
// padding.
double divisor(const Window& w, const std::array<Taps, 3>& taps, const Triple& o, bool count_padding) {
  Dim count = 1;
  for (std::size_t d = 0; d < 3; ++d) {
    if (!count_padding) {
      count *= taps[d].last - taps[d].first;
      continue;
    }
    const Dim room = w.in[d] + w.pad_end[d] - w.at(d, o[d], 0);  // a ceil_mode window may reach beyond the padding
    count *= std::min(w.kernel[d], ceil_div(room, w.dilation[d]));
  }
  return static_cast<double>(count);
}

template <class T>
void max_pool(const Node& node, const Window& w, const Tensor& in, std::vector<Tensor>& out) {
  const auto& x = std::get<std::vector<T>>(in.data);
  auto& y = std::get<std::vector<T>>(out[0].data);
  const Dim planes = in.shape[0] * in.shape[1];
  const bool column_major = node.integer("storage_order", 0) != 0;
  for (Dim p = 0; p < planes; ++p) {
    const T* plane = x.data() + p * w.in_size();
    each_window(w, [&](Dim index, const std::array<Taps, 3>& taps, const Triple& o) {
      // A window that meets only padding (possible with dilations) has no maximum: the lowest value.
      T best = std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
      Dim where = -1;
      each_input(w, taps, o, [&](Dim i) {
        if (where < 0 || plane[i] > best || (plane[i] != plane[i] && best == best)) {  // NaN wins
          best = plane[i];
          where = i;
        }
      });
      y[idx(p * w.out_size() + index)] = best;
      if (out.size() > 1 && where >= 0) {
        const Dim d = where / (w.in[1] * w.in[2]), h = where / w.in[2] % w.in[1], c = where % w.in[2];
        const Dim flat = column_major ? (c * w.in[1] + h) * w.in[0] + d : where;
        out[1].ints()[idx(p * w.out_size() + index)] = p * w.in_size() + flat;
      }
    });
  }
}

template <class T>
void sum_pool(const Node& node, const Window& w, const Tensor& in, Tensor& out) {
  const auto& x = std::get<std::vector<T>>(in.data);
  auto& y = std::get<std::vector<T>>(out.data);
  const bool norm = node.op == Op::kLpPool || node.op == Op::kGlobalLpPool;
  const bool count_padding = node.integer("count_include_pad", 0) != 0;
  const double p = static_cast<double>(node.integer("p", 2));
  for (Dim plane = 0; plane < in.shape[0] * in.shape[1]; ++plane) {
    const T* from = x.data() + plane * w.in_size();
    each_window(w, [&](Dim index, const std::array<Taps, 3>& taps, const Triple& o) {
      double sum = 0;
      each_input(w, taps, o, [&](Dim i) {
        const double v = static_cast<double>(from[i]);
        sum += norm ? std::pow(std::abs(v), p) : v;
      });
      const double result = norm ? std::pow(sum, 1.0 / p) : sum / divisor(w, taps, o, count_padding);
      y[idx(plane * w.out_size() + index)] = static_cast<T>(result);
    });
  }
}

}  // namespace

Types infer_pool(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const Window w = pooling_window(node, x.shape);
  if (node.op == Op::kMaxPool && is_integer(x.type)) {
    require(x.type == ElementType::kInt8 || x.type == ElementType::kUint8,
            "its input must be float, int8 or uint8, not {}", type_name(x.type));
  } else {
    require_float(x, "its input");
  }
  require(node.integer("p", 2) >= 1, "p must be at least 1");
  if (!global(node.op)) {
    for (std::size_t d = 0; d < 3; ++d) {
      const Dim reach = w.dilation[d] * (w.kernel[d] - 1) + 1;
      require(std::max(w.pad[d], w.pad_end[d]) < reach, "pads of {} put whole windows of {} into the padding",
              std::max(w.pad[d], w.pad_end[d]), reach);
    }
  }
  require(w.in_size() > 0, "its input of shape {} has empty channels", to_string(x.shape));
  Types types{{x.type, {x.shape[0], x.shape[1]}}};
  append_spatial(types[0].shape, w.out, w.rank);
  if (node.op == Op::kMaxPool && output_count(node) > 1) {
    types.push_back({ElementType::kInt64, types[0].shape});
  }
  return types;
}

std::vector<Tensor> evaluate_pool(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Tensor& in = *inputs[0];
  const Window w = pooling_window(node, in.shape);
  const bool maximum = node.op == Op::kMaxPool || node.op == Op::kGlobalMaxPool;
  if (in.type == ElementType::kFloat) {
    maximum ? max_pool<float>(node, w, in, out) : sum_pool<float>(node, w, in, out[0]);
  } else if (in.type == ElementType::kDouble) {
    maximum ? max_pool<double>(node, w, in, out) : sum_pool<double>(node, w, in, out[0]);
  } else {
    max_pool<Dim>(node, w, in, out);
  }
  return out;
}

namespace {

// The output that the window would give; the indices count in it, even if `output_shape` asks for a larger one.
Shape unpooled_shape(const Node& node, const Shape& x) {
  const Window w = transposed_window(node, x, kernel_of(node, x.size() - 2, {}));
  Shape shape{x[0], x[1]};
  append_spatial(shape, w.out, w.rank);
  return shape;
}

}  // namespace

Types infer_max_unpool(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require_float(x, "its input");
  spatial(x.shape, "its input");
  require(need(inputs, 1).type == ElementType::kInt64 && inputs[1]->shape == x.shape,
          "its indices must be int64 of shape {}, not {} of {}", to_string(x.shape), type_name(inputs[1]->type),
          to_string(inputs[1]->shape));
  const Shape inner = unpooled_shape(node, x.shape);
  if (!has(inputs, 2)) {
    return {{x.type, inner}};
  }
  const Shape shape = constant_ints(inputs, 2, "output_shape");
  require(shape.size() == inner.size() && shape[0] == inner[0] && shape[1] == inner[1] &&
              std::ranges::equal(shape, inner, std::greater_equal<>()),
          "output_shape {} does not hold the unpooled {}", to_string(shape), to_string(inner));
  return {{x.type, shape}};
}

std::vector<Tensor> evaluate_max_unpool(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape inner = unpooled_shape(node, inputs[0]->shape);
  const std::vector<Dim> dense = strides_of(inner), strides = strides_of(out[0].shape);
  const Dim count = checked_count(inner);
  visit_pair(*inputs[0], out[0], [&](const auto& x, auto& y) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Dim index = inputs[1]->ints()[i];
      require(index >= 0 && index < count, "index {} is outside its output of {} elements", index, count);
      Dim at = 0;
      for (std::size_t d = 0; d < inner.size(); ++d) {
        at += index / dense[d] % inner[d] * strides[d];
      }
      y[idx(at)] = x[i];
    }
  });
  return out;
}

}  // namespace mantissa::network::ops
