// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

namespace mantissa::config {
namespace {

constexpr std::size_t kMaxShownLine = 200;

// Turns yaml-cpp's events into nodes. Structural mistakes throw; duplicate keys are collected.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(YamlDocument& document) : document_(document) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add(mark, YamlNode::Kind::kNull, {}, false);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    fail(mark, "aliases (*name) are not supported; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (std::any_of(value.begin(), value.end(),
                    [](char c) { return is_control_character(static_cast<unsigned char>(c)); })) {
      fail(mark, "control characters in text are not supported; remove them");
    }
    const bool quoted = tag == "!";
    if (quoted) {
      last_quoted_ = mark;
    }
    const bool null = !quoted && (value.empty() || value == "~" || value == "null");
    add(mark, null ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar, value, quoted);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { stack_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { stack_.pop_back(); }

  // yaml-cpp 0.7 takes a quoted text that the end of the file cuts off when a line break stands before the end.
  void check_last_quote() const {
    if (last_quoted_.is_null() || static_cast<std::size_t>(last_quoted_.line) >= document_.lines.size() ||
        static_cast<std::size_t>(last_quoted_.column) >=
            document_.lines[static_cast<std::size_t>(last_quoted_.line)].size()) {
      return;
    }
    const char quote =
        document_.lines[static_cast<std::size_t>(last_quoted_.line)][static_cast<std::size_t>(last_quoted_.column)];
    if (quote != '"' && quote != '\'') {
      return;  // a block of text (| or >), which the end of the file closes
    }
    std::size_t at = static_cast<std::size_t>(last_quoted_.column) + 1;
    for (std::size_t n = static_cast<std::size_t>(last_quoted_.line); n < document_.lines.size(); ++n, at = 0) {
      const std::string& line = document_.lines[n];
      for (; at < line.size(); ++at) {
        const bool doubled = quote == '\'' && line[at] == quote && at + 1 < line.size() && line[at + 1] == quote;
        if (doubled || (quote == '"' && line[at] == '\\')) {
          ++at;
        } else if (line[at] == quote) {
          return;
        }
      }
    }
    fail(last_quoted_, "the quotes are not closed; add the closing quote");
  }

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& message) const {
    const auto [line, column] = place(mark);
    throw ConfigError({Diagnostic{document_.place(line, column), message, document_.line_text(line)}});
  }

 private:
  struct Open {
    int node = 0;
    bool has_key = false;
    std::string key;
    int key_line = 0, key_column = 0;
    std::unordered_map<std::string, int> first_line;  // of each key
  };

  // Marks count bytes from 0; a user counts characters from 1.
  std::pair<int, int> place(const YAML::Mark& mark) const {
    if (mark.is_null()) {
      return {1, 1};
    }
    const auto line = static_cast<std::size_t>(std::max(0, mark.line));
    const auto end = static_cast<std::size_t>(std::max(0, mark.column));
    if (line >= document_.lines.size()) {
      return {static_cast<int>(document_.lines.size()), 1};
    }
    const std::string& text = document_.lines[line];
    int column = 1;
    for (std::size_t i = 0; i < std::min(end, text.size()); ++i) {
      column += (static_cast<unsigned char>(text[i]) & 0xc0u) != 0x80u ? 1 : 0;
    }
    return {static_cast<int>(line) + 1, column};
  }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != 0) {
      fail(mark, "anchors (&name) are not supported; remove the anchor and write its value out where it is used");
    }
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!") {
      fail(mark, fmt::format("tags ('{}') are not supported; remove the tag", tag));
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (static_cast<int>(stack_.size()) >= kMaxYamlDepth) {
      fail(mark, fmt::format("lists and maps are nested more than {} deep; flatten the file", kMaxYamlDepth));
    }
    const int node = add(mark, kind, {}, false);
    stack_.push_back(Open{node, false, {}, 0, 0, {}});
  }

  int add(const YAML::Mark& mark, YamlNode::Kind kind, const std::string& value, bool quoted) {
    const auto [line, column] = place(mark);
    if (!stack_.empty() && document_.nodes[static_cast<std::size_t>(stack_.back().node)].kind == YamlNode::Kind::kMap &&
        !stack_.back().has_key) {
      take_key(mark, kind, value);
      return -1;
    }
    if (document_.nodes.size() >= kMaxYamlNodes) {
      fail(mark, fmt::format("the file has more than {} values; split it", kMaxYamlNodes));
    }
    const int id = static_cast<int>(document_.nodes.size());
    YamlDocument::Node node;
    node.kind = kind;
    node.quoted = quoted;
    node.line = line;
    node.column = column;
    node.value = value;
    if (!stack_.empty()) {
      Open& top = stack_.back();
      auto& siblings = document_.nodes[static_cast<std::size_t>(top.node)].children;
      node.parent = top.node;
      node.index = static_cast<int>(siblings.size());
      node.key = top.key;
      node.key_line = top.key_line;
      node.key_column = top.key_column;
      if (kind == YamlNode::Kind::kNull && top.has_key) {  // the mark of "key:" without a value is that of the next key
        node.line = top.key_line;
        node.column = top.key_column;
      }
      top.has_key = false;
      siblings.push_back(id);
    }
    document_.nodes.push_back(std::move(node));
    return id;
  }

  void take_key(const YAML::Mark& mark, YamlNode::Kind kind, const std::string& value) {
    if (kind != YamlNode::Kind::kScalar) {
      fail(mark, "a key must be a word; found a list, a map or nothing");
    }
    if (value == "<<") {
      fail(mark, "merge keys (<<) are not supported; write the keys out");
    }
    const auto [line, column] = place(mark);
    Open& top = stack_.back();
    top.has_key = true;
    top.key = value;
    top.key_line = line;
    top.key_column = column;
    const auto [first, inserted] = top.first_line.emplace(value, line);
    if (!inserted) {
      document_.report(line, column,
                       fmt::format("duplicate key '{}'; it is already given on line {}", value, first->second));
    }
  }

  YamlDocument& document_;
  std::vector<Open> stack_;
  YAML::Mark last_quoted_ = YAML::Mark::null_mark();
};

