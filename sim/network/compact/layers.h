// SPDX-License-Identifier: Apache-2.0
// The layers of the compact form (docs/workloads.md): what each key of a `layers` list adds to the graph.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "config/yaml.h"
#include "network/compact/builder.h"

namespace mantissa::network {

// One entry of a list of layers, being built.
struct LayerContext {
  Builder& builder;
  Scope& scope;
  config::YamlNode at;         // the entry, for messages
  config::MapReader& options;  // empty for an entry that is only a name
  ValueId x;                   // what goes in

  const Shape& shape() const { return builder.shape(x); }
  // Reads `name`, reports unknown keys and throws if anything was wrong. Call after the last option was read.
  std::string finish(const std::string& kind);
};

struct LayerKind {
  std::string_view name;
  bool needs_options;
  ValueId (*build)(LayerContext&);
};

std::span<const LayerKind> convolution_layers();  // conv, depthwise, pools, squeeze_excite ...
std::span<const LayerKind> transformer_layers();  // linear, embedding, norms, attention, mlp ...
std::span<const LayerKind> structure_layers();    // residual, repeat

// Builds the entries of a `layers` list one after the other.
ValueId build_layers(Builder& builder, Scope& scope, const config::YamlNode& list, ValueId x);

// Adds the activation of that name ("none": nothing).
ValueId activate(LayerContext& layer, const std::string& activation, const std::string& name, ValueId x);

}  // namespace mantissa::network
