// SPDX-License-Identifier: Apache-2.0
// ConvInteger and QLinearConv: exact 32-bit sums of products of codes; padding reads the input's zero point.
// QLinearConv adds the int32 bias, scales by one FP32 factor a channel, rounds half to even and saturates, as ONNX
// Runtime does.
#include "network/ops/codes.h"
#include "network/ops/convolution.h"
#include "network/ops/families.h"
#include "numerics/requantize.h"

namespace mantissa::network::ops {

namespace {

// Where an operator has its input and weights: the tensor, then (scale,) zero point.
struct Place {
  std::size_t weights = 1, zero_x = 2, zero_w = 3;
};
Place place_of(const Node& node) {
  return node.op == Op::kQLinearConv ? Place{3, 2, 5} : Place{};
}

Convolution check_operands(const Node& node, Values inputs) {
  const Place place = place_of(node);
  const Value &x = need(inputs, 0), &w = need(inputs, place.weights);
  require_bytes(x, "its input");
  require_bytes(w, "its weights");
  spatial(x.shape, "its input");
  require(w.shape.size() == x.shape.size(), "its weights have shape {}, the input has rank {}", to_string(w.shape),
          x.shape.size());
  check_zero_point(inputs, place.zero_x, x.type, "x_zero_point", {});
  check_zero_point(inputs, place.zero_w, w.type, "w_zero_point", {w.shape[0], "output channels"});
  return forward_convolution(node, x.shape, w.shape);
}

// finish(output channel, first element of the output, sums of some pixels of one image).
template <class Finish>
void convolve(const Node& node, Tensors inputs, Finish&& finish) {
  const Place place = place_of(node);
  const Tensor &x = *inputs[0], &w = *inputs[place.weights];
  const Convolution conv = forward_convolution(node, x.shape, w.shape);
  if (conv.empty()) {
    return;
  }
  const Dim k = conv.k(), pixels = conv.window.out_size(), block = column_block(conv), outputs = conv.out_channels;
  const auto input = signed_codes(x), kernel = pack_weights(conv, signed_codes(w));
  const auto zero_x = signed_zero_points(zero_points_of(inputs, place.zero_x), x.type);
  const auto zero_w = signed_zero_points(zero_points_of(inputs, place.zero_w), w.type);
  std::vector<std::int8_t> columns(idx(k * block));
  std::vector<std::int32_t> sums(idx(outputs * block));
  for (Dim ng = 0; ng < conv.images * conv.groups; ++ng) {
    const Dim first = ng % conv.groups * outputs;  // output channel
    const std::span<const std::int32_t> zeros(zero_w);
    const auto of_group = zeros.size() == 1 ? zeros : zeros.subspan(idx(first), idx(outputs));
    for (Dim p = 0; p < pixels; p += block) {
      const Dim count = std::min(block, pixels - p);
      im2col(conv, input.data() + ng * conv.in_channels * conv.window.in_size(), p, p + count,
             static_cast<std::int8_t>(zero_x[0]), columns.data());
      multiply_codes(outputs, count, k, kernel.data() + first * k, of_group, columns.data(), zero_x, sums.data());
      for (Dim m = 0; m < outputs; ++m) {
        finish(first + m, (ng * outputs + m) * pixels + p,
               std::span<const std::int32_t>(sums).subspan(idx(m * count), idx(count)));
      }
    }
  }
}

}  // namespace

Types infer_conv_integer(const Node& node, Values inputs) {
  return {check_operands(node, inputs).result(ElementType::kInt32)};
}

std::vector<Tensor> evaluate_conv_integer(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::span<Dim> y = out[0].ints();
  convolve(node, inputs,
           [&](Dim, Dim at, std::span<const std::int32_t> sums) { std::ranges::copy(sums, y.begin() + at); });
  return out;
}

Types infer_qlinear_conv(const Node& node, Values inputs) {
  const Convolution conv = check_operands(node, inputs);
  const Dim channels = conv.out_channels * conv.groups;
  check_scale(inputs, 1, "x_scale", {});
  check_scale(inputs, 4, "w_scale", {channels, "output channels"});
  const Value& zero = need(inputs, 7);
  require_bytes(zero, "its y_zero_point");
  check_scale(inputs, 6, "y_scale", {});
  check_zero_point(inputs, 7, zero.type, "y_zero_point", {});
  if (has(inputs, 8)) {
    require(inputs[8]->type == ElementType::kInt32, "its bias must be int32, not {}", type_name(inputs[8]->type));
    require(inputs[8]->shape == Shape{channels}, "the bias has shape {}, expected {} output channels",
            to_string(inputs[8]->shape), channels);
  }
  return {conv.result(zero.type)};
}

std::vector<Tensor> evaluate_qlinear_conv(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const std::span<Dim> y = out[0].ints();
  const float scale_x = inputs[1]->floats()[0], scale_y = inputs[6]->floats()[0];
  const PerChannel<float> scale_w = scales_of(inputs, 4);
  const numerics::OutputRange range{static_cast<std::int32_t>(zero_points_of(inputs, 7)(0)),
                                    static_cast<std::int32_t>(lowest_code(out[0].type)),
                                    static_cast<std::int32_t>(highest_code(out[0].type))};
  convolve(node, inputs, [&](Dim channel, Dim at, std::span<const std::int32_t> sums) {
    const float factor = requantization_scale(scale_x, scale_w(channel), scale_y);
    const auto bias = has(inputs, 8) ? static_cast<std::uint32_t>(inputs[8]->ints()[idx(channel)]) : 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const auto sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sums[i]) + bias);
      y[idx(at) + i] = numerics::requantize_float_scale(sum, factor, range);
    }
  });
  return out;
}

}  // namespace mantissa::network::ops
