// SPDX-License-Identifier: Apache-2.0
// Comparisons, logic and Where, with broadcasting.
#include <algorithm>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

bool is_logical(Op op) {
  return op == Op::kAnd || op == Op::kOr || op == Op::kXor;
}

template <class T>
bool compare(Op op, T a, T b) {
  switch (op) {
    case Op::kEqual:
      return a == b;
    case Op::kGreater:
      return a > b;
    case Op::kGreaterOrEqual:
      return a >= b;
    case Op::kLess:
      return a < b;
    case Op::kLessOrEqual:
      return a <= b;
    case Op::kAnd:
      return a != T{} && b != T{};
    case Op::kOr:
      return a != T{} || b != T{};
    default:
      return (a != T{}) != (b != T{});
  }
}

// Opset 6 aligned the second operand's first dimension with `axis`.
Shape second_shape(const Node& node, const Shape& a, const Shape& b) {
  if (node.opset >= 7 || !node.attributes.contains("axis")) {
    return b;
  }
  const std::size_t axis = axis_in(node.integer("axis", 0), a.size());
  require(axis + b.size() <= a.size(), "axis {} leaves no room for shape {} in {}", axis, to_string(b), to_string(a));
  Shape shape = b;
  shape.resize(a.size() - axis, 1);
  return shape;
}

}  // namespace

Types infer_logic(const Node& node, Values inputs) {
  const Value& a = need(inputs, 0);
  const Value& b = need(inputs, 1);
  require(a.type == b.type, "its inputs have different types, {} and {}", type_name(a.type), type_name(b.type));
  if (is_logical(node.op)) {
    require(a.type == ElementType::kBool, "its inputs must be bool, not {}", type_name(a.type));
  } else if (node.op != Op::kEqual || a.type != ElementType::kBool) {
    require_number(a, "its inputs");
  }
  return {{ElementType::kBool, broadcast(a.shape, second_shape(node, a.shape, b.shape))}};
}

std::vector<Tensor> evaluate_logic(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Tensor &a = *inputs[0], &b = *inputs[1];
  Walk walk(out[0].shape, {broadcast_strides(a.shape, out[0].shape),
                           broadcast_strides(second_shape(node, a.shape, b.shape), out[0].shape)});
  const std::vector<Dim> step = walk.inner_strides();
  const std::span<Dim> y = out[0].ints();
  std::visit(
      [&]<class T>(const std::vector<T>& va) {
        const auto& vb = std::get<std::vector<T>>(b.data);
        walk.run([&](Dim o, std::span<const Dim> at, Dim run) {
          for (Dim i = 0; i < run; ++i) {
            const T p = va[idx(at[0] + i * step[0])], q = vb[idx(at[1] + i * step[1])];
            if constexpr (std::is_same_v<T, Dim>) {
              if (a.type == ElementType::kUint64) {
                y[idx(o + i)] = compare(node.op, static_cast<std::uint64_t>(p), static_cast<std::uint64_t>(q));
                continue;
              }
            }
            y[idx(o + i)] = compare(node.op, p, q);
          }
        });
      },
      a.data);
  return out;
}

Types infer_where(const Node&, Values inputs) {
  const Value& condition = need(inputs, 0);
  const Value& x = need(inputs, 1);
  const Value& y = need(inputs, 2);
  require(condition.type == ElementType::kBool, "its condition must be bool, not {}", type_name(condition.type));
  require(x.type == y.type, "its inputs have different types, {} and {}", type_name(x.type), type_name(y.type));
  return {{x.type, broadcast(broadcast(condition.shape, x.shape), y.shape)}};
}

std::vector<Tensor> evaluate_where(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  std::vector<std::vector<Dim>> strides;
  for (const Tensor* input : inputs) {
    strides.push_back(broadcast_strides(input->shape, out[0].shape));
  }
  Walk walk(out[0].shape, strides);
  const std::vector<Dim> step = walk.inner_strides();
  const std::span<const Dim> condition = inputs[0]->ints();
  visit_pair(*inputs[1], out[0], [&](const auto& x, auto& result) {
    const auto& y = std::get<std::decay_t<decltype(x)>>(inputs[2]->data);
    walk.run([&](Dim o, std::span<const Dim> at, Dim run) {
      for (Dim i = 0; i < run; ++i) {
        const bool first = condition[idx(at[0] + i * step[0])] != 0;
        result[idx(o + i)] = first ? x[idx(at[1] + i * step[1])] : y[idx(at[2] + i * step[2])];
      }
    });
  });
  return out;
}

}  // namespace mantissa::network::ops
