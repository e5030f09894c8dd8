// SPDX-License-Identifier: Apache-2.0
// ArgMax, ArgMin, TopK and CumSum along one axis. Equal elements keep their order.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

// Element i of the line (o, p) along an axis is at (o * length + i) * inner + p.
struct Lines {
  Dim outer = 1, length = 1, inner = 1;
  Dim count() const { return outer * inner; }
  Dim start(Dim line) const { return line / inner * length * inner + line % inner; }
};

Lines lines_of(const Shape& shape, Dim axis) {
  const std::size_t a = axis_in(axis, shape.size());
  return {product(shape, 0, a), shape[a], product(shape, a + 1, shape.size())};
}

// a before b, with unsigned words of 64 bits compared as such.
template <class T>
bool below(T a, T b, ElementType type) {
  if constexpr (std::is_integral_v<T>) {
    if (type == ElementType::kUint64) {
      return static_cast<std::uint64_t>(a) < static_cast<std::uint64_t>(b);
    }
  }
  return a < b;
}

template <class T>
Dim extreme(const Node& node, const T* x, const Lines& l, ElementType type) {
  const bool last = node.integer("select_last_index", 0) != 0, maximum = node.op == Op::kArgMax;
  Dim best = 0;
  for (Dim i = 1; i < l.length; ++i) {
    const T v = x[i * l.inner], b = x[best * l.inner];
    const bool better = maximum ? below(b, v, type) : below(v, b, type);
    best = better || (last && v == b) ? i : best;
  }
  return best;
}

Dim top_count(const Node& node, Values inputs) {
  if (node.opset < 10) {
    return node.integer("k", -1);
  }
  const std::vector<Dim> k = constant_ints(inputs, 1, "k");
  require(k.size() == 1, "k must be one number, not {}", k.size());
  return k[0];
}

template <class T>
void top_k(const Node& node, const Tensor& in, std::vector<Tensor>& out) {
  const Lines from = lines_of(in.shape, node.integer("axis", -1)),
              to = lines_of(out[0].shape, node.integer("axis", -1));
  const bool largest = node.integer("largest", 1) != 0;
  const auto& x = std::get<std::vector<T>>(in.data);
  std::vector<Dim> order(idx(from.length));
  for (Dim line = 0; line < from.count(); ++line) {
    const T* start = x.data() + from.start(line);
    const auto at = [&](Dim i) { return start[i * from.inner]; };
    const auto first = [&](Dim a, Dim b) {  // NaN counts as the largest, so that this is an order
      if constexpr (std::is_floating_point_v<T>) {
        if (std::isnan(at(a)) || std::isnan(at(b))) {
          return std::isnan(at(a)) == std::isnan(at(b)) ? a < b : std::isnan(at(largest ? a : b));
        }
      }
      const T p = at(largest ? b : a), q = at(largest ? a : b);
      return below(p, q, in.type) || (p == q && a < b);
    };
    std::iota(order.begin(), order.end(), Dim{0});
    std::partial_sort(order.begin(), order.begin() + to.length, order.end(), first);
    for (Dim i = 0; i < to.length; ++i) {
      const std::size_t o = idx(to.start(line) + i * to.inner);
      std::get<std::vector<T>>(out[0].data)[o] = at(order[idx(i)]);
      if (out.size() > 1) {
        out[1].ints()[o] = order[idx(i)];
      }
    }
  }
}

template <class T>
void cum_sum(const Node& node, const Tensor& in, Dim axis, Tensor& out) {
  const bool exclusive = node.integer("exclusive", 0) != 0, reverse = node.integer("reverse", 0) != 0;
  const Lines l = lines_of(in.shape, axis);
  for (Dim line = 0; line < l.count(); ++line) {
    std::conditional_t<std::is_integral_v<T>, std::uint64_t, double> sum = 0;
    for (Dim i = 0; i < l.length; ++i) {
      const std::size_t at = idx(l.start(line) + (reverse ? l.length - 1 - i : i) * l.inner);
      const auto before = sum;
      sum += static_cast<decltype(sum)>(std::get<std::vector<T>>(in.data)[at]);
      std::get<std::vector<T>>(out.data)[at] = static_cast<T>(exclusive ? before : sum);
    }
  }
}

// Calls body with a zero of the tensor's data type (T).
template <class Body>
void for_number_type(const Tensor& tensor, Body&& body) {
  if (std::holds_alternative<std::vector<float>>(tensor.data)) {
    body(float{});
  } else if (std::holds_alternative<std::vector<double>>(tensor.data)) {
    body(double{});
  } else {
    body(Dim{});
  }
}

}  // namespace

Types infer_arg(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require_number(x, "its input");
  const std::size_t axis = axis_in(node.integer("axis", 0), x.shape.size());
  require(x.shape[axis] > 0, "dimension {} of {} is empty", axis, to_string(x.shape));
  TensorType out{ElementType::kInt64, x.shape};
  out.shape[axis] = 1;
  if (node.integer("keepdims", 1) == 0) {
    out.shape.erase(out.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  return {out};
}

std::vector<Tensor> evaluate_arg(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Tensor& in = *inputs[0];
  const Lines l = lines_of(in.shape, node.integer("axis", 0));
  for_number_type(in, [&]<class T>(T) {
    for (Dim line = 0; line < l.count(); ++line) {
      out[0].ints()[idx(line)] = extreme(node, std::get<std::vector<T>>(in.data).data() + l.start(line), l, in.type);
    }
  });
  return out;
}

Types infer_top_k(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require_number(x, "its input");
  const std::size_t axis = axis_in(node.integer("axis", -1), x.shape.size());
  const Dim k = top_count(node, inputs);
  require(k >= 0 && k <= x.shape[axis], "k is {}, but dimension {} has {} elements", k, axis, x.shape[axis]);
  TensorType out{x.type, x.shape};
  out.shape[axis] = k;
  Types types{out};
  if (output_count(node) > 1) {
    types.push_back({ElementType::kInt64, out.shape});
  }
  return types;
}

std::vector<Tensor> evaluate_top_k(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  for_number_type(*inputs[0], [&]<class T>(T) { top_k<T>(node, *inputs[0], out); });
  return out;
}

Types infer_cum_sum(const Node&, Values inputs) {
  const Value& x = need(inputs, 0);
  require_number(x, "its input");
  const Tensor& axis = constant(inputs, 1, "axis");
  require(is_integer(axis.type) && checked_count(axis.shape) == 1, "its axis must be one integer");
  axis_in(axis.ints()[0], x.shape.size());
  return {{x.type, x.shape}};
}

std::vector<Tensor> evaluate_cum_sum(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Dim axis = inputs[1]->ints()[0];
  for_number_type(*inputs[0], [&]<class T>(T) { cum_sum<T>(node, *inputs[0], axis, out[0]); });
  if (!is_float(out[0].type)) {
    std::ranges::for_each(out[0].ints(), [&](Dim& v) { v = wrap(out[0].type, v); });
  }
  return out;
}

}  // namespace mantissa::network::ops
