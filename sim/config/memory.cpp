// SPDX-License-Identifier: Apache-2.0
#include "config/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "config/fields.h"
#include "config/provenance.h"

namespace mantissa::config {
namespace {

template <class Enum>
void read_word(MapReader& section, const char* key, const std::vector<std::pair<std::string, Enum>>& words,
               Enum& value) {
  const auto node = section.find(key);
  if (!node) {
    return;
  }
  const std::string word = node->text();
  for (const auto& [name, meaning] : words) {
    if (name == word) {
      value = meaning;
      return;
    }
  }
  if (node->kind() == YamlNode::Kind::kScalar) {
    std::string names;
    for (const auto& [name, meaning] : words) {
      names += (names.empty() ? "" : ", ") + name;
    }
    node->error(fmt::format("'{}' must be one of {}, not '{}'", node->path(), names, word));
  }
}

}  // namespace

void read_dram_words(MapReader& section, Dram& dram) {
  read_word<DramFidelity>(section, "fidelity", {{"burst", DramFidelity::kBurst}, {"command", DramFidelity::kCommand}},
                          dram.fidelity);
  read_word<DramRefresh>(section, "refresh", {{"all_bank", DramRefresh::kAllBank}, {"per_bank", DramRefresh::kPerBank}},
                         dram.refresh);
  read_word<PagePolicy>(
      section, "page_policy",
      {{"open", PagePolicy::kOpen}, {"closed", PagePolicy::kClosed}, {"timeout", PagePolicy::kTimeout}},
      dram.scheduler.page_policy);
}

// Each names the key that is most likely wrong.
void check_dram(MapReader& reader, const Dram& d) {
  const auto require = [&](bool holds, const char* key, const std::string& message) {
    const auto node = reader.find(key);
    if (!holds && node) {
      node->error(message);
    }
  };
  require(d.page.count() % d.burst.count() == 0, "page_bytes", "page_bytes must be a multiple of burst_bytes");
  require(d.interleave.count() % d.burst.count() == 0, "interleave_bytes",
          "interleave_bytes must be a multiple of burst_bytes");
  require(d.ccd_l >= d.ccd_s, "ccd_l_cycles", "ccd_l_cycles must be at least ccd_s_cycles");
  require(d.rrd_l >= d.rrd_s, "rrd_l_cycles", "rrd_l_cycles must be at least rrd_s_cycles");
  require(d.wtr_l >= d.wtr_s, "wtr_l_cycles", "wtr_l_cycles must be at least wtr_s_cycles");
  require(d.faw >= d.rrd_s, "faw_cycles", "faw_cycles must be at least rrd_s_cycles");
  require(d.rc >= d.ras, "rc_cycles", "rc_cycles must be at least ras_cycles");
  require(d.refi > d.rfc, "refi_cycles", "refi_cycles must be larger than rfc_cycles; the memory would only refresh");
  require(d.banks_per_group % d.stack_ids == 0, "stack_ids", "banks_per_group must be a multiple of stack_ids");
  require(d.refresh == DramRefresh::kAllBank || d.fidelity == DramFidelity::kCommand, "refresh",
          "per_bank refresh needs fidelity: command");
  require(d.refresh == DramRefresh::kAllBank || (d.rfc_pb.count() > 0 && d.refi_pb > d.rrefd), "refresh",
          "per_bank refresh needs rfc_pb_cycles, and refi_pb_cycles above rrefd_cycles");
  require(d.scheduler.write_low < d.scheduler.write_high, "write_low", "write_low must be below write_high");
}

Memory parse_memory(const YamlNode& root) {
  if (root.kind() != YamlNode::Kind::kMap) {
    static_cast<void>(root.entries());  // reports it
    root.finish();
  }
  Chip carrier;  // the field table writes into chips
  MapReader reader(root);
  for (const char* key : {"schema", "name", "title", "summary"}) {
    static_cast<void>(reader.required(key));
  }
  if (const YamlNode schema = reader.required("schema"); !schema.missing()) {
    static_cast<void>(schema.integer(1, 1));
  }
  Memory memory;
  memory.name = reader.required("name").text();
  memory.title = reader.required("title").text();
  memory.summary = reader.required("summary").text();
  MapReader section(reader.required("dram"));
  read_fields(section, chip_fields(), "dram", carrier);
  read_dram_words(section, carrier.dram);
  section.finish();
  for (const char* key : {"sources", "assumed"}) {
    static_cast<void>(reader.find(key));
  }
  reader.finish();
  if (root.mistakes() == 0) {
    MapReader again(*reader.find("dram"));
    check_dram(again, carrier.dram);
    read_provenance(root, reader, carrier);
  }
  root.finish();
  memory.dram = carrier.dram;
  return memory;
}

Memory load_memory(const std::string& path) {
  return parse_memory(YamlNode::load_file(path));
}

std::vector<ShippedFile> shipped_memories() {
  std::vector<ShippedFile> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(home_folder() + "/configs/memory", none)) {
    if (entry.path().extension() == ".yaml") {
      files.push_back({entry.path().stem().string(), entry.path().string()});
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

Memory shipped_memory(const std::string& name) {
  std::vector<std::string> names;
  for (const ShippedFile& file : shipped_memories()) {
    if (file.name == name) {
      return load_memory(file.path);
    }
    names.push_back(file.name);
  }
  throw UsageError(fmt::format("no memory file is called '{}'{}", name, suggestion(name, names)));
}

}  // namespace mantissa::config
