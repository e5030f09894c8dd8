// SPDX-License-Identifier: Apache-2.0
// Memory files (configs/memory/*.yaml): one DRAM device with its controller, as the `dram` map of a chip file, with the
// sources of its values. Tests, benchmarks and the validation of the DRAM model run on them; a chip file copies what it
// needs into its own `dram` map, with other channel counts.
#pragma once
#include <string>
#include <vector>

#include "config/chip.h"
#include "config/home.h"
#include "config/yaml.h"

namespace mantissa::config {

struct Memory {
  std::string name, title, summary;
  Dram dram;
};

// Throws ConfigError with every mistake found.
Memory parse_memory(const YamlNode& root);
Memory load_memory(const std::string& path);
// Throws UsageError with the nearest names when no file of this name is shipped.
Memory shipped_memory(const std::string& name);
// Those of the home folder, by name.
std::vector<ShippedFile> shipped_memories();

// The parts of a `dram` map that the field table leaves out: words, and checks that need several values at once.
void read_dram_words(MapReader& section, Dram& dram);
void check_dram(MapReader& section, const Dram& dram);

}  // namespace mantissa::config
