// SPDX-License-Identifier: Apache-2.0
#include "network/work.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "network/op.h"
#include "network/ops/einsum.h"

namespace mantissa::network {
namespace {

std::int64_t product(const Shape& shape, std::size_t from, std::size_t to) {
  std::int64_t result = 1;
  for (std::size_t i = from; i < to && i < shape.size(); ++i) {
    result *= shape[i];
  }
  return result;
}

const Shape& input_shape(const Graph& graph, const Node& node, std::size_t i) {
  return graph.value(node.inputs.at(i)).shape;
}
// Of the matrix that data is multiplied with.
const Shape& weight_shape(const Graph& graph, const Node& node) {
  return input_shape(graph, node, matrix_operands(node.op)[1]);
}
const Shape& output_shape(const Graph& graph, const Node& node) {
  return graph.value(node.outputs.at(0)).shape;
}

std::size_t axis_of(const Node& node, const char* key, std::int64_t fallback, std::size_t rank) {
  const std::int64_t axis = node.integer(key, fallback);
  return static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis);
}

// Attribute with one number per spatial axis of a 1-D or 2-D window, as {h, w}.
std::array<std::int64_t, 2> window(const Node& node, const char* key, std::size_t spatial) {
  const auto list = node.integers(key, std::vector<std::int64_t>(spatial, 1));
  return spatial == 1 ? std::array<std::int64_t, 2>{1, list.at(0)}
                      : std::array<std::int64_t, 2>{list.at(0), list.at(1)};
}

// {h, w} of a shape with two leading dimensions.
std::array<std::int64_t, 2> plane(const Shape& shape) {
  return shape.size() == 3 ? std::array<std::int64_t, 2>{1, shape[2]} : std::array<std::int64_t, 2>{shape[2], shape[3]};
}

Work conv_work(const Graph& graph, const Node& node) {
  const Shape &x = input_shape(graph, node, 0), &w = weight_shape(graph, node), &y = output_shape(graph, node);
  const std::int64_t groups = node.integer("group", 1);
  if (x.size() > 4) {
    // MODEL: a volume's convolution is its matrix product; locality between windows is not modelled.
    return GemmWork{groups, x[0] * product(y, 2, y.size()), y[1] / groups, product(w, 1, w.size())};
  }
  const auto [h, width] = plane(x);
  const auto [out_h, out_w] = plane(y);
  const auto [kernel_h, kernel_w] = plane(w);
  const auto [stride_h, stride_w] = window(node, "strides", x.size() - 2);
  const auto [dilation_h, dilation_w] = window(node, "dilations", x.size() - 2);
  return ConvWork{x[0],     x[1],     h,        width,    y[1],       out_h,      out_w,
                  kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, groups};
}

// MODEL: where the strides divide the kernel and each input pixel gives stride x stride output pixels, each output
// pixel is a small convolution over kernel / stride taps (the sub-pixel form). Otherwise the work is that of the
// convolution whose gradient this is, from the output back to the input. Both have exactly inputs x kernel x output
// channels of a group multiply-accumulates.
Work conv_transpose_work(const Graph& graph, const Node& node) {
  const Shape &x = input_shape(graph, node, 0), &w = input_shape(graph, node, 1), &y = output_shape(graph, node);
  const std::int64_t groups = node.integer("group", 1);
  if (x.size() > 4) {
    return GemmWork{groups, x[0] * product(x, 2, x.size()), product(w, 1, w.size()), x[1] / groups};
  }
  const auto [h, width] = plane(x);
  const auto [out_h, out_w] = plane(y);
  const auto [kernel_h, kernel_w] = plane(w);
  const auto [stride_h, stride_w] = window(node, "strides", x.size() - 2);
  const auto [dilation_h, dilation_w] = window(node, "dilations", x.size() - 2);
  const bool subpixel =
      kernel_h % stride_h == 0 && kernel_w % stride_w == 0 && out_h == h * stride_h && out_w == width * stride_w;
  if (subpixel) {
    return ConvWork{x[0], x[1], h,          width,      y[1],  out_h, out_w, kernel_h / stride_h, kernel_w / stride_w,
                    1,    1,    dilation_h, dilation_w, groups};
  }
  return ConvWork{x[0],     y[1],     out_h,    out_w,    x[1],       h,          width,
                  kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, groups};
}

Work gemm_work(const Graph& graph, const Node& node) {
  const Shape &a = input_shape(graph, node, 0), &y = output_shape(graph, node);
  return GemmWork{1, y[0], y[1], node.integer("transA", 0) != 0 ? a[0] : a[1]};
}

Work matmul_work(const Graph& graph, const Node& node) {
  const Shape &a = input_shape(graph, node, 0), &b = weight_shape(graph, node), &y = output_shape(graph, node);
  const std::int64_t k = a.back(), n = b.size() == 1 ? 1 : b.back(), outputs = element_count(y);
  if (b.size() <= 2) {
    return GemmWork{1, element_count(a) / std::max<std::int64_t>(k, 1), n,
                    k};  // one weight matrix: the batch joins the rows
  }
  const std::int64_t m = a.size() == 1 ? 1 : a[a.size() - 2];
  return GemmWork{outputs / std::max<std::int64_t>(m * n, 1), m, n, k};
}

Work einsum_work(const Graph& graph, const Node& node) {
  std::vector<Shape> shapes;
  for (const ValueId id : node.inputs) {
    shapes.push_back(graph.value(id).shape);
  }
  return ops::einsum_work(node, shapes);
}

Work attention_work(const Graph& graph, const Node& node) {
  const Shape &q = input_shape(graph, node, 0), &k = input_shape(graph, node, node.inputs.size() > 4 ? 3 : 1);
  const std::int64_t heads = node.integer("heads", 1);
  return AttentionWork{q[0], heads,        node.integer("kv_heads", heads), q[1],
                       k[1], q[2] / heads, node.integer("causal", 0) != 0};
}

std::int64_t reduce_length(const Graph& graph, const Node& node) {
  const Shape &x = input_shape(graph, node, 0), &y = output_shape(graph, node);
  const std::size_t rank = x.size();
  switch (node.op) {
    case Op::kMaxPool:
    case Op::kAveragePool:
    case Op::kLpPool: {
      const auto kernel = node.integers("kernel_shape", {});
      return std::accumulate(kernel.begin(), kernel.end(), std::int64_t{1}, std::multiplies<>());
    }
    case Op::kGlobalAveragePool:
    case Op::kGlobalMaxPool:
    case Op::kGlobalLpPool:
    case Op::kInstanceNormalization:
      return product(x, 2, rank);
    case Op::kSoftmax:
    case Op::kLogSoftmax:
    case Op::kHardmax: {
      const bool flattens = node.opset < 13;  // until opset 12 all dimensions from the axis on are one
      const std::size_t axis = axis_of(node, "axis", flattens ? 1 : -1, rank);
      return flattens ? product(x, axis, rank) : product(x, axis, axis + 1);
    }
    case Op::kLayerNormalization:
      return product(x, axis_of(node, "axis", -1, rank), rank);
    case Op::kMeanVarianceNormalization: {
      std::int64_t length = 1;
      for (const std::int64_t axis : node.integers("axes", {0, 2, 3})) {
        length *= x.at(static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis));
      }
      return length;
    }
    case Op::kLpNormalization:
    case Op::kTopK: {
      const std::size_t axis = axis_of(node, "axis", -1, rank);
      return product(x, axis, axis + 1);
    }
    case Op::kRmsNorm:
      return x.back();
    case Op::kDynamicQuantizeLinear:
      return element_count(x);
    default:  // Reduce*, ArgMax, ArgMin: as many elements fall together as the output has fewer
      return element_count(x) / std::max<std::int64_t>(element_count(y), 1);
  }
}

