// SPDX-License-Identifier: Apache-2.0
// How a chip turns a kernel into tile tasks. One implementation for each architecture (catalog.cpp lists them); all of
// them use the streaming schedule below for work without a matrix unit.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "chips/placement.h"
#include "config/chip.h"
#include "hardware/tile_task.h"
#include "network/kernel.h"

namespace mantissa::chips {

struct MappedKernel {
  hardware::Schedule schedule;
  Cycles overhead{};    // before the cores start
  std::string mapping;  // for people: "128x256 tiles, split K in 2"
};

class Mapper {
 public:
  virtual ~Mapper() = default;
  // The schedule refers to `kernel`, which must outlive it. Throws ModelError when the kernel does not fit the machine.
  virtual MappedKernel map(const PlacedKernel& kernel) const = 0;
  // Peak multiply-accumulates per cycle of the whole chip for this kernel's matrix work.
  virtual double peak_macs_per_cycle(const network::Kernel& kernel) const = 0;
};

// The mapper of the chip's architecture, for one precision. `chip` and `precision` must outlive it.
std::unique_ptr<Mapper> make_mapper(const config::Chip& chip, const config::Precision& precision);

// The mappers of a plan: a matrix kernel is mapped at its own precision, everything else at the plan's base. What is
// kept between kernels is in the base's vector format. `chip` and `plan` must outlive it.
class Mappers {
 public:
  Mappers(const config::Chip& chip, const config::PrecisionPlan& plan);
  // Kernels with equal answers run at the same precision.
  const config::Precision& precision(const network::Kernel& kernel) const;
  const Mapper& mapper(const network::Kernel& kernel) const;

 private:
  struct Entry {
    config::Precision precision;
    std::unique_ptr<Mapper> mapper;
  };
  const Entry& find(const network::Kernel& kernel) const;

  const config::PrecisionPlan& plan_;
  std::map<const config::Precision*, Entry> entries_;  // by the plan's precision
};

// Work for the vector units alone: blocks of the operands are loaded, worked on and stored, spread over the cores.
struct StreamWork {
  std::int64_t elements = 0;     // of the result (vector) or of the input (reduce)
  double ops = 0, specials = 0;  // per element
  Macs macs{};                   // useful multiply-accumulates done by the vector units (depthwise convolution)
  double load_factor = 1;        // bytes moved for one byte of the operand (padding of short runs)
};
// How the blocks of a stream are cut.
struct StreamCut {
  std::int64_t cores = 1;       // that share the work
  std::int64_t least = 1;       // blocks, where there is enough to cut
  Bytes largest{}, smallest{};  // block of operands and results together
};
// Blocks as large as the staging buffer allows with the next one on its way, but one for each core at least, as long as
// a block is not below one DMA request.
StreamCut default_cut(const config::Chip& chip);
MappedKernel map_stream(const config::Chip& chip, const PlacedKernel& kernel, const StreamWork& work);
MappedKernel map_stream(const config::Chip& chip, const PlacedKernel& kernel, const StreamWork& work,
                        const StreamCut& cut);
// The stream work of a kernel without matrix work.
StreamWork stream_work(const config::Chip& chip, const config::Precision& precision, const network::Kernel& kernel);

// A load of `part` of `whole` equal parts of a stream, at its place in DRAM or in the shared memory.
hardware::Transfer part_of(const Stream& stream, std::int64_t part, std::int64_t whole);
// Vector-unit cycles of this many operations.
Cycles vector_cycles(const config::VectorUnit& unit, double ops, double specials);

}  // namespace mantissa::chips
