// SPDX-License-Identifier: Apache-2.0
// Conv and ConvTranspose in 1 to 3 spatial dimensions, as matrix products over im2col. k runs over the kernel's
// positions, then the channels of the group (innermost): the order in which products are accumulated. The bias is added
// afterwards, in FP32. A transposed convolution is the convolution of the input, spread with zeros by its stride, with
// the mirrored kernel.
#include <algorithm>

#include "network/ops/convolution.h"
#include "network/ops/families.h"
#include "numerics/datapath.h"

namespace mantissa::network::ops {

namespace {

// weights: [group][out channel][tap][in channel].
void convolve(const Convolution& conv, const float* input, const float* weights, float* output) {
  static const numerics::Datapath kFp32 = numerics::fp32_reference();
  const Window& w = conv.window;
  const Dim k = conv.k(), pixels = w.out_size();
  const Dim block = column_block(conv);
  std::vector<float> columns(reads_input_directly(w) ? 0 : idx(k * block));
  for (Dim ng = 0; ng < conv.images * conv.groups; ++ng) {
    const float* image = input + ng * conv.in_channels * w.in_size();
    const float* kernel = weights + ng % conv.groups * conv.out_channels * k;
    float* result = output + ng * conv.out_channels * pixels;
    if (columns.empty()) {
      numerics::gemm(kFp32, conv.out_channels, pixels, k, kernel, k, image, pixels, result, pixels);
      continue;
    }
    for (Dim p = 0; p < pixels; p += block) {
      const Dim count = std::min(block, pixels - p);
      im2col(conv, image, p, p + count, 0.0F, columns.data());
      numerics::gemm(kFp32, conv.out_channels, count, k, kernel, k, columns.data(), count, result + p, pixels);
    }
  }
}

void add_bias(Tensor& out, const Tensor* bias) {
  if (bias == nullptr) {
    return;
  }
  const std::span<float> data = out.floats();
  const Dim channels = out.shape[1], pixels = product(out.shape, 2, out.shape.size());
  for (Dim i = 0; i < out.shape[0] * channels; ++i) {
    const float b = bias->floats()[idx(i % channels)];
    for (float& v : data.subspan(idx(i * pixels), idx(pixels))) {
      v += b;
    }
  }
}

void check_bias(Values inputs, Dim channels) {
  if (has(inputs, 2)) {
    require_kfloat(*inputs[2], "its bias");
    require(inputs[2]->shape == Shape{channels}, "the bias has shape {}, expected {} output channels",
            to_string(inputs[2]->shape), channels);
  }
}

const Value& weights_of(Values inputs) {
  const Value& x = need(inputs, 0);
  const Value& weights = need(inputs, 1);
  require_kfloat(x, "its input");
  require_kfloat(weights, "its weights");
  spatial(x.shape, "its input");
  require(weights.shape.size() == x.shape.size(), "its weights have shape {}, the input has rank {}",
          to_string(weights.shape), x.shape.size());
  return weights;
}

Convolution transposed(const Node& node, const Shape& x, const Shape& weights) {
  Convolution conv;
  conv.groups = groups_of(node, x[1], "input channels");
  require(weights[0] == x[1], "the weights expect {} input channels, the input has {}", weights[0], x[1]);
  conv.window = transposed_window(node, x, kernel_of(node, x.size() - 2, Shape(weights.begin() + 2, weights.end())));
  conv.images = x[0];
  conv.in_channels = x[1] / conv.groups;
  conv.out_channels = weights[1];
  return conv;
}

// The input with stride - 1 zeros between neighbours.
std::vector<float> spread(const Window& w, Dim planes, const float* input, const Triple& size) {
  std::vector<float> result(idx(planes * size[0] * size[1] * size[2]), 0.0F);
  for (Dim p = 0; p < planes; ++p) {
    for (Dim i = 0; i < w.in_size(); ++i) {
      const Dim d = i / (w.in[1] * w.in[2]), h = i / w.in[2] % w.in[1], x = i % w.in[2];
      result[idx(((p * size[0] + d * w.stride[0]) * size[1] + h * w.stride[1]) * size[2] + x * w.stride[2])] =
          input[p * w.in_size() + i];
    }
  }
  return result;
}

}  // namespace

Types infer_conv(const Node& node, Values inputs) {
  const Value& weights = weights_of(inputs);
  check_bias(inputs, weights.shape[0]);
  return {forward_convolution(node, inputs[0]->shape, weights.shape).result(ElementType::kFloat)};
}

std::vector<Tensor> evaluate_conv(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  const Convolution conv = forward_convolution(node, inputs[0]->shape, inputs[1]->shape);
  if (!conv.empty()) {
    const auto packed = pack_weights(conv, std::get<std::vector<float>>(inputs[1]->data));
    convolve(conv, inputs[0]->floats().data(), packed.data(), out[0].floats().data());
  }
  add_bias(out[0], has(inputs, 2) ? inputs[2] : nullptr);
  return out;
}

Types infer_conv_transpose(const Node& node, Values inputs) {
  const Value& weights = weights_of(inputs);
  const Convolution conv = transposed(node, inputs[0]->shape, weights.shape);
  check_bias(inputs, conv.out_channels * conv.groups);
  return {conv.result(ElementType::kFloat)};
}

std::vector<Tensor> evaluate_conv_transpose(const Node& node, Tensors inputs) {
  std::vector<Tensor> out = allocate(node, inputs);
  Convolution conv = transposed(node, inputs[0]->shape, inputs[1]->shape);
  const Window w = conv.window;
  for (std::size_t d = 0; d < 3; ++d) {
    conv.window.in[d] = (w.in[d] - 1) * w.stride[d] + 1;
    conv.window.stride[d] = 1;
    conv.window.pad[d] = w.dilation[d] * (w.kernel[d] - 1) - w.pad[d];  // negative: the border is cut off
  }
  require(checked_count({conv.images, inputs[0]->shape[1], conv.window.in[0], conv.window.in[1], conv.window.in[2]}) <=
              kMaxElements,
          "its strides make it too large to compute");
  const std::vector<float> input =
      spread(w, conv.images * conv.groups * conv.in_channels, inputs[0]->floats().data(), conv.window.in);
  const Dim taps = w.taps();
  std::vector<float> packed(inputs[1]->floats().size());
  for (Dim i = 0; i < len(packed.size()); ++i) {  // [group][channel][out][tap] -> [group][out][mirrored tap][channel]
    const Dim t = i % taps, o = i / taps % conv.out_channels, gc = i / taps / conv.out_channels;
    const Dim c = gc % conv.in_channels, go = gc / conv.in_channels * conv.out_channels + o;
    packed[idx((go * taps + (taps - 1 - t)) * conv.in_channels + c)] = inputs[1]->floats()[idx(i)];
  }
  if (conv.out_channels > 0 && conv.k() > 0 && w.out_size() > 0) {
    convolve(conv, input.data(), packed.data(), out[0].floats().data());
  }
  add_bias(out[0], has(inputs, 2) ? inputs[2] : nullptr);
  return out;
}

}  // namespace mantissa::network::ops
