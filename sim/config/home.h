// SPDX-License-Identifier: Apache-2.0
// Where the shipped files are, and names in place of paths: "h100_sxm" is configs/h100_sxm.yaml of Mantissa's home.
#pragma once
#include <string>
#include <vector>

#include "config/yaml.h"

namespace mantissa::config {

// The folder that holds configs/ and workloads/: $MANTISSA_HOME, the installed share/mantissa beside the program's
// folder, or the source tree it was built from, whichever exists first; empty when none does.
std::string home_folder();

enum class FileKind { kChip, kWorkload };

struct ShippedFile {
  std::string name, path;
};
// The chip or workload files of the home folder by name; files of another kind in the same folder are left out.
std::vector<ShippedFile> shipped_files(FileKind kind);

// A path, or the name of a shipped file -> a path. Relative paths are seen from `folder` ("" : the working folder).
// Throws UsageError with the nearest names when there is no such file.
std::string resolve_file(FileKind kind, const std::string& name_or_path, const std::string& folder = {});

}  // namespace mantissa::config