Work reduce_work(const Graph& graph, const Node& node) {
  const OpInfo& row = info(node.op);
  const std::int64_t length = std::max<std::int64_t>(reduce_length(graph, node), 1);
  const std::int64_t outputs = element_count(output_shape(graph, node)),
                     inputs = element_count(input_shape(graph, node, 0));
  const bool pools = node.op == Op::kMaxPool || node.op == Op::kAveragePool || node.op == Op::kLpPool;
  return ReduceWork{pools ? outputs : inputs / length, length, row.reduce_passes, row.vector_ops, row.special_ops};
}

// Elements that lie together both where they are read and where they are written.
std::int64_t contiguous(const Graph& graph, const Node& node) {
  const Shape &x = input_shape(graph, node, 0), &y = output_shape(graph, node);
  switch (node.op) {
    case Op::kConcat:
    case Op::kSplit: {
      const bool split = node.op == Op::kSplit;
      const Shape& part = split ? y : x;
      const std::size_t axis = axis_of(node, "axis", split ? 0 : 1, part.size());
      return product(part, axis, part.size());
    }
    case Op::kGather: {
      const std::size_t axis = axis_of(node, "axis", 0, x.size());
      return product(x, axis + 1, x.size());
    }
    case Op::kTranspose: {
      // Trailing axes that stay in place move as one.
      std::vector<std::int64_t> reversed(x.size());
      std::iota(reversed.rbegin(), reversed.rend(), 0);
      const auto perm = node.integers("perm", reversed);
      std::size_t kept = x.size();
      while (kept > 0 && perm[kept - 1] == static_cast<std::int64_t>(kept - 1)) {
        --kept;
      }
      return product(x, kept, x.size());
    }
    case Op::kSlice:
    case Op::kPad:
    case Op::kExpand:
    case Op::kTile: {
      // Trailing axes that are taken whole, and the run along the first one that is not.
      std::size_t i = x.size(), j = y.size();
      std::int64_t run = 1;
      while (i > 0 && j > 0 && x[i - 1] == y[j - 1]) {
        run *= x[--i];
        --j;
      }
      return i > 0 && j > 0 ? run * std::min(x[i - 1], y[j - 1]) : run;
    }
    default:
      return 1;
  }
}

