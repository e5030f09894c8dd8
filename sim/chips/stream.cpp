// SPDX-License-Identifier: Apache-2.0
// The streaming schedule: element-wise work, reductions, copies.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "base/error.h"
#include "chips/mapper.h"

namespace mantissa::chips {

hardware::Transfer part_of(const Stream& stream, std::int64_t part, std::int64_t whole) {
  const std::int64_t begin = stream.bytes.count() * part / whole, end = stream.bytes.count() * (part + 1) / whole;
  const Bytes bytes(end - begin);
  return {stream.on_chip ? hardware::Level::kShared : hardware::Level::kDram,
          stream.address + static_cast<std::uint64_t>(begin), bytes, bytes, 0};
}

Cycles vector_cycles(const config::VectorUnit& unit, double ops, double specials) {
  return Cycles(static_cast<std::int64_t>(std::ceil(ops / unit.ops_per_cycle + specials / unit.special_per_cycle)));
}

StreamWork stream_work(const config::Chip& chip, const config::Precision& precision, const network::Kernel& kernel) {
  StreamWork work;
  const double epilogue = kernel.epilogue_ops, specials = kernel.epilogue_specials;
  if (const auto* v = std::get_if<network::VectorWork>(&kernel.work)) {
    double read = 0;  // elements
    for (const auto& operand : kernel.reads) {
      read += operand.storage == network::Storage::kVector ? static_cast<double>(operand.elements) : 0;
    }
    const double unpack = precision.unpack_ops * read / static_cast<double>(std::max<std::int64_t>(1, v->elements));
    work = {v->elements, v->ops + epilogue + unpack + precision.pack_ops, v->specials + specials, Macs(0), 1};
  } else if (const auto* r = std::get_if<network::ReduceWork>(&kernel.work)) {
    const double per_input = ratio(Bytes(kernel.output_elements()), Bytes(r->rows * r->length));
    // Every pass takes the elements apart again: registers do not hold a row.
    work = {r->rows * r->length,
            (r->ops + precision.unpack_ops) * r->passes + (epilogue + precision.pack_ops) * per_input,
            r->specials * r->passes + specials * per_input, Macs(0), 1};
  } else if (const auto* c = std::get_if<network::CopyWork>(&kernel.work)) {
    const std::int64_t run = std::max<std::int64_t>(1, c->contiguous_elements) * precision.vector.storage_bytes();
    const std::int64_t padded = round_up(run, chip.dma.granularity.count());
    work = {c->elements, epilogue, specials, Macs(0), static_cast<double>(padded) / static_cast<double>(run)};
  } else {
    throw std::logic_error("stream_work: the kernel has matrix work");
  }
  return work;
}

StreamCut default_cut(const config::Chip& chip) {
  return {chip.cores, 4 * chip.cores, Bytes(chip.staging.capacity.count() / (2 * chip.staging.depth)), chip.dma.chunk};
}

MappedKernel map_stream(const config::Chip& chip, const PlacedKernel& kernel, const StreamWork& work) {
  return map_stream(chip, kernel, work, default_cut(chip));
}

MappedKernel map_stream(const config::Chip& chip, const PlacedKernel& kernel, const StreamWork& work,
                        const StreamCut& cut) {
  std::int64_t total = 0;
  for (const auto* streams : {&kernel.reads, &kernel.writes}) {
    for (const auto& stream : *streams) {
      total += stream.bytes.count();
    }
  }
  const std::int64_t largest = std::max<std::int64_t>(1, cut.largest.count());
  const std::int64_t smallest = std::max<std::int64_t>(1, cut.smallest.count());
  std::int64_t blocks =
      std::max(ceil_div(total, largest), std::min<std::int64_t>(cut.least, ceil_div(total, smallest)));
  blocks = std::max<std::int64_t>(1, blocks);
  const double elements = static_cast<double>(work.elements) / static_cast<double>(blocks);
  hardware::TileTask shape;
  shape.vector = vector_cycles(chip.vector, elements * work.ops, elements * work.specials);
  shape.vector_ops = elements * work.ops;
  shape.special_ops = elements * work.specials;
  shape.has_results = true;

  MappedKernel mapped;
  mapped.mapping = fmt::format("{} blocks", blocks);
  mapped.schedule.depth = chip.staging.depth;
  const std::int64_t cores = std::clamp<std::int64_t>(cut.cores, 1, chip.cores);
  auto rounds = std::make_shared<std::vector<std::int64_t>>(static_cast<std::size_t>(cores));
  mapped.schedule.next = [=, &kernel](int core, hardware::TileTask& task) {
    if (core >= cores) {
      return false;
    }
    const std::int64_t block = core + cores * (*rounds)[static_cast<std::size_t>(core)]++;
    if (block >= blocks) {
      return false;
    }
    task = shape;
    task.macs = Macs(work.macs.count() * (block + 1) / blocks - work.macs.count() * block / blocks);
    task.mac_slots = task.macs;
    // Operands at the same level travel as one transfer: a task has room for three.
    std::array<hardware::Transfer, 2> by_level{};
    for (const auto& stream : kernel.reads) {
      const hardware::Transfer part = part_of(stream, block, blocks);
      auto& sum = by_level[part.level == hardware::Level::kDram ? 0 : 1];
      if (sum.bytes == Bytes(0)) {
        sum = part;
      } else {
        sum.bytes += part.bytes;
      }
    }
    for (auto& transfer : by_level) {
      transfer.bytes = Bytes(static_cast<std::int64_t>(static_cast<double>(transfer.bytes.count()) * work.load_factor));
      if (transfer.bytes > Bytes(0)) {
        task.add_load(transfer);
      }
    }
    for (const auto& stream : kernel.writes) {  // several outputs (Split) go out as one transfer
      const Bytes before = task.store.bytes;
      task.store = part_of(stream, block, blocks);
      task.store.bytes += before;
    }
    return true;
  };
  return mapped;
}

}  // namespace mantissa::chips
