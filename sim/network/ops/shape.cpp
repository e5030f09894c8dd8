// SPDX-License-Identifier: Apache-2.0
// Values made from shapes and attributes: Constant, ConstantOfShape, Shape, Size, Range, EyeLike.
#include <algorithm>
#include <cmath>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

template <class T>
Tensor list(ElementType type, const std::vector<T>& values) {
  Tensor tensor = Tensor::zeros(type, {len(values.size())});
  tensor.data = values;
  return tensor;
}

template <class T>
Tensor scalar(ElementType type, T value) {
  Tensor tensor = list(type, std::vector<T>{value});
  tensor.shape = {};
  return tensor;
}

const Tensor& tensor_attribute(const Node& node, const char* name) {
  const auto* held = std::get_if<std::shared_ptr<const Tensor>>(&node.attributes.at(name));
  require(held != nullptr && *held != nullptr, "attribute '{}' is not a tensor", name);
  return **held;
}

Tensor constant_value(const Node& node) {
  const auto& a = node.attributes;
  require(a.size() == 1, "a constant has one of value, value_float, value_int ..., not {} of them", a.size());
  const std::string& name = a.begin()->first;
  if (name == "value") {
    return tensor_attribute(node, "value");
  }
  if (name == "value_float") {
    return scalar(ElementType::kFloat, node.real("value_float", 0));
  }
  if (name == "value_int") {
    return scalar(ElementType::kInt64, node.integer("value_int", 0));
  }
  if (const auto* reals = std::get_if<std::vector<float>>(&a.begin()->second);
      reals != nullptr && name == "value_floats") {
    return list(ElementType::kFloat, *reals);
  }
  require(name == "value_ints" || name == "value_floats", "a constant with '{}' is not supported", name);
  return name == "value_ints" ? list(ElementType::kInt64, node.integers("value_ints", {}))
                              : list(ElementType::kFloat, std::vector<float>{});  // an empty list
}

Tensor fill_value(const Node& node) {
  if (!node.attributes.contains("value")) {
    return scalar(ElementType::kFloat, 0.0F);
  }
  const Tensor& value = tensor_attribute(node, "value");
  require(checked_count(value.shape) == 1, "its value must be one element, not of shape {}", to_string(value.shape));
  return value;
}

// Shape's part of the dimensions: [start, end), as Python slices are.
std::pair<Dim, Dim> shape_range(const Node& node, Dim rank) {
  const auto clamp = [&](Dim v) { return std::clamp<Dim>(v < 0 ? v + rank : v, 0, rank); };
  const Dim start = clamp(node.integer("start", 0)), end = clamp(node.integer("end", rank));
  return {start, std::max(start, end)};
}

Dim range_length(Values inputs) {
  const std::vector<double> start = constant_reals(inputs, 0, "start"), limit = constant_reals(inputs, 1, "limit"),
                            delta = constant_reals(inputs, 2, "delta");
  require(start.size() == 1 && limit.size() == 1 && delta.size() == 1, "start, limit and delta must be scalars");
  require(delta[0] != 0, "delta must not be 0");
  const double length = std::ceil((limit[0] - start[0]) / delta[0]);
  require(!(length > static_cast<double>(kMaxElements)) && !std::isnan(length), "it would have {} elements", length);
  return length > 0 ? static_cast<Dim>(length) : 0;
}

}  // namespace

Types infer_constant(const Node& node, Values) {
  const Tensor value = constant_value(node);
  return {{value.type, value.shape}};
}

std::vector<Tensor> evaluate_constant(const Node& node, Tensors) {
  return {constant_value(node)};
}

Types infer_constant_of_shape(const Node& node, Values inputs) {
  return {{fill_value(node).type, constant_ints(inputs, 0, "shape")}};
}

std::vector<Tensor> evaluate_constant_of_shape(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  visit_pair(fill_value(node), out[0], [](const auto& value, auto& y) { std::ranges::fill(y, value[0]); });
  return out;
}

Types infer_shape(const Node& node, Values inputs) {
  const auto [start, end] = shape_range(node, len(need(inputs, 0).shape.size()));
  return {{ElementType::kInt64, {end - start}}};
}

std::vector<Tensor> evaluate_shape(const Node& node, Tensors inputs) {
  const Shape& shape = need(inputs, 0).shape;
  const auto [start, end] = shape_range(node, len(shape.size()));
  return {list(ElementType::kInt64, Shape(shape.begin() + start, shape.begin() + end))};
}

Types infer_size(const Node&, Values inputs) {
  checked_count(need(inputs, 0).shape);
  return {{ElementType::kInt64, {}}};
}

std::vector<Tensor> evaluate_size(const Node&, Tensors inputs) {
  return {scalar(ElementType::kInt64, checked_count(need(inputs, 0).shape))};
}

Types infer_range(const Node&, Values inputs) {
  const Value& start = need(inputs, 0);
  require_number(start, "its inputs");
  require(need(inputs, 1).type == start.type && need(inputs, 2).type == start.type,
          "start, limit and delta have different types");
  return {{start.type, {range_length(inputs)}}};
}

std::vector<Tensor> evaluate_range(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const double start = real_at(*inputs[0], 0), delta = real_at(*inputs[2], 0);
  for (Dim i = 0; i < out[0].shape[0]; ++i) {
    if (out[0].type == ElementType::kFloat) {
      out[0].floats()[idx(i)] = static_cast<float>(start + static_cast<double>(i) * delta);
    } else if (out[0].type == ElementType::kDouble) {
      std::get<std::vector<double>>(out[0].data)[idx(i)] = start + static_cast<double>(i) * delta;
    } else {
      const auto step = static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(inputs[2]->ints()[0]);
      out[0].ints()[idx(i)] =
          wrap(out[0].type, static_cast<Dim>(static_cast<std::uint64_t>(inputs[0]->ints()[0]) + step));
    }
  }
  return out;
}

Types infer_eye_like(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require(x.shape.size() == 2, "its input must be a matrix, not of shape {}", to_string(x.shape));
  const ElementType type = node.attributes.contains("dtype") ? from_onnx_type(node.integer("dtype", 1)) : x.type;
  require(type != ElementType::kString, "string tensors are not supported");
  return {{type, x.shape}};
}

std::vector<Tensor> evaluate_eye_like(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Dim rows = out[0].shape[0], columns = out[0].shape[1], k = node.integer("k", 0);
  std::visit(
      [&]<class T>(std::vector<T>& y) {
        if constexpr (std::is_arithmetic_v<T>) {
          for (Dim r = 0; r < rows; ++r) {
            if (k < kMaxDim && k > -kMaxDim && r + k >= 0 && r + k < columns) {
              y[idx(r * columns + r + k)] = T{1};
            }
          }
        }
      },
      out[0].data);
  return out;
}

}  // namespace mantissa::network::ops