Work copy_work(const Graph& graph, const Node& node) {
  std::int64_t elements = 0;
  for (const ValueId id : node.outputs) {
    elements += element_count(graph.value(id).shape);
  }
  return CopyWork{elements, std::max<std::int64_t>(std::min(contiguous(graph, node), elements), 1)};
}

}  // namespace

VectorCost vector_cost(const Node& node) {
  const OpInfo& row = info(node.op);
  const bool variadic = node.op == Op::kSum || node.op == Op::kMean || node.op == Op::kMin || node.op == Op::kMax;
  const double factor = variadic ? static_cast<double>(std::max<std::size_t>(node.inputs.size(), 2) - 1) : 1.0;
  return {row.vector_ops * factor, row.special_ops * factor};
}

VectorCost epilogue_cost(const Graph& graph, const Node& node) {
  const auto given = [&](std::size_t i) { return i < node.inputs.size() && node.inputs[i] >= 0; };
  const auto zeros = [&](std::size_t i) {  // no zero point, or one that is known to be 0
    const Tensor* known = given(i) ? graph.value(node.inputs[i]).constant.get() : nullptr;
    return !given(i) || (known != nullptr && std::ranges::all_of(known->ints(), [](std::int64_t z) { return z == 0; }));
  };
  // MODEL: sums of codes, which a zero point is multiplied with, come with the operands; taking the product off costs
  // a multiplication and a subtraction. That of the data goes into a known bias.
  const double requantization = 4;  // scaling, rounding, zero point, saturation
  switch (node.op) {
    case Op::kConv:
    case Op::kConvTranspose:
    case Op::kGemm:
      return {given(2) ? 1.0 : 0.0, 0};
    case Op::kQLinearConv:
      return {requantization + (given(8) || !zeros(2) ? 1 : 0) + (zeros(5) ? 0 : 2), 0};
    case Op::kQLinearMatMul:
      return {requantization + (zeros(2) ? 0 : 2) + (zeros(5) ? 0 : 2), 0};
    case Op::kConvInteger:
    case Op::kMatMulInteger:
      return {(zeros(2) ? 0.0 : 2.0) + (zeros(3) ? 0.0 : 2.0), 0};
    default:
      return {};
  }
}

Work make_work(const Graph& graph, const Node& node) {
  const bool nearest =
      (node.op == Op::kResize || node.op == Op::kUpsample) && node.text("mode", "nearest") == "nearest";
  switch (nearest || node.op == Op::kEyeLike ? KernelKind::kCopy : info(node.op).kind) {
    case KernelKind::kConv:
      return node.op == Op::kConvTranspose ? conv_transpose_work(graph, node) : conv_work(graph, node);
    case KernelKind::kGemm:
      return node.op == Op::kGemm     ? gemm_work(graph, node)
             : node.op == Op::kEinsum ? einsum_work(graph, node)
                                      : matmul_work(graph, node);
    case KernelKind::kAttention:
      return attention_work(graph, node);
    case KernelKind::kReduce:
      return reduce_work(graph, node);
    case KernelKind::kCopy:
      return copy_work(graph, node);
    case KernelKind::kVector: {
      const VectorCost cost = vector_cost(node);
      return VectorWork{element_count(output_shape(graph, node)), cost.ops, cost.specials};
    }
    case KernelKind::kView:
      if (node.op == Op::kCast || node.op == Op::kCastLike) {  // between integers and reals, or it would be a view
        return VectorWork{element_count(output_shape(graph, node)), 1, 0};
      }
      break;
  }
  throw OpError("its result depends on data in a way that cannot be timed");
}

}  // namespace mantissa::network
