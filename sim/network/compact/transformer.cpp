// SPDX-License-Identifier: Apache-2.0
// Layers of transformers, and the plain linear layer.
#include <fmt/format.h>

#include <array>

#include "network/compact/layers.h"

namespace mantissa::network {
namespace {

constexpr std::int64_t kMaxFeatures = 10'000'000, kMaxLength = 10'000'000;

std::int64_t features_of(const LayerContext& layer, std::size_t rank) {
  const Shape& shape = layer.shape();
  if (rank != 0 ? shape.size() != rank : shape.size() != 2 && shape.size() != 3) {
    const char* wanted = rank == 3 ? "batch x length x features" : "batch x features, or batch x length x features";
    Builder::fail(layer.at, fmt::format("this layer works on {}, but gets {}; {}", wanted, to_string(shape),
                                        rank == 3 ? "put an 'embedding' before it" : "put 'flatten' before it"));
  }
  return shape.back();
}

ValueId add_linear(LayerContext& layer, const std::string& name, ValueId x, std::int64_t features, bool bias) {
  const Shape shape = layer.builder.shape(x);
  const ValueId weight = layer.builder.parameter(name + ".weight", {shape.back(), features}, layer.at);
  const ValueId offset = bias ? layer.builder.parameter(name + ".bias", {features}, layer.at) : -1;
  if (shape.size() == 2 && bias) {
    return layer.builder.add(Op::kGemm, name, {x, weight, offset}, {}, layer.at);
  }
  const ValueId y = layer.builder.add(Op::kMatMul, name, {x, weight}, {}, layer.at);
  return bias ? layer.builder.add(Op::kAdd, name + ".add", {y, offset}, {}, layer.at) : y;
}

ValueId linear(LayerContext& layer) {
  features_of(layer, 0);
  const std::int64_t features = layer.options.integer("features", 1, kMaxFeatures);
  const bool bias = layer.options.boolean_or("bias", true);
  const std::string activation = layer.options.text("activation", "none");
  const std::string name = layer.finish("linear");
  return activate(layer, activation, name + "." + activation, add_linear(layer, name, layer.x, features, bias));
}

ValueId embedding(LayerContext& layer) {
  if (layer.shape().size() != 2) {
    Builder::fail(
        layer.at,
        fmt::format(
            "an embedding looks up tokens (batch x length), but gets {}; give the network 'input: {{tokens: N}}'",
            to_string(layer.shape())));
  }
  const std::int64_t vocabulary = layer.options.integer("vocabulary", 1, kMaxFeatures);
  const std::int64_t features = layer.options.integer("features", 1, kMaxFeatures);
  const std::string name = layer.finish("embedding");
  const ValueId table = layer.builder.parameter(name + ".weight", {vocabulary, features}, layer.at);
  return layer.builder.add(Op::kGather, name, {table, layer.x}, {{"axis", std::int64_t{0}}}, layer.at);
}

ValueId rms_norm(LayerContext& layer) {
  const std::int64_t features = features_of(layer, 0);
  const std::string name = layer.finish("rms_norm");
  const ValueId scale = layer.builder.parameter(name + ".weight", {features}, layer.at);
  return layer.builder.add(Op::kRmsNorm, name, {layer.x, scale}, {}, layer.at);
}

ValueId layer_norm(LayerContext& layer) {
  const std::int64_t features = features_of(layer, 0);
  const std::string name = layer.finish("layer_norm");
  const ValueId scale = layer.builder.parameter(name + ".weight", {features}, layer.at);
  const ValueId bias = layer.builder.parameter(name + ".bias", {features}, layer.at);
  return layer.builder.add(Op::kLayerNormalization, name, {layer.x, scale, bias}, {{"axis", std::int64_t{-1}}},
                           layer.at);
}

ValueId softmax(LayerContext& layer) {
  return layer.builder.add(Op::kSoftmax, layer.finish("softmax"), {layer.x}, {{"axis", std::int64_t{-1}}}, layer.at);
}

// Of each text only the last position goes on: what is needed to generate the next token.
ValueId last_token(LayerContext& layer) {
  features_of(layer, 3);
  const std::int64_t length = layer.shape()[1];
  const std::string name = layer.finish("last_token");
  Builder& builder = layer.builder;
  if (builder.options().training || length == 1) {
    return layer.x;
  }
  return builder.add(Op::kSlice, name,
                     {layer.x, builder.integers(name + ".start", {length - 1}),
                      builder.integers(name + ".end", {length}), builder.integers(name + ".axis", {1})},
                     {}, layer.at);
}

struct AttentionOptions {
  std::int64_t length = 1, heads = 1, kv_heads = 1, head_dim = 1;
  std::int64_t cache = 0;  // all positions, the new ones included; 0: only the new ones
  bool rotary = false, causal = true, bias = false;
};

// Reads what the layers with attention share. `features`: divided over the heads where head_dim is absent; 0: it must
// be given.
AttentionOptions read_attention(LayerContext& layer, std::int64_t length, std::int64_t features) {
  AttentionOptions a;
  a.length = length;
  a.heads = layer.options.integer("heads", 1, 65536);
  a.kv_heads = layer.options.integer_or("kv_heads", a.heads, 1, 65536);
  a.head_dim = features == 0
                   ? layer.options.integer("head_dim", 1, 65536)
                   : layer.options.integer_or("head_dim", std::max<std::int64_t>(features / a.heads, 1), 1, 65536);
  a.cache = layer.builder.options().context.value_or(layer.options.integer_or("kv_cache", 0, 0, kMaxLength));
  a.rotary = layer.options.boolean_or("rotary", false);
  return a;
}

// Projections of x to queries, keys and values ("NAME.q" ...), and attention of them, called `attention_name`.
ValueId attend(LayerContext& layer, const std::string& name, const std::string& attention_name, ValueId x,
               const AttentionOptions& a) {
  if (a.cache > 0 && a.cache < a.length) {
    Builder::fail(layer.at, fmt::format("kv_cache counts the {} new positions, so it cannot be {}", a.length, a.cache));
  }
  Builder& builder = layer.builder;
  const auto project = [&](const char* what, std::int64_t count, bool rotates) {
    const ValueId y = add_linear(layer, name + "." + what, x, count * a.head_dim, a.bias);
    return rotates && a.rotary ? builder.add(Op::kRotary, name + "." + what + ".rotary", {y},
                                             {{"heads", count}, {"head_dim", a.head_dim}}, layer.at)
                               : y;
  };
  std::vector<ValueId> inputs{project("q", a.heads, true), project("k", a.kv_heads, true),
                              project("v", a.kv_heads, false)};
  if (a.cache > 0) {
    const Shape shape{builder.batch(), a.cache, a.kv_heads * a.head_dim};
    inputs.push_back(builder.input(name + ".k_cache", ElementType::kFloat, shape, layer.at));
    inputs.push_back(builder.input(name + ".v_cache", ElementType::kFloat, shape, layer.at));
  }
  return builder.add(
      Op::kAttention, attention_name, std::move(inputs),
      {{"heads", a.heads}, {"kv_heads", a.kv_heads}, {"head_dim", a.head_dim}, {"causal", std::int64_t{a.causal}}},
      layer.at);
}

// Projections to queries, keys and values, attention over all positions (with kv_cache: over so many, the new ones
// included, which are kept in memory), and the projection back.
ValueId attention(LayerContext& layer) {
  const std::int64_t features = features_of(layer, 3);
  AttentionOptions options = read_attention(layer, layer.shape()[1], features);
  options.causal = layer.options.boolean_or("causal", true);
  options.bias = layer.options.boolean_or("bias", false);
  const std::string name = layer.finish("attention");
  const ValueId y = attend(layer, name, name, layer.x, options);
  return add_linear(layer, name + ".out", y, features, options.bias);
}

// Two linear layers with an activation between them; `gated`: the activation of a third one multiplies the first.
ValueId mlp(LayerContext& layer) {
  const std::int64_t features = features_of(layer, 0);
  const std::int64_t hidden = layer.options.integer("hidden", 1, kMaxFeatures);
  const std::string gated = layer.options.text("gated", "none");
  const std::string activation = layer.options.text("activation", "none");
  const bool bias = layer.options.boolean_or("bias", false);
  const std::string name = layer.finish("mlp");
  if ((gated == "none") == (activation == "none")) {
    Builder::fail(layer.at, "an mlp needs an activation: give either 'activation: gelu' or 'gated: silu'");
  }
  const ValueId up = add_linear(layer, name + ".up", layer.x, hidden, bias);
  ValueId y = activate(layer, activation, name + "." + activation, up);
  if (gated != "none") {
    const ValueId gate = add_linear(layer, name + ".gate", layer.x, hidden, bias);
    y = layer.builder.add(Op::kMul, name + ".mul", {activate(layer, gated, name + "." + gated, gate), up}, {},
                          layer.at);
  }
  return add_linear(layer, name + ".down", y, features, bias);
}

// Attention and MLP side by side: x + attention(norm(x)) + mlp(norm(x)), with one norm and one product each for all
// that reads it and all that is added (PaLM; GPT-J). One matrix gives queries, keys, values and the MLP's inputs.
ValueId parallel_block(LayerContext& layer) {
  const std::int64_t features = features_of(layer, 3);
  const AttentionOptions options = read_attention(layer, layer.shape()[1], 0);
  const std::int64_t hidden = layer.options.integer("hidden", 1, kMaxFeatures);
  const std::string gated = layer.options.text("gated", "silu");
  const std::string name = layer.finish("parallel_block");
  Builder& builder = layer.builder;
  const ValueId scale = builder.parameter(name + ".norm.weight", {features}, layer.at);
  const ValueId x = builder.add(Op::kRmsNorm, name + ".norm", {layer.x, scale}, {}, layer.at);
  const ValueId attended = attend(layer, name, name + ".attention", x, options);
  const ValueId up = add_linear(layer, name + ".up", x, hidden, false);
  const ValueId gate = add_linear(layer, name + ".gate", x, hidden, false);
  const ValueId both =
      builder.add(Op::kMul, name + ".mul", {activate(layer, gated, name + "." + gated, gate), up}, {}, layer.at);
  // [attended, both] times one matrix: one product whose inner dimension is both together.
  const ValueId joined =
      builder.add(Op::kConcat, name + ".join", {attended, both}, {{"axis", std::int64_t{2}}}, layer.at);
  const ValueId y = add_linear(layer, name + ".out", joined, features, false);
  return builder.add(Op::kAdd, name + ".add", {y, layer.x}, {}, layer.at);
}

constexpr std::array kLayers = std::to_array<LayerKind>({{"linear", true, linear},
                                                         {"embedding", true, embedding},
                                                         {"rms_norm", false, rms_norm},
                                                         {"layer_norm", false, layer_norm},
                                                         {"softmax", false, softmax},
                                                         {"last_token", false, last_token},
                                                         {"attention", true, attention},
                                                         {"mlp", true, mlp},
                                                         {"parallel_block", true, parallel_block}});

}  // namespace

std::span<const LayerKind> transformer_layers() {
  return kLayers;
}

}  // namespace mantissa::network
