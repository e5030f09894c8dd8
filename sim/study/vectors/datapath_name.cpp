// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "base/error.h"
#include "base/text.h"
#include "config/chip.h"
#include "config/home.h"
#include "study/vectors/dot.h"

namespace mantissa::study {
namespace {

using numerics::Datapath;

Datapath datapath_of(const config::Chip& chip, const std::string& shown, const std::string& name) {
  const auto found = chip.datapaths.find(name);
  if (found != chip.datapaths.end()) {
    return found->second;
  }
  std::vector<std::string> names;
  for (const auto& [known, datapath] : chip.datapaths) {
    names.push_back(known);
  }
  throw UsageError(fmt::format("{} has no datapath '{}'{}", shown, name, suggestion(name, names, 32)));
}

// "FILE.yaml:NAME", or only the file.
Datapath in_file(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const bool has_name =
      colon != std::string::npos && colon + 1 < text.size() && text.find('/', colon) == std::string::npos;
  const std::string path = has_name ? text.substr(0, colon) : text;
  const config::Chip chip = config::load_chip(config::resolve_file(config::FileKind::kChip, path));
  if (!has_name) {
    std::vector<std::string> names;
    for (const auto& [known, datapath] : chip.datapaths) {
      names.push_back(known);
    }
    throw UsageError(fmt::format("name a datapath of this file: '{}:NAME'; known: {}", path, fmt::join(names, ", ")));
  }
  return datapath_of(chip, "'" + path + "'", text.substr(colon + 1));
}

// Every shipped chip's datapaths as "chip.datapath". A file with mistakes is told when it is named.
std::map<std::string, Datapath> shipped_datapaths() {
  std::map<std::string, Datapath> all;
  for (const auto& file : config::shipped_files(config::FileKind::kChip)) {
    try {
      for (const auto& [name, datapath] : config::load_chip(file.path).datapaths) {
        all.emplace(file.name + "." + name, datapath);
      }
    } catch (const ConfigError&) {  // NOLINT(bugprone-empty-catch)
    }
  }
  return all;
}

}  // namespace

numerics::Datapath find_datapath(std::string& name) {
  if (name.find(".yaml") != std::string::npos || name.find(".yml") != std::string::npos) {
    return in_file(name);
  }
  if (const std::size_t dot = name.find('.'); dot != std::string::npos) {
    const std::string chip = name.substr(0, dot);
    return datapath_of(config::load_chip(config::resolve_file(config::FileKind::kChip, chip)), chip,
                       name.substr(dot + 1));
  }
  const auto all = shipped_datapaths();
  std::vector<std::string> names, matching;
  for (const auto& [full, datapath] : all) {
    names.push_back(full);
    if (full.substr(full.find('.') + 1) == name) {
      matching.push_back(full);
    }
  }
  if (matching.size() > 1) {
    throw UsageError(fmt::format("datapath '{}' could be {}; name one of them", name, fmt::join(matching, " or ")));
  }
  if (matching.empty()) {
    std::string near;
    for (const std::string& full : names) {
      const std::string bare = full.substr(full.find('.') + 1);
      near = near.empty() && nearest(name, std::span(&bare, 1)) == bare ? full : near;
    }
    throw UsageError(fmt::format("there is no datapath '{}'{}", name,
                                 near.empty() ? suggestion(name, names, 64) : "; did you mean '" + near + "'?"));
  }
  name = matching.front();
  return all.at(name);
}

}  // namespace mantissa::study
