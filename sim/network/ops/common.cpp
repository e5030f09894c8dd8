// SPDX-License-Identifier: Apache-2.0
#include "network/ops/common.h"

#include <algorithm>
#include <array>

namespace mantissa::network::ops {

namespace {

struct TypeName {
  ElementType type;
  std::string_view name;
  Dim onnx;  // TensorProto.DataType
};
constexpr std::array kTypes = {
    TypeName{ElementType::kFloat, "float", 1},    TypeName{ElementType::kDouble, "double", 11},
    TypeName{ElementType::kInt64, "int64", 7},    TypeName{ElementType::kInt32, "int32", 6},
    TypeName{ElementType::kInt16, "int16", 5},    TypeName{ElementType::kInt8, "int8", 3},
    TypeName{ElementType::kUint8, "uint8", 2},    TypeName{ElementType::kUint16, "uint16", 4},
    TypeName{ElementType::kUint32, "uint32", 12}, TypeName{ElementType::kUint64, "uint64", 13},
    TypeName{ElementType::kBool, "bool", 9},      TypeName{ElementType::kString, "string", 8},
};

template <class T>
const T& present(std::span<const T* const> inputs, std::size_t i) {
  require(has(inputs, i), "input {} is missing", i);
  return *inputs[i];
}

}  // namespace

const Value& need(Values inputs, std::size_t i) {
  return present(inputs, i);
}
const Tensor& need(Tensors inputs, std::size_t i) {
  return present(inputs, i);
}

std::string_view type_name(ElementType type) {
  const auto* row = std::ranges::find(kTypes, type, &TypeName::type);
  return row == kTypes.end() ? "unknown" : row->name;
}

bool is_float(ElementType type) {
  return type == ElementType::kFloat || type == ElementType::kDouble;
}

bool is_integer(ElementType type) {
  return !is_float(type) && type != ElementType::kBool && type != ElementType::kString;
}

void require_float(const Value& value, const char* what) {
  require(is_float(value.type), "{} must be float or double, not {}", what, type_name(value.type));
}

void require_kfloat(const Value& value, const char* what) {
  require(value.type == ElementType::kFloat, "{} must be float, not {}", what, type_name(value.type));
}

void require_number(const Value& value, const char* what) {
  require(is_float(value.type) || is_integer(value.type), "{} must be numbers, not {}", what, type_name(value.type));
}

ElementType from_onnx_type(Dim type) {
  const auto* row = std::ranges::find(kTypes, type, &TypeName::onnx);
  if (row != kTypes.end()) {
    return row->type;
  }
  require(type != 10 && type != 16, "element type {} is not supported", type == 10 ? "float16" : "bfloat16");
  fail("element type number {} is not one of ONNX's that are supported", type);
}

std::size_t axis_in(Dim axis, std::size_t rank) {
  const Dim r = len(rank);
  require(axis >= -r && axis < r, "axis {} is out of range for a tensor of rank {}", axis, rank);
  return idx(axis < 0 ? axis + r : axis);
}

std::vector<std::size_t> axes_in(const std::vector<Dim>& axes, std::size_t rank) {
  std::vector<std::size_t> result;
  for (Dim axis : axes) {
    result.push_back(axis_in(axis, rank));
    require(std::ranges::count(result, result.back()) == 1, "axis {} is listed twice", axis);
  }
  return result;
}

const Tensor& constant(Values inputs, std::size_t i, const char* what) {
  const Value& value = need(inputs, i);
  require(value.constant != nullptr,
          "its {} must be known when the network is imported, but '{}' is computed from the input", what, value.name);
  return *value.constant;
}

std::vector<Dim> constant_ints(Values inputs, std::size_t i, const char* what) {
  const Tensor& tensor = constant(inputs, i, what);
  require(is_integer(tensor.type), "its {} must be integers, not {}", what, type_name(tensor.type));
  require(tensor.shape.size() <= 1, "its {} must be a list, not a tensor of rank {}", what, tensor.shape.size());
  return {tensor.ints().begin(), tensor.ints().end()};
}

std::vector<double> constant_reals(Values inputs, std::size_t i, const char* what) {
  const Tensor& tensor = constant(inputs, i, what);
  require(is_float(tensor.type) || is_integer(tensor.type), "its {} must be numbers, not {}", what,
          type_name(tensor.type));
  std::vector<double> result;
  for (Dim k = 0; k < checked_count(tensor.shape); ++k) {
    result.push_back(real_at(tensor, k));
  }
  return result;
}

std::vector<Dim> list_of(const Node& node, Values inputs, std::size_t i, const char* name, bool& found) {
  if (has(inputs, i)) {
    found = true;
    return constant_ints(inputs, i, name);
  }
  found = node.attributes.contains(name);
  return node.integers(name, {});
}

std::size_t output_count(const Node& node) {
  return std::max<std::size_t>(1, node.outputs.size());
}

bool wants_output(const Node& node, std::size_t i) {
  return i < node.outputs.size() && node.outputs[i] >= 0;
}

Dim product(const Shape& shape, std::size_t begin, std::size_t end) {
  Dim result = 1;
  for (std::size_t i = begin; i < end; ++i) {
    result *= shape[i];
  }
  return result;
}

Dim checked_count(const Shape& shape) {
  constexpr Dim kLimit = Dim{1} << 62;
  Dim count = 1;
  for (Dim d : shape) {
    require(d >= 0, "shape {} has a negative dimension", to_string(shape));
  }
  bool empty = false;
  for (Dim d : shape) {  // the product of the others must stay in range even if one is 0
    const Dim factor = d == 0 ? 1 : d;
    require(count < kLimit / factor, "shape {} has more than 2^62 elements", to_string(shape));
    count *= factor;
    empty = empty || d == 0;
  }
  return empty ? 0 : count;
}

std::vector<Dim> strides_of(const Shape& shape) {
  std::vector<Dim> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * shape[i];
  }
  return strides;
}

