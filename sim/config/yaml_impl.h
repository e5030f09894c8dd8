// SPDX-License-Identifier: Apache-2.0
// What a YamlNode holds. Private to the YAML reader.
#pragma once
#include <memory>

#include "config/yaml_document.h"

namespace mantissa::config {

struct YamlNode::Impl {
  std::shared_ptr<const YamlDocument> document;
  int id = 0;
  const YamlDocument::Node& node() const { return document->nodes[static_cast<std::size_t>(id)]; }
  const YamlDocument& file() const { return document->file_of(node()); }
};

}  // namespace mantissa::config
