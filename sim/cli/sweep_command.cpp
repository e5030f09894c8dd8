// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "report/sweep_table.h"
#include "study/search.h"
#include "study/sweep.h"

namespace mantissa::cli {
namespace {

constexpr std::int64_t kMaxJobs = 1024;
constexpr std::int64_t kMaxShards = 100'000;
constexpr std::size_t kShownRows = 200;

// The points alone, one line each.
std::string listing(const report::SweepResult& points) {
  std::string text = fmt::format("{} points\n", points.rows.size());
  for (const auto& row : points.rows) {
    text += fmt::format("{:>4}  {} {} {}", row.position, row.chip, row.workload, row.precision);
    for (std::size_t k = 0; k < points.keys.size(); ++k) {
      text += fmt::format("  {}={}", points.keys[k].name, row.values[k]);
    }
    text += "\n";
  }
  return text;
}

// "2/8"
study::SweepShard read_shard(const Arguments& arguments) {
  if (!arguments.has("--shard")) {
    return {};
  }
  const std::string text = arguments.text("--shard");
  std::int64_t index = 0, count = 0;
  const auto number = [](const std::string& digits) {
    const bool plain =
        !digits.empty() && digits.size() < 8 && digits.find_first_not_of("0123456789") == std::string::npos;
    return plain ? std::stoll(digits) : 0;
  };
  if (const std::size_t slash = text.find('/'); slash != std::string::npos) {
    index = number(text.substr(0, slash));
    count = number(text.substr(slash + 1));
  }
  if (index < 1 || count < index || count > kMaxShards) {
    throw UsageError(fmt::format(
        "--shard wants i/n with 1 <= i <= n <= {} (2/8: the second of eight parts); found '{}'", kMaxShards, text));
  }
  return {static_cast<std::size_t>(index), static_cast<std::size_t>(count)};
}

std::string duration(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  return s < 60     ? fmt::format("{} s", s)
         : s < 3600 ? fmt::format("{} min {:02} s", s / 60, s % 60)
                    : fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

// "points: 1200 of 10000, 85.2/s, 1 min 43 s left, 3 failed". The rate is of the points that this call ran.
class PointProgress {
 public:
  explicit PointProgress(ProgressLine& line) : line_(line) {}

  void show(const study::SweepCounts& counts) {
    counts_ = counts;
    std::string text = fmt::format("points: {} of {}", counts.done, counts.total);
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    if (counts.ran == 0) {
      start_ = Clock::now();
    } else if (seconds > 0) {
      const double rate = static_cast<double>(counts.ran) / seconds;
      text += fmt::format(", {:.3g}/s, {} left", rate,
                          duration(static_cast<double>(counts.total - std::min(counts.done, counts.total)) / rate));
    }
    text += counts.failed > 0 ? fmt::format(", {} failed", counts.failed) : "";
    line_.show(text, 0, 0);
  }
  const study::SweepCounts& counts() const { return counts_; }

 private:
  using Clock = std::chrono::steady_clock;
  ProgressLine& line_;
  study::SweepCounts counts_;
  Clock::time_point start_ = Clock::now();
};

// The table of all but very many points.
std::string table(const report::SweepResult& result, bool markdown, const report::Style& style) {
  if (markdown) {
    return report::sweep_markdown(result);
  }
  if (result.rows.size() <= kShownRows) {
    return report::sweep_text(result, style);
  }
  report::SweepResult first = result;
  first.rows.resize(kShownRows);
  return report::sweep_text(first, style) +
         fmt::format("{} points more: see 'mantissa show', or --csv\n", result.rows.size() - kShownRows);
}

void execute_sweep(const Arguments& arguments, Streams& streams) {
  const auto& names = arguments.positional();
  if (names.size() != 1) {
    throw UsageError(fmt::format("sweep takes one sweep file; found {} of them", names.size()));
  }
  study::SweepOptions options;
  options.jobs = static_cast<int>(arguments.integer("--jobs", 1, kMaxJobs).value_or(0));
  options.shard = read_shard(arguments);
  options.retry_failed = arguments.has("--retry-failed");
  check_target(arguments, "--csv");
  if (arguments.has("--markdown") && arguments.text("--csv") == "-") {
    throw UsageError("--markdown and --csv - would share standard output; name a file for one of them");
  }
  const config::Sweep sweep = config::load_sweep(names[0]);
  study::check_objectives(sweep);
  if (arguments.has("--dry-run")) {
    streams.out << listing(study::list_points(sweep, options.shard));
    return;
  }
  options.store = arguments.text("--db", study::sweep_name(sweep) + ".db");
  ProgressLine progress(streams.err, streams.progress);
  options.progress = [&](const std::string& what, std::int64_t done, std::int64_t total) {
    progress.show(what, done, total);
  };
  PointProgress points(progress);
  options.counts = [&](const study::SweepCounts& counts) { points.show(counts); };
  const report::SweepResult result = study::run_sweep(sweep, options);
  progress.clear();
  if (arguments.text("--csv") != "-") {
    streams.out << table(result, arguments.has("--markdown"), streams.style);
  }
  if (arguments.has("--csv")) {
    write_target(arguments, "--csv", report::sweep_csv(result), streams);
  }
  if (arguments.text("--csv") != "-" && !arguments.has("--markdown")) {
    streams.out << fmt::format("{}: {} points, {} of them new\n", options.store, result.rows.size(),
                               points.counts().ran);
  }
}

}  // namespace

Command sweep_command() {
  return {
      "sweep",
      "sweep SWEEP.yaml [OPTIONS]",
      "one network, many designs: a value of any config file varied",
      "Runs the points of a sweep file (docs/sweeps.md): any key of a chip's or a workload's file takes the values\n"
      "of a list or a range; axes are crossed, keys of one axis are tied. Accuracy, latency and energy are measured\n"
      "as the file asks. Points run in parallel processes. Their results go to a database as they come: a sweep that\n"
      "was stopped goes on where it was, and no point runs twice. A point that fails, crashes or takes too long has "
      "its\n"
      "error in its row and stops nothing. The result does not depend on how many run at once, nor on interruptions.",
      {{"--db", "FILE", "database of the results; default: the sweep file's name with .db, in the current folder"},
       {"--csv", "FILE", "write the results as CSV, ready to plot; '-': CSV on stdout, no table"},
       {"--markdown", "", "print the table as Markdown"},
       {"--jobs", "N", "points that run at the same time; default: as many as the machine has cores"},
       {"--shard", "i/n", "only the i-th of n parts of the points, for many machines; see 'mantissa merge'"},
       {"--retry-failed", "", "run the points again whose stored result is an error"},
       {"--dry-run", "", "list the points, run nothing"}},
      {"mantissa sweep configs/sweeps/align_bits.yaml --csv align_bits.csv",
       "mantissa sweep configs/sweeps/calibrators.yaml --dry-run"},
      execute_sweep};
}

}  // namespace mantissa::cli
