// SPDX-License-Identifier: Apache-2.0
// What the result of a point depends on, as a key: the program's version, the chip and the workload as the point has
// them, the run's own choices, and what is in the files that the workload names (its network; its data where accuracy
// is measured). Names, titles, sources and paths are left out: two sweeps that ask the same have the same key.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "config/sweep.h"
#include "study/version.h"

namespace mantissa::study {

class PointKeys {
 public:
  // `program`: whose results they are.
  explicit PointKeys(const config::Sweep& sweep, std::string program = version())
      : sweep_(sweep), program_(std::move(program)) {}

  // XXH3, 128 bits, as 32 hex digits. A point whose files cannot be made has a key of its mistake.
  std::string key(const config::SweepPoint& point);

 private:
  std::string of_chip(const config::SweepPoint& point, const config::YamlNode& document);
  std::string of_workload(const config::SweepPoint& point, const std::string& precision);
  std::string of_files(const config::YamlNode& document, const std::string& path);
  const std::string& hash_of_file(const std::string& path);

  const config::Sweep& sweep_;
  const std::string program_;
  std::map<std::string, std::string> entries_;    // of chip files as they are, by file and name
  std::map<std::string, std::string> workloads_;  // by file, precision and changes
  std::map<std::string, std::string> files_;      // hashes of their bytes, by path
};

// The precision that a point runs at: its own, or its chip's default.
std::string precision_of(const config::SweepPoint& point, const config::YamlNode& chip);

// The changes of a point as text, to compare points by.
std::string text_of(const std::vector<config::Override>& changes);

}  // namespace mantissa::study
