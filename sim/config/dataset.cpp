// SPDX-License-Identifier: Apache-2.0
#include "config/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/text.h"
#include "config/fields.h"

namespace mantissa::config {
namespace {

// Every known data set with the keys that belong to it.
struct Known {
  const char* name;
  Dataset::Kind kind;
  std::vector<std::string> required, optional;
};
const std::vector<Known>& known_sets() {
  static const std::vector<Known> sets = {
      {"fashion_mnist", Dataset::Kind::kImages, {"images", "calibration_images"}, {"folder", "mean", "std"}},
      {"token_ids", Dataset::Kind::kTokens, {"file", "sequences", "calibration_file", "calibration_sequences"}, {}}};
  return sets;
}

std::vector<std::string> keys_of(const Known& set) {
  std::vector<std::string> keys = set.required;
  keys.insert(keys.end(), set.optional.begin(), set.optional.end());
  return keys;
}

// A key that is known, but of another data set than the one named.
void refuse_keys_of_others(MapReader& reader, const Known& set) {
  for (const Known& other : known_sets()) {
    if (&other == &set) {
      continue;
    }
    for (const std::string& key : keys_of(other)) {
      if (const auto node = reader.find(key)) {
        node->error_at_key(
            fmt::format("'{}' belongs to {}; {} has {}", key, other.name, set.name, fmt::join(keys_of(set), ", ")));
      }
    }
  }
}

std::string resolved_file(MapReader& reader, const char* key, const std::string& workload_path) {
  const auto node = reader.find(key);
  if (!node) {
    return {};
  }
  const std::filesystem::path file = node->text();
  const auto path = file.is_absolute() ? file : std::filesystem::path(workload_path).parent_path() / file;
  std::error_code ignored;
  if (node->kind() == YamlNode::Kind::kScalar && !std::filesystem::is_regular_file(path, ignored)) {
    node->error(fmt::format("there is no file '{}'; the path is seen from this file's folder",
                            path.lexically_normal().string()));
  }
  return path.lexically_normal().string();
}

}  // namespace

void read_dataset(const YamlNode& node, Workload& workload) {
  Dataset& dataset = workload.dataset.emplace();
  MapReader reader(node);
  read_fields(reader, workload_fields(), "dataset", workload);
  const YamlNode name = reader.required("name");
  dataset.name = name.text();
  const auto at = std::find_if(known_sets().begin(), known_sets().end(),
                               [&](const Known& set) { return set.name == dataset.name; });
  if (at != known_sets().end()) {
    dataset.kind = at->kind;
    for (const std::string& key : at->required) {
      static_cast<void>(reader.required(key));
    }
    refuse_keys_of_others(reader, *at);
  } else if (name.kind() == YamlNode::Kind::kScalar) {
    std::vector<std::string> names;
    for (const Known& set : known_sets()) {
      names.emplace_back(set.name);
    }
    name.error(fmt::format("'{}' is not a known data set{}", dataset.name, suggestion(dataset.name, names)));
  }
  dataset.file = resolved_file(reader, "file", workload.path);
  dataset.calibration_file = resolved_file(reader, "calibration_file", workload.path);
  if (!dataset.file.empty() && dataset.file == dataset.calibration_file) {
    reader.find("calibration_file")
        ->error("calibration must not see the texts that are measured; name a file with other ones");
  }
  reader.finish();
}

}  // namespace mantissa::config
