// SPDX-License-Identifier: Apache-2.0
// A parsed YAML file as a flat list of nodes with positions. Private to the YAML reader: yaml.cpp hands the nodes out,
// yaml_document.cpp fills them in from yaml-cpp's events; only it and yaml_dump.cpp include yaml-cpp.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/yaml.h"

namespace mantissa::config {

inline constexpr std::size_t kMaxFileBytes = 4u << 20;
inline constexpr std::size_t kMaxYamlNodes = 200'000;
inline constexpr int kMaxYamlDepth = 64;

struct YamlDocument {
  struct Node {
    YamlNode::Kind kind = YamlNode::Kind::kNull;
    bool quoted = false;       // a scalar in quotes: text, never a number
    int line = 0, column = 0;  // from 1
    int key_line = 0, key_column = 0;
    int parent = -1;
    int index = 0;      // place in the parent
    std::string key;    // in a map
    std::string value;  // of a scalar
    std::vector<int> children;
    // Where an overlay (yaml_overlay.h) put the node here from another file: that file. Else null.
    std::shared_ptr<const YamlDocument> origin;
  };

  std::string name;  // file
  std::string hash;
  std::vector<std::string> lines;
  std::vector<Node> nodes;  // nodes[0] is the root
  mutable Diagnostics diagnostics;

  SourcePos place(int line, int column) const { return {name, line, column}; }
  // The text of a line for a caret; empty beyond the file and for very long lines.
  std::string line_text(int line) const;
  void report(int line, int column, const std::string& message) const;
  // The file that a node was written in.
  const YamlDocument& file_of(const Node& node) const { return node.origin ? *node.origin : *this; }
  void report(const Node& node, bool at_key, const std::string& message) const;
};

// Text before yaml-cpp sees it (yaml_text.cpp).
std::string fnv1a(const std::string& bytes);  // 64 bits, as 16 hex digits
std::vector<std::string> split_lines(const std::string& text);
bool is_control_character(unsigned char c);  // other than tab and line breaks
// Throws ConfigError for what yaml-cpp accepts or garbles silently: bytes that are no UTF-8 text, tabs as indentation,
// very long lines.
void check_lines(const YamlDocument& document);

// Throws ConfigError for text that is not the YAML that Mantissa reads.
std::shared_ptr<const YamlDocument> parse_yaml(const std::string& text, const std::string& name);

}  // namespace mantissa::config
