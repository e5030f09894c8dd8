// SPDX-License-Identifier: Apache-2.0
#include "config/home.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/text.h"

namespace mantissa::config {
namespace {

namespace fs = std::filesystem;

#ifndef MANTISSA_SOURCE_FOLDER
#define MANTISSA_SOURCE_FOLDER ""
#endif

bool is_home(const fs::path& folder) {
  std::error_code ignored;
  return !folder.empty() && fs::is_directory(folder / "configs", ignored) &&
         fs::is_directory(folder / "workloads", ignored);
}

const char* folder_of(FileKind kind) {
  return kind == FileKind::kChip ? "configs" : "workloads";
}
const char* noun_of(FileKind kind) {
  return kind == FileKind::kChip ? "chip" : "workload";
}

// Chips and runs files share configs/; a chip says its architecture, a workload its network.
bool is_of_kind(FileKind kind, const std::string& path) {
  try {
    const YamlNode root = YamlNode::load_file(path);
    const MapReader reader(root);
    return kind == FileKind::kChip ? reader.has("architecture") || reader.has("cores") : !reader.has("runs");
  } catch (const ConfigError&) {
    return true;  // it is told when it is used
  }
}

bool looks_like_path(const std::string& text) {
  return text.find('/') != std::string::npos || text.ends_with(".yaml") || text.ends_with(".yml");
}

}  // namespace

std::string home_folder() {
  if (const char* home = std::getenv("MANTISSA_HOME"); home != nullptr && *home != '\0') {
    if (!is_home(home)) {
      throw UsageError(fmt::format("MANTISSA_HOME is '{}', which does not hold configs/ and workloads/", home));
    }
    return home;
  }
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path installed = program.parent_path().parent_path() / "share" / "mantissa";
  for (const fs::path& folder : {installed, fs::path(MANTISSA_SOURCE_FOLDER)}) {
    if (is_home(folder)) {
      return folder.string();
    }
  }
  return {};
}

std::vector<ShippedFile> shipped_files(FileKind kind) {
  std::vector<ShippedFile> files;
  const std::string home = home_folder();
  std::error_code ignored;
  if (home.empty()) {
    return files;
  }
  for (const auto& entry : fs::directory_iterator(fs::path(home) / folder_of(kind), ignored)) {
    if (entry.path().extension() == ".yaml" && is_of_kind(kind, entry.path().string())) {
      files.push_back({entry.path().stem().string(), entry.path().string()});
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

std::string resolve_file(FileKind kind, const std::string& name_or_path, const std::string& folder) {
  std::error_code ignored;
  const fs::path path(name_or_path);
  const fs::path here = path.is_absolute() || folder.empty() ? path : fs::path(folder) / path;
  if (looks_like_path(name_or_path)) {
    if (!fs::exists(here, ignored)) {
      throw UsageError(fmt::format("there is no {} file '{}'", noun_of(kind), here.string()));
    }
    return here.string();
  }
  const auto files = shipped_files(kind);
  std::vector<std::string> names;
  for (const auto& file : files) {
    if (file.name == name_or_path) {
      return file.path;
    }
    names.push_back(file.name);
  }
  throw UsageError(fmt::format("'{}' is neither a shipped {} nor a file that ends in .yaml{}", name_or_path,
                               noun_of(kind), suggestion(name_or_path, names)));
}

}  // namespace mantissa::config
