// SPDX-License-Identifier: Apache-2.0
// Published figures of a chip against what its file says, and energies of operations at a process against the chip's
// constants. No simulation: a check that the modelled chip is the published one.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "chips/mapper.h"
#include "study/validate.h"

namespace mantissa::study {
namespace {

double peak_tera_operations(const config::Chip& chip, const config::Precision& precision) {
  const network::Kernel product{"", {}, network::GemmWork{}, {}, {}, 0, 0, 1};
  return 2 * chips::make_mapper(chip, precision)->peak_macs_per_cycle(product) * chip.clock().count() / 1e12;
}

double mib(Bytes bytes) {
  return static_cast<double>(bytes.count()) / (1 << 20);
}

struct Figure {
  std::string_view words;  // the workload holds this
  std::string_view unit;
  double (*value)(const config::Chip&);
};

// The first that fits.
constexpr std::array kFigures = {
    Figure{"peak bf16", "TFLOPS",
           [](const config::Chip& c) {
             const config::Precision* bf16 = c.find_precision("bf16");
             return bf16 == nullptr ? 0.0 : peak_tera_operations(c, *bf16);
           }},
    Figure{"peak int8", "TOPS",
           [](const config::Chip& c) {
             const config::Precision* int8 = c.find_precision("int8");
             return int8 == nullptr ? 0.0 : peak_tera_operations(c, *int8);
           }},
    Figure{"capacity", "GiB", [](const config::Chip& c) { return mib(c.dram.capacity) / 1024; }},
    Figure{"HBM bandwidth", "GB/s", [](const config::Chip& c) { return c.dram.peak().count() / 1e9; }},
    Figure{"HBM2 bandwidth", "GB/s", [](const config::Chip& c) { return c.dram.peak().count() / 1e9; }},
    Figure{"clock", "MHz", [](const config::Chip& c) { return c.clock_mhz; }},
    Figure{"TensorCores", "-", [](const config::Chip& c) { return static_cast<double>(c.cores); }},
    Figure{"CMEM", "MiB", [](const config::Chip& c) { return mib(c.shared.capacity); }},
    Figure{"VMEM", "MiB", [](const config::Chip& c) { return mib(c.staging.capacity); }},
    Figure{"MXU", "-",
           [](const config::Chip& c) {
             const auto* tpu = std::get_if<config::Tpu>(&c.architecture);
             return tpu == nullptr ? 0.0 : static_cast<double>(tpu->arrays_per_core);
           }},
};

// A constant of the chip's file that is made of published energies.
struct Constant {
  std::string_view name;
  std::array<std::string_view, 2> parts;  // workloads of the table
  double (*value)(const config::Chip&);   // pJ
};

double mac_pj(const config::Chip& chip, const char* precision) {
  const config::Precision* found = chip.find_precision(precision);
  return found == nullptr ? 0.0 : found->mac_pj;
}

constexpr std::array kConstants = {
    Constant{
        "INT8 multiply-accumulate", {"int8 mul", "int32 add"}, [](const config::Chip& c) { return mac_pj(c, "int8"); }},
    Constant{
        "BF16 multiply-accumulate", {"bf16 mul", "fp32 add"}, [](const config::Chip& c) { return mac_pj(c, "bf16"); }},
    Constant{"64 bits of VMEM", {"SRAM 1MB per 64b access", ""}, [](const config::Chip& c) {
               return 8 * c.staging.pj_per_byte;
             }}};

using Row = MeasuredTable::Row;

std::string reason_of_operation(const Row& row, const MeasuredTable& table) {
  const std::string& metric = table.text(row, "metric");
  return metric == "energy_per_op_7nm" ? "the chip's file has no constant that is made of this operation"
                                       : "another process than the chip's";
}

}  // namespace

bool interpret_specification(const MeasuredTable& table, const Row& row, ValidationInput& input) {
  const std::string& workload = table.text(row, "workload");
  if (!workload.starts_with("spec: ")) {
    return false;
  }
  report::ValidationRow r = models_row(table, row);
  r.group = "specification", r.group_order = kSpecificationOrder;
  const config::Chip& chip = input.chip;
  for (const Figure& figure : kFigures) {
    if (workload.find(figure.words) != std::string::npos && r.unit == figure.unit && figure.value(chip) > 0) {
      input.add(std::move(r), [&chip, &figure] { return figure.value(chip); });
      return true;
    }
  }
  if (workload.find("ICI") != std::string::npos && r.unit == "GB/s") {
    input.add_not_modelled(std::move(r), "a raw rate; the chip's file has what transfers reach");
    return true;
  }
  input.add_not_modelled(std::move(r), "no part of the model");
  return true;
}

void interpret_process(const MeasuredTable& table, ValidationInput& input) {
  std::map<std::string, const Row*> at_7nm;
  std::vector<const Row*> rows;
  for (const Row& row : table.rows()) {
    if (table.text(row, "chip") == "process") {
      rows.push_back(&row);
      if (table.text(row, "metric") == "energy_per_op_7nm") {
        at_7nm[table.text(row, "workload")] = &row;
      }
    }
  }
  // The table is of TPU v4's process.
  if (rows.empty() || !input.measured_on.starts_with("tpu_v4")) {
    return;
  }
  const config::Chip& chip = input.chip;
  std::vector<const Row*> used;
  for (const Constant& constant : kConstants) {
    report::ValidationRow r;
    r.id = fmt::format("energy {}", constant.parts[0]);
    r.what = fmt::format("{}: {}{}{}", constant.name, constant.parts[0], constant.parts[1].empty() ? "" : " + ",
                         constant.parts[1]);
    r.unit = "pJ", r.group = "energy of operations", r.group_order = kPowerOrder + 1;
    bool complete = constant.value(chip) > 0;
    for (const std::string_view part : constant.parts) {
      const auto at = at_7nm.find(std::string(part));
      complete = complete && (part.empty() || at != at_7nm.end());
      if (at != at_7nm.end()) {
        r.measured += table.number(*at->second, "value");
        r.source = table.text(*at->second, "source");
      }
    }
    if (complete) {
      for (const std::string_view part : constant.parts) {
        if (!part.empty()) {
          used.push_back(at_7nm[std::string(part)]);
        }
      }
      input.add(std::move(r), [&chip, &constant] { return constant.value(chip); });
    }
  }
  for (const Row* row : rows) {
    if (std::find(used.begin(), used.end(), row) == used.end()) {
      report::ValidationRow r = models_row(table, *row);
      r.group = "energy of operations", r.group_order = kPowerOrder + 1;
      input.add_not_modelled(std::move(r), reason_of_operation(*row, table));
    }
  }
}

}  // namespace mantissa::study
