// SPDX-License-Identifier: Apache-2.0
// Recipes as they stand in a workload file, and the presets that name the schemes of other tools.
#pragma once
#include <span>
#include <string>

#include "config/workload.h"

namespace mantissa::config {

// Reads a map of recipe keys over what `recipe` already holds. `preset:` replaces the weights, activations, kv_cache
// and smooth that it held; the other keys then refine it. Combinations that make no sense are reported at the key that
// the map itself brings.
void read_recipe(const YamlNode& node, Recipe& recipe);

// A scheme of a tool that others know. docs/quantization.md, "Presets", says what each one sets, from which source, and
// what the tool does otherwise.
struct Preset {
  const char* name;
  const char* summary;
  void (*apply)(Recipe& recipe);  // on default weights and activations, without kv_cache and smooth
};
std::span<const Preset> presets();

}  // namespace mantissa::config
