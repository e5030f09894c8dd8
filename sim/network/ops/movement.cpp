// SPDX-License-Identifier: Apache-2.0
// Operators that move data without arithmetic: Transpose, Concat, Expand, Tile, DepthToSpace, SpaceToDepth, Trilu,
// ReverseSequence.
#include <algorithm>
#include <numeric>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

std::vector<std::size_t> permutation(const Node& node, std::size_t rank) {
  std::vector<Dim> reversed(rank);
  std::iota(reversed.rbegin(), reversed.rend(), Dim{0});
  const std::vector<Dim> perm = node.integers("perm", reversed);
  require(perm.size() == rank, "perm has {} entries for a tensor of rank {}", perm.size(), rank);
  return axes_in(perm, rank);
}

// out = in seen as `split`, its dimensions in the order `perm`.
void permute(const Tensor& in, const Shape& split, const std::vector<std::size_t>& perm, Tensor& out) {
  const std::vector<Dim> dense = strides_of(split);
  Tensor moved;
  moved.type = in.type;
  moved.data = std::move(out.data);
  std::vector<Dim> strides;
  for (std::size_t p : perm) {
    moved.shape.push_back(split[p]);
    strides.push_back(dense[p]);
  }
  copy_strided(in, 0, strides, moved);
  out.data = std::move(moved.data);
}

Dim block_size(const Node& node) {
  const Dim block = node.integer("blocksize", 0);
  require(block >= 1 && block < (Dim{1} << 20), "blocksize must be at least 1, not {}", block);
  return block;
}

}  // namespace

Types infer_transpose(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  TensorType out{x.type, {}};
  for (std::size_t p : permutation(node, x.shape.size())) {
    out.shape.push_back(x.shape[p]);
  }
  return {out};
}

std::vector<Tensor> evaluate_transpose(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  permute(*inputs[0], inputs[0]->shape, permutation(node, inputs[0]->shape.size()), out[0]);
  return out;
}

Types infer_concat(const Node& node, Values inputs) {
  const Value& first = need(inputs, 0);
  require(node.opset < 4 || node.attributes.contains("axis"), "attribute 'axis' is missing");
  const std::size_t axis = axis_in(node.integer("axis", 1), first.shape.size());
  TensorType out{first.type, first.shape};
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    const Value& x = need(inputs, i);
    Shape rest = x.shape;
    require(x.type == first.type, "its inputs have different types, {} and {}", type_name(first.type),
            type_name(x.type));
    require(rest.size() == first.shape.size(), "its inputs have different ranks: {} and {}", to_string(first.shape),
            to_string(rest));
    rest[axis] = first.shape[axis];
    require(rest == first.shape, "its inputs {} and {} differ in more than dimension {}", to_string(first.shape),
            to_string(x.shape), axis);
    out.shape[axis] += x.shape[axis];
    checked_count(out.shape);
  }
  return {out};
}

std::vector<Tensor> evaluate_concat(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape& shape = out[0].shape;
  const std::size_t axis = axis_in(node.integer("axis", 1), shape.size());
  const Dim outer = product(shape, 0, axis), pitch = product(shape, axis, shape.size());
  Dim offset = 0;
  for (const Tensor* input : inputs) {
    const Dim run = product(input->shape, axis, shape.size());
    visit_pair(*input, out[0], [&](const auto& x, auto& y) {
      for (Dim o = 0; o < outer; ++o) {
        std::copy_n(x.begin() + o * run, run, y.begin() + o * pitch + offset);
      }
    });
    offset += run;
  }
  return out;
}

Types infer_expand(const Node&, Values inputs) {
  const Value& x = need(inputs, 0);
  const Shape target = constant_ints(inputs, 1, "shape");
  checked_count(target);
  return {{x.type, broadcast(x.shape, target)}};
}

std::vector<Tensor> evaluate_expand(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  copy_strided(*inputs[0], 0, broadcast_strides(inputs[0]->shape, out[0].shape), out[0]);
  return out;
}

Types infer_tile(const Node&, Values inputs) {
  const Value& x = need(inputs, 0);
  const Shape repeats = constant_ints(inputs, 1, "repeats");
  require(repeats.size() == x.shape.size(), "repeats has {} entries for a tensor of rank {}", repeats.size(),
          x.shape.size());
  TensorType out{x.type, x.shape};
  for (std::size_t d = 0; d < repeats.size(); ++d) {
    require(repeats[d] >= 0 && repeats[d] <= kMaxDim / std::max<Dim>(1, x.shape[d]), "it repeats dimension {} {} times",
            d, repeats[d]);
    out.shape[d] *= repeats[d];
  }
  return {out};
}

std::vector<Tensor> evaluate_tile(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape& shape = inputs[0]->shape;
  const std::vector<Dim> dense = strides_of(shape);
  Tensor split;  // each dimension as (repeats, size)
  split.type = out[0].type;
  split.data = std::move(out[0].data);
  std::vector<Dim> strides;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    split.shape.insert(split.shape.end(), {shape[d] == 0 ? 0 : out[0].shape[d] / shape[d], shape[d]});
    strides.insert(strides.end(), {0, dense[d]});
  }
  copy_strided(*inputs[0], 0, strides, split);
  out[0].data = std::move(split.data);
  return out;
}

