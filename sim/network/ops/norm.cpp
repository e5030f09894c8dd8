// SPDX-License-Identifier: Apache-2.0
// Normalisations: BatchNormalization (inference), InstanceNormalization, LayerNormalization, MeanVarianceNormalization,
// LRN and LpNormalization. Statistics are sums in double; each result is computed in double and rounded once.
#include <algorithm>
#include <cmath>

#include "network/ops/families.h"

namespace mantissa::network::ops {

namespace {

constexpr double kMvnEpsilon = 1e-9;  // ONNX's definition of MeanVarianceNormalization

double epsilon_of(const Node& node) {
  return static_cast<double>(node.real("epsilon", 1e-5F));
}

template <class T>
std::vector<T>& data(Tensor& tensor) {
  return std::get<std::vector<T>>(tensor.data);
}
template <class T>
const std::vector<T>& data(const Tensor& tensor) {
  return std::get<std::vector<T>>(tensor.data);
}

struct Moments {
  double mean = 0, variance = 0;
};

// Of a run of `count` elements; two passes, so that the variance does not cancel.
template <class T>
Moments moments(const T* x, Dim count) {
  Moments m;
  for (Dim i = 0; i < count; ++i) {
    m.mean += static_cast<double>(x[i]);
  }
  m.mean /= static_cast<double>(count);
  for (Dim i = 0; i < count; ++i) {
    const double d = static_cast<double>(x[i]) - m.mean;
    m.variance += d * d;
  }
  m.variance /= static_cast<double>(count);
  return m;
}

template <class T>
void batch(const Node& node, Tensors in, Tensor& out) {
  const auto& x = data<T>(*in[0]);
  auto& y = data<T>(out);
  const Dim channels = in[0]->shape.size() > 1 ? in[0]->shape[1] : 1;
  const Dim pixels = product(in[0]->shape, std::min<std::size_t>(2, in[0]->shape.size()), in[0]->shape.size());
  for (Dim nc = 0; nc < in[0]->shape[0] * channels; ++nc) {
    const Dim c = nc % channels;
    const double factor = real_at(*in[1], c) / std::sqrt(real_at(*in[4], c) + epsilon_of(node));
    const double mean = real_at(*in[3], c), bias = real_at(*in[2], c);
    for (Dim i = nc * pixels; i < (nc + 1) * pixels; ++i) {
      y[idx(i)] = static_cast<T>((static_cast<double>(x[idx(i)]) - mean) * factor + bias);
    }
  }
}

template <class T>
void instance(const Node& node, Tensors in, Tensor& out) {
  const auto& x = data<T>(*in[0]);
  auto& y = data<T>(out);
  const Dim channels = in[0]->shape[1], pixels = product(in[0]->shape, 2, in[0]->shape.size());
  for (Dim nc = 0; pixels > 0 && nc < in[0]->shape[0] * channels; ++nc) {
    const Moments m = moments(x.data() + nc * pixels, pixels);
    const double factor = real_at(*in[1], nc % channels) / std::sqrt(m.variance + epsilon_of(node));
    const double bias = real_at(*in[2], nc % channels);
    for (Dim i = nc * pixels; i < (nc + 1) * pixels; ++i) {
      y[idx(i)] = static_cast<T>((static_cast<double>(x[idx(i)]) - m.mean) * factor + bias);
    }
  }
}

// Outputs: the result and, if listed, each row's mean and inverse standard deviation.
template <class T>
void layer(const Node& node, Tensors in, std::vector<Tensor>& out) {
  const std::size_t axis = axis_in(node.integer("axis", -1), in[0]->shape.size());
  const Shape inner(in[0]->shape.begin() + static_cast<std::ptrdiff_t>(axis), in[0]->shape.end());
  const Dim rows = product(in[0]->shape, 0, axis), count = checked_count(inner);
  Tensor scale = Tensor::zeros(in[0]->type, inner), bias = scale;
  copy_strided(*in[1], 0, broadcast_strides(in[1]->shape, inner), scale);
  if (has(in, 2)) {
    copy_strided(*in[2], 0, broadcast_strides(in[2]->shape, inner), bias);
  }
  for (Dim r = 0; count > 0 && r < rows; ++r) {
    const T* x = data<T>(*in[0]).data() + r * count;
    T* y = data<T>(out[0]).data() + r * count;
    const Moments m = moments(x, count);
    const double inverse = 1.0 / std::sqrt(m.variance + epsilon_of(node));
    for (Dim i = 0; i < count; ++i) {
      const double unit = (static_cast<double>(x[i]) - m.mean) * inverse;
      y[i] = static_cast<T>(unit * static_cast<double>(data<T>(scale)[idx(i)]) +
                            static_cast<double>(data<T>(bias)[idx(i)]));
    }
    if (out.size() > 1) {
      out[1].floats()[idx(r)] = static_cast<float>(m.mean);
    }
    if (out.size() > 2) {
      out[2].floats()[idx(r)] = static_cast<float>(inverse);
    }
  }
}

// A tensor seen with some axes moved last: element (row, i) of rows x length.
struct Rows {
  Tensor order;  // original index of each element, rows in order
  Dim rows = 0, length = 0;
};

Rows rows_over(const Shape& shape, const std::vector<std::size_t>& axes) {
  Rows r;
  Tensor index = Tensor::zeros(ElementType::kInt64, shape);
  for (Dim i = 0; i < len(index.ints().size()); ++i) {
    index.ints()[idx(i)] = i;
  }
  const std::vector<Dim> dense = strides_of(shape);
  Shape outer, inner;
  std::vector<Dim> strides, inner_strides;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const bool last = std::ranges::find(axes, d) != axes.end();
    (last ? inner : outer).push_back(shape[d]);
    (last ? inner_strides : strides).push_back(dense[d]);
  }
  r.rows = checked_count(outer);
  r.length = checked_count(inner);
  outer.insert(outer.end(), inner.begin(), inner.end());
  strides.insert(strides.end(), inner_strides.begin(), inner_strides.end());
  r.order = Tensor::zeros(ElementType::kInt64, outer);
  copy_strided(index, 0, strides, r.order);
  return r;
}

std::vector<std::size_t> normalised_axes(const Node& node, std::size_t rank) {
  return node.op == Op::kLpNormalization ? axes_in({node.integer("axis", -1)}, rank)
                                         : axes_in(node.integers("axes", {0, 2, 3}), rank);
}

// MeanVarianceNormalization and LpNormalization: each row over some axes by its own statistics.
template <class T>
void rowwise(const Node& node, const Tensor& in, Tensor& out) {
  const Rows r = rows_over(in.shape, normalised_axes(node, in.shape.size()));
  std::vector<T> row(idx(r.length));
  for (Dim k = 0; r.length > 0 && k < r.rows; ++k) {
    const Dim* order = r.order.ints().data() + k * r.length;
    for (Dim i = 0; i < r.length; ++i) {
      row[idx(i)] = data<T>(in)[idx(order[i])];
    }
    double shift = 0, divisor = 0;
    if (node.op == Op::kMeanVarianceNormalization) {
      const Moments m = moments(row.data(), r.length);
      shift = m.mean;
      divisor = std::sqrt(m.variance) + kMvnEpsilon;
    } else {
      for (T v : row) {
        divisor += node.integer("p", 2) == 1 ? std::abs(static_cast<double>(v))
                                             : static_cast<double>(v) * static_cast<double>(v);
      }
      divisor = node.integer("p", 2) == 1 ? divisor : std::sqrt(divisor);
    }
    for (Dim i = 0; i < r.length; ++i) {  // a row of zeros stays zero
      data<T>(out)[idx(order[i])] =
          static_cast<T>(divisor == 0 ? 0.0 : (static_cast<double>(row[idx(i)]) - shift) / divisor);
    }
  }
}

template <class T>
void local_response(const Node& node, const Tensor& in, Tensor& out) {
  const auto& x = data<T>(in);
  const Dim channels = in.shape[1], pixels = product(in.shape, 2, in.shape.size()), size = node.integer("size", 1);
  const double alpha = static_cast<double>(node.real("alpha", 1e-4F)) / static_cast<double>(size);
  const double beta = static_cast<double>(node.real("beta", 0.75F)),
               bias = static_cast<double>(node.real("bias", 1.0F));
  for (Dim i = 0; i < len(x.size()); ++i) {
    const Dim c = i / pixels % channels, base = i - c * pixels;
    double sum = 0;
    for (Dim k = std::max<Dim>(0, c - (size - 1) / 2); k <= std::min(channels - 1, c + size / 2); ++k) {
      const double v = static_cast<double>(x[idx(base + k * pixels)]);
      sum += v * v;
    }
    data<T>(out)[idx(i)] = static_cast<T>(static_cast<double>(x[idx(i)]) / std::pow(bias + alpha * sum, beta));
  }
}

template <class T>
void evaluate_as(const Node& node, Tensors in, std::vector<Tensor>& out) {
  switch (node.op) {
    case Op::kBatchNormalization:
      return batch<T>(node, in, out[0]);
    case Op::kInstanceNormalization:
      return instance<T>(node, in, out[0]);
    case Op::kLayerNormalization:
      return layer<T>(node, in, out);
    case Op::kLRN:
      return local_response<T>(node, *in[0], out[0]);
    default:
      return rowwise<T>(node, *in[0], out[0]);
  }
}

void check_channel_vectors(Values inputs, Dim channels) {
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    require_float(need(inputs, i), "its parameters");
    require(inputs[i]->shape == Shape{channels},
            "its input {} has shape {}, expected one value for each of {} channels", i, to_string(inputs[i]->shape),
            channels);
  }
}

}  // namespace

