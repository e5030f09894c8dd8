// SPDX-License-Identifier: Apache-2.0
// Where the facts of a chip file come from: every fact is covered by `sources` or by `assumed`, itself or through the
// nearest map above it that is named there.
#pragma once
#include <string>

#include "config/chip.h"
#include "config/yaml.h"

namespace mantissa::config {

// Reads `sources` and `assumed` into the chip and reports paths that do not exist, paths named twice and facts without
// either.
void read_provenance(const YamlNode& root, MapReader& reader, Chip& chip);

// Whether a key path is a fact about the chip, which needs a source; names and choices of the model are none.
bool is_fact(const std::string& path);

struct Provenance {
  bool assumed = false;
  std::string text;  // the source, or the reason; empty where nothing covers the path
  std::string key;   // the entry that covers it
};
// What covers a key path ("dram.page_bytes"): the entry of the path itself or of its nearest ancestor.
Provenance find_provenance(const Chip& chip, std::string path);

}  // namespace mantissa::config
