// SPDX-License-Identifier: Apache-2.0
// Builds a shape-only Graph node by node. A mistake is reported at the YAML node it comes from and thrown at once.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/yaml.h"
#include "network/graph.h"
#include "network/import.h"
#include "network/op.h"

namespace mantissa::network {

// Names within one list of layers: "block2." + "conv" + a running number of that kind.
class Scope {
 public:
  explicit Scope(std::string prefix) : prefix_(std::move(prefix)) {}
  std::string next(const std::string& kind) { return prefix_ + kind + std::to_string(++counts_[kind]); }
  const std::string& prefix() const { return prefix_; }

 private:
  std::string prefix_;
  std::map<std::string, int> counts_;
};

class Builder {
 public:
  using Attributes = std::map<std::string, Attribute>;

  Builder(std::string name, std::int64_t batch, const CompactOptions& options = {});

  ValueId input(const std::string& name, ElementType type, Shape shape, const config::YamlNode& at);
  ValueId parameter(const std::string& name, Shape shape, const config::YamlNode& at);
  ValueId number(const std::string& name, float value);
  ValueId integers(const std::string& name, std::vector<std::int64_t> values);

  // The node's first output. `at`: whose mistake it is when shapes do not fit.
  ValueId add(Op op, const std::string& name, std::vector<ValueId> inputs, Attributes attributes,
              const config::YamlNode& at);

  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }
  std::int64_t batch() const { return graph_.batch; }
  const CompactOptions& options() const { return options_; }
  // Counts parameters that an importer would have folded away (the scale of a batch normalization).
  void count_folded(std::int64_t parameters) { graph_.folded_parameters += parameters; }
  Graph finish(ValueId output);

  [[noreturn]] static void fail(const config::YamlNode& at, const std::string& message);

 private:
  ValueId place(Value value);
  void check_size(const Shape& shape, const config::YamlNode& at) const;
  Graph graph_;
  CompactOptions options_;
};

}  // namespace mantissa::network