Types infer_norm(const Node& node, Values inputs) {
  const Value& x = need(inputs, 0);
  const std::size_t rank = x.shape.size();
  require_float(x, "its input");
  Types types{{x.type, x.shape}};
  if (node.op == Op::kBatchNormalization) {
    require(node.integer("training_mode", 0) == 0 && output_count(node) == 1,
            "training mode is not supported: export the network for inference");
    require(rank >= 1, "its input is a scalar");
    require(node.integer("spatial", 1) == 1, "spatial = 0 is not supported");
    check_channel_vectors(inputs, rank > 1 ? x.shape[1] : 1);
  } else if (node.op == Op::kInstanceNormalization) {
    require(rank >= 3, "its input has shape {}, expected batch x channels x spatial dimensions", to_string(x.shape));
    check_channel_vectors(inputs, x.shape[1]);
  } else if (node.op == Op::kLayerNormalization) {
    require(node.integer("stash_type", 1) == 1, "stash_type {} is not supported: statistics are float",
            node.integer("stash_type", 1));
    const std::size_t axis = axis_in(node.integer("axis", -1), rank);
    const Shape inner(x.shape.begin() + static_cast<std::ptrdiff_t>(axis), x.shape.end());
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      require(!has(inputs, i) || (inputs[i]->type == x.type && broadcast(inputs[i]->shape, inner) == inner),
              "its scale and bias must be {} and broadcast to {}", type_name(x.type), to_string(inner));
    }
    Shape rows = x.shape;
    std::fill(rows.begin() + static_cast<std::ptrdiff_t>(axis), rows.end(), 1);
    types.resize(output_count(node), {ElementType::kFloat, rows});
  } else if (node.op == Op::kLRN) {
    require(rank >= 3, "its input has shape {}, expected batch x channels x spatial dimensions", to_string(x.shape));
    require(node.integer("size", 0) >= 1 && node.integer("size", 0) < kMaxDim, "size must be at least 1");
  } else {
    require(node.integer("p", 2) == 1 || node.integer("p", 2) == 2, "p must be 1 or 2");
    normalised_axes(node, rank);
  }
  return types;
}

std::vector<Tensor> evaluate_norm(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  if (inputs[0]->type == ElementType::kFloat) {
    evaluate_as<float>(node, inputs, out);
  } else {
    evaluate_as<double>(node, inputs, out);
  }
  return out;
}

}  // namespace mantissa::network::ops
