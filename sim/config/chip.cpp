// SPDX-License-Identifier: Apache-2.0
#include "config/chip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "config/datapath_reader.h"
#include "config/fields.h"
#include "config/memory.h"
#include "config/provenance.h"
#include "config/yaml.h"

namespace mantissa::config {
namespace {

using detail::check_name;
using detail::is_name;
using detail::read_datapath;
using detail::read_format;

constexpr std::size_t kMaxNamed = 64;  // datapaths, precisions, tiles

numerics::Datapath find_datapath(const YamlNode& node, const Chip& chip) {
  const std::string name = node.text();
  const auto found = chip.datapaths.find(name);
  if (found != chip.datapaths.end()) {
    return found->second;
  }
  if (node.kind() == YamlNode::Kind::kScalar) {
    std::vector<std::string> names;
    for (const auto& [known, datapath] : chip.datapaths) {
      names.push_back(known);
    }
    node.error(fmt::format("'{}' is not one of this file's datapaths{}", name, suggestion(name, names)));
  }
  return {};
}

Precision read_precision(const YamlNode& node, const std::string& name, const Chip& chip) {
  Precision precision;
  precision.name = name;
  check_name(node, name);
  MapReader reader(node);
  read_fields(reader, precision_fields(), "", precision);
  precision.matrix = find_datapath(reader.required("datapath"), chip);
  precision.depthwise = find_datapath(reader.required("depthwise"), chip);
  const YamlNode vector = reader.required("vector");
  precision.vector = read_format(vector);
  if (const auto weights = reader.find("weights")) {
    precision.weights = read_format(*weights);
  }
  if (precision.vector.integer) {
    vector.error(fmt::format("'{}' must be a floating-point format; integers stand only in datapaths", vector.path()));
  }
  const Tpu* tpu = std::get_if<Tpu>(&chip.architecture);
  const auto macs = tpu ? reader.find("macs_per_cycle") : std::optional(reader.required("macs_per_cycle"));
  if (tpu) {
    precision.macs_per_cycle =
        static_cast<double>(tpu->rows) * tpu->cols * precision.products_per_cell / std::max(1, precision.passes);
    if (macs) {
      macs->error_at_key("a tpu's macs_per_cycle is rows x cols / passes; remove this key");
    }
  } else {
    precision.macs_per_cycle = macs->number(0.001, 1e15);
    if (const auto passes = reader.find("passes"); passes && precision.passes != 1) {
      passes->error("only a tpu takes several passes; lower macs_per_cycle instead");
    }
  }
  if (tpu && precision.matrix.split_passes != 0 && precision.matrix.split_passes != precision.passes &&
      numerics::defect(precision.matrix).empty()) {
    node.error_at_key(fmt::format("'{}' takes passes: {}, but its datapath '{}' is defined by split_passes: {}",
                                  node.path(), precision.passes, precision.matrix.name, precision.matrix.split_passes));
  }
  reader.finish();
  return precision;
}

void read_tiles(const YamlNode& node, Hopper& hopper) {
  const auto items = node.items();
  if (!node.missing() && node.kind() == YamlNode::Kind::kSequence && (items.empty() || items.size() > kMaxNamed)) {
    node.error(fmt::format("'{}' must list 1 to {} tiles", node.path(), kMaxNamed));
    return;
  }
  for (const YamlNode& item : items) {
    const auto sides = item.items();
    if (item.kind() != YamlNode::Kind::kSequence || sides.size() != 2) {
      if (item.kind() == YamlNode::Kind::kSequence) {
        item.error(fmt::format("'{}' must be a pair [m, n]", item.path()));
      }
      continue;
    }
    const Hopper::Tile tile{static_cast<int>(sides[0].integer(8, 4096)), static_cast<int>(sides[1].integer(8, 4096))};
    if (tile.m % 8 != 0 || tile.n % 8 != 0) {
      item.error(fmt::format("'{}': the sides of a tile must be multiples of 8", item.path()));
    }
    hopper.tiles.push_back(tile);
  }
}

// False when the chip does not say which architecture it has.
bool read_architecture(MapReader& reader, Chip& chip) {
  const YamlNode node = reader.required("architecture");
  const std::string word = node.text();
  static const std::vector<std::string> names = {"ane", "tpu", "hopper"};
  if (word == "ane") {
    chip.architecture = Ane{};
  } else if (word == "tpu") {
    chip.architecture = Tpu{};
  } else if (word == "hopper") {
    chip.architecture = Hopper{};
  } else if (node.kind() == YamlNode::Kind::kScalar) {
    node.error(fmt::format("'{}' is not an architecture{}", word, suggestion(word, names)));
  }
  for (const std::string& name : names) {
    if (name == word) {
      MapReader section(reader.required(name));
      read_fields(section, chip_fields(), name, chip);
      if (auto* hopper = std::get_if<Hopper>(&chip.architecture)) {
        read_tiles(section.required("tiles"), *hopper);
      }
      section.finish();
    } else if (const auto other = reader.find(name);
               other && std::find(names.begin(), names.end(), word) != names.end()) {
      other->error_at_key(
          fmt::format("'{}' belongs to architecture: {}; this chip has architecture: {}", name, name, word));
    }
  }
  return std::find(names.begin(), names.end(), word) != names.end();
}

// Checks that need several values at once. Each names the key that is most likely wrong.
void check_chip(MapReader& reader, const Chip& chip) {
  if (const auto node = reader.find("name"); node && !is_name(chip.name)) {
    node->error(fmt::format("'{}' is not a name; use at most 40 lower-case letters, digits and _", chip.name));
  }
  MapReader dram(*reader.find("dram"));
  check_dram(dram, chip.dram);
  if (chip.power.min_clock_mhz > chip.clock_mhz) {
    MapReader(*reader.find("power")).required("min_clock_mhz").error("min_clock_mhz must not be above clock_mhz");
  }
  if (chip.dma.chunk.count() % chip.dma.granularity.count() != 0) {
    MapReader(*reader.find("dma")).required("chunk_bytes").error("chunk_bytes must be a multiple of granularity_bytes");
  }
}

void read_named_maps(MapReader& reader, Chip& chip) {
  const auto limited = [](const YamlNode& node) {
    auto entries = node.entries();
    if (node.kind() == YamlNode::Kind::kMap && (entries.empty() || entries.size() > kMaxNamed)) {
      node.error_at_key(fmt::format("'{}' must have 1 to {} entries", node.path(), kMaxNamed));
      entries.clear();
    }
    return entries;
  };
  for (const auto& [name, node] : limited(reader.required("datapaths"))) {
    chip.datapaths.emplace(name, read_datapath(node, name));
  }
  std::vector<std::string> names;
  for (const auto& [name, node] : limited(reader.required("precisions"))) {
    chip.precisions.push_back(read_precision(node, name, chip));
    names.push_back(name);
  }
  const YamlNode preferred = reader.required("default_precision");
  chip.default_precision = preferred.text();
  if (preferred.kind() == YamlNode::Kind::kScalar && chip.find_precision(chip.default_precision) == nullptr) {
    preferred.error(fmt::format("'{}' is not one of this file's precisions{}", chip.default_precision,
                                suggestion(chip.default_precision, names)));
  }
}

}  // namespace

const Precision* Chip::find_precision(std::string_view precision) const {
  const auto at =
      std::find_if(precisions.begin(), precisions.end(), [&](const Precision& p) { return p.name == precision; });
  return at == precisions.end() ? nullptr : &*at;
}

Chip parse_chip(const YamlNode& root, const std::string& path) {
  if (root.kind() != YamlNode::Kind::kMap) {
    static_cast<void>(root.entries());  // reports it
    root.finish();
  }
  Chip chip;
  chip.path = path;
  chip.hash = root.hash();
  MapReader reader(root);
  read_fields(reader, chip_fields(), "", chip);
  const bool known = read_architecture(reader, chip);
  for (const char* name : {"dram", "dma", "shared", "staging", "vector", "power"}) {
    MapReader section(reader.required(name));
    read_fields(section, chip_fields(), name, chip);
    if (std::string_view(name) == "dram") {
      read_dram_words(section, chip.dram);
    }
    section.finish();
  }
  if (const auto area = reader.find("area")) {
    chip.area.emplace();
    MapReader section(*area);
    read_fields(section, chip_fields(), "area", chip);
    section.finish();
  }
  if (const auto interconnect = reader.find("interconnect")) {
    chip.interconnect.emplace();
    MapReader section(*interconnect);
    const YamlNode topology = section.required("topology");
    if (const std::string word = topology.text(); word != "torus" && topology.kind() == YamlNode::Kind::kScalar) {
      topology.error(fmt::format("'{}' is not a topology; use torus", word));
    }
    read_fields(section, chip_fields(), "interconnect", chip);
    section.finish();
  }
  if (known) {
    read_named_maps(reader, chip);
  }
  for (const char* name : {"datapaths", "precisions", "default_precision", "sources", "assumed"}) {
    static_cast<void>(reader.find(name));
  }
  reader.finish();
  // What follows compares values with each other: it would only repeat mistakes that are reported already.
  if (root.mistakes() == 0) {
    check_chip(reader, chip);
    read_provenance(root, reader, chip);
  }
  root.finish();
  return chip;
}

Chip load_chip(const std::string& path) {
  return parse_chip(YamlNode::load_file(path), path);
}

}  // namespace mantissa::config
