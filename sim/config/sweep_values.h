// SPDX-License-Identifier: Apache-2.0
// The keys of a sweep and their values. Private to the sweep reader.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/sweep.h"
#include "config/yaml_overlay.h"

namespace mantissa::config {

inline constexpr std::size_t kMaxAxisValues = 10'000;

// As a file would write it: whole numbers without a point, others without the noise of binary fractions.
std::string decimal(double value);

// Which kind of key a name is, with its path in the file; reports a name that is none at the node's key.
std::optional<std::pair<SweepKey::Kind, std::string>> classify_sweep_key(const std::string& name, const YamlNode& node);

// A list of values, or a range: {from, to, step} (1 by default), {from, to, factor}, {from, to, count} with spacing
// linear or log; both ends belong to it. Mistakes are reported at the node; then fewer values come back, or none.
std::vector<Override> read_sweep_values(const YamlNode& node, const std::string& path);

}  // namespace mantissa::config
