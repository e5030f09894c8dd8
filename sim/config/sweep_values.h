// SPDX-License-Identifier: Apache-2.0
// The values of one key of a sweep. Private to the sweep reader.
#pragma once
#include <string>
#include <vector>

#include "config/yaml_overlay.h"

namespace mantissa::config {

inline constexpr std::size_t kMaxAxisValues = 10'000;

// A list of values, or a range: {from, to, step} (1 by default), {from, to, factor}, {from, to, count} with spacing
// linear or log; both ends belong to it. Mistakes are reported at the node; then fewer values come back, or none.
std::vector<Override> read_sweep_values(const YamlNode& node, const std::string& path);

}  // namespace mantissa::config
