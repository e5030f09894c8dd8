// SPDX-License-Identifier: Apache-2.0
#include "config/area.h"

#include <algorithm>

namespace mantissa::config {
namespace {

constexpr double kUm2PerMm2 = 1e6;
constexpr double kBytesPerMib = 1024 * 1024;

double significand_bits(const numerics::Format& format) {
  return format.integer ? format.mantissa_bits : format.mantissa_bits + 1;
}

// Bits that one product adds, in the adder of its group and in its share of the accumulator.
double adder_bits(const numerics::Datapath& d) {
  const double accumulator = significand_bits(d.accumulator);
  switch (d.accumulation) {
    case numerics::Accumulation::kInteger:
    case numerics::Accumulation::kSequentialFma:
      return accumulator;
    case numerics::Accumulation::kAligned:
      return d.align_fraction_bits + 1 + accumulator / d.group;
    case numerics::Accumulation::kExact:
      return (d.tile_fraction_bits > 0 ? d.tile_fraction_bits + 1 : accumulator) + accumulator / d.group;
  }
  return accumulator;
}

numerics::Datapath fp32_lane() {
  numerics::Datapath lane;
  lane.a = lane.b = lane.accumulator = *numerics::find_format("fp32");
  lane.accumulation = numerics::Accumulation::kSequentialFma;
  return lane;
}

double matrix_um2(const Chip& chip, const AreaModel& model) {
  double most = 0;
  for (const Precision& precision : chip.precisions) {
    const auto* tpu = std::get_if<Tpu>(&chip.architecture);
    const double multipliers =
        tpu ? static_cast<double>(tpu->rows) * tpu->cols * tpu->arrays_per_core : precision.macs_per_cycle;
    most = std::max(most, multipliers * mac_um2(model, precision.matrix));
  }
  return most * chip.cores;
}

}  // namespace

double mac_um2(const AreaModel& model, const numerics::Datapath& d) {
  const bool split = d.split_passes > 0;
  const double a = significand_bits(split ? d.split_format : d.a), b = significand_bits(split ? d.split_format : d.b);
  const double adder =
      d.accumulation == numerics::Accumulation::kInteger ? model.integer_add_um2_per_bit : model.float_add_um2_per_bit;
  return model.product_um2_per_bit2 * a * b + adder * adder_bits(d);
}

std::optional<ChipArea> chip_area(const Chip& chip) {
  if (!chip.area) {
    return std::nullopt;
  }
  static const numerics::Datapath lane = fp32_lane();
  const AreaModel& model = *chip.area;
  const double cores = chip.cores;
  const auto sram = [&](Bytes size) {
    return static_cast<double>(size.count()) / kBytesPerMib * model.sram_mm2_per_mib;
  };
  ChipArea area;
  area.matrix = matrix_um2(chip, model) / kUm2PerMm2;
  area.vector = cores * chip.vector.ops_per_cycle * mac_um2(model, lane) / kUm2PerMm2;
  area.shared = sram(chip.shared.capacity);
  area.staging = cores * sram(chip.staging.capacity);
  area.dram = chip.dram.channels * model.dram_channel_mm2;
  area.cores = cores * model.core_mm2;
  area.fixed = model.fixed_mm2;
  return area;
}

}  // namespace mantissa::config
