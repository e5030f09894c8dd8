// SPDX-License-Identifier: Apache-2.0
// Split, Slice (attributes before opset 10, inputs since) and Pad.
#include <algorithm>

#include "base/units.h"
#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

// The value lists of evaluated nodes come from their tensors, those of inferred ones from constants.
std::vector<Value> as_values(Tensors inputs) {
  std::vector<Value> values(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != nullptr) {
      values[i].type = inputs[i]->type;
      values[i].shape = inputs[i]->shape;
      values[i].constant = std::shared_ptr<const Tensor>(std::shared_ptr<void>(), inputs[i]);  // not owned
    }
  }
  return values;
}

std::vector<const Value*> pointers(const std::vector<Value>& values, Tensors inputs) {
  std::vector<const Value*> result;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    result.push_back(inputs[i] == nullptr ? nullptr : &values[i]);
  }
  return result;
}

struct Range {
  Dim start = 0, step = 1, count = 0;
};

// Python's rules: negative positions count from the end, positions outside are moved to the border.
Range range_of(Dim start, Dim end, Dim step, Dim size) {
  require(step != 0, "a step must not be 0");
  const Dim low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto clamp = [&](Dim v) { return std::clamp(v < 0 ? std::max(v, -size - 1) + size : v, low, high); };
  Range r{clamp(start), std::clamp(step, -kMaxDim, kMaxDim), 0};
  const Dim distance = step > 0 ? clamp(end) - r.start : r.start - clamp(end);
  r.count = distance <= 0 ? 0 : ceil_div(distance, std::abs(r.step));
  return r;
}

std::vector<Range> ranges_of(const Node& node, Values inputs) {
  const Shape& shape = need(inputs, 0).shape;
  std::vector<Dim> starts, ends, axes, steps;
  bool has_axes = false, has_steps = false, found = false;
  starts = list_of(node, inputs, 1, "starts", found);
  require(found, "its starts are missing");
  ends = list_of(node, inputs, 2, "ends", found);
  require(found, "its ends are missing");
  axes = list_of(node, inputs, 3, "axes", has_axes);
  if (has(inputs, 4)) {
    steps = constant_ints(inputs, 4, "steps");
    has_steps = true;
  }
  require(starts.size() == ends.size() && (!has_axes || axes.size() == starts.size()) &&
              (!has_steps || steps.size() == starts.size()),
          "starts, ends, axes and steps have different lengths");
  require(has_axes || starts.size() <= shape.size(), "it slices {} dimensions of a tensor of rank {}", starts.size(),
          shape.size());
  std::vector<Range> ranges;
  for (Dim size : shape) {
    ranges.push_back({0, 1, size});
  }
  const std::vector<std::size_t> list = has_axes ? axes_in(axes, shape.size()) : std::vector<std::size_t>{};
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = has_axes ? list[i] : i;
    ranges[axis] = range_of(starts[i], ends[i], has_steps ? steps[i] : 1, shape[axis]);
  }
  return ranges;
}

std::vector<Dim> parts_of(const Node& node, Values inputs, Dim size) {
  bool found = false;
  std::vector<Dim> parts = list_of(node, inputs, 1, "split", found);
  const Dim outputs = len(output_count(node));
  if (!found) {
    require(size % outputs == 0, "a dimension of {} does not split into {} equal parts", size, outputs);
    parts.assign(idx(outputs), size / outputs);
  }
  require(len(parts.size()) == outputs, "split has {} parts for {} outputs", parts.size(), outputs);
  Dim sum = 0;
  for (Dim part : parts) {
    require(part >= 0 && part <= size, "split has a part of {} in a dimension of {}", part, size);
    sum += part;
  }
  require(sum == size, "its parts add up to {}, the dimension is {}", sum, size);
  return parts;
}

struct Padding {
  std::vector<Dim> before, after;
  std::string mode;
};

Padding padding_of(const Node& node, Values inputs) {
  const std::size_t rank = need(inputs, 0).shape.size();
  bool found = false;
  const std::vector<Dim> pads = list_of(node, inputs, 1, "pads", found);
  require(found, "its pads are missing");
  require(pads.size() == 2 * rank, "pads has {} entries, expected {} for a tensor of rank {}", pads.size(), 2 * rank,
          rank);
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(rank);
  Padding p{{pads.begin(), middle}, {middle, pads.end()}, node.text("mode", "constant")};
  require(p.mode == "constant" || p.mode == "reflect" || p.mode == "edge", "mode '{}' is not constant, reflect or edge",
          p.mode);
  for (std::size_t d = 0; d < rank; ++d) {
    const Dim size = inputs[0]->shape[d], most = std::max(p.before[d], p.after[d]),
              least = std::min(p.before[d], p.after[d]);
    require(most < kMaxDim && least > -kMaxDim && size < kMaxDim, "pads of {} are too large", most);
    require(p.mode != "reflect" || most < std::max<Dim>(size, 1), "it reflects {} elements of a dimension of {}", most,
            size);
    require(p.mode != "edge" || most <= 0 || size > 0, "it repeats the edge of an empty dimension");
    require(size + p.before[d] + p.after[d] >= 0, "pads {} and {} remove more than the {} elements of dimension {}",
            p.before[d], p.after[d], size, d);
  }
  return p;
}

