// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/error.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "report/sweep_table.h"
#include "study/sweep.h"

namespace mantissa::cli {
namespace {

constexpr std::int64_t kMaxJobs = 1024;

// The points alone, one line each.
std::string listing(const report::SweepResult& points) {
  std::string text = fmt::format("{} points\n", points.rows.size());
  for (std::size_t i = 0; i < points.rows.size(); ++i) {
    const auto& row = points.rows[i];
    text += fmt::format("{:>4}  {} {} {}", i, row.chip, row.workload, row.precision);
    for (std::size_t k = 0; k < points.keys.size(); ++k) {
      text += fmt::format("  {}={}", points.keys[k].name, row.values[k]);
    }
    text += "\n";
  }
  return text;
}

void execute_sweep(const Arguments& arguments, Streams& streams) {
  const auto& names = arguments.positional();
  if (names.size() != 1) {
    throw UsageError(fmt::format("sweep takes one sweep file; found {} of them", names.size()));
  }
  study::SweepOptions options;
  options.jobs = static_cast<int>(arguments.integer("--jobs", 1, kMaxJobs).value_or(0));
  check_target(arguments, "--csv");
  if (arguments.has("--markdown") && arguments.text("--csv") == "-") {
    throw UsageError("--markdown and --csv - would share standard output; name a file for one of them");
  }
  const config::Sweep sweep = config::load_sweep(names[0]);
  if (arguments.has("--dry-run")) {
    streams.out << listing(study::list_points(sweep));
    return;
  }
  ProgressLine progress(streams.err, streams.progress);
  options.progress = [&](const std::string& what, std::int64_t done, std::int64_t total) {
    progress.show(what, done, total);
  };
  const report::SweepResult result = study::run_sweep(sweep, options);
  progress.clear();
  if (arguments.has("--markdown")) {
    streams.out << report::sweep_markdown(result);
  } else if (arguments.text("--csv") != "-") {
    streams.out << report::sweep_text(result, streams.style);
  }
  if (arguments.has("--csv")) {
    write_target(arguments, "--csv", report::sweep_csv(result), streams);
  }
}

}  // namespace

Command sweep_command() {
  return {
      "sweep",
      "sweep SWEEP.yaml [OPTIONS]",
      "one network, many designs: a value of any config file varied",
      "Runs every point of a sweep file (docs/sweeps.md): any key of a chip's or a workload's file takes the values\n"
      "of a list or a range; axes are crossed, keys of one axis are tied. Accuracy, latency and energy are measured\n"
      "as the file asks. Points run in parallel processes; results come in the order of the points and do not depend\n"
      "on how many run at once. A point that fails has its error in its row and stops nothing.",
      {{"--csv", "FILE", "write the results as CSV, ready to plot; '-': CSV on stdout, no table"},
       {"--markdown", "", "print the table as Markdown"},
       {"--jobs", "N", "points that run at the same time; default: as many as the machine has cores"},
       {"--dry-run", "", "list the points, run nothing"}},
      {"mantissa sweep configs/sweeps/align_bits.yaml --csv align_bits.csv",
       "mantissa sweep configs/sweeps/calibrators.yaml --dry-run"},
      execute_sweep};
}

}  // namespace mantissa::cli
