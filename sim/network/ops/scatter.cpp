// SPDX-License-Identifier: Apache-2.0
// Scatter, ScatterElements and ScatterND: a copy of the data with updates written, added or multiplied in, in order.
#include <algorithm>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

enum class Combine { kReplace, kAdd, kMultiply };

Combine combine_of(const Node& node) {
  const std::string how = node.text("reduction", "none");
  require(how == "none" || how == "add" || how == "mul", "reduction '{}' is not none, add or mul", how);
  return how == "none" ? Combine::kReplace : how == "add" ? Combine::kAdd : Combine::kMultiply;
}

template <class T>
void put(Combine how, ElementType type, T& to, const T& update) {
  if constexpr (std::is_same_v<T, Dim>) {
    const std::uint64_t a = static_cast<std::uint64_t>(to), b = static_cast<std::uint64_t>(update);
    to = how == Combine::kReplace ? update : wrap(type, static_cast<Dim>(how == Combine::kAdd ? a + b : a * b));
  } else if constexpr (std::is_floating_point_v<T>) {
    to = how == Combine::kReplace ? update : how == Combine::kAdd ? to + update : to * update;
  } else {
    to = update;
  }
}

void check_inputs(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const ElementType index = need(inputs, 1).type;
  require(index == ElementType::kInt64 || index == ElementType::kInt32, "its indices must be int64 or int32, not {}",
          type_name(index));
  require(need(inputs, 2).type == x.type, "its updates are {}, its data {}", type_name(inputs[2]->type),
          type_name(x.type));
  require(combine_of(node) == Combine::kReplace || x.type != ElementType::kString, "strings do not add");
}

}  // namespace

Types infer_scatter_elements(const Node& node, Values inputs) {
  check_inputs(node, inputs);
  const Shape &shape = inputs[0]->shape, &indices = inputs[1]->shape;
  const std::size_t axis = axis_in(node.integer("axis", 0), shape.size());
  require(indices == inputs[2]->shape, "its indices {} and updates {} differ in shape", to_string(indices),
          to_string(inputs[2]->shape));
  require(indices.size() == shape.size(), "its indices {} have not the rank of {}", to_string(indices),
          to_string(shape));
  for (std::size_t d = 0; d < shape.size(); ++d) {
    require(d == axis || indices[d] <= shape[d], "its indices {} reach beyond {}", to_string(indices),
            to_string(shape));
  }
  return {{inputs[0]->type, shape}};
}

std::vector<Tensor> evaluate_scatter_elements(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape& shape = inputs[0]->shape;
  const std::size_t axis = axis_in(node.integer("axis", 0), shape.size());
  std::vector<Dim> strides = strides_of(shape);
  const Dim along = strides[axis];
  strides[axis] = 0;
  Walk walk(inputs[1]->shape, {strides});
  const Dim step = walk.inner_strides()[0];
  const Combine how = combine_of(node);
  out[0].data = inputs[0]->data;
  visit_pair(*inputs[2], out[0], [&](const auto& updates, auto& y) {
    walk.run([&](Dim o, std::span<const Dim> at, Dim run) {
      for (Dim i = 0; i < run; ++i) {
        const Dim to = at[0] + i * step + index_in(inputs[1]->ints()[idx(o + i)], shape[axis]) * along;
        put(how, out[0].type, y[idx(to)], updates[idx(o + i)]);
      }
    });
  });
  return out;
}

Types infer_scatter_nd(const Node& node, Values inputs) {
  check_inputs(node, inputs);
  const Shape &shape = inputs[0]->shape, &indices = inputs[1]->shape;
  require(!indices.empty() && !shape.empty(), "its inputs must not be scalars");
  require(indices.back() <= len(shape.size()), "indices of {} numbers do not fit a tensor of rank {}", indices.back(),
          shape.size());
  Shape expected(indices.begin(), indices.end() - 1);
  expected.insert(expected.end(), shape.begin() + indices.back(), shape.end());
  require(inputs[2]->shape == expected, "its updates have shape {}, expected {}", to_string(inputs[2]->shape),
          to_string(expected));
  return {{inputs[0]->type, shape}};
}

std::vector<Tensor> evaluate_scatter_nd(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape &shape = inputs[0]->shape, &indices = inputs[1]->shape;
  const Dim depth = indices.back(), tuples = product(indices, 0, indices.size() - 1),
            run = product(shape, idx(depth), shape.size());
  const std::vector<Dim> strides = strides_of(shape);
  const Combine how = combine_of(node);
  out[0].data = inputs[0]->data;
  visit_pair(*inputs[2], out[0], [&](const auto& updates, auto& y) {
    for (Dim t = 0; t < tuples; ++t) {
      Dim to = 0;
      for (Dim k = 0; k < depth; ++k) {
        to += index_in(inputs[1]->ints()[idx(t * depth + k)], shape[idx(k)]) * strides[idx(k)];
      }
      for (Dim i = 0; i < run; ++i) {
        put(how, out[0].type, y[idx(to + i)], updates[idx(t * run + i)]);
      }
    }
  });
  return out;
}

}  // namespace mantissa::network::ops