Shape broadcast(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < result.size(); ++i) {  // from the last dimension
    const Dim da = i < a.size() ? a[a.size() - 1 - i] : 1, db = i < b.size() ? b[b.size() - 1 - i] : 1;
    require(da == db || da == 1 || db == 1, "shapes {} and {} do not broadcast", to_string(a), to_string(b));
    result[result.size() - 1 - i] = da == 1 ? db : da;
  }
  return result;
}

std::vector<Dim> broadcast_strides(const Shape& from, const Shape& to) {
  const std::vector<Dim> dense = strides_of(from);
  std::vector<Dim> strides(to.size(), 0);
  const std::size_t lead = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i) {
    strides[lead + i] = from[i] == 1 ? 0 : dense[i];
  }
  return strides;
}

Types result_types(const Node& node, Tensors inputs) {
  std::vector<Value> values(inputs.size());
  std::vector<const Value*> pointers(inputs.size(), nullptr);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) {
      continue;
    }
    const Tensor& tensor = *inputs[i];
    const Dim held = std::visit([](const auto& v) { return len(v.size()); }, tensor.data);
    require(held == checked_count(tensor.shape), "input {} of shape {} holds {} elements", i, to_string(tensor.shape),
            held);
    values[i] = {fmt::format("input {}", i), tensor.type, tensor.shape, false,
                 std::shared_ptr<const Tensor>(std::shared_ptr<void>(), &tensor)};  // not owned
    pointers[i] = &values[i];
  }
  Types types = infer(node, pointers);
  for (const TensorType& type : types) {
    require(checked_count(type.shape) <= kMaxElements, "its result of shape {} is too large to compute",
            to_string(type.shape));
  }
  return types;
}

std::vector<Tensor> allocate(const Node& node, Tensors inputs) {
  std::vector<Tensor> outputs;
  for (TensorType& type : result_types(node, inputs)) {
    outputs.push_back(Tensor::zeros(type.type, std::move(type.shape)));
  }
  return outputs;
}

Dim wrap(ElementType type, Dim value) {
  switch (type) {
    case ElementType::kInt32:
      return static_cast<std::int32_t>(value);
    case ElementType::kInt16:
      return static_cast<std::int16_t>(value);
    case ElementType::kInt8:
      return static_cast<std::int8_t>(value);
    case ElementType::kUint32:
      return static_cast<std::uint32_t>(value);
    case ElementType::kUint16:
      return static_cast<std::uint16_t>(value);
    case ElementType::kUint8:
      return static_cast<std::uint8_t>(value);
    case ElementType::kBool:
      return value != 0;
    default:
      return value;
  }
}

Walk::Walk(const Shape& shape, std::vector<std::vector<Dim>> strides)
    : strides_(strides.size()), inner_(strides.size(), 0) {
  for (std::size_t d = 0; d < shape.size(); ++d) {
    empty_ = empty_ || shape[d] == 0;
    if (shape[d] == 1) {
      continue;
    }
    bool merge = !shape_.empty();
    for (std::size_t i = 0; merge && i < strides.size(); ++i) {
      merge = strides_[i].back() == strides[i][d] * shape[d];
    }
    for (std::size_t i = 0; i < strides.size(); ++i) {
      if (merge) {
        strides_[i].back() = strides[i][d];
      } else {
        strides_[i].push_back(strides[i][d]);
      }
    }
    if (merge) {
      shape_.back() *= shape[d];
    } else {
      shape_.push_back(shape[d]);
    }
  }
  if (!shape_.empty()) {  // the last one becomes the run
    run_ = shape_.back();
    shape_.pop_back();
    for (std::size_t i = 0; i < strides.size(); ++i) {
      inner_[i] = strides_[i].back();
      strides_[i].pop_back();
    }
  }
}

void copy_strided(const Tensor& in, Dim offset, const std::vector<Dim>& strides, Tensor& out) {
  Walk walk(out.shape, {strides});
  const Dim step = walk.inner_strides()[0];
  visit_pair(in, out, [&](const auto& source, auto& target) {
    walk.run([&](Dim o, std::span<const Dim> at, Dim run) {
      const Dim from = offset + at[0];
      for (Dim i = 0; i < run; ++i) {
        target[idx(o + i)] = source[idx(from + i * step)];
      }
    });
  });
}

double real_at(const Tensor& tensor, Dim i) {
  if (const auto* f = std::get_if<std::vector<float>>(&tensor.data)) {
    return static_cast<double>((*f)[idx(i)]);
  }
  if (const auto* d = std::get_if<std::vector<double>>(&tensor.data)) {
    return (*d)[idx(i)];
  }
  const auto& ints = std::get<std::vector<std::int64_t>>(tensor.data);
  return tensor.type == ElementType::kUint64 ? static_cast<double>(static_cast<std::uint64_t>(ints[idx(i)]))
                                             : static_cast<double>(ints[idx(i)]);
}

}  // namespace mantissa::network::ops
