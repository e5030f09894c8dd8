// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_overlay.h"

#include <algorithm>

#include "base/error.h"
#include "config/yaml_impl.h"

namespace mantissa::config {
namespace {

std::size_t idx(int i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

YamlOverlay::YamlOverlay(const YamlNode& root) {
  check(root.impl_ != nullptr && root.impl_->id == 0 && root.kind() == YamlNode::Kind::kMap,
        "an overlay starts from the root of a file that is a map");
  document_ = std::make_shared<YamlDocument>(*root.impl_->document);
}

// Keys may hold dots themselves (names of layers, paths in `sources`): the longest key that fits is taken.
YamlOverlay::Place YamlOverlay::find(const std::string& path) const {
  Place place{0, path};
  while (!place.rest.empty()) {
    int best = -1;
    std::size_t length = 0;
    const auto& node = document_->nodes[idx(place.node)];
    for (const int child : node.kind == YamlNode::Kind::kMap ? node.children : std::vector<int>{}) {
      const std::string& key = document_->nodes[idx(child)].key;
      const bool fits =
          place.rest.starts_with(key) && (place.rest.size() == key.size() || place.rest[key.size()] == '.');
      if (fits && (best < 0 || key.size() > length)) {
        best = child;
        length = key.size();
      }
    }
    if (best < 0) {
      return place;
    }
    place.node = best;
    place.rest = place.rest.size() == length ? "" : place.rest.substr(length + 1);
  }
  return place;
}

bool YamlOverlay::contains(const std::string& path) const {
  return !path.empty() && find(path).rest.empty();
}

std::string YamlOverlay::text(const std::string& path) const {
  check(contains(path), "the path is there");
  return document_->nodes[idx(find(path).node)].value;
}

int YamlOverlay::add_child(int parent, const std::string& key) {
  YamlDocument::Node node;
  node.parent = parent;
  node.index = static_cast<int>(document_->nodes[idx(parent)].children.size());
  node.key = key;
  // For messages about a map that the change made: the place where it stands.
  const auto& above = document_->nodes[idx(parent)];
  node.line = node.key_line = above.line;
  node.column = node.key_column = above.column;
  node.origin = above.origin;
  const int id = static_cast<int>(document_->nodes.size());
  document_->nodes.push_back(std::move(node));
  document_->nodes[idx(parent)].children.push_back(id);
  return id;
}

std::optional<int> YamlOverlay::slot(const std::string& path) {
  Place place = find(path);
  while (!place.rest.empty()) {
    auto& parent = document_->nodes[idx(place.node)];
    if (parent.kind == YamlNode::Kind::kNull) {
      parent.kind = YamlNode::Kind::kMap;
    }
    if (parent.kind != YamlNode::Kind::kMap) {
      return std::nullopt;
    }
    // Under `layers`, `sources` and `assumed` a key is a name, dots included.
    const bool names = parent.key == "layers" || parent.key == "sources" || parent.key == "assumed";
    const std::size_t dot = names ? std::string::npos : place.rest.find('.');
    const std::string key = place.rest.substr(0, dot);
    place.rest = dot == std::string::npos ? "" : place.rest.substr(dot + 1);
    place.node = add_child(place.node, key);
  }
  return place.node;
}

void YamlOverlay::copy(const YamlDocument& from, const std::shared_ptr<const YamlDocument>& origin, int source,
                       int target) {
  const YamlDocument::Node& original = from.nodes[idx(source)];
  {
    YamlDocument::Node& node = document_->nodes[idx(target)];
    node.kind = original.kind;
    node.quoted = original.quoted;
    node.value = original.value;
    node.line = original.line, node.column = original.column;
    node.key_line = original.key_line, node.key_column = original.key_column;
    node.origin = original.origin ? original.origin : origin;
    node.children.clear();
  }
  for (const int child : original.children) {
    copy(from, origin, child, add_child(target, from.nodes[idx(child)].key));
  }
}

bool YamlOverlay::set(const Override& change) {
  const auto target = slot(change.path);
  if (!target) {
    return false;
  }
  copy(*change.value.impl_->document, change.value.impl_->document, change.value.impl_->id, *target);
  if (change.text) {
    YamlDocument::Node& node = document_->nodes[idx(*target)];
    node.kind = YamlNode::Kind::kScalar;
    node.quoted = false;
    node.value = *change.text;
    node.children.clear();
  }
  changes_ += "\n" + change.path + "=" + (change.text ? *change.text : change.value.flow());
  return true;
}

bool YamlOverlay::set(const std::string& path, const std::string& text) {
  const auto target = slot(path);
  if (!target) {
    return false;
  }
  YamlDocument::Node& node = document_->nodes[idx(*target)];
  node.kind = YamlNode::Kind::kScalar;
  node.quoted = false;
  node.value = text;
  node.children.clear();
  changes_ += "\n" + path + "=" + text;
  return true;
}

void YamlOverlay::erase(const std::string& path, const std::function<bool(const std::string&)>& drop) {
  if (!contains(path)) {
    return;
  }
  auto& children = document_->nodes[idx(find(path).node)].children;
  std::erase_if(children, [&](int child) { return drop(document_->nodes[idx(child)].key); });
  for (std::size_t i = 0; i < children.size(); ++i) {
    document_->nodes[idx(children[i])].index = static_cast<int>(i);
  }
}

std::vector<std::string> YamlOverlay::paths() const {
  std::vector<std::string> result;
  const std::function<void(int, const std::string&)> visit = [&](int id, const std::string& prefix) {
    for (const int child : document_->nodes[idx(id)].children) {
      const auto& node = document_->nodes[idx(child)];
      const std::string path = prefix.empty() ? node.key : prefix + "." + node.key;
      result.push_back(path);
      if (node.kind == YamlNode::Kind::kMap) {
        visit(child, path);
      }
    }
  };
  visit(0, "");
  return result;
}

YamlNode YamlOverlay::finish() const {
  auto document = std::make_shared<YamlDocument>(*document_);
  document->hash = changes_.empty() ? document->hash : fnv1a(document->hash + changes_);
  return YamlNode(std::make_shared<const YamlNode::Impl>(YamlNode::Impl{document, 0}));
}

}  // namespace mantissa::config
