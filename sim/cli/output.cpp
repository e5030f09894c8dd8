// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "report/json.h"

namespace mantissa::cli {
namespace {

constexpr std::int64_t kMaxBatch = 1 << 20;
constexpr std::int64_t kMaxImages = 10'000'000;

}  // namespace

std::vector<Option> study_options() {
  return {{"--batch", "N", "inputs in one run of the network; default: the workload's"},
          {"--images", "N", "measure accuracy on the first N test images (or texts) only"},
          {"--no-accuracy", "", "time and energy only: do not execute the network on data"},
          {"--json", "FILE", "also write the results as JSON (docs/result_format.md); '-': JSON on stdout, no table"}};
}

study::RunOptions read_run_options(const Arguments& arguments) {
  study::RunOptions options;
  options.batch = arguments.integer("--batch", 1, kMaxBatch);
  options.images = arguments.integer("--images", 1, kMaxImages);
  options.accuracy = !arguments.has("--no-accuracy");
  if (options.images && !options.accuracy) {
    throw UsageError("--images has no effect with --no-accuracy; remove one");
  }
  return options;
}

void check_target(const Arguments& arguments, const std::string& option) {
  const std::string file = arguments.text(option);
  if (file.empty() || file == "-") {
    return;
  }
  std::error_code ignored;
  const std::filesystem::path path(file);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw UsageError(fmt::format("{}: there is no folder '{}'", option, folder.string()));
  }
  if (std::filesystem::is_directory(path, ignored)) {
    throw UsageError(fmt::format("{}: '{}' is a folder; name a file in it", option, file));
  }
  const bool exists = std::filesystem::exists(path, ignored);
  if (access(exists ? path.c_str() : folder.c_str(), W_OK) != 0) {
    throw UsageError(fmt::format("{}: '{}' cannot be written: permission denied", option, file));
  }
}

void write_target(const Arguments& arguments, const std::string& option, const std::string& text, Streams& streams) {
  const std::string file = arguments.text(option);
  if (file == "-") {
    streams.out << text;
    return;
  }
  std::ofstream out(file, std::ios::binary);
  out << text << std::flush;
  if (!out) {
    throw UsageError(fmt::format("{}: writing '{}' failed; is the disk full?", option, file));
  }
}

void write_results(const Arguments& arguments, const std::vector<report::RunResult>& results, const std::string& title,
                   const std::function<std::string()>& table, Streams& streams) {
  if (arguments.text("--json") != "-") {
    streams.out << table();
  }
  if (arguments.has("--json")) {
    write_target(arguments, "--json", report::to_json(results, title), streams);
  }
}

}  // namespace mantissa::cli
