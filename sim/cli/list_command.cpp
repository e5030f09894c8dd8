// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/text.h"
#include "cli/command.h"
#include "config/area.h"
#include "config/chip.h"
#include "config/fields.h"
#include "config/home.h"
#include "config/workload.h"
#include "numerics/block.h"

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

void print_areas(Streams& streams) {
  report::TextTable table(streams.style);
  table.column("chip", "", Align::kLeft);
  table.column("process", "", Align::kLeft);
  for (const char* part : {"matrix", "vector", "shared", "staging", "DRAM", "cores", "fixed", "total"}) {
    table.column(part, "mm2");
  }
  for (const auto& entry : load_chips()) {
    const auto area = entry.chip ? config::chip_area(*entry.chip) : std::nullopt;
    if (area) {
      const auto mm2 = [](double value) { return fmt::format("{:.1f}", value); };
      table.row({entry.file.name, entry.chip->area->process, mm2(area->matrix), mm2(area->vector), mm2(area->shared),
                 mm2(area->staging), mm2(area->dram), mm2(area->cores), mm2(area->fixed), mm2(area->total())});
    }
  }
  streams.out << table.render()
              << "A model of the whole die (docs/area.md): fixed is what is left of the published one.\n";
}

template <class Rows, class Value>
std::string name_in(const Rows& rows, Value value) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.value == value; });
  return at == rows.end() ? "" : at->name;
}

std::string one_step(const numerics::Datapath& d) {
  switch (d.accumulation) {
    case numerics::Accumulation::kInteger:
      return d.integer_overflow == numerics::IntegerOverflow::kSaturate
                 ? fmt::format("exact sum of {} products, saturating", d.group)
                 : "exact sum, wrapping";
    case numerics::Accumulation::kSequentialFma:
      return "one fused multiply-add after another";
    case numerics::Accumulation::kAligned:
      return fmt::format("{} products aligned at F {}", d.group, d.align_fraction_bits);
    case numerics::Accumulation::kExact:
      return d.tile_fraction_bits > 0 ? fmt::format("{} products in an adder of {} bits", d.group, d.tile_fraction_bits)
                                      : fmt::format("{} products summed exactly", d.group);
  }
  return {};
}

// "32 products aligned at F 13, into fp32 every 128".
std::string describe(const numerics::Datapath& d) {
  std::string text = one_step(d);
  text += d.zero_operands == numerics::ZeroOperands::kSmallestNormal ? ", zeros too" : "";
  text += d.interleave > 1 ? fmt::format(", {} interleaved steps", d.interleave) : "";
  text += d.split_passes > 0
              ? fmt::format(", {} of {}", d.split_passes == 1 ? "1 pass" : fmt::format("{} passes", d.split_passes),
                            d.split_format.name)
              : "";
  text += d.promote_every > 0
              ? fmt::format(", into {} every {}", d.promotion.name.empty() ? "fp32" : d.promotion.name, d.promote_every)
              : "";
  return text;
}

void print_datapaths(Streams& streams) {
  report::TextTable table(streams.style);
  table.column("chip", "", Align::kLeft);
  table.column("datapath", "", Align::kLeft);
  table.column("operands", "", Align::kLeft);
  table.column("one step", "", Align::kLeft);
  table.column("accumulator", "", Align::kLeft);
  table.column("output", "", Align::kLeft);
  for (const auto& entry : load_chips()) {
    if (!entry.chip) {
      continue;
    }
    for (const auto& [name, d] : entry.chip->datapaths) {
      table.row({entry.file.name, name, d.a.name == d.b.name ? d.a.name : d.a.name + " x " + d.b.name, describe(d),
                 d.accumulation == numerics::Accumulation::kInteger
                     ? d.accumulator.name
                     : d.accumulator.name + " " + name_in(config::rounding_names(), d.accumulator_rounding),
                 d.output.name});
    }
  }
  streams.out << table.render() << "F: fraction bits that are kept below the largest exponent of a step.\n";
}

void print_formats(Streams& streams) {
  report::TextTable table(streams.style);
  table.column("format", "", Align::kLeft);
  table.column("bits", "");
  table.column("exponent", "bits");
  table.column("fraction", "bits");
  table.column("largest", "");
  table.column("smallest", "normal");
  table.column("smallest", "subnormal");
  table.column("infinity, NaN", "", Align::kLeft);
  table.column("overflow", "", Align::kLeft);
  for (const numerics::Format& f : numerics::known_formats()) {
    const char* specials = f.integer                                    ? "none"
                           : f.specials == numerics::Specials::kIeee    ? "both"
                           : f.specials == numerics::Specials::kNanOnly ? "NaN"
                                                                        : "none";
    const auto number = [](double value) { return fmt::format("{:.6g}", value); };
    table.row({f.name, fmt::format("{}", f.bits()), f.integer ? "" : fmt::format("{}", f.exponent_bits),
               f.integer ? "" : fmt::format("{}", f.mantissa_bits), number(f.max_finite()),
               f.integer ? "" : number(f.min_normal()),
               f.integer || f.mantissa_bits == 0 ? "" : number(f.min_subnormal()), specials,
               f.overflow == numerics::Overflow::kSaturate ? "saturates" : "infinity"});
  }
  streams.out
      << table.render()
      << "Any other eXmY, X 1..8 exponent and Y 0..23 fraction bits, and intN is a format too; _ieee, _fn or _finite "
         "say which\nspecial values it has, _sat or _nosat what overflows do: e5m3, e4m3_nosat, e3m4_fn.\n\n";
  report::TextTable blocks(streams.style);
  blocks.column("block format", "", Align::kLeft);
  blocks.column("elements", "", Align::kLeft);
  blocks.column("block", "");
  blocks.column("scale", "", Align::kLeft);
  blocks.column("per element", "bits");
  for (const numerics::BlockFormat& f : numerics::known_block_formats()) {
    blocks.row({f.name, f.element.name, fmt::format("{}", f.block),
                f.scale == numerics::BlockScale::kE8M0 ? "e8m0" : "e4m3, and fp32 of the tensor",
                fmt::format("{:g}", f.bits_per_element())});
  }
  streams.out << blocks.render();
}

struct Section {
  const char* name;
  void (*print)(Streams&);
};
constexpr Section kSections[] = {{"chips", print_chips},           {"workloads", print_workloads},
                                 {"precisions", print_precisions}, {"datapaths", print_datapaths},
                                 {"areas", print_areas},           {"formats", print_formats}};

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
          "list [chips] [workloads] [precisions] [datapaths] [areas] [formats]",
          "chips, workloads, precisions, datapaths, die areas and formats that are there",
          "Shows what is in configs/ and workloads/ of Mantissa's home: the folder in the environment variable "
          "MANTISSA_HOME, or\n"
          "where Mantissa is installed, or its source tree. Names shown here stand for these files in other commands.",
          {},
          {"mantissa list", "mantissa list precisions"},
          execute_list};
}

}  // namespace mantissa::cli
