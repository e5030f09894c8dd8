// SPDX-License-Identifier: Apache-2.0
// Softmax, LogSoftmax, Hardmax. Before opset 13 they flatten the input at `axis` and normalise each row; from 13 on,
// along the axis.
#include <algorithm>
#include <cmath>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

// Element i of the row (o, p) is at (o * length + i) * inner + p.
struct Layout {
  Dim outer = 1, length = 1, inner = 1;
};

Layout layout_of(const Node& node, const Shape& shape) {
  const bool flattens = node.opset < 13;
  Dim axis = node.integer("axis", flattens ? 1 : -1);
  if (flattens && axis == len(shape.size())) {  // flattening may leave rows of one element
    return {product(shape, 0, shape.size()), 1, 1};
  }
  const std::size_t a = axis_in(axis, shape.size());
  return flattens ? Layout{product(shape, 0, a), product(shape, a, shape.size()), 1}
                  : Layout{product(shape, 0, a), shape[a], product(shape, a + 1, shape.size())};
}

// `powers`: room for the row's exponentials, so that each is evaluated once.
template <class T>
void row(Op op, const T* x, T* y, const Layout& l, std::vector<double>& powers) {
  Dim best = 0;
  for (Dim i = 1; i < l.length; ++i) {
    best = x[i * l.inner] > x[best * l.inner] ? i : best;
  }
  if (op == Op::kHardmax) {
    y[best * l.inner] = T{1};
    return;
  }
  const double maximum = static_cast<double>(x[best * l.inner]);
  double sum = 0;
  for (Dim i = 0; i < l.length; ++i) {
    powers[idx(i)] = std::exp(static_cast<double>(x[i * l.inner]) - maximum);
    sum += powers[idx(i)];
  }
  if (op == Op::kSoftmax) {
    for (Dim i = 0; i < l.length; ++i) {
      y[i * l.inner] = static_cast<T>(powers[idx(i)] / sum);
    }
    return;
  }
  const double log_sum = std::log(sum);
  for (Dim i = 0; i < l.length; ++i) {
    y[i * l.inner] = static_cast<T>(static_cast<double>(x[i * l.inner]) - maximum - log_sum);
  }
}

}  // namespace

Types infer_softmax(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require_float(x, "its input");
  layout_of(node, x.shape);
  return {{x.type, x.shape}};
}

std::vector<Tensor> evaluate_softmax(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Layout l = layout_of(node, inputs[0]->shape);
  std::vector<double> powers(idx(l.length));
  visit_pair(*inputs[0], out[0], [&]<class T>(const std::vector<T>& x, std::vector<T>& y) {
    if constexpr (std::is_floating_point_v<T>) {
      for (Dim r = 0; l.length > 0 && r < l.outer * l.inner; ++r) {
        const Dim at = r / l.inner * l.length * l.inner + r % l.inner;
        row(node.op, x.data() + at, y.data() + at, l, powers);
      }
    }
  });
  return out;
}

}  // namespace mantissa::network::ops
