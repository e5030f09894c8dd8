// SPDX-License-Identifier: Apache-2.0
// Values in place of a chip's or a workload's own, by their key paths: "dram.channels",
// "recipe.activations.calibrator". A path is one that the file has, or an optional key of docs/config_reference.md that
// it could have.
#pragma once
#include <span>
#include <string>

#include "config/home.h"
#include "config/yaml.h"
#include "config/yaml_overlay.h"

namespace mantissa::config {

// Why the path cannot be set in this file ("...; did you mean 'dram.channels'?"), or nothing.
std::string path_defect(FileKind kind, const YamlNode& root, const std::string& path);

// The document with the changes. What the chip's file says of the sources of a changed fact goes with the fact: it
// becomes an assumption that names where the new value stands. REQUIRES: path_defect finds nothing in any path.
YamlNode overlay(FileKind kind, const YamlNode& root, std::span<const Override> changes);

}  // namespace mantissa::config