// yaml-cpp's words for what users most often do wrong, said with what to do.
std::string explain(const std::string& message) {
  static const std::pair<const char*, const char*> kHints[] = {
      {"illegal map value", "a ': ' stands inside a value; put the value in quotes"},
      {"end of sequence flow not found", "a list is not closed before this; add ']'"},
      {"end of map flow not found", "a map is not closed before this; add '}'"},
      {"end of map not found", "the indentation fits no map above; align the keys of one map"},
      {"end of sequence not found", "the indentation fits no list above; align its items"},
      {"the referenced anchor is not defined",
       "aliases (*name) are not supported; put text that begins with * in quotes"}};
  for (const auto& [words, hint] : kHints) {
    if (message == words) {
      return hint;
    }
  }
  return message;
}

}  // namespace

std::string YamlDocument::line_text(int line) const {
  if (line < 1 || static_cast<std::size_t>(line) > lines.size() ||
      lines[static_cast<std::size_t>(line - 1)].size() > kMaxShownLine) {
    return {};
  }
  return lines[static_cast<std::size_t>(line - 1)];
}

void YamlDocument::report(int line, int column, const std::string& message) const {
  diagnostics.add(place(line, column), message, line_text(line));
}

void YamlDocument::report(const Node& node, bool at_key, const std::string& message) const {
  const bool key = at_key && node.key_line > 0;
  const int line = key ? node.key_line : node.line, column = key ? node.key_column : node.column;
  const YamlDocument& file = file_of(node);
  diagnostics.add(file.place(line, column), message, file.line_text(line));
}

std::shared_ptr<const YamlDocument> parse_yaml(const std::string& text, const std::string& name) {
  auto document = std::make_shared<YamlDocument>();
  document->name = name;
  document->hash = fnv1a(text);
  if (text.size() > kMaxFileBytes) {
    throw ConfigError(SourcePos{name, 0, 0},
                      fmt::format("the file has {} bytes; at most {} are read", text.size(), kMaxFileBytes));
  }
  const std::string body = text.rfind("\xef\xbb\xbf", 0) == 0 ? text.substr(3) : text;
  document->lines = split_lines(body);
  check_lines(*document);
  Builder builder(*document);
  std::istringstream stream(body);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder) || document->nodes.empty()) {
      throw ConfigError(SourcePos{name, 0, 0},
                        "the file is empty; see docs/config_reference.md for what belongs in it");
    }
    builder.check_last_quote();
    if (parser) {
      YamlDocument rest;
      rest.name = name;
      rest.lines = document->lines;
      Builder second(rest);
      if (parser.HandleNextDocument(second)) {
        const int line = rest.nodes.empty() ? 0 : rest.nodes.front().line;
        throw ConfigError(
            {Diagnostic{rest.place(line, line > 0 ? rest.nodes.front().column : 0),
                        "a second YAML document (after '---' or '...') is not supported; use one file for each",
                        rest.line_text(line)}});
      }
    }
  } catch (const YAML::ParserException& e) {
    builder.fail(e.mark, fmt::format("not valid YAML: {}", explain(e.msg)));
  }
  return document;
}

}  // namespace mantissa::config
