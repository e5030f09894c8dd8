// SPDX-License-Identifier: Apache-2.0
#include "config/provenance.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/text.h"

namespace mantissa::config {
namespace {

// Names and choices of the model, not facts about the chip.
constexpr std::array<std::string_view, 8> kNoFacts = {"schema",       "name",    "title",   "summary",
                                                      "architecture", "sources", "assumed", "default_precision"};

struct Fact {
  std::string path;
  YamlNode node;
};

// All paths below `node`; `facts` are the values, `paths` the maps too. A list is one fact.
void collect(const YamlNode& node, std::vector<Fact>& facts, std::set<std::string>& paths) {
  paths.insert(node.path());
  if (node.kind() != YamlNode::Kind::kMap) {
    facts.push_back({node.path(), node});
    return;
  }
  for (const auto& [key, child] : node.entries()) {
    collect(child, facts, paths);
  }
}

std::map<std::string, std::string> read_entries(const std::optional<YamlNode>& node,
                                                const std::set<std::string>& paths) {
  std::map<std::string, std::string> entries;
  if (!node) {
    return entries;
  }
  const std::vector<std::string> known(paths.begin(), paths.end());
  for (const auto& [key, value] : node->entries()) {
    const std::string text = value.text();
    if (!paths.contains(key)) {
      const std::string near = nearest(key, known);
      value.error_at_key(fmt::format("'{}' is not the path of a fact in this file{}", key,
                                     near.empty() ? "" : "; did you mean '" + near + "'?"));
    } else if (text.size() < 3 && value.kind() == YamlNode::Kind::kScalar) {
      value.error(fmt::format("'{}' needs a sentence: who published it, or why this value", key));
    }
    entries.emplace(key, text);
  }
  return entries;
}

}  // namespace

bool is_fact(const std::string& path) {
  return std::find(kNoFacts.begin(), kNoFacts.end(), path.substr(0, path.find('.'))) == kNoFacts.end();
}

Provenance find_provenance(const Chip& chip, std::string path) {
  while (!path.empty()) {
    if (const auto at = chip.assumed.find(path); at != chip.assumed.end()) {
      return {true, at->second, path};
    }
    if (const auto at = chip.sources.find(path); at != chip.sources.end()) {
      return {false, at->second, path};
    }
    const std::size_t dot = path.rfind('.');
    path.resize(dot == std::string::npos ? 0 : dot);
  }
  return {};
}

void read_provenance(const YamlNode& root, MapReader& reader, Chip& chip) {
  std::vector<Fact> facts;
  std::set<std::string> paths;
  if (root.kind() == YamlNode::Kind::kMap) {
    for (const auto& [key, node] : root.entries()) {
      if (is_fact(key)) {
        collect(node, facts, paths);
      }
    }
  }
  const YamlNode sources = reader.required("sources");
  const auto assumed = reader.find("assumed");
  chip.sources = read_entries(sources, paths);
  chip.assumed = read_entries(assumed, paths);
  if (assumed && assumed->kind() == YamlNode::Kind::kMap) {
    for (const auto& [key, node] : assumed->entries()) {
      if (chip.sources.contains(key)) {
        node.error_at_key(fmt::format("'{}' has a source and is assumed; remove one", key));
      }
    }
  }
  if (sources.missing()) {
    return;
  }
  std::size_t uncovered = 0;
  for (const Fact& fact : facts) {
    if (find_provenance(chip, fact.path).key.empty() && ++uncovered <= 5) {
      fact.node.error_at_key(
          fmt::format("'{}' has no source; name one in sources, or say in assumed why this value", fact.path));
    }
  }
  if (uncovered > 5) {
    sources.error_at_key(fmt::format("{} more facts have no source", uncovered - 5));
  }
}

}  // namespace mantissa::config
