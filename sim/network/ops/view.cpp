// SPDX-License-Identifier: Apache-2.0
// Operators that only look at the same data with another shape: no data moves, no kernel runs.
#include <algorithm>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

// Reshape's target with 0 (copy the dimension) and -1 (whatever is left) filled in.
Shape resolve(const Shape& from, Shape target, bool allow_zero) {
  Dim known = 1;
  auto open = target.end();
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] == 0 && !allow_zero) {
      require(i < from.size(), "dimension {} of its target copies one that the input {} has not", i, to_string(from));
      target[i] = from[i];
    }
    require(target[i] >= -1, "its target shape has dimension {}", target[i]);
    if (target[i] == -1) {
      require(open == target.end(), "its target shape {} leaves two dimensions open", to_string(target));
      open = target.begin() + static_cast<std::ptrdiff_t>(i);
    }
  }
  Shape rest = target;
  std::erase(rest, -1);
  known = checked_count(rest);
  const Dim count = checked_count(from);
  if (open != target.end()) {
    require(known > 0 && count % known == 0, "{} elements do not fill a shape of {} with one open dimension", count,
            to_string(rest));
    *open = count / known;
    return target;
  }
  require(known == count, "{} elements ({}) do not fill shape {}", count, to_string(from), to_string(target));
  return target;
}

}  // namespace

Types infer_identity(const Node&, Values inputs) {
  const Value& x = need(inputs, 0);
  return {{x.type, x.shape}};
}

// At inference nothing is dropped; the mask keeps all.
Types infer_dropout(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require_float(x, "its input");
  if (has(inputs, 2)) {
    const Tensor& training = constant(inputs, 2, "training_mode");
    const bool on = training.type == ElementType::kBool && !training.ints().empty() && training.ints()[0] != 0;
    require(!on || (has(inputs, 1) && inputs[1]->constant &&
                    constant_reals(inputs, 1, "ratio") == std::vector<double>{0.0}),
            "training mode is not supported: export the network for inference");
  }
  Types types{{x.type, x.shape}};
  if (output_count(node) > 1) {  // before opset 10 the mask had the input's type
    types.push_back({node.opset < 10 ? x.type : ElementType::kBool, x.shape});
  }
  return types;
}

Types infer_reshape(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  bool found = false;
  const Shape target = list_of(node, inputs, 1, "shape", found);
  require(found, "its target shape is missing");
  return {{x.type, resolve(x.shape, target, node.integer("allowzero", 0) != 0)}};
}

Types infer_flatten(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const Dim axis = node.integer("axis", 1), rank = len(x.shape.size());
  require(axis >= -rank && axis <= rank, "axis {} is out of range for a tensor of rank {}", axis, rank);
  const std::size_t at = idx(axis < 0 ? axis + rank : axis);
  checked_count(x.shape);
  return {{x.type, {product(x.shape, 0, at), product(x.shape, at, x.shape.size())}}};
}

Types infer_squeeze(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  bool found = false;
  const std::vector<std::size_t> axes = axes_in(list_of(node, inputs, 1, "axes", found), x.shape.size());
  TensorType out{x.type, {}};
  for (std::size_t d = 0; d < x.shape.size(); ++d) {
    const bool listed = std::ranges::find(axes, d) != axes.end();
    require(!listed || x.shape[d] == 1, "dimension {} of {} is not 1 and cannot be squeezed", d, to_string(x.shape));
    if (found ? !listed : x.shape[d] != 1) {
      out.shape.push_back(x.shape[d]);
    }
  }
  return {out};
}

Types infer_unsqueeze(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  bool found = false;
  const std::vector<Dim> list = list_of(node, inputs, 1, "axes", found);
  require(found, "its axes are missing");
  const std::vector<std::size_t> axes = axes_in(list, x.shape.size() + list.size());
  TensorType out{x.type, x.shape};
  for (std::size_t d = 0; d < x.shape.size() + list.size(); ++d) {
    if (std::ranges::find(axes, d) != axes.end()) {
      out.shape.insert(out.shape.begin() + static_cast<std::ptrdiff_t>(d), 1);
    }
  }
  return {out};
}

std::vector<Tensor> evaluate_view(const Node& node, Tensors inputs) {
  Types types = result_types(node, inputs);
  std::vector<Tensor> out;
  out.push_back({types[0].type, std::move(types[0].shape), inputs[0]->data});
  if (types.size() > 1) {
    out.push_back(Tensor::zeros(types[1].type, std::move(types[1].shape)));  // Dropout's mask
    if (out[1].type == ElementType::kBool) {
      std::ranges::fill(out[1].ints(), 1);
    } else {
      std::visit(
          []<class T>(std::vector<T>& v) {
            if constexpr (std::is_arithmetic_v<T>) {
              std::ranges::fill(v, T{1});
            }
          },
          out[1].data);
    }
  }
  return out;
}

}  // namespace mantissa::network::ops
