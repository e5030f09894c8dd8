// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "base/text.h"
#include "cli/gnuplot.h"
#include "cli/output.h"
#include "report/plot.h"
#include "report/roofline_plot.h"
#include "report/sweep_plots.h"
#include "study/pareto.h"
#include "study/store.h"

namespace mantissa::cli {
namespace {

constexpr std::int64_t kMaxResults = 100'000;
constexpr std::streamoff kMaxJsonBytes = 1 << 28;

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || in.tellg() < 0) {
    throw UsageError(fmt::format("cannot read '{}'; is the name right?", path));
  }
  if (in.tellg() > kMaxJsonBytes) {
    throw UsageError(fmt::format("'{}' is larger than the result of any run ({} MiB)", path, kMaxJsonBytes >> 20));
  }
  in.seekg(0);
  return {std::istreambuf_iterator<char>(in), {}};
}

// "workload=resnet50,batch=8"
std::vector<std::pair<std::string, std::string>> wanted_values(const Arguments& arguments) {
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const std::string& part : arguments.list("--only")) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError(fmt::format("--only takes NAME=VALUE[,NAME=VALUE...]; found '{}'", part));
    }
    wanted.emplace_back(part.substr(0, equals), part.substr(equals + 1));
  }
  return wanted;
}

std::string needed(const Arguments& arguments, const std::string& kind, const std::string& option) {
  if (!arguments.has(option)) {
    throw UsageError(fmt::format("plot {} needs {}", kind, option));
  }
  return arguments.text(option);
}

void refuse(const Arguments& arguments, const std::string& kind, std::initializer_list<const char*> options) {
  for (const char* option : options) {
    if (arguments.has(option)) {
      throw UsageError(fmt::format("plot {} has no use for {}", kind, option));
    }
  }
}

report::SweepResult results_of(const Arguments& arguments, const std::string& path) {
  const study::Store store(path, study::Store::Mode::kReadOnly);
  return report::with_values(store.load(arguments.text("--sweep")), wanted_values(arguments));
}

report::Plot pareto(const Arguments& arguments, const report::SweepResult& results) {
  const study::Objective x = study::read_objective(results, needed(arguments, "pareto", "--x"));
  const study::Objective y = study::read_objective(results, needed(arguments, "pareto", "--y"));
  if (x.name == y.name) {
    throw UsageError(fmt::format("--x and --y are both {}", x.name));
  }
  return report::pareto_plot(results, {x.name, x.maximize}, {y.name, y.maximize},
                             study::pareto_front(results, {x, y}).rows);
}

report::Plot plot_of(const Arguments& arguments, const std::string& kind, const std::string& file) {
  if (kind == "roofline") {
    refuse(arguments, kind, {"--x", "--y", "--by", "--only", "--sweep"});
    return report::roofline_plot(read_text(file), file, arguments.integer("--result", 1, kMaxResults));
  }
  refuse(arguments, kind, {"--result"});
  if (kind != "curve") {
    refuse(arguments, kind, {"--by"});
  }
  if (kind == "accuracy") {
    refuse(arguments, kind, {"--x", "--y"});
  }
  const report::SweepResult results = results_of(arguments, file);
  return kind == "curve" ? report::curve_plot(results, needed(arguments, kind, "--x"), needed(arguments, kind, "--y"),
                                              arguments.list("--by"))
         : kind == "pareto" ? pareto(arguments, results)
                            : report::accuracy_plot(results);
}

void execute_plot(const Arguments& arguments, Streams& streams) {
  const auto& words = arguments.positional();
  const std::vector<std::string> kinds = {"roofline", "curve", "pareto", "accuracy"};
  if (words.size() != 2) {
    throw UsageError("plot takes a kind (roofline, curve, pareto, accuracy) and one file");
  }
  if (std::find(kinds.begin(), kinds.end(), words[0]) == kinds.end()) {
    throw UsageError(fmt::format("unknown kind of plot '{}'{}", words[0], suggestion(words[0], kinds)));
  }
  const std::string target = needed(arguments, words[0], "-o");
  const bool script = target.ends_with(".gp"), png = target.ends_with(".png");
  if (!script && !png && !target.ends_with(".svg")) {
    throw UsageError(
        fmt::format("-o takes a file that ends in .svg, .png or .gp (the script alone); found '{}'", target));
  }
  check_target(arguments, "-o");
  const report::Plot plot = plot_of(arguments, words[0], words[1]);
  const std::string text = report::gnuplot_script(plot, png ? report::PlotFormat::kPng : report::PlotFormat::kSvg);
  write_target(arguments, "-o", script ? text : run_gnuplot(text), streams);
}

}  // namespace

Command plot_command() {
  return {
      "plot",
      "plot roofline RUN.json -o FILE | plot curve|pareto|accuracy RESULTS.db -o FILE [OPTIONS]",
      "results as pictures: roofline, curves, Pareto front, accuracy over energy",
      "Draws a plot with gnuplot (Debian: gnuplot-nox), as SVG or PNG by the ending of FILE; .gp is the script alone.\n"
      "  roofline  the kernels of a run (`mantissa run ... --json RUN.json`) under the roofs of its chip\n"
      "  curve     a quantity over a key of a sweep, one line for each value of the other keys\n"
      "  pareto    two quantities of all points of a sweep, and the points that nothing beats\n"
      "  accuracy  accuracy lost against FP32, with its 95 % interval, over energy per input\n"
      "RESULTS.db is what `mantissa sweep` writes. Names are keys as the sweep file writes them and the columns of\n"
      "`mantissa show`. Axes are logarithmic where values grow by a factor.",
      {{"-o", "FILE", "the picture: .svg, .png, or .gp for gnuplot's script"},
       {"--x", "NAME", "curve: a key; pareto: a quantity, or a key with :min or :max"},
       {"--y", "NAME", "curve: a quantity; pareto: like --x"},
       {"--by", "A,B", "curve: one line for each value of these; default: all that varies besides --x"},
       {"--only", "A=V,..", "only the points where column A is V"},
       {"--sweep", "NAME", "one of several sweeps in RESULTS.db"},
       {"--result", "N", "roofline: one of several results in RUN.json, from 1"}},
      {"mantissa plot roofline decode.json -o decode.svg",
       "mantissa plot curve llama_bandwidth.db --x batch --y inputs_per_s -o llama_bandwidth.svg",
       "mantissa plot pareto resnet.db --x latency_s --y energy_per_input_j -o front.png"},
      execute_plot};
}

}  // namespace mantissa::cli
