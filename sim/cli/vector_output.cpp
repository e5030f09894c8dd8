// SPDX-License-Identifier: Apache-2.0
#include "cli/vector_output.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "report/text_table.h"

namespace mantissa::cli {
namespace {

constexpr std::int64_t kMostShown = 100'000;
constexpr std::int64_t kMostThreads = 1024;
constexpr std::size_t kWidestOperand = 24;

using Align = report::TextTable::Align;

std::string plural(std::int64_t count, const std::string& noun) {
  return fmt::format("{} {}{}", report::with_commas(static_cast<double>(count)), noun, count == 1 ? "" : "s");
}

void print_mismatches(const study::Comparison& c, const study::VectorFile& file, const study::RowFunction& function,
                      Streams& streams) {
  report::TextTable table(streams.style);
  table.column("line", "");
  for (const int input : function.inputs()) {
    table.column(file.columns()[static_cast<std::size_t>(input)], "", Align::kLeft);
  }
  table.column("expected", "", Align::kLeft);
  table.column("got", "", Align::kLeft);
  table.column("apart", "ulp");
  for (const study::Mismatch& m : c.first) {
    std::vector<std::string> cells = {fmt::format("{}", m.line)};
    for (const std::string& input : m.inputs) {
      cells.push_back(report::shorten_middle(input, kWidestOperand));
    }
    cells.push_back(report::shorten_middle(m.expected, kWidestOperand));
    cells.push_back(report::shorten_middle(m.got, kWidestOperand));
    cells.push_back(m.steps < 0 ? "NaN, inf" : report::with_commas(static_cast<double>(m.steps)));
    table.row(std::move(cells));
  }
  streams.out << table.render();
}

void print_comparison(const study::Comparison& c, const study::VectorFile& file, const study::RowFunction& function,
                      const std::string& what, Streams& streams) {
  if (!c.first.empty()) {
    print_mismatches(c, file, function, streams);
  }
  if (c.differ == 0) {
    streams.out << fmt::format("{} {}: no difference from column {}\n", plural(c.rows, "row"), what, c.column);
    return;
  }
  std::string detail;
  if (c.special_differ < c.differ) {
    detail = fmt::format("; at most {} ulp apart", report::with_commas(static_cast<double>(c.largest_steps)));
  }
  if (c.special_differ > 0) {
    detail +=
        fmt::format("; {} of them in NaN or infinity", report::with_commas(static_cast<double>(c.special_differ)));
  }
  streams.out << fmt::format("{} of {} {} differ{} from column {}{}\n",
                             report::with_commas(static_cast<double>(c.differ)), plural(c.rows, "row"), what,
                             c.differ == 1 ? "s" : "", c.column, detail);
}

}  // namespace

std::vector<Option> vector_options(const std::string& expect_help) {
  return {{"--expect", "[COLUMN]", expect_help},
          {"--show", "N", "with --expect: mismatches to show; default: 10"},
          {"--nan-bits", "", "with --expect: NaNs must agree in every bit; default: any NaN equals any other"},
          {"--only", "COLUMNS", "write these columns, separated by commas; default: all of the input, then the result"},
          {"--threads", "N", "default: as many as the machine has; the result does not depend on it"}};
}

std::string vector_file_of(const Arguments& arguments, const std::string& command) {
  if (arguments.positional().size() != 1) {
    throw UsageError(
        fmt::format("{} takes one file, or - for standard input; found {}", command, arguments.positional().size()));
  }
  return arguments.positional().front();
}

void execute_rows(const Arguments& arguments, study::VectorFile& file, const study::RowFunction& function,
                  const std::string& result_name, int expect_column, const std::string& what, Streams& streams) {
  const int threads = static_cast<int>(arguments.integer("--threads", 1, kMostThreads).value_or(0));
  if (!arguments.has("--expect")) {
    for (const char* option : {"--show", "--nan-bits"}) {
      if (arguments.has(option)) {
        throw UsageError(fmt::format("{} goes with --expect only", option));
      }
    }
    write_rows(file, function, {result_name, arguments.list("--only"), threads}, streams.out);
    return;
  }
  if (arguments.has("--only")) {
    throw UsageError("--only has no effect with --expect; remove one");
  }
  const auto show = static_cast<std::size_t>(arguments.integer("--show", 0, kMostShown).value_or(10));
  const study::Comparison c = compare_rows(file, function, {expect_column, arguments.has("--nan-bits"), show, threads});
  print_comparison(c, file, function, what, streams);
  streams.exit_code = c.differ > 0 ? 1 : 0;
}

}  // namespace mantissa::cli
