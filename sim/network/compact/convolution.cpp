// SPDX-License-Identifier: Apache-2.0
// Layers of convolutional networks. Batch normalization is folded into the convolution, as every inference compiler
// does: the graph has a bias instead, and the scale counts as a folded parameter.
#include <fmt/format.h>

#include <array>

#include "network/compact/layers.h"

namespace mantissa::network {
namespace {

using config::YamlNode;
using Pair = std::array<std::int64_t, 2>;

constexpr std::int64_t kMaxChannels = 1'000'000, kMaxWindow = 10'000;

// One number for both axes, or [height, width].
Pair pair(const std::optional<YamlNode>& node, Pair fallback, std::int64_t min) {
  if (!node) {
    return fallback;
  }
  if (node->kind() != YamlNode::Kind::kSequence) {
    const std::int64_t both = node->integer(min, kMaxWindow);
    return {both, both};
  }
  const auto items = node->items();
  if (items.size() != 2) {
    node->error("give one number, or [height, width]");
    return fallback;
  }
  return {items[0].integer(min, kMaxWindow), items[1].integer(min, kMaxWindow)};
}

struct Window {
  Pair kernel{1, 1}, stride{1, 1}, padding{0, 0}, dilation{1, 1};

  Builder::Attributes attributes() const {
    const auto list = [](Pair p) { return std::vector<std::int64_t>{p[0], p[1]}; };
    return {{"kernel_shape", list(kernel)},
            {"strides", list(stride)},
            {"pads", std::vector<std::int64_t>{padding[0], padding[1], padding[0], padding[1]}}};
  }
};

// Padding defaults to half the kernel, which keeps the size at stride 1 for odd kernels.
Window read_window(LayerContext& layer, bool dilated) {
  Window window;
  const auto kernel = layer.options.find("kernel");
  if (!kernel) {
    static_cast<void>(layer.options.required("kernel"));
  }
  window.kernel = pair(kernel, {1, 1}, 1);
  window.stride = pair(layer.options.find("stride"), {1, 1}, 1);
  if (dilated) {
    window.dilation = pair(layer.options.find("dilation"), {1, 1}, 1);
  }
  const Pair half{(window.kernel[0] - 1) / 2 * window.dilation[0], (window.kernel[1] - 1) / 2 * window.dilation[1]};
  window.padding = pair(layer.options.find("padding"), half, 0);
  return window;
}

std::int64_t channels_of(const LayerContext& layer) {
  if (layer.shape().size() != 4) {
    Builder::fail(layer.at, fmt::format("this layer works on images (batch x channels x height x width), but gets {}",
                                        to_string(layer.shape())));
  }
  return layer.shape()[1];
}

ValueId add_conv(LayerContext& layer, const std::string& name, ValueId x, std::int64_t channels, const Window& window,
                 std::int64_t groups, bool bias) {
  const std::int64_t inputs = layer.builder.shape(x)[1];
  if (inputs % groups != 0 || channels % groups != 0) {
    Builder::fail(layer.at,
                  fmt::format("{} groups do not divide {} input and {} output channels", groups, inputs, channels));
  }
  auto attributes = window.attributes();
  attributes["dilations"] = std::vector<std::int64_t>{window.dilation[0], window.dilation[1]};
  attributes["group"] = groups;
  std::vector<ValueId> operands{
      x, layer.builder.parameter(name + ".weight", {channels, inputs / groups, window.kernel[0], window.kernel[1]},
                                 layer.at)};
  if (bias) {
    operands.push_back(layer.builder.parameter(name + ".bias", {channels}, layer.at));
  }
  return layer.builder.add(Op::kConv, name, std::move(operands), std::move(attributes), layer.at);
}

ValueId finish_conv(LayerContext& layer, const std::string& kind, std::int64_t channels, const Window& window,
                    std::int64_t groups) {
  const bool batch_norm = layer.options.boolean_or("batch_norm", false);
  const bool bias = layer.options.boolean_or("bias", !batch_norm);
  const std::string activation = layer.options.text("activation", "none");
  const std::string name = layer.finish(kind);
  if (batch_norm && layer.builder.options().training) {
    Builder& builder = layer.builder;
    const ValueId sums = add_conv(layer, name, layer.x, channels, window, groups, bias);
    std::vector<ValueId> operands{sums, builder.parameter(name + ".scale", {channels}, layer.at),
                                  builder.parameter(name + ".shift", {channels}, layer.at)};
    for (const char* statistic : {".mean", ".variance"}) {  // of the batch
      operands.push_back(builder.input(name + statistic, ElementType::kFloat, {channels}, layer.at));
    }
    const ValueId normal =
        builder.add(Op::kBatchNormalization, name + ".batch_norm", std::move(operands), {}, layer.at);
    return activate(layer, activation, name + "." + activation, normal);
  }
  // The normalization's scale vanishes into the weights, and so does a bias of the convolution's own.
  layer.builder.count_folded(batch_norm ? channels * (bias ? 2 : 1) : 0);
  const ValueId y = add_conv(layer, name, layer.x, channels, window, groups, bias || batch_norm);
  return activate(layer, activation, name + "." + activation, y);
}

ValueId conv(LayerContext& layer) {
  channels_of(layer);
  const std::int64_t channels = layer.options.integer("channels", 1, kMaxChannels);
  const Window window = read_window(layer, true);
  const std::int64_t groups = layer.options.integer_or("groups", 1, 1, kMaxChannels);
  return finish_conv(layer, "conv", channels, window, groups);
}

ValueId depthwise(LayerContext& layer) {
  const std::int64_t channels = channels_of(layer);
  const Window window = read_window(layer, true);
  return finish_conv(layer, "depthwise", channels, window, channels);
}

ValueId pool(LayerContext& layer, Op op, const std::string& kind) {
  channels_of(layer);
  const Window window = read_window(layer, false);
  return layer.builder.add(op, layer.finish(kind), {layer.x}, window.attributes(), layer.at);
}

ValueId max_pool(LayerContext& layer) {
  return pool(layer, Op::kMaxPool, "max_pool");
}
ValueId avg_pool(LayerContext& layer) {
  return pool(layer, Op::kAveragePool, "avg_pool");
}

ValueId global_pool(LayerContext& layer) {
  channels_of(layer);
  return layer.builder.add(Op::kGlobalAveragePool, layer.finish("global_pool"), {layer.x}, {}, layer.at);
}

ValueId flatten(LayerContext& layer) {
  return layer.builder.add(Op::kFlatten, layer.finish("flatten"), {layer.x}, {{"axis", std::int64_t{1}}}, layer.at);
}

// Scales each channel by what two small layers make of all channels' means. SOURCE: Hu et al. 2018, arXiv:1709.01507,
// section 3.
ValueId squeeze_excite(LayerContext& layer) {
  const std::int64_t channels = channels_of(layer);
  const std::int64_t squeezed = layer.options.integer("channels", 1, kMaxChannels);
  const std::string activation = layer.options.text("activation", "relu");
  const std::string gate = layer.options.text("gate", "sigmoid");
  const std::string name = layer.finish("squeeze_excite");
  ValueId y = layer.builder.add(Op::kGlobalAveragePool, name + ".pool", {layer.x}, {}, layer.at);
  y = add_conv(layer, name + ".reduce", y, squeezed, {}, 1, true);
  y = activate(layer, activation, name + "." + activation, y);
  y = add_conv(layer, name + ".expand", y, channels, {}, 1, true);
  y = activate(layer, gate, name + "." + gate, y);
  return layer.builder.add(Op::kMul, name + ".scale", {layer.x, y}, {}, layer.at);
}

constexpr std::array kLayers = std::to_array<LayerKind>({{"conv", true, conv},
                                                         {"depthwise", true, depthwise},
                                                         {"max_pool", true, max_pool},
                                                         {"avg_pool", true, avg_pool},
                                                         {"global_pool", false, global_pool},
                                                         {"flatten", false, flatten},
                                                         {"squeeze_excite", true, squeeze_excite}});

}  // namespace

std::span<const LayerKind> convolution_layers() {
  return kLayers;
}

}  // namespace mantissa::network
