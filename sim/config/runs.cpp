// SPDX-License-Identifier: Apache-2.0
#include "config/runs.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "base/text.h"
#include "config/chip.h"
#include "config/fields.h"
#include "config/home.h"

namespace mantissa::config {
namespace {

constexpr std::size_t kMaxRuns = 1000;

std::string read_file(const YamlNode& node, FileKind kind, const std::string& folder) {
  const std::string text = node.text();
  if (node.kind() != YamlNode::Kind::kScalar) {
    return {};
  }
  try {
    return resolve_file(kind, text, folder);
  } catch (const UsageError& e) {
    node.error(e.what());
    return {};
  }
}

void check_precision(const YamlNode& node, const RunRequest& request, std::map<std::string, Chip>& chips) {
  auto at = chips.find(request.chip);
  if (at == chips.end()) {
    at = chips.emplace(request.chip, load_chip(request.chip)).first;
  }
  if (at->second.find_precision(request.precision) == nullptr && node.kind() == YamlNode::Kind::kScalar) {
    std::vector<std::string> names;
    for (const Precision& p : at->second.precisions) {
      names.push_back(p.name);
    }
    node.error(fmt::format("{} has no precision '{}'{}", at->second.name, request.precision,
                           suggestion(request.precision, names)));
  }
}

}  // namespace

Runs load_runs(const std::string& path) {
  const YamlNode root = YamlNode::load_file(path);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  Runs runs;
  MapReader reader(root);
  reader.integer_or("schema", 1, 1, 1);
  runs.title = reader.text("title");
  const YamlNode list = reader.required("runs");
  const auto items = list.items();
  std::map<std::string, Chip> chips;  // by path: each file is read once
  if (list.kind() == YamlNode::Kind::kSequence && (items.empty() || items.size() > kMaxRuns)) {
    list.error_at_key("'runs' must list 1 to 1000 runs");
  }
  for (const YamlNode& item : items) {
    RunRequest request;
    MapReader run(item);
    read_fields(run, run_fields(), "", request);
    request.chip = read_file(run.required("chip"), FileKind::kChip, folder);
    if (const auto precision = run.find("precision"); precision && !request.chip.empty()) {
      check_precision(*precision, request, chips);
    }
    request.workload = read_file(run.required("workload"), FileKind::kWorkload, folder);
    run.finish();
    runs.runs.push_back(std::move(request));
  }
  reader.finish();
  root.finish();
  return runs;
}

}  // namespace mantissa::config
