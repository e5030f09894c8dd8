// SPDX-License-Identifier: Apache-2.0
#include "config/overlay.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "config/provenance.h"
#include "config/reference.h"

namespace mantissa::config {
namespace {

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (true) {
    const std::size_t dot = path.find('.', start);
    parts.push_back(path.substr(start, dot - start));
    if (dot == std::string::npos) {
      return parts;
    }
    start = dot + 1;
  }
}

// The paths of the key table for one kind of file; "<name>" stands for the user's names. What a recipe can say, each
// precision's own recipe can say too.
std::vector<std::string> key_patterns(FileKind kind) {
  const std::string file = kind == FileKind::kChip ? "chip" : "workload";
  std::vector<std::string> patterns;
  for (const KeyInfo& info : key_reference()) {
    if (info.file == file) {
      patterns.push_back(info.key);
      if (info.key.starts_with("recipe.")) {
        patterns.push_back("recipes.<precision>." + info.key.substr(std::string("recipe.").size()));
      }
    }
  }
  if (kind == FileKind::kWorkload) {
    patterns.emplace_back("recipes.<precision>");
  }
  return patterns;
}

// Layers are named by nodes of the network, whose names may hold dots.
bool names_a_layer(const std::vector<std::string>& parts) {
  return (parts.size() > 2 && parts[0] == "recipe" && parts[1] == "layers") ||
         (parts.size() > 3 && parts[0] == "recipes" && parts[2] == "layers");
}

// A name of a chip's datapath or precision must be one that the file has; a recipe for a precision may be new.
bool fits(const std::vector<std::string>& parts, const std::string& pattern, const YamlOverlay& file) {
  const std::vector<std::string> wanted = split(pattern);
  if (wanted.size() != parts.size()) {
    return false;
  }
  std::string path;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    path += (path.empty() ? "" : ".") + parts[i];
    if (wanted[i] == "<name>" ? !file.contains(path) : wanted[i] != "<precision>" && wanted[i] != parts[i]) {
      return false;
    }
  }
  return true;
}

// Keys that could be given, with the file's own names filled in.
std::vector<std::string> candidates(FileKind kind, const YamlOverlay& file) {
  std::vector<std::string> paths = file.paths();
  const std::vector<std::string> present = paths;
  for (const std::string& pattern : key_patterns(kind)) {
    const std::size_t name = pattern.find(".<");
    if (name == std::string::npos) {
      paths.push_back(pattern);
      continue;
    }
    const std::string map = pattern.substr(0, name + 1), rest = pattern.substr(pattern.find('>') + 1);
    for (const std::string& path : present) {
      if (path.starts_with(map) && path.find('.', map.size()) == std::string::npos) {
        paths.push_back(path + rest);
      }
    }
  }
  return paths;
}

// What a sweep may not change: where facts come from, and the names that results are shown under.
bool is_fixed(FileKind kind, const std::string& first) {
  return first == "schema" || (kind == FileKind::kChip && (first == "sources" || first == "assumed"));
}

void mark_as_assumed(YamlOverlay& file, const Override& change) {
  const auto below = [&](const std::string& key) { return key == change.path || key.starts_with(change.path + "."); };
  file.erase("sources", below);
  file.erase("assumed", below);
  file.set("assumed." + change.path, fmt::format("set in {}", change.value.pos().file));
}

}  // namespace

std::string path_defect(FileKind kind, const YamlNode& root, const std::string& path) {
  const YamlOverlay file(root);
  const std::string name = root.pos().file;
  const auto parts = split(path);
  if (is_fixed(kind, parts.front())) {
    return fmt::format("'{}' of {} cannot be changed from here", path, name);
  }
  if (file.contains(path) || (kind == FileKind::kWorkload && names_a_layer(parts))) {
    return {};
  }
  const auto patterns = key_patterns(kind);
  // A chip has the maps of its own architecture; optional keys go into maps that are there.
  const std::size_t last = path.rfind('.');
  const bool has_map = kind == FileKind::kWorkload || last == std::string::npos || file.contains(path.substr(0, last));
  if (has_map && std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return fits(parts, p, file); })) {
    return {};
  }
  const std::string near = nearest(path, candidates(kind, file));
  return fmt::format("{} has no key '{}'; {}", name, path,
                     near.empty() ? "`mantissa explain --markdown` lists the keys" : "did you mean '" + near + "'?");
}

YamlNode overlay(FileKind kind, const YamlNode& root, std::span<const Override> changes) {
  YamlOverlay file(root);
  for (const Override& change : changes) {
    if (!file.set(change)) {
      throw ConfigError(change.value.pos(), fmt::format("'{}': a part of the path is no map", change.path));
    }
    if (kind == FileKind::kChip && is_fact(change.path)) {
      mark_as_assumed(file, change);
    }
  }
  return file.finish();
}

}  // namespace mantissa::config
