// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "config/home.h"
#include "report/table.h"

namespace mantissa::cli {
namespace {

// Each chip at those of the named precisions that it has, in the order of the chips; its default where none is named.
config::Runs runs_from_options(const Arguments& arguments) {
  const auto chips = arguments.list("--chips");
  const auto workloads = arguments.list("--workload");
  const auto precisions = arguments.list("--precision");
  if (chips.empty() || workloads.empty()) {
    throw UsageError("compare takes a runs file, or --chips and --workload");
  }
  config::Runs runs;
  std::set<std::string> known, used;
  for (const std::string& workload : workloads) {
    const std::string workload_path = config::resolve_file(config::FileKind::kWorkload, workload);
    for (const std::string& name : chips) {
      const config::Chip chip = config::load_chip(config::resolve_file(config::FileKind::kChip, name));
      std::size_t found = 0;
      for (const config::Precision& p : chip.precisions) {
        known.insert(p.name);
      }
      for (const std::string& precision : precisions) {
        if (chip.find_precision(precision) != nullptr) {
          runs.runs.push_back({chip.path, workload_path, precision, std::nullopt});
          used.insert(precision);
          ++found;
        }
      }
      if (precisions.empty()) {
        runs.runs.push_back({chip.path, workload_path, "", std::nullopt});
      } else if (found == 0) {
        std::vector<std::string> own;
        for (const config::Precision& p : chip.precisions) {
          own.push_back(p.name);
        }
        throw UsageError(fmt::format("{} has none of the precisions '{}'{}", chip.name, arguments.text("--precision"),
                                     suggestion("", own)));
      }
    }
  }
  for (const std::string& precision : precisions) {
    if (!used.contains(precision)) {
      throw UsageError(fmt::format("no chip has a precision '{}'{}", precision,
                                   suggestion(precision, std::vector<std::string>(known.begin(), known.end()))));
    }
  }
  return runs;
}

config::Runs read_runs(const Arguments& arguments) {
  const auto& files = arguments.positional();
  if (files.empty()) {
    return runs_from_options(arguments);
  }
  if (files.size() > 1) {
    throw UsageError(fmt::format("compare takes one runs file; found {}", files.size()));
  }
  for (const char* option : {"--chips", "--workload", "--precision"}) {
    if (arguments.has(option)) {
      throw UsageError(fmt::format("{} does not go with a runs file; remove one of them", option));
    }
  }
  return config::load_runs(files.front());
}

void execute_compare(const Arguments& arguments, Streams& streams) {
  study::RunOptions options = read_run_options(arguments);
  check_target(arguments, "--json");
  const config::Runs runs = read_runs(arguments);
  ProgressLine progress(streams.err, streams.progress);
  options.progress = [&](const std::string& what, std::int64_t done, std::int64_t total) {
    progress.show(what, done, total);
  };
  auto results = study::compare(runs, options);
  progress.clear();
  for (report::RunResult& result : results) {
    result.version = version();
  }
  write_results(
      arguments, results, runs.title, [&] { return report::comparison_table(results, runs.title, streams.style); },
      streams);
}

}  // namespace

Command compare_command() {
  std::vector<Option> options = {
      {"--chips", "A,B", "chips to compare, in place of a runs file"},
      {"--workload", "W", "the workload they run; several are separated by commas"},
      {"--precision", "P,Q", "precisions; each chip runs those of them that it has; default: its own default"}};
  const auto shared = study_options();
  options.insert(options.end(), shared.begin(), shared.end());
  return {
      "compare",
      "compare (RUNS.yaml | --chips A,B --workload W [--precision P,Q]) [OPTIONS]",
      "several chips and precisions side by side",
      "Runs each line of a runs file, or each named chip at each named precision, and prints one line for each: "
      "latency,\n"
      "throughput, power, energy per input, and top-1 accuracy with its difference to FP32.",
      options,
      {"mantissa compare configs/compare_fashion.yaml",
       "mantissa compare --chips ane_a17_pro,tpu_v4,h100_sxm --workload resnet50",
       "mantissa compare --chips h100_sxm --workload fashion_resnet --precision fp8_e4m3,fp16,tf32 --json result.json"},
      execute_compare};
}

}  // namespace mantissa::cli
