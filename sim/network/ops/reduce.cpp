// SPDX-License-Identifier: Apache-2.0
// Reductions over axes. Sums and products of reals accumulate in double and round once; those of integers wrap.
#include <algorithm>
#include <cmath>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

// The axes that are reduced, as flags.
std::vector<bool> reduced(const Node& node, Values inputs, std::size_t rank) {
  bool found = false;
  const std::vector<std::size_t> axes = axes_in(list_of(node, inputs, 1, "axes", found), rank);
  const bool all = axes.empty() && node.integer("noop_with_empty_axes", 0) == 0;
  std::vector<bool> flags(rank, all);
  for (std::size_t axis : axes) {
    flags[axis] = true;
  }
  return flags;
}

double start(Op op) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (op) {
    case Op::kReduceProd:
      return 1;
    case Op::kReduceMax:
      return -kInfinity;
    case Op::kReduceMin:
      return kInfinity;
    default:
      return 0;
  }
}

double step(Op op, double sum, double x) {
  switch (op) {
    case Op::kReduceProd:
      return sum * x;
    case Op::kReduceMax:
      return std::isnan(sum) || sum > x ? sum : x;  // NaN stays
    case Op::kReduceMin:
      return std::isnan(sum) || sum < x ? sum : x;
    case Op::kReduceL1:
      return sum + std::abs(x);
    case Op::kReduceL2:
    case Op::kReduceSumSquare:
      return sum + x * x;
    default:
      return sum + x;
  }
}

double finish(Op op, double sum, double count, double maximum) {
  switch (op) {
    case Op::kReduceMean:
      return sum / count;
    case Op::kReduceL2:
      return std::sqrt(sum);
    case Op::kReduceLogSum:
      return std::log(sum);
    case Op::kReduceLogSumExp:
      return std::log(sum) + (std::isfinite(maximum) ? maximum : 0.0);
    default:
      return sum;
  }
}

// Integers reduce exactly, as 64-bit words that wrap to their type at the end.
Dim integer_step(Op op, Dim sum, Dim x, bool is_unsigned) {
  const std::uint64_t s = static_cast<std::uint64_t>(sum), u = static_cast<std::uint64_t>(x);
  const bool less = is_unsigned ? s < u : sum < x;
  switch (op) {
    case Op::kReduceProd:
      return static_cast<Dim>(s * u);
    case Op::kReduceMax:
      return less ? x : sum;
    case Op::kReduceMin:
      return less ? sum : x;
    case Op::kReduceL1:
      return static_cast<Dim>(s + (x < 0 && !is_unsigned ? -u : u));
    case Op::kReduceSumSquare:
      return static_cast<Dim>(s + u * u);
    default:
      return static_cast<Dim>(s + u);
  }
}

// For each element: body(index of its output, index of the element).
template <class Body>
void each_element(const Shape& shape, const std::vector<bool>& flags, Body&& body) {
  Shape kept = shape;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    kept[d] = flags[d] ? 1 : shape[d];
  }
  Walk walk(shape, {broadcast_strides(kept, shape)});
  const Dim stride = walk.inner_strides()[0];
  walk.run([&](Dim from, std::span<const Dim> to, Dim run) {
    for (Dim i = 0; i < run; ++i) {
      body(to[0] + i * stride, from + i);
    }
  });
}

template <class T>
void reduce_real(Op op, const Tensor& in, const std::vector<bool>& flags, Tensor& out) {
  const auto& x = std::get<std::vector<T>>(in.data);
  auto& y = std::get<std::vector<T>>(out.data);
  std::vector<double> sum(y.size(), start(op)), maximum(y.size(), 0.0);
  if (op == Op::kReduceLogSumExp) {  // exp(x - maximum) cannot overflow
    std::ranges::fill(maximum, start(Op::kReduceMax));
    each_element(in.shape, flags, [&](Dim o, Dim i) {
      maximum[idx(o)] = step(Op::kReduceMax, maximum[idx(o)], static_cast<double>(x[idx(i)]));
    });
  }
  each_element(in.shape, flags, [&](Dim o, Dim i) {
    const double v = static_cast<double>(x[idx(i)]);
    const double shift = std::isfinite(maximum[idx(o)]) ? maximum[idx(o)] : 0.0;
    sum[idx(o)] = step(op, sum[idx(o)], op == Op::kReduceLogSumExp ? std::exp(v - shift) : v);
  });
  const double count = y.empty() ? 1.0 : static_cast<double>(x.size()) / static_cast<double>(y.size());
  for (std::size_t o = 0; o < y.size(); ++o) {
    y[o] = static_cast<T>(finish(op, sum[o], count, maximum[o]));
  }
}

void reduce_integer(Op op, const Tensor& in, const std::vector<bool>& flags, Tensor& out) {
  const std::span<const Dim> x = in.ints();
  const std::span<Dim> y = out.ints();
  const bool is_unsigned = in.type == ElementType::kUint64;
  std::vector<bool> started(y.size(), op != Op::kReduceMax && op != Op::kReduceMin);
  std::ranges::fill(y, op == Op::kReduceProd ? 1 : 0);
  each_element(in.shape, flags, [&](Dim o, Dim i) {
    y[idx(o)] = started[idx(o)] ? integer_step(op, y[idx(o)], x[idx(i)], is_unsigned) : x[idx(i)];
    started[idx(o)] = true;
  });
  const Dim count = y.empty() ? 1 : std::max<Dim>(1, len(x.size() / y.size()));
  for (Dim& v : y) {
    v = wrap(out.type, op == Op::kReduceMean ? v / count : v);
  }
}

bool integers_reduce_exactly(Op op) {
  return op != Op::kReduceL2 && op != Op::kReduceLogSum && op != Op::kReduceLogSumExp;
}

}  // namespace

Types infer_reduce(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require_number(x, "its input");
  require(is_float(x.type) || integers_reduce_exactly(node.op), "it takes float tensors, not {}", type_name(x.type));
  const std::vector<bool> flags = reduced(node, inputs, x.shape.size());
  const bool keep = node.integer("keepdims", 1) != 0;
  TensorType out{x.type, {}};
  for (std::size_t d = 0; d < x.shape.size(); ++d) {
    const bool needs_elements = node.op == Op::kReduceMax || node.op == Op::kReduceMin || node.op == Op::kReduceMean;
    require(!flags[d] || !needs_elements || x.shape[d] > 0, "it reduces dimension {} of {}, which is empty", d,
            to_string(x.shape));
    if (!flags[d] || keep) {
      out.shape.push_back(flags[d] ? 1 : x.shape[d]);
    }
  }
  return {out};
}

std::vector<Tensor> evaluate_reduce(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Tensor& in = *inputs[0];
  Value axes;
  std::vector<const Value*> values{nullptr, nullptr};
  if (has(inputs, 1)) {
    axes.constant = std::shared_ptr<const Tensor>(std::shared_ptr<void>(), inputs[1]);
    values[1] = &axes;
  }
  const std::vector<bool> flags = reduced(node, values, in.shape.size());
  if (in.type == ElementType::kFloat) {
    reduce_real<float>(node.op, in, flags, out[0]);
  } else if (in.type == ElementType::kDouble) {
    reduce_real<double>(node.op, in, flags, out[0]);
  } else {
    reduce_integer(node.op, in, flags, out[0]);
  }
  return out;
}

}  // namespace mantissa::network::ops
