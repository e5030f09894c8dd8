// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/error.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "config/home.h"
#include "study/sensitivity.h"

namespace mantissa::cli {
namespace {

void execute_sensitivity(const Arguments& arguments, Streams& streams) {
  const auto& names = arguments.positional();
  if (names.size() != 2) {
    throw UsageError(fmt::format("sensitivity takes a chip and a workload; found {} of them", names.size()));
  }
  check_target(arguments, "--json");
  check_target(arguments, "--csv");
  if (arguments.text("--json") == "-" && arguments.text("--csv") == "-") {
    throw UsageError("--json - and --csv - would share standard output; name a file for one of them");
  }
  study::RunOptions options = read_run_options(arguments);
  options.precision = arguments.text("--precision");
  const config::Chip chip = config::load_chip(config::resolve_file(config::FileKind::kChip, names[0]));
  const config::Workload workload = config::load_workload(config::resolve_file(config::FileKind::kWorkload, names[1]));
  ProgressLine progress(streams.err, streams.progress);
  options.progress = [&](const std::string& what, std::int64_t done, std::int64_t total) {
    progress.show(what, done, total);
  };
  const report::SensitivityReport result = study::sensitivity(chip, workload, options);
  progress.clear();
  if (arguments.text("--json") != "-" && arguments.text("--csv") != "-") {
    streams.out << report::sensitivity_text(result, streams.style);
  }
  if (arguments.has("--json")) {
    write_target(arguments, "--json", report::sensitivity_json(result), streams);
  }
  if (arguments.has("--csv")) {
    write_target(arguments, "--csv", report::sensitivity_csv(result), streams);
  }
}

}  // namespace

Command sensitivity_command() {
  return {
      "sensitivity",
      "sensitivity CHIP WORKLOAD [OPTIONS]",
      "which layers of a network suffer most from a precision",
      "Runs a network with each layer alone at a precision and all others in FP32, and with all layers but one at it.\n"
      "Prints for each layer its share of time and energy, the error of its output, the error that it alone brings\n"
      "to the network's output, and what it does to accuracy. The most damaging layer comes first.",
      {{"--precision", "P", "one of the chip's precisions (mantissa list); default: the chip's"},
       {"--batch", "N", "inputs in one run of the network, for time and energy; default: the workload's"},
       {"--images", "N", "test images (or texts) to measure on; default: 1000 images, 16 texts"},
       {"--json", "FILE", "also write the result as JSON; '-': JSON on stdout, no table"},
       {"--csv", "FILE", "also write the layers as CSV; '-': CSV on stdout, no table"}},
      {"mantissa sensitivity h100_sxm fashion_resnet --precision fp8_e4m3",
       "mantissa sensitivity ane_a17_pro fashion_mobilenet --precision int8 --csv layers.csv"},
      execute_sensitivity};
}

}  // namespace mantissa::cli
