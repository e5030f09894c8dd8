// SPDX-License-Identifier: Apache-2.0
// Reads an entry of a chip file's `datapaths`. Internal to config.
#pragma once
#include <string>

#include "config/yaml.h"
#include "numerics/datapath.h"

namespace mantissa::config::detail {

numerics::Format read_format(const YamlNode& node);
// Reports what numerics::defect finds, too.
numerics::Datapath read_datapath(const YamlNode& node, const std::string& name);

// At most 40 lower-case letters, digits and _.
bool is_name(const std::string& name);
void check_name(const YamlNode& node, const std::string& name);

}  // namespace mantissa::config::detail
