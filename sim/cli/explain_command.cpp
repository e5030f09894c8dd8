// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "cli/command.h"
#include "config/chip.h"
#include "config/home.h"
#include "config/provenance.h"
#include "config/reference.h"
#include "config/yaml.h"

namespace mantissa::cli {
namespace {

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    parts.push_back(path.substr(start, dot - start));
    start = dot + 1;
  }
  return parts;
}

// Does a key of the table ("datapaths.<name>.group") stand for this path ("datapaths.fp16.group")?
bool matches(const std::string& key, const std::string& path) {
  const auto a = split(key), b = split(path);
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](const auto& x, const auto& y) { return x == y || x == "<name>"; });
}

// The keys that the user may mean: the key itself, a path that it stands for, or keys whose last part is this word.
std::vector<config::KeyInfo> find_keys(const std::string& word) {
  std::vector<config::KeyInfo> exact, by_name;
  for (auto& info : config::key_reference()) {
    if (info.key == word || matches(info.key, word)) {
      exact.push_back(info);
    } else if (split(info.key).back() == word) {
      by_name.push_back(info);
    }
  }
  return exact.empty() ? by_name : exact;
}

std::string flow(const config::YamlNode& node) {
  if (node.kind() != config::YamlNode::Kind::kSequence) {
    return node.kind() == config::YamlNode::Kind::kScalar ? node.text() : "...";
  }
  std::string text;
  for (const auto& item : node.items()) {
    text += (text.empty() ? "" : ", ") + flow(item);
  }
  return "[" + text + "]";
}

// All values below `node` that a key of the table stands for.
void find_values(const config::YamlNode& node, const std::string& key, std::vector<config::YamlNode>& found) {
  if (matches(key, node.path())) {
    found.push_back(node);
    return;
  }
  if (node.kind() == config::YamlNode::Kind::kMap && split(node.path()).size() < split(key).size() + 1) {
    for (const auto& [name, child] : node.entries()) {
      find_values(child, key, found);
    }
  }
}

void print_values(const config::KeyInfo& info, const std::string& word, Streams& streams) {
  for (const auto& file : config::shipped_files(config::FileKind::kChip)) {
    try {
      const config::Chip chip = config::load_chip(file.path);
      std::vector<config::YamlNode> found;
      find_values(config::YamlNode::load_file(file.path), word.find('.') != std::string::npos ? word : info.key, found);
      for (const auto& node : found) {
        if (node.kind() == config::YamlNode::Kind::kMap) {
          continue;
        }
        const auto provenance = config::find_provenance(chip, node.path());
        const std::string label = info.key == node.path() ? file.name : file.name + ": " + node.path();
        streams.out << fmt::format("  {:<12} {}{}\n", label, flow(node), info.unit.empty() ? "" : " " + info.unit);
        if (!provenance.text.empty()) {
          streams.out << fmt::format("  {:<12}   {}{}\n", "",
                                     provenance.assumed ? "assumed: " : "source: ", provenance.text);
        }
      }
    } catch (const ConfigError&) {
      streams.out << fmt::format("  {:<12} (the file has mistakes; `mantissa list chips` says which)\n", file.name);
    }
  }
}

void print_key(const config::KeyInfo& info, const std::string& word, Streams& streams) {
  const std::string name = streams.style.colour ? "\x1b[1m" + info.key + "\x1b[0m" : info.key;
  streams.out << fmt::format("{} ({} files): {}\n", name, info.file, info.meaning);
  std::string facts = info.type;
  facts += info.range.empty() ? "" : fmt::format(", {}{}", info.range, info.unit.empty() ? "" : " " + info.unit);
  facts += info.fallback == "required" ? ", required"
           : info.fallback == "none"   ? ", optional"
                                       : ", default " + info.fallback;
  streams.out << "  " << facts << "\n";
  if (info.file == "chip") {
    print_values(info, word, streams);
  }
}

// Every entry of a chip file's provenance.
void print_provenance(const config::ShippedFile& file, Streams& streams) {
  const config::Chip chip = config::load_chip(file.path);
  streams.out << fmt::format("{} ({})\n\nassumed:\n", chip.title, file.path);
  for (const auto& [key, reason] : chip.assumed) {
    streams.out << fmt::format("  {}: {}\n", key, reason);
  }
  streams.out << "\nsources:\n";
  for (const auto& [key, source] : chip.sources) {
    streams.out << fmt::format("  {}: {}\n", key, source);
  }
}

void execute_explain(const Arguments& arguments, Streams& streams) {
  if (arguments.has("--markdown")) {
    streams.out << config::reference_markdown();
    return;
  }
  if (arguments.positional().size() != 1) {
    throw UsageError(fmt::format("explain takes one key or chip; found {}", arguments.positional().size()));
  }
  const std::string& word = arguments.positional().front();
  const auto keys = find_keys(word);
  const auto chips = config::shipped_files(config::FileKind::kChip);
  const auto chip = std::find_if(chips.begin(), chips.end(), [&](const auto& file) { return file.name == word; });
  if (keys.empty() && chip != chips.end()) {
    print_provenance(*chip, streams);
    return;
  }
  if (keys.empty()) {
    std::vector<std::string> known;
    for (const auto& info : config::key_reference()) {
      known.push_back(info.key);
      known.push_back(split(info.key).back());
    }
    const std::string near = nearest(word, known);
    throw UsageError(
        fmt::format("there is no key or chip '{}'{}", word,
                    near.empty() ? "; docs/config_reference.md lists all keys" : "; did you mean '" + near + "'?"));
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    streams.out << (i > 0 ? "\n" : "");
    print_key(keys[i], word, streams);
  }
}

}  // namespace

Command explain_command() {
  return {
      "explain",
      "explain (KEY | CHIP | --markdown)",
      "what a key of a config file means, and where a chip's facts come from",
      "KEY is a key of a chip, workload or runs file, with or without the maps above it: its meaning, unit, range and "
      "default,\n"
      "and its value in each shipped chip with the source. CHIP lists all sources and assumptions of a shipped chip.",
      {{"--markdown", "", "print docs/config_reference.md: all keys"}},
      {"mantissa explain dram.page_bytes", "mantissa explain datapaths.fp8_e4m3.align_fraction_bits",
       "mantissa explain tpu_v4"},
      execute_explain};
}

}  // namespace mantissa::cli
