// SPDX-License-Identifier: Apache-2.0
// Every key of every config file with its meaning: what `mantissa explain` says and docs/config_reference.md lists.
#pragma once
#include <string>
#include <vector>

namespace mantissa::config {

struct KeyInfo {
  std::string file;      // "chip", "workload", "runs", "sweep"
  std::string key;       // "dram.page_bytes"; <name> and [] stand for the user's names and list items
  std::string type;      // "whole number", "number", "text", "true or false", "list", "map"
  std::string unit;      // "" where there is none
  std::string range;     // "1 .. 65536"; "" where there is none
  std::string fallback;  // "required", "none" or the default
  std::string meaning;
};

std::vector<KeyInfo> key_reference();

// docs/config_reference.md.
std::string reference_markdown();

}  // namespace mantissa::config
