// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/yaml.h"

namespace mantissa::config {

MapReader::MapReader(const YamlNode& node) : node_(node) {
  entries_ = node.entries();
}

bool MapReader::has(std::string_view key) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; });
}

std::optional<YamlNode> MapReader::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
    known_.emplace_back(key);
  }
  const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; });
  return at == entries_.end() ? std::nullopt : std::optional(at->second);
}

YamlNode MapReader::required(std::string_view key) {
  if (auto node = find(key)) {
    return *node;
  }
  if (node_.kind() == YamlNode::Kind::kMap) {
    const std::string where = node_.path();
    node_.error_at_key(fmt::format("missing key '{}{}{}'; add it here", where, where.empty() ? "" : ".", key));
  }
  return {};
}

std::string MapReader::text(std::string_view key) {
  return required(key).text();
}

std::string MapReader::text(std::string_view key, std::string fallback) {
  const auto node = find(key);
  return node ? node->text() : fallback;
}

std::int64_t MapReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  return required(key).integer(min, max);
}

std::int64_t MapReader::integer_or(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max) {
  const auto node = find(key);
  return node ? node->integer(min, max) : fallback;
}

double MapReader::number(std::string_view key, double min, double max) {
  return required(key).number(min, max);
}

double MapReader::number_or(std::string_view key, double fallback, double min, double max) {
  const auto node = find(key);
  return node ? node->number(min, max) : fallback;
}

bool MapReader::boolean_or(std::string_view key, bool fallback) {
  const auto node = find(key);
  return node ? node->boolean() : fallback;
}

void MapReader::finish() {
  for (const auto& [key, node] : entries_) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      node.error_at_key(fmt::format("unknown key '{}'{}", node.path(), suggestion(key, known_)));
    }
  }
}

}  // namespace mantissa::config