Types infer_depth_space(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const Dim block = block_size(node);
  require(x.shape.size() == 4, "its input has shape {}, expected batch x channels x height x width",
          to_string(x.shape));
  const std::string mode = node.text("mode", "DCR");
  require(mode == "DCR" || mode == "CRD", "mode '{}' is not DCR or CRD", mode);
  if (node.op == Op::kDepthToSpace) {
    require(x.shape[1] % (block * block) == 0, "{} channels are not divisible by blocksize {} squared", x.shape[1],
            block);
    require(x.shape[2] < kMaxDim && x.shape[3] < kMaxDim, "its input {} is too large", to_string(x.shape));
    return {{x.type, {x.shape[0], x.shape[1] / (block * block), x.shape[2] * block, x.shape[3] * block}}};
  }
  require(x.shape[2] % block == 0 && x.shape[3] % block == 0,
          "height and width of {} are not divisible by blocksize {}", to_string(x.shape), block);
  require(x.shape[1] < (Dim{1} << 22), "its input {} is too large", to_string(x.shape));
  return {{x.type, {x.shape[0], x.shape[1] * block * block, x.shape[2] / block, x.shape[3] / block}}};
}

std::vector<Tensor> evaluate_depth_space(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Dim b = block_size(node);
  const Shape &x = inputs[0]->shape, &y = out[0].shape;
  if (node.op == Op::kSpaceToDepth) {
    permute(*inputs[0], {x[0], x[1], y[2], b, y[3], b}, {0, 3, 5, 1, 2, 4}, out[0]);
  } else if (node.text("mode", "DCR") == "DCR") {
    permute(*inputs[0], {x[0], b, b, y[1], x[2], x[3]}, {0, 3, 4, 1, 5, 2}, out[0]);
  } else {
    permute(*inputs[0], {x[0], y[1], b, b, x[2], x[3]}, {0, 1, 4, 2, 5, 3}, out[0]);
  }
  return out;
}

Types infer_trilu(const Node&, Values inputs) {
  const Value& x = need(inputs, 0);
  require(x.shape.size() >= 2, "its input has shape {}, expected matrices", to_string(x.shape));
  if (has(inputs, 1)) {
    require(inputs[1]->type == ElementType::kInt64 && checked_count(inputs[1]->shape) == 1, "k must be one int64");
  }
  return {{x.type, x.shape}};
}

std::vector<Tensor> evaluate_trilu(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const bool upper = node.integer("upper", 1) != 0;
  const Dim columns = out[0].shape.back(), rows = out[0].shape[out[0].shape.size() - 2];
  const Dim k = std::clamp(has(inputs, 1) ? inputs[1]->ints()[0] : 0, -kMaxDim, kMaxDim);
  visit_pair(*inputs[0], out[0], [&](const auto& x, auto& y) {
    for (Dim i = 0; i < len(x.size()); ++i) {
      const Dim diagonal = i % columns - i / columns % rows;
      if (upper ? diagonal >= k : diagonal <= k) {
        y[idx(i)] = x[idx(i)];
      }
    }
  });
  return out;
}

Types infer_reverse_sequence(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const Dim batch = node.integer("batch_axis", 1), time = node.integer("time_axis", 0);
  require(x.shape.size() >= 2 && std::min(batch, time) == 0 && std::max(batch, time) == 1,
          "batch_axis and time_axis must be the first two dimensions, one each, not {} and {}", batch, time);
  require(need(inputs, 1).type == ElementType::kInt64 && inputs[1]->shape == Shape{x.shape[idx(batch)]},
          "its lengths must be int64, one for each of {} sequences", x.shape[idx(batch)]);
  return {{x.type, x.shape}};
}

std::vector<Tensor> evaluate_reverse_sequence(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape& shape = out[0].shape;
  const bool batch_first = node.integer("batch_axis", 1) == 0;
  const Dim times = shape[batch_first ? 1 : 0], batches = shape[batch_first ? 0 : 1],
            run = product(shape, 2, shape.size());
  const auto at = [&](Dim b, Dim t) { return (batch_first ? b * times + t : t * batches + b) * run; };
  visit_pair(*inputs[0], out[0], [&](const auto& x, auto& y) {
    for (Dim b = 0; b < batches; ++b) {
      const Dim length = inputs[1]->ints()[idx(b)];
      require(length >= 0 && length <= times, "sequence length {} is outside 0 to {}", length, times);
      for (Dim t = 0; t < times; ++t) {
        std::copy_n(x.begin() + at(b, t < length ? length - 1 - t : t), run, y.begin() + at(b, t));
      }
    }
  });
  return out;
}

}  // namespace mantissa::network::ops
