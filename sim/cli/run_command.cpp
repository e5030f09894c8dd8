// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/error.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "config/home.h"
#include "report/table.h"

namespace mantissa::cli {
namespace {

void execute_run(const Arguments& arguments, Streams& streams) {
  const auto& names = arguments.positional();
  if (names.size() != 2) {
    throw UsageError(fmt::format("run takes a chip and a workload; found {} of them", names.size()));
  }
  study::RunOptions options = read_run_options(arguments);
  check_target(arguments, "--json");
  options.precision = arguments.text("--precision");
  const config::Chip chip = config::load_chip(config::resolve_file(config::FileKind::kChip, names[0]));
  const config::Workload workload = config::load_workload(config::resolve_file(config::FileKind::kWorkload, names[1]));
  ProgressLine progress(streams.err, streams.progress);
  options.progress = [&](const std::string& what, std::int64_t done, std::int64_t total) {
    progress.show(what, done, total);
  };
  report::RunResult result = study::run(chip, workload, options);
  progress.clear();
  result.version = version();
  write_results(
      arguments, {result}, "", [&] { return report::run_report(result, streams.style); }, streams);
}

}  // namespace

Command run_command() {
  std::vector<Option> options = {
      {"--precision", "P", "one of the chip's precisions (mantissa list); default: the chip's"}};
  const auto shared = study_options();
  options.insert(options.end(), shared.begin(), shared.end());
  return {
      "run",
      "run CHIP WORKLOAD [OPTIONS]",
      "one network on one chip: time, power, accuracy, layer by layer",
      "Runs a workload on a chip. CHIP and WORKLOAD are names that `mantissa list` shows, or paths of YAML files.\n"
      "Prints the totals, where time and energy went, and each kernel: cycles, what bounds it, how busy the matrix\n"
      "units and how useful their multipliers were, bytes at each level, energy, and the error of its output.",
      options,
      {"mantissa run h100_sxm resnet50 --batch 8",
       "mantissa run ane_a17_pro fashion_resnet --precision int8 --images 1000",
       "mantissa run my_chip.yaml resnet50 --no-accuracy --json -"},
      execute_run};
}

}  // namespace mantissa::cli
