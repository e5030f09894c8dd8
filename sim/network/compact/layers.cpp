// SPDX-License-Identifier: Apache-2.0
// Lists of layers, their structure (residual, repeat), activations, and build_compact itself.
#include "network/compact/layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "network/import.h"

namespace mantissa::network {
namespace {

using config::MapReader;
using config::YamlNode;

constexpr std::int64_t kMaxRepeat = 10'000;

struct Activation {
  std::string_view name;
  Op op;
};
constexpr std::array kActivations = std::to_array<Activation>({{"relu", Op::kRelu},
                                                               {"relu6", Op::kClip},
                                                               {"hardswish", Op::kHardSwish},
                                                               {"hardsigmoid", Op::kHardSigmoid},
                                                               {"sigmoid", Op::kSigmoid},
                                                               {"tanh", Op::kTanh},
                                                               {"silu", Op::kSilu},
                                                               {"gelu", Op::kGelu}});

const Activation* find_activation(std::string_view name) {
  const auto* found = std::ranges::find(kActivations, name, &Activation::name);
  return found == kActivations.end() ? nullptr : found;
}

// layers: what the block computes; projection: what its input passes on the way to the sum (default: nothing).
ValueId residual(LayerContext& layer) {
  const YamlNode body = layer.options.required("layers");
  const auto projection = layer.options.find("projection");
  const std::string activation = layer.options.text("activation", "none");
  const std::string name = layer.finish("residual");
  ValueId shortcut = layer.x;
  if (projection) {
    Scope scope(name + ".projection.");
    shortcut = build_layers(layer.builder, scope, *projection, layer.x);
  }
  Scope scope(name + ".");
  const ValueId branch = build_layers(layer.builder, scope, body, layer.x);
  if (layer.builder.shape(branch) != layer.builder.shape(shortcut)) {
    Builder::fail(
        layer.at,
        fmt::format("the block turns {} into {}, which cannot be added to the shortcut's {}; give it a projection",
                    to_string(layer.shape()), to_string(layer.builder.shape(branch)),
                    to_string(layer.builder.shape(shortcut))));
  }
  const ValueId sum = layer.builder.add(Op::kAdd, name + ".add", {branch, shortcut}, {}, layer.at);
  return activate(layer, activation, name + ".activation", sum);
}

ValueId repeat(LayerContext& layer) {
  const std::int64_t times = layer.options.integer("times", 1, kMaxRepeat);
  const YamlNode body = layer.options.required("layers");
  const std::string name = layer.finish("block");
  ValueId x = layer.x;
  for (std::int64_t i = 0; i < times; ++i) {
    Scope scope(fmt::format("{}.{}.", name, i));
    x = build_layers(layer.builder, scope, body, x);
  }
  return x;
}

constexpr std::array kStructure = std::to_array<LayerKind>({{"residual", true, residual}, {"repeat", true, repeat}});

std::vector<std::string> layer_names() {
  std::vector<std::string> names;
  for (const auto kinds : {convolution_layers(), transformer_layers(), structure_layers()}) {
    for (const LayerKind& kind : kinds) {
      names.emplace_back(kind.name);
    }
  }
  for (const Activation& activation : kActivations) {
    names.emplace_back(activation.name);
  }
  return names;
}

const LayerKind* find_layer(std::string_view name) {
  for (const auto kinds : {convolution_layers(), transformer_layers(), structure_layers()}) {
    const auto found = std::ranges::find(kinds, name, &LayerKind::name);
    if (found != kinds.end()) {
      return &*found;
    }
  }
  return nullptr;
}

// An entry is a name alone ("relu") or a map of one key, the name, to the layer's options.
ValueId build_layer(Builder& builder, Scope& scope, const YamlNode& entry, ValueId x) {
  std::string name;
  YamlNode options;
  if (entry.kind() == YamlNode::Kind::kMap) {
    const auto entries = entry.entries();
    if (entries.size() != 1) {
      Builder::fail(entry, "a layer is one name with its options, such as 'conv: {channels: 64, kernel: 3}'");
    }
    name = entries[0].first;
    options = entries[0].second;
    if (options.kind() == YamlNode::Kind::kNull) {
      options = {};
    }
  } else {
    name = entry.text();
    entry.finish();
  }
  const LayerKind* kind = find_layer(name);
  const bool activation = find_activation(name) != nullptr;
  if (kind == nullptr && !activation) {
    Builder::fail(entry, fmt::format("unknown layer '{}'{}", name, suggestion(name, layer_names(), 40)));
  }
  if (kind != nullptr && kind->needs_options && options.missing()) {
    Builder::fail(entry, fmt::format("'{}' needs options; docs/workloads.md lists them", name));
  }
  MapReader reader(options);
  LayerContext layer{builder, scope, entry, reader, x};
  if (activation) {
    return activate(layer, name, layer.finish(name), x);
  }
  return kind->build(layer);
}

}  // namespace

std::string LayerContext::finish(const std::string& kind) {
  const std::string own = options.text("name", "");
  options.finish();
  at.finish();
  return own.empty() ? scope.next(kind) : scope.prefix() + own;
}

std::span<const LayerKind> structure_layers() {
  return kStructure;
}

ValueId build_layers(Builder& builder, Scope& scope, const YamlNode& list, ValueId x) {
  const auto entries = list.items();
  list.finish();
  if (entries.empty()) {
    Builder::fail(list, "a list of layers cannot be empty");
  }
  for (const YamlNode& entry : entries) {
    x = build_layer(builder, scope, entry, x);
  }
  return x;
}

ValueId activate(LayerContext& layer, const std::string& activation, const std::string& name, ValueId x) {
  if (activation == "none") {
    return x;
  }
  const Activation* found = find_activation(activation);
  if (found == nullptr) {
    std::vector<std::string> names{"none"};
    for (const Activation& known : kActivations) {
      names.emplace_back(known.name);
    }
    Builder::fail(layer.at, fmt::format("unknown activation '{}'{}", activation, suggestion(activation, names)));
  }
  std::vector<ValueId> inputs{x};
  if (activation == "relu6") {
    inputs.push_back(layer.builder.number(name + ".min", 0.0F));
    inputs.push_back(layer.builder.number(name + ".max", 6.0F));
  }
  return layer.builder.add(found->op, name, std::move(inputs), {}, layer.at);
}

Graph build_compact(const YamlNode& network, const std::string& name, std::int64_t batch, const CompactOptions& given) {
  MapReader reader(network);
  const YamlNode input = reader.required("input");
  const YamlNode layers = reader.required("layers");
  reader.finish();
  network.finish();

  MapReader options(input);
  Builder builder(name, batch, given);
  const std::string input_name = options.text("name", "input");
  const auto shape = options.find("shape");
  const auto tokens = options.find("tokens");
  Shape dims{batch};
  if (shape.has_value() == tokens.has_value()) {
    input.error("give either 'shape' (of one image, without the batch) or 'tokens' (the length of a text)");
  }
  if (shape) {
    for (const YamlNode& dim : shape->items()) {
      dims.push_back(dim.integer(1, 1'000'000));
    }
  } else if (tokens) {
    const std::int64_t length = tokens->integer(1, 10'000'000);
    dims.push_back(given.tokens.value_or(length));
  }
  options.finish();
  network.finish();
  const ValueId x = builder.input(input_name, tokens ? ElementType::kInt64 : ElementType::kFloat, dims, input);
  Scope scope("");
  return builder.finish(build_layers(builder, scope, layers, x));
}

}  // namespace mantissa::network
