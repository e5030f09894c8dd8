// SPDX-License-Identifier: Apache-2.0
// The one reader of YAML. It knows the file name, line and column of everything it hands out, and owns yaml-cpp's
// traps: duplicate keys, octal-looking and exponent integers, anchors and merge keys, errors without a file name.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace mantissa::config {

// Collects mistakes of one file; finish() throws ConfigError when there are any, in the order of their lines. At most
// 20 are kept; one more line says how many are not shown.
class Diagnostics {
 public:
  void add(SourcePos pos, std::string message, std::string source_line);
  bool empty() const { return list_.empty(); }
  std::size_t count() const { return list_.size() + dropped_; }
  void finish() const;

 private:
  std::vector<Diagnostic> list_;
  std::size_t dropped_ = 0;
};

// A node of a parsed file: cheap to copy, keeps the document alive. Accessors report into the document's Diagnostics
// and return a default, so that reading goes on and several mistakes are reported together. A node that MapReader hands
// out for a key that is missing reports nothing more: its accessors return defaults silently.
class YamlNode {
 public:
  enum class Kind { kNull, kScalar, kSequence, kMap };

  // Parses a whole file (at most 4 MB, 200,000 values, nesting at most 64). Throws ConfigError when it cannot be read
  // or parsed, and for anchors, aliases, merge keys, tags, several documents and tabs as indentation.
  static YamlNode load_file(const std::string& path);
  static YamlNode parse(const std::string& text, const std::string& name);

  YamlNode() = default;  // as handed out for a missing key
  bool missing() const { return impl_ == nullptr; }

  Kind kind() const;
  SourcePos pos() const;
  SourcePos key_pos() const;  // of its key, where it is a value of a map; else pos()
  std::string path() const;   // "dram.channels", "runs[2].chip"
  // Scalars. A wrong type or a value outside the range is a mistake at this node.
  std::string text() const;
  std::int64_t integer(std::int64_t min, std::int64_t max) const;
  double number(double min, double max) const;
  bool boolean() const;
  std::vector<YamlNode> items() const;                            // of a sequence
  std::vector<std::pair<std::string, YamlNode>> entries() const;  // of a map, in file order
  void error(const std::string& message) const;                   // reports a mistake at this node
  void error_at_key(const std::string& message) const;            // ... at its key
  // ... at the character `offset` of a scalar's text, where the file has this text on one line as it is.
  void error_within(std::size_t offset, const std::string& message) const;
  std::string hash() const;      // of the document's bytes: FNV-1a 64 as 16 hex digits
  std::string flow() const;      // on one line: "{calibrator: percentile, percentile: 99.9}"
  std::string dump() const;      // as a YAML file: the same values, no comments
  std::size_t mistakes() const;  // reported so far in the document
  void finish() const;           // throws if any mistake was reported in the document

 private:
  friend class MapReader;
  friend class YamlOverlay;
  struct Impl;
  explicit YamlNode(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// Reads the keys of one map; finish() reports the keys nobody asked for, with the nearest known one.
class MapReader {
 public:
  explicit MapReader(const YamlNode& node);  // reports when the node is no map
  std::optional<YamlNode> find(std::string_view key);
  YamlNode required(std::string_view key);  // reports a missing key at the map
  bool has(std::string_view key) const;

  std::string text(std::string_view key);
  std::string text(std::string_view key, std::string fallback);
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::int64_t integer_or(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max);
  double number(std::string_view key, double min, double max);
  double number_or(std::string_view key, double fallback, double min, double max);
  bool boolean_or(std::string_view key, bool fallback);
  void finish();

 private:
  YamlNode node_;
  std::vector<std::pair<std::string, YamlNode>> entries_;
  std::vector<std::string> known_;
};

}  // namespace mantissa::config
