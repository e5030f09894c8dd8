// SPDX-License-Identifier: Apache-2.0
// Gather, GatherElements, GatherND and OneHot. Indices may be negative (from the end); others outside the tensor are
// errors.
#include <algorithm>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

void require_indices(const Value& value) {
  require(value.type == ElementType::kInt64 || value.type == ElementType::kInt32,
          "its indices must be int64 or int32, not {}", type_name(value.type));
}

std::size_t depth_of(Values inputs) {
  const std::vector<double> depth = constant_reals(inputs, 1, "depth");
  require(depth.size() == 1 && depth[0] >= 1 && depth[0] <= static_cast<double>(kMaxElements),
          "its depth must be one number of at least 1");
  return static_cast<std::size_t>(depth[0]);
}

std::size_t batch_dims_of(const Node& node, const Shape& data, const Shape& indices) {
  require(!data.empty() && !indices.empty(), "its inputs must not be scalars");
  const Dim batch = node.integer("batch_dims", 0);
  require(batch >= 0 && batch < len(std::min(data.size(), indices.size())), "batch_dims {} is out of range", batch);
  const auto end = static_cast<std::ptrdiff_t>(batch);
  require(std::equal(data.begin(), data.begin() + end, indices.begin()), "the first {} dimensions of {} and {} differ",
          batch, to_string(data), to_string(indices));
  require(indices.back() >= 0 && indices.back() <= len(data.size()) - batch,
          "indices of {} numbers do not fit a tensor of rank {}", indices.back(), data.size());
  return idx(batch);
}

}  // namespace

Dim index_in(Dim index, Dim size) {
  require(index >= -size && index < size, "index {} is outside a dimension of {}", index, size);
  return index < 0 ? index + size : index;
}

Types infer_gather(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require_indices(need(inputs, 1));
  const std::size_t axis = axis_in(node.integer("axis", 0), x.shape.size());
  TensorType out{x.type, Shape(x.shape.begin(), x.shape.begin() + static_cast<std::ptrdiff_t>(axis))};
  out.shape.insert(out.shape.end(), inputs[1]->shape.begin(), inputs[1]->shape.end());
  out.shape.insert(out.shape.end(), x.shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.shape.end());
  return {out};
}

std::vector<Tensor> evaluate_gather(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape& shape = inputs[0]->shape;
  const std::size_t axis = axis_in(node.integer("axis", 0), shape.size());
  const Dim outer = product(shape, 0, axis), size = shape[axis], run = product(shape, axis + 1, shape.size());
  const std::span<const Dim> indices = inputs[1]->ints();
  visit_pair(*inputs[0], out[0], [&](const auto& x, auto& y) {
    auto to = y.begin();
    for (Dim o = 0; o < outer; ++o) {
      for (Dim index : indices) {
        to = std::copy_n(x.begin() + (o * size + index_in(index, size)) * run, run, to);
      }
    }
  });
  return out;
}

Types infer_gather_elements(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const Value& indices = need(inputs, 1);
  require_indices(indices);
  const std::size_t axis = axis_in(node.integer("axis", 0), x.shape.size());
  require(indices.shape.size() == x.shape.size(), "its indices {} have not the rank of {}", to_string(indices.shape),
          to_string(x.shape));
  for (std::size_t d = 0; d < x.shape.size(); ++d) {
    require(d == axis || indices.shape[d] <= x.shape[d], "its indices {} reach beyond {}", to_string(indices.shape),
            to_string(x.shape));
  }
  return {{x.type, indices.shape}};
}

std::vector<Tensor> evaluate_gather_elements(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape &shape = inputs[0]->shape, &to = out[0].shape;
  const std::size_t axis = axis_in(node.integer("axis", 0), shape.size());
  std::vector<Dim> strides = strides_of(shape);
  const Dim along = strides[axis];
  strides[axis] = 0;
  Walk walk(to, {strides});
  const Dim step = walk.inner_strides()[0];
  visit_pair(*inputs[0], out[0], [&](const auto& x, auto& y) {
    walk.run([&](Dim o, std::span<const Dim> at, Dim run) {
      for (Dim i = 0; i < run; ++i) {
        y[idx(o + i)] = x[idx(at[0] + i * step + index_in(inputs[1]->ints()[idx(o + i)], shape[axis]) * along)];
      }
    });
  });
  return out;
}

Types infer_gather_nd(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const Value& indices = need(inputs, 1);
  require_indices(indices);
  const std::size_t batch = batch_dims_of(node, x.shape, indices.shape);
  TensorType out{x.type, Shape(indices.shape.begin(), indices.shape.end() - 1)};
  out.shape.insert(out.shape.end(), x.shape.begin() + static_cast<std::ptrdiff_t>(batch) + indices.shape.back(),
                   x.shape.end());
  return {out};
}

std::vector<Tensor> evaluate_gather_nd(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape &shape = inputs[0]->shape, &where = inputs[1]->shape;
  const std::size_t batch = batch_dims_of(node, shape, where);
  const Dim depth = where.back(), tuples = product(where, 0, where.size() - 1);
  const Dim run = product(shape, batch + idx(depth), shape.size());
  const Dim per_batch = product(where, batch, where.size() - 1), plane = product(shape, batch, shape.size());
  const std::vector<Dim> strides = strides_of(shape);
  visit_pair(*inputs[0], out[0], [&](const auto& x, auto& y) {
    for (Dim t = 0; t < tuples; ++t) {
      Dim at = t / per_batch * plane;
      for (Dim k = 0; k < depth; ++k) {
        at += index_in(inputs[1]->ints()[idx(t * depth + k)], shape[batch + idx(k)]) * strides[batch + idx(k)];
      }
      std::copy_n(x.begin() + at, run, y.begin() + t * run);
    }
  });
  return out;
}

Types infer_one_hot(const Node& node, Values inputs) {
  const Value& indices = need(inputs, 0);
  const Value& values = need(inputs, 2);
  require_number(indices, "its indices");
  require(values.shape == Shape{2}, "its values must be the two of off and on, not of shape {}",
          to_string(values.shape));
  const std::size_t axis = axis_in(node.integer("axis", -1), indices.shape.size() + 1);
  TensorType out{values.type, indices.shape};
  out.shape.insert(out.shape.begin() + static_cast<std::ptrdiff_t>(axis), len(depth_of(inputs)));
  return {out};
}

std::vector<Tensor> evaluate_one_hot(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::size_t axis = axis_in(node.integer("axis", -1), inputs[0]->shape.size() + 1);
  const Dim depth = out[0].shape[axis], inner = product(inputs[0]->shape, axis, inputs[0]->shape.size());
  visit_pair(*inputs[2], out[0], [&](const auto& values, auto& y) {
    std::ranges::fill(y, values[0]);
    for (Dim i = 0; i < checked_count(inputs[0]->shape); ++i) {
      const double index = real_at(*inputs[0], i);
      const double from_zero = index < 0 ? index + static_cast<double>(depth) : index;
      if (from_zero >= 0 && from_zero < static_cast<double>(depth)) {  // any other index: off everywhere
        y[idx((i / inner * depth + static_cast<Dim>(from_zero)) * inner + i % inner)] = values[1];
      }
    }
  });
  return out;
}

}  // namespace mantissa::network::ops
