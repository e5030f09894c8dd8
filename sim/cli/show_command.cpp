// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "cli/output.h"
#include "report/column_table.h"
#include "report/effects_table.h"
#include "report/sweep_quantities.h"
#include "study/effects.h"
#include "study/pareto.h"
#include "study/row_filter.h"
#include "study/store.h"

namespace mantissa::cli {
namespace {

constexpr std::int64_t kMaxLines = 1'000'000'000;
constexpr std::size_t kLinesOnScreen = 100;  // of a table that nobody limited

using report::SweepResult;
using report::SweepRow;

void check_column(const SweepResult& result, const std::string& name) {
  const std::vector<std::string> known = report::column_names(result);
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    throw UsageError(fmt::format("no column '{}'{}", name, suggestion(name, known, 40)));
  }
}

// Only the rows that --where and the options for text columns ask for.
void filter(const Arguments& arguments, SweepResult& result) {
  for (const char* column : {"chip", "workload", "precision"}) {
    const std::string option = fmt::format("--{}", column);
    if (!arguments.has(option)) {
      continue;
    }
    std::vector<std::string> known;
    for (const SweepRow& row : result.rows) {
      const std::string text = *report::column_text(result, row, column);
      if (std::find(known.begin(), known.end(), text) == known.end()) {
        known.push_back(text);
      }
    }
    const std::string wanted = arguments.text(option);
    if (std::find(known.begin(), known.end(), wanted) == known.end()) {
      throw UsageError(
          fmt::format("no point of this sweep has the {} '{}'{}", column, wanted, suggestion(wanted, known, 40)));
    }
    std::erase_if(result.rows,
                  [&](const SweepRow& row) { return *report::column_text(result, row, column) != wanted; });
  }
  if (arguments.has("--where")) {
    const study::RowFilter condition(result, arguments.text("--where"), "--where");
    std::erase_if(result.rows, [&](const SweepRow& row) { return !condition.matches(result, row); });
  }
}

std::vector<study::Objective> objectives(const Arguments& arguments, const SweepResult& result,
                                         const std::string& purpose) {
  std::vector<study::Objective> list;
  for (const std::string& text : arguments.list("--objectives")) {
    list.push_back(study::read_objective(result, text));
  }
  if (list.empty()) {
    list = study::objectives_of(result);
  }
  if (list.empty()) {
    throw UsageError(
        fmt::format("{} needs --objectives, for example latency_s,energy_per_input_j; the sweep has "
                    "none of its own",
                    purpose));
  }
  return list;
}

// Numbers by value, texts by letters; rows without a value come last either way.
void sort_rows(const Arguments& arguments, const SweepResult& result, std::vector<std::size_t>& rows) {
  if (!arguments.has("--sort")) {
    return;
  }
  const std::string text = arguments.text("--sort");
  const std::size_t colon = text.rfind(':');
  const std::string name = text.substr(0, colon), way = colon == std::string::npos ? "asc" : text.substr(colon + 1);
  if (way != "asc" && way != "desc") {
    throw UsageError(fmt::format("--sort {}: the order is asc or desc, not '{}'", text, way));
  }
  check_column(result, name);
  struct Key {
    bool missing = false;
    double number = 0;
    std::string text;
  };
  std::vector<Key> keys;
  for (const SweepRow& row : result.rows) {
    const std::string cell = report::column_text(result, row, name).value_or("");
    const auto number = report::number_of(cell);
    keys.push_back({cell.empty() || (number && std::isnan(*number)), number.value_or(0), number ? "" : cell});
  }
  const bool descending = way == "desc";
  std::stable_sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
    if (keys[a].missing || keys[b].missing) {
      return !keys[a].missing && keys[b].missing;
    }
    const Key& low = descending ? keys[b] : keys[a];
    const Key& high = descending ? keys[a] : keys[b];
    return low.text != high.text ? low.text < high.text : low.number < high.number;
  });
}

std::string front_note(const study::ParetoFront& front) {
  std::vector<std::string> names;
  for (const study::Objective& objective : front.objectives) {
    names.push_back(objective.name + (objective.maximize ? " (larger)" : " (smaller)"));
  }
  std::string note =
      fmt::format("Pareto front: {} of {} points, by {}", front.rows.size(), front.compared, fmt::join(names, ", "));
  if (front.failed + front.incomplete > 0) {
    note += fmt::format("; left out: {} that failed, {} without an objective", front.failed, front.incomplete);
  }
  return note;
}

void show_effects(const Arguments& arguments, const SweepResult& result, Streams& streams) {
  for (const char* option : {"--sort", "--columns", "--limit", "--pareto"}) {
    if (arguments.has(option)) {
      throw UsageError(fmt::format("--effects shows keys, not points, and has no use for {}", option));
    }
  }
  if (result.rows.empty()) {
    throw UsageError("--effects: no point of the sweep is left to look at");
  }
  const report::EffectsReport report = study::effects(result, objectives(arguments, result, "--effects"));
  if (arguments.has("--markdown")) {
    streams.out << report::effects_markdown(report);
  } else if (arguments.text("--csv") != "-" && arguments.text("--json") != "-") {
    streams.out << report::effects_text(report, streams.style);
  }
  if (arguments.has("--csv")) {
    write_target(arguments, "--csv", report::effects_csv(report), streams);
  }
  if (arguments.has("--json")) {
    write_target(arguments, "--json", report::effects_json(report), streams);
  }
}

