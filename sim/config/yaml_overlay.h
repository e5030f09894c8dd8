// SPDX-License-Identifier: Apache-2.0
// Changes of a parsed YAML file before it is read. A changed value keeps the position where its user wrote it (a sweep
// file), so that a mistake in it is reported there.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/yaml.h"

namespace mantissa::config {

struct YamlDocument;

struct Override {
  std::string path;                 // from the root: "dram.channels"
  YamlNode value;                   // scalar, list or map; its key is where a wrong path is reported
  std::optional<std::string> text;  // a scalar in its place (one value out of a range), at the same position
};

class YamlOverlay {
 public:
  // A copy of the document to change. REQUIRES: the node is the root of its document, and a map.
  explicit YamlOverlay(const YamlNode& root);
  // Puts the value at the path in place of what is there; keys and maps that are not there are added. False where the
  // path leads through something that is no map.
  bool set(const Override& change);
  // The same for a text of the program's own.
  bool set(const std::string& path, const std::string& text);
  // Takes away the keys of the map at `path` for which `drop` holds.
  void erase(const std::string& path, const std::function<bool(const std::string&)>& drop);
  bool contains(const std::string& path) const;
  std::string text(const std::string& path) const;  // of a scalar that is there
  // Paths of all maps and values, lists as one.
  std::vector<std::string> paths() const;
  // The changed document; its hash is of the first one's and of all changes.
  YamlNode finish() const;

 private:
  struct Place {
    int node = 0;      // the deepest node on the path
    std::string rest;  // what is left of the path below it; empty: the node itself
  };
  Place find(const std::string& path) const;
  int add_child(int parent, const std::string& key);
  // False where the path leads through something that is no map.
  std::optional<int> slot(const std::string& path);
  void copy(const YamlDocument& from, const std::shared_ptr<const YamlDocument>& origin, int source, int target);

  std::shared_ptr<YamlDocument> document_;
  std::string changes_;
};

}  // namespace mantissa::config
