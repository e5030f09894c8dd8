// SPDX-License-Identifier: Apache-2.0
// YAML out of parsed nodes, through yaml-cpp's emitter.
#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

#include "config/yaml_impl.h"

namespace mantissa::config {
namespace {

// Lists of single values stand on one line; maps have one key a line.
void emit(YAML::Emitter& out, const YamlDocument& document, int id, bool flow) {
  const auto& node = document.nodes[static_cast<std::size_t>(id)];
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      out << YAML::Null;
      return;
    case YamlNode::Kind::kScalar:
      if (node.quoted) {
        out << YAML::DoubleQuoted;
      }
      out << node.value;
      return;
    case YamlNode::Kind::kSequence:
    case YamlNode::Kind::kMap:
      break;
  }
  const bool is_map = node.kind == YamlNode::Kind::kMap;
  bool plain = true;
  for (const int child : node.children) {
    plain = plain && document.nodes[static_cast<std::size_t>(child)].children.empty();
  }
  if (flow || (!is_map && plain) || node.children.empty()) {
    out << YAML::Flow;
  }
  if (is_map) {
    out << YAML::BeginMap;
  } else {
    out << YAML::BeginSeq;
  }
  for (const int child : node.children) {
    if (is_map) {
      out << YAML::Key << document.nodes[static_cast<std::size_t>(child)].key << YAML::Value;
    }
    emit(out, document, child, flow);
  }
  if (is_map) {
    out << YAML::EndMap;
  } else {
    out << YAML::EndSeq;
  }
}

}  // namespace

std::string YamlNode::flow() const {
  if (!impl_) {
    return {};
  }
  YAML::Emitter out;
  emit(out, *impl_->document, impl_->id, true);
  return out.c_str();
}

std::string YamlNode::dump() const {
  if (!impl_) {
    return {};
  }
  YAML::Emitter out;
  emit(out, *impl_->document, impl_->id, false);
  return std::string(out.c_str()) + "\n";
}

}  // namespace mantissa::config
