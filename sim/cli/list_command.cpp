// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/text.h"
#include "cli/command.h"
#include "config/chip.h"
#include "config/fields.h"
#include "config/home.h"
#include "config/workload.h"

namespace mantissa::cli {
namespace {

using Align = report::TextTable::Align;

struct ChipEntry {
  config::ShippedFile file;
  std::optional<config::Chip> chip;
  std::string mistake;  // first line of what is wrong with the file
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::vector<ChipEntry> load_chips() {
  std::vector<ChipEntry> entries;
  for (const auto& file : config::shipped_files(config::FileKind::kChip)) {
    ChipEntry entry{file, std::nullopt, {}};
    try {
      entry.chip = config::load_chip(file.path);
    } catch (const ConfigError& e) {
      entry.mistake = first_line(e.what());
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

int units(const config::Chip& chip) {
  const auto* tpu = std::get_if<config::Tpu>(&chip.architecture);
  return chip.cores * (tpu != nullptr ? tpu->arrays_per_core : 1);
}

void print_chips(Streams& streams) {
  report::TextTable table(streams.style);
  table.column("chip", "", Align::kLeft);
  table.column("summary", "", Align::kLeft);
  table.column("default", "", Align::kLeft);
  for (const auto& entry : load_chips()) {
    table.row({entry.file.name, entry.chip ? entry.chip->summary : "not usable: " + entry.mistake,
               entry.chip ? entry.chip->default_precision : ""});
  }
  streams.out << table.render();
}

void print_workloads(Streams& streams) {
  report::TextTable table(streams.style);
  table.column("workload", "", Align::kLeft);
  table.column("summary", "", Align::kLeft);
  table.column("data", "", Align::kLeft);
  for (const auto& file : config::shipped_files(config::FileKind::kWorkload)) {
    try {
      const config::Workload workload = config::load_workload(file.path);
      table.row({file.name, workload.summary, workload.dataset ? workload.dataset->name : "shape only"});
    } catch (const ConfigError& e) {
      table.row({file.name, "not usable: " + first_line(e.what()), ""});
    }
  }
  streams.out << table.render();
}

void print_precisions(Streams& streams) {
  report::TextTable table(streams.style);
  table.column("chip", "", Align::kLeft);
  table.column("precision", "", Align::kLeft);
  table.column("peak", "TOPS");
  table.column("datapath", "", Align::kLeft);
  table.column("between", "", Align::kLeft);
  table.column("depthwise", "", Align::kLeft);
  table.column("MAC energy", "pJ");
  for (const auto& entry : load_chips()) {
    if (!entry.chip) {
      continue;
    }
    for (const auto& p : entry.chip->precisions) {
      const double tops = 2e-12 * p.macs_per_cycle * units(*entry.chip) * entry.chip->clock().count();
      table.row({entry.file.name, p.name + (p.name == entry.chip->default_precision ? " *" : ""),
                 report::significant(tops, 4), p.matrix.name, p.vector.name, p.depthwise.name,
                 fmt::format("{:g}", p.mac_pj)});
    }
  }
  streams.out << table.render() << "*: the chip's default. Peak at the nominal clock; 1 MAC = 2 operations.\n";
}

std::string describe(const numerics::Datapath& d) {
  std::string accumulation;
  for (const auto& row : config::accumulation_names()) {
    accumulation = row.value == d.accumulation ? row.name : accumulation;
  }
  std::string rounding;
  for (const auto& row : config::rounding_names()) {
    rounding = row.value == d.accumulator_rounding ? row.name : rounding;
  }
  switch (d.accumulation) {
    case numerics::Accumulation::kInteger:
      return "exact integer sum";
    case numerics::Accumulation::kSequentialFma:
      return fmt::format("one fused multiply-add after another, {}", rounding);
    case numerics::Accumulation::kAligned:
      return fmt::format("{} products aligned at {} fraction bits, {}{}", d.group, d.align_fraction_bits, rounding,
                         d.promote_every > 0 ? fmt::format(", promoted every {}", d.promote_every) : "");
    case numerics::Accumulation::kExact:
      return fmt::format("{} products {}, {}{}", d.group,
                         d.tile_fraction_bits > 0 ? fmt::format("in an adder of {} fraction bits", d.tile_fraction_bits)
                                                  : "summed exactly",
                         rounding, d.promote_every > 0 ? fmt::format(", promoted every {}", d.promote_every) : "");
  }
  return accumulation;
}

void print_datapaths(Streams& streams) {
  report::TextTable table(streams.style);
  table.column("chip", "", Align::kLeft);
  table.column("datapath", "", Align::kLeft);
  table.column("operands", "", Align::kLeft);
  table.column("accumulation", "", Align::kLeft);
  table.column("sum", "", Align::kLeft);
  table.column("output", "", Align::kLeft);
  for (const auto& entry : load_chips()) {
    if (!entry.chip) {
      continue;
    }
    for (const auto& [name, d] : entry.chip->datapaths) {
      table.row({entry.file.name, name, d.a.name == d.b.name ? d.a.name : d.a.name + " x " + d.b.name, describe(d),
                 d.accumulator.name, d.output.name});
    }
  }
  streams.out << table.render();
}

struct Section {
  const char* name;
  void (*print)(Streams&);
};
constexpr Section kSections[] = {{"chips", print_chips},
                                 {"workloads", print_workloads},
                                 {"precisions", print_precisions},
                                 {"datapaths", print_datapaths}};

void execute_list(const Arguments& arguments, Streams& streams) {
  std::vector<std::string> names;
  for (const Section& section : kSections) {
    names.emplace_back(section.name);
  }
  for (const std::string& word : arguments.positional()) {
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      throw UsageError(fmt::format("there is nothing called '{}' to list{}", word, suggestion(word, names)));
    }
  }
  if (config::home_folder().empty()) {
    throw UsageError("configs/ and workloads/ were not found; set MANTISSA_HOME to the folder that holds them");
  }
  bool first = true;
  for (const Section& section : kSections) {
    const auto& wanted = arguments.positional();
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), section.name) != wanted.end()) {
      streams.out << (first ? "" : "\n");
      section.print(streams);
      first = false;
    }
  }
}

}  // namespace

Command list_command() {
  return {"list",
          "list [chips] [workloads] [precisions] [datapaths]",
          "chips, workloads, precisions and datapaths that are there",
          "Shows what is in configs/ and workloads/ of Mantissa's home: the folder in the environment variable "
          "MANTISSA_HOME, or\n"
          "where Mantissa is installed, or its source tree. Names shown here stand for these files in other commands.",
          {},
          {"mantissa list", "mantissa list precisions"},
          execute_list};
}

}  // namespace mantissa::cli
