// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "cli/gnuplot.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "config/home.h"
#include "report/validation.h"
#include "study/validate.h"

namespace mantissa::cli {
namespace {

constexpr std::int64_t kMaxJobs = 4096;

void check_outputs(const Arguments& arguments) {
  if (arguments.text("--json") == "-" && arguments.text("--csv") == "-") {
    throw UsageError("--json - and --csv - would share standard output; name a file for one");
  }
  const std::string plot = arguments.text("--plot");
  if (arguments.has("--plot") && !plot.ends_with(".svg") && !plot.ends_with(".png") && !plot.ends_with(".gp")) {
    throw UsageError(
        fmt::format("--plot takes a file that ends in .svg, .png or .gp (the script alone); found '{}'", plot));
  }
  for (const char* option : {"--json", "--csv", "--plot"}) {
    check_target(arguments, option);
  }
}

void draw(const Arguments& arguments, const report::Validation& result, Streams& streams) {
  const std::string file = arguments.text("--plot");
  const std::string script = report::gnuplot_script(
      report::validation_plot(result), file.ends_with(".png") ? report::PlotFormat::kPng : report::PlotFormat::kSvg);
  write_target(arguments, "--plot", file.ends_with(".gp") ? script : run_gnuplot(script), streams);
}

void execute_validate(const Arguments& arguments, Streams& streams) {
  const auto& names = arguments.positional();
  if (names.size() != 1) {
    throw UsageError(fmt::format("validate takes a chip; found {} of them", names.size()));
  }
  check_outputs(arguments);
  study::ValidateOptions options;
  options.data = arguments.list("--data");
  options.measured_on = arguments.text("--measured-on");
  options.jobs = static_cast<int>(arguments.integer("--jobs", 1, kMaxJobs).value_or(0));
  ProgressLine progress(streams.err, streams.progress);
  options.progress = [&](std::int64_t done, std::int64_t total) { progress.show(names[0], done, total); };
  if (names[0] == "memory" && arguments.has("--measured-on")) {
    throw UsageError("validate memory has no use for --measured-on");
  }
  report::Validation result =
      names[0] == "memory"
          ? study::validate_memory(options)
          : study::validate(config::load_chip(config::resolve_file(config::FileKind::kChip, names[0])), options);
  progress.clear();
  result.version = version();
  if (arguments.has("--plot") &&
      std::none_of(result.rows.begin(), result.rows.end(), [](const auto& row) { return row.simulated.has_value(); })) {
    throw UsageError("--plot: no row could be simulated, so there is nothing to draw");
  }
  if (arguments.text("--json") != "-" && arguments.text("--csv") != "-") {
    streams.out << report::validation_text(result, arguments.has("--rows"), streams.style);
  }
  if (arguments.has("--json")) {
    write_target(arguments, "--json", report::validation_json(result), streams);
  }
  if (arguments.has("--csv")) {
    write_target(arguments, "--csv", report::validation_csv(result), streams);
  }
  if (arguments.has("--plot")) {
    draw(arguments, result, streams);
  }
}

}  // namespace

Command validate_command() {
  return {
      "validate",
      "validate CHIP|memory [OPTIONS]",
      "a chip's model against measurements of the chip, row by row",
      "Simulates what was measured on a chip and prints the errors: for each group of rows their mean absolute error,\n"
      "mean error, median, worst row and the share within 10 and 20 %; 'scatter' is the spread that the source itself\n"
      "states. Rows that cannot be simulated are listed with the reason. CHIP is a name that `mantissa list` shows, "
      "or\n"
      "a YAML file; 'memory' is the DRAM model alone, against other simulators. Without --data the tables in "
      "configs/measured are used; docs/validation.md says which kinds of\n"
      "tables are known. They are recognised by their columns.",
      {{"--data", "A,B", "tables of measurements (CSV) instead of those that ship"},
       {"--measured-on", "NAME", "rows of this chip ('tpu_v4'); default: the name in the chip's file"},
       {"--rows", "", "also one line for each row, measured and simulated"},
       {"--json", "FILE", "also write everything as JSON (docs/result_format.md); '-': JSON on stdout, no table"},
       {"--csv", "FILE", "also write one line for each row as CSV; '-': CSV on stdout, no table"},
       {"--plot", "FILE", "simulated over measured, logarithmic, with gnuplot: .svg, .png, or .gp for its script"},
       {"--jobs", "N", "processes at a time; default: as many as the machine has cores"}},
      {"mantissa validate tpu_v4", "mantissa validate tpu_v4 --data my_kernels.csv --rows",
       "mantissa validate my_tpu.yaml --measured-on tpu_v4 --json errors.json --plot errors.svg"},
      execute_validate};
}

}  // namespace mantissa::cli
