// SPDX-License-Identifier: Apache-2.0
#include "study/point_key.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/workload.h"
#include "execute/dataset.h"

namespace mantissa::study {
namespace {

using config::SweepPoint;
using config::YamlNode;

constexpr std::size_t kKnownWorkloads = 4096;

std::string hex(const XXH128_hash_t& hash) {
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string hash_bytes(const std::string& bytes) {
  return hex(XXH3_128bits(bytes.data(), bytes.size()));
}

// The values of a file without those that no result depends on.
std::string canonical(const YamlNode& document, std::initializer_list<std::string_view> without) {
  std::string text;
  for (const auto& [name, node] : document.entries()) {
    if (std::find(without.begin(), without.end(), name) == without.end()) {
      text += name + ": " + node.flow() + "\n";
    }
  }
  return text;
}

// Whether a change is of this entry of the file or of something in it.
bool changes_entry(const std::vector<config::Override>& changes, const std::string& name) {
  return std::any_of(changes.begin(), changes.end(), [&](const config::Override& change) {
    return change.path.compare(0, name.size(), name) == 0 &&
           (change.path.size() == name.size() || change.path[name.size()] == '.' || change.path[name.size()] == '[');
  });
}

std::string value_text(const YamlNode& document, const std::string& key) {
  for (const auto& [name, node] : document.entries()) {
    if (name == key && node.kind() == YamlNode::Kind::kScalar) {
      return node.text();
    }
  }
  return {};
}

}  // namespace

std::string precision_of(const SweepPoint& point, const YamlNode& chip) {
  return point.precision.empty() ? value_text(chip, "default_precision") : point.precision;
}

std::string text_of(const std::vector<config::Override>& changes) {
  std::string text;
  for (const config::Override& change : changes) {
    text += change.path + ": " + (change.text ? *change.text : change.value.flow()) + "\n";
  }
  return text;
}

const std::string& PointKeys::hash_of_file(const std::string& path) {
  const auto known = files_.find(path);
  if (known != files_.end()) {
    return known->second;
  }
  std::string hash = "none";  // that it is missing is told by the point's run
  if (std::ifstream in(path, std::ios::binary); in) {
    const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(), XXH3_freeState);
    XXH3_128bits_reset(state.get());
    std::vector<char> buffer(1 << 20);
    while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0) {
      XXH3_128bits_update(state.get(), buffer.data(), static_cast<std::size_t>(in.gcount()));
    }
    hash = hex(XXH3_128bits_digest(state.get()));
  }
  return files_[path] = hash;
}

std::string PointKeys::of_files(const YamlNode& document, const std::string& path) {
  const config::Workload workload = config::parse_workload(document, path);
  std::string text;
  if (workload.onnx) {
    text += "network " + hash_of_file(*workload.onnx) + "\n";
  }
  if (!sweep_.measure.accuracy || !workload.dataset) {
    return text;
  }
  std::vector<std::string> files = {workload.dataset->file, workload.dataset->calibration_file};
  if (workload.dataset->kind == config::Dataset::Kind::kImages) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(execute::dataset_folder(*workload.dataset), ignored)) {
      if (entry.path().filename().string().find("-ubyte") != std::string::npos) {
        files.push_back(entry.path().string());
      }
    }
    std::sort(files.begin(), files.end());
  }
  for (const std::string& file : files) {
    text += file.empty() ? "" : "data " + hash_of_file(file) + "\n";
  }
  return text;
}

std::string PointKeys::of_workload(const SweepPoint& point, const std::string& precision) {
  const std::string choice = point.workload + "\n" + precision + "\n" + text_of(point.workload_changes) + "recipe\n" +
                             text_of(point.recipe_changes);
  const auto known = workloads_.find(choice);
  if (known != workloads_.end()) {
    return known->second;
  }
  const YamlNode document = sweep_.workload_document(point, precision);
  std::string text = canonical(document, {"name", "title", "summary", "batch"});
  try {
    text += of_files(document, point.workload);
  } catch (const ConfigError& e) {
    text += e.what();  // its run says the same
  }
  text += "batch " + value_text(document, "batch") + "\n";
  if (workloads_.size() >= kKnownWorkloads) {
    workloads_.clear();
  }
  return workloads_[choice] = hash_bytes(text);
}

// Most of a file is the same in all points: only entries with changes are written anew.
std::string PointKeys::of_chip(const SweepPoint& point, const YamlNode& document) {
  constexpr std::string_view kWithout[] = {"name", "title", "summary", "sources", "assumed"};
  std::string text;
  for (const auto& [name, node] : document.entries()) {
    if (std::find(std::begin(kWithout), std::end(kWithout), name) != std::end(kWithout)) {
      continue;
    }
    if (changes_entry(point.chip_changes, name)) {
      text += name + ": " + node.flow() + "\n";
      continue;
    }
    std::string& known = entries_[point.chip + "\n" + name];
    if (known.empty()) {
      known = name + ": " + node.flow() + "\n";
    }
    text += known;
  }
  return text;
}

std::string PointKeys::key(const SweepPoint& point) {
  std::string text = program_ + "\n";
  try {
    const YamlNode chip = sweep_.chip_document(point);
    const std::string precision = precision_of(point, chip);
    text += of_chip(point, chip) + precision + "\n" + of_workload(point, precision);
  } catch (const ConfigError& e) {
    text += e.what();
  }
  text += fmt::format("\nbatch {}\nimages {}\nmeasure {} {}\n", point.batch.value_or(0),
                      sweep_.measure.accuracy ? point.images.value_or(0) : 0, sweep_.measure.timing(),
                      sweep_.measure.accuracy);
  return hash_bytes(text);
}

}  // namespace mantissa::study