// For each position of the padded dimension, the position it copies; -1: the constant.
std::vector<Dim> sources(const Padding& p, std::size_t d, Dim size, Dim padded) {
  std::vector<Dim> result(idx(padded));
  for (Dim i = 0; i < padded; ++i) {
    Dim from = i - p.before[d];
    if (p.mode == "reflect") {
      from = from < 0 ? -from : from >= size ? 2 * (size - 1) - from : from;
    } else if (p.mode == "edge") {
      from = std::clamp<Dim>(from, 0, size - 1);
    }
    result[idx(i)] = from >= 0 && from < size ? from : -1;
  }
  return result;
}

}  // namespace

Types infer_split(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const std::size_t axis = axis_in(node.integer("axis", 0), x.shape.size());
  Types types;
  for (Dim part : parts_of(node, inputs, x.shape[axis])) {
    types.push_back({x.type, x.shape});
    types.back().shape[axis] = part;
  }
  return types;
}

std::vector<Tensor> evaluate_split(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Shape& shape = inputs[0]->shape;
  const std::size_t axis = axis_in(node.integer("axis", 0), shape.size());
  const std::vector<Dim> strides = strides_of(shape);
  Dim offset = 0;
  for (Tensor& part : out) {
    copy_strided(*inputs[0], offset, strides, part);
    offset += part.shape[axis] * strides[axis];
  }
  return out;
}

Types infer_slice(const Node& node, Values inputs) {
  TensorType out{need(inputs, 0).type, {}};
  for (const Range& r : ranges_of(node, inputs)) {
    out.shape.push_back(r.count);
  }
  return {out};
}

std::vector<Tensor> evaluate_slice(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::vector<Value> values = as_values(inputs);
  const std::vector<Range> ranges = ranges_of(node, pointers(values, inputs));
  std::vector<Dim> strides = strides_of(inputs[0]->shape);
  Dim offset = 0;
  for (std::size_t d = 0; d < ranges.size(); ++d) {
    offset += ranges[d].count == 0 ? 0 : ranges[d].start * strides[d];
    strides[d] *= ranges[d].count > 1 ? ranges[d].step : 0;
  }
  copy_strided(*inputs[0], offset, strides, out[0]);
  return out;
}

Types infer_pad(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  require_number(x, "its input");
  const Padding p = padding_of(node, inputs);
  if (has(inputs, 2)) {
    require(inputs[2]->type == x.type && checked_count(inputs[2]->shape) == 1, "its constant must be one {}, not {} {}",
            type_name(x.type), to_string(inputs[2]->shape), type_name(inputs[2]->type));
  }
  TensorType out{x.type, x.shape};
  for (std::size_t d = 0; d < x.shape.size(); ++d) {
    out.shape[d] += p.before[d] + p.after[d];
  }
  return {out};
}

std::vector<Tensor> evaluate_pad(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::vector<Value> values = as_values(inputs);
  const Padding p = padding_of(node, pointers(values, inputs));
  const Tensor& in = *inputs[0];
  Shape outer = out[0].shape;
  const std::size_t rank = outer.size();
  const std::vector<Dim> strides = strides_of(in.shape);
  std::vector<std::vector<Dim>> from;
  for (std::size_t d = 0; d < rank; ++d) {
    from.push_back(sources(p, d, in.shape[d], outer[d]));
  }
  visit_pair(in, out[0], [&]<class T>(const std::vector<T>& x, std::vector<T>& y) {
    T fill{};
    if (has(inputs, 2)) {
      fill = std::get<std::vector<T>>(inputs[2]->data)[0];
    } else if constexpr (std::is_floating_point_v<T>) {
      fill = static_cast<T>(node.real("value", 0.0F));
    }
    std::vector<Dim> index(rank, 0);
    for (T& value : y) {
      Dim at = 0;
      for (std::size_t d = 0; d < rank && at >= 0; ++d) {
        const Dim source = from[d][idx(index[d])];
        at = source < 0 ? -1 : at + source * strides[d];
      }
      value = at < 0 ? fill : x[idx(at)];
      for (std::size_t d = rank; d-- > 0 && ++index[d] == outer[d];) {
        index[d] = 0;
      }
    }
  });
  return out;
}

}  // namespace mantissa::network::ops