SweepResult only(const SweepResult& result, const std::vector<std::size_t>& rows) {
  SweepResult part = result;
  part.rows.clear();
  for (const std::size_t i : rows) {
    part.rows.push_back(result.rows[i]);
  }
  return part;
}

void show_points(const Arguments& arguments, const SweepResult& result, Streams& streams) {
  std::vector<std::size_t> rows(result.rows.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::string note;
  if (arguments.has("--pareto")) {
    const study::ParetoFront front = study::pareto_front(result, objectives(arguments, result, "--pareto"));
    rows = front.rows;
    note = front_note(front);
  }
  sort_rows(arguments, result, rows);
  const std::vector<std::string> readable = report::readable_columns(result, rows);
  const std::size_t all = rows.size();
  const auto limit = arguments.integer("--limit", 1, kMaxLines);
  rows.resize(std::min(all, static_cast<std::size_t>(limit.value_or(kMaxLines))));
  std::vector<std::string> columns = arguments.list("--columns");
  for (const std::string& name : columns) {
    check_column(result, name);
  }
  // A file gets every column, and CSV those of `mantissa sweep --csv`; people see what differs.
  const std::vector<std::string> exported = columns.empty() ? report::column_names(result) : columns;
  const bool markdown = arguments.has("--markdown");
  if (markdown || (arguments.text("--csv") != "-" && arguments.text("--json") != "-")) {
    report::ColumnSelection selection{rows, columns.empty() ? readable : columns};
    const bool cut = !markdown && !limit && rows.size() > kLinesOnScreen;
    selection.rows.resize(cut ? kLinesOnScreen : rows.size());
    streams.out << (markdown ? report::columns_markdown(result, selection, note)
                             : report::columns_text(result, selection, note, streams.style));
    if (!markdown && all == 0) {
      streams.out << "no points\n";
    }
    if (!markdown && selection.rows.size() < all) {
      streams.out << fmt::format("{} of {} points{}\n", selection.rows.size(), all,
                                 cut ? "; --limit N shows more, --csv FILE has all" : "");
    }
  }
  if (arguments.has("--csv")) {
    write_target(arguments, "--csv",
                 columns.empty() ? report::sweep_csv(only(result, rows)) : report::columns_csv(result, {rows, columns}),
                 streams);
  }
  if (arguments.has("--json")) {
    write_target(arguments, "--json", report::columns_json(result, {rows, exported}), streams);
  }
}

void execute_show(const Arguments& arguments, Streams& streams) {
  const auto& names = arguments.positional();
  if (names.size() != 1) {
    throw UsageError(fmt::format("show takes one database of a sweep; found {} of them", names.size()));
  }
  const int to_stdout = (arguments.text("--csv") == "-" ? 1 : 0) + (arguments.text("--json") == "-" ? 1 : 0) +
                        (arguments.has("--markdown") ? 1 : 0);
  if (to_stdout > 1) {
    throw UsageError("--csv -, --json - and --markdown would share standard output; name files for all but one");
  }
  check_target(arguments, "--csv");
  check_target(arguments, "--json");
  const study::Store store(names[0], study::Store::Mode::kReadOnly);
  SweepResult result = store.load(arguments.text("--sweep"));
  filter(arguments, result);
  if (arguments.has("--effects")) {
    show_effects(arguments, result, streams);
  } else {
    show_points(arguments, result, streams);
  }
}

}  // namespace

Command show_command() {
  return {
      "show",
      "show DB [OPTIONS]",
      "what a sweep has found: points, Pareto front, sensitivity",
      "Prints the points that a sweep has stored, also while it runs. Columns are the keys that the sweep varied and\n"
      "the quantities of docs/sweeps.md. --where takes a condition on them: numbers with < <= > >= == != + - * / and\n"
      "&& || !, texts with == and != in quotes. Points that lack a value that is asked for do not match.",
      {{"--sweep", "NAME", "which sweep, where the database holds several"},
       {"--where", "EXPR", "only the points for which this holds: \"latency_s < 0.01 && chip == 'tpu_v4'\""},
       {"--chip", "NAME", "only points of this chip"},
       {"--workload", "NAME", "only points of this workload"},
       {"--precision", "NAME", "only points of this precision"},
       {"--pareto", "", "only the points that no other one beats in all objectives"},
       {"--effects", "", "which key moves each objective, by how much, instead of points"},
       {"--objectives", "LIST", "for --pareto and --effects; default: the sweep's. A key has a direction: KEY:min"},
       {"--sort", "NAME[:desc]", "order of the points; default: as in the sweep"},
       {"--columns", "LIST", "names of keys and quantities; default: what differs and what was measured"},
       {"--limit", "N", "the first N points"},
       {"--csv", "FILE",
        "also write everything shown as CSV, with the columns of 'sweep --csv'; '-': CSV on stdout, no table"},
       {"--json", "FILE", "also write it as JSON (docs/result_format.md); '-': JSON on stdout, no table"},
       {"--markdown", "", "print the table as Markdown"}},
      {"mantissa show pareto_search.db --pareto --sort latency_s",
       "mantissa show pareto_search.db --where \"area_mm2 < 300 && inputs_per_s > 1000\" --csv small.csv",
       "mantissa show pareto_search.db --effects"},
      execute_show};
}

}  // namespace mantissa::cli
