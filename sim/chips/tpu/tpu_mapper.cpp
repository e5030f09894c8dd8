// SPDX-License-Identifier: Apache-2.0
#include "chips/tpu/tpu_mapper.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "base/error.h"
#include "chips/attention.h"
#include "chips/tpu/timing.h"

namespace mantissa::chips::tpu {

TpuMapper::TpuMapper(const config::Chip& chip, const config::Precision& precision)
    : chip_(chip), precision_(precision), spec_(std::get<config::Tpu>(chip.architecture)) {}

double TpuMapper::peak_macs_per_cycle(const network::Kernel& kernel) const {
  const auto* conv = std::get_if<network::ConvWork>(&kernel.work);
  const double per_core = conv != nullptr && conv->depthwise() ? chip_.vector.ops_per_cycle
                                                               : precision_.macs_per_cycle * spec_.arrays_per_core;
  return per_core * chip_.cores;
}

MappedKernel TpuMapper::map(const PlacedKernel& kernel) const {
  MappedKernel mapped;
  const network::Kernel& k = *kernel.kernel;
  const auto* conv = std::get_if<network::ConvWork>(&k.work);
  if (conv != nullptr && conv->depthwise()) {
    mapped = map_stream(chip_, kernel, depthwise_work(k), stream_cut());
  } else if (std::holds_alternative<network::AttentionWork>(k.work)) {
    AttentionBlocks blocks;
    blocks.queries = blocks.keys = 4 * spec_.rows;
    blocks.cycles = [this](std::int64_t m, std::int64_t n, std::int64_t kk) {
      return block_cycles(spec_, chip_.vector, precision_, {m, n, kk});
    };
    blocks.macs_per_core_cycle = precision_.macs_per_cycle * spec_.arrays_per_core;
    mapped = map_attention(chip_, kernel, blocks);
    mapped.schedule.start = fill_cycles(spec_);
  } else if (k.is_matrix()) {
    mapped = map_matrix(matrix_problem(kernel));
  } else if (is_prefetch(kernel)) {
    return map_prefetch(kernel);
  } else {
    mapped = map_stream(chip_, kernel, stream_work(chip_, precision_, k), stream_cut());
  }
  mapped.overhead = Cycles(static_cast<std::int64_t>(chip_.dispatch_us * chip_.clock_mhz));
  return mapped;
}

StreamCut TpuMapper::stream_cut() const {
  StreamCut cut = default_cut(chip_);
  cut.cores = spec_.vector_cores == 0 ? chip_.cores : spec_.vector_cores;
  if (spec_.stream_blocks > 0) {
    cut.least = spec_.stream_blocks, cut.largest = spec_.stream_largest, cut.smallest = spec_.stream_smallest;
  }
  return cut;
}

// A copy from DRAM to CMEM without arithmetic: no core takes part.
bool TpuMapper::is_prefetch(const PlacedKernel& kernel) const {
  const network::Kernel& k = *kernel.kernel;
  const auto* copy = std::get_if<network::CopyWork>(&k.work);
  return copy != nullptr && chip_.dma.copy_bytes_per_cycle > 0 && copy->contiguous_elements == copy->elements &&
         k.epilogue_ops + k.epilogue_specials == 0 && kernel.reads.size() == 1 && kernel.writes.size() == 1 &&
         !kernel.reads[0].on_chip && kernel.writes[0].on_chip;
}

MappedKernel TpuMapper::map_prefetch(const PlacedKernel& kernel) const {
  MappedKernel mapped;
  mapped.mapping = "asynchronous copy to CMEM";
  mapped.schedule.depth = chip_.staging.depth;
  const Stream stream = kernel.reads[0];
  auto done = std::make_shared<bool>(false);
  mapped.schedule.next = [stream, done](int core, hardware::TileTask& task) {
    if (core != 0 || *done) {
      return false;
    }
    hardware::Transfer copy = part_of(stream, 0, 1);
    copy.to_shared = true;
    task.add_load(copy);
    *done = true;
    return true;
  };
  return mapped;
}

TpuMapper::Share TpuMapper::share_of(const MatrixProblem& problem, const Plan& plan, int core,
                                     std::int64_t index) const {
  const auto& g = problem.gemm;
  Share s;
  s.kb = index % plan.k_blocks, s.mb = index / plan.k_blocks % plan.m_blocks;
  s.nb = index / plan.k_blocks / plan.m_blocks % plan.n_blocks;
  s.batch = index / plan.k_blocks / plan.m_blocks / plan.n_blocks;
  if (plan.split == Plan::Split::kBatch) {
    s.batch = s.batch * chip_.cores + core;
  }
  s.m_offset = plan.split == Plan::Split::kM ? core * plan.m : 0;
  s.n_offset = plan.split == Plan::Split::kN ? core * plan.n : 0;
  s.rows = block_range(std::clamp<std::int64_t>(g.m - s.m_offset, 0, plan.m), plan.bm, s.mb);
  s.cols = block_range(std::clamp<std::int64_t>(g.n - s.n_offset, 0, plan.n), plan.bn, s.nb);
  s.depth = block_range(g.k, plan.bk, s.kb);
  s.empty = s.rows.size() * s.cols.size() * s.depth.size() == 0 || s.batch >= g.batch ||
            (plan.split == Plan::Split::kNone && core != 0);
  return s;
}

hardware::TileTask TpuMapper::make_task(const MatrixProblem& problem, const Plan& plan, int core,
                                        std::int64_t index) const {
  const auto& g = problem.gemm;
  const Share s = share_of(problem, plan, core, index);
  hardware::TileTask task;
  if (s.empty) {
    return task;  // this core's share ends inside the last block
  }
  const ElementBytes bytes = element_bytes(problem);
  // `block`: elements before this part; `size`: bytes of an element.
  const auto slice = [](const Stream& stream, std::int64_t block, double size, double part_bytes) {
    return hardware::Transfer{stream.on_chip ? hardware::Level::kShared : hardware::Level::kDram,
                              stream.address + static_cast<std::uint64_t>(size * static_cast<double>(block)),
                              Bytes(static_cast<std::int64_t>(part_bytes + 0.5)), Bytes(0), 0};
  };
  const std::int64_t m = s.rows.size(), n = s.cols.size(), k = s.depth.size();
  if (plan.loads_a(s.nb)) {
    task.add_load(slice(problem.a, (s.batch * g.m + s.m_offset + s.rows.begin) * g.k + s.depth.begin * m, bytes.a,
                        bytes.of_a(m, k)));
  }
  if (plan.loads_b(s.mb)) {
    task.add_load(slice(problem.b, (s.batch * g.n + s.n_offset + s.cols.begin) * g.k + s.depth.begin * n, bytes.b,
                        bytes.of_b(k, n)));
  }
  task.matrix =
      block_cycles(spec_, chip_.vector, precision_, {m, n, k}) + (index == 0 ? fill_cycles(spec_) : Cycles(0));
  task.macs = Macs(m * n * k);
  task.mac_slots = Macs(static_cast<std::int64_t>(static_cast<double>(task.matrix.count()) * precision_.macs_per_cycle *
                                                  spec_.arrays_per_core));
  task.staging_read = Bytes(static_cast<std::int64_t>(
      static_cast<double>(m * k * ceil_div(n, spec_.cols)) * static_cast<double>(precision_.matrix.a.storage_bytes()) +
      static_cast<double>(n * k * precision_.matrix.b.storage_bytes())));
  task.vector_ops = stream_ops(spec_, precision_, {m, n, k});
  if (s.kb + 1 == plan.k_blocks) {
    const double results = static_cast<double>(m * n);
    const double ops = results * (problem.epilogue_ops + precision_.pack_ops + 1);
    const std::int64_t out_block = (s.batch * g.m + s.m_offset + s.rows.begin) * g.n + (s.n_offset + s.cols.begin) * m;
    task.vector_ops += ops;
    task.special_ops = results * problem.epilogue_specials;
    // The core issues the arrays' and the vector unit's instructions in one stream: results are finished between two
    // blocks, not beside them.
    task.vector = vector_cycles(chip_.vector, ops, task.special_ops);
    task.has_results = true;
    if (problem.rest.bytes > Bytes(0)) {
      const double rest = static_cast<double>(problem.rest.bytes.count()) / static_cast<double>(g.batch * g.m * g.n);
      task.add_load(slice(problem.rest, out_block, rest, rest * results));
    }
    task.store = slice(problem.out, out_block, bytes.out, bytes.of_out(m, n));
  }
  return task;
}

MappedKernel TpuMapper::map_matrix(const MatrixProblem& given) const {
  const Plan plan = choose_plan(chip_, precision_, given);
  const MatrixProblem problem = plan.swapped ? swapped(given) : given;
  constexpr std::array kSplits = {"one core", "m split over cores", "n split over cores", "batch split over cores"};
  MappedKernel mapped;
  mapped.mapping = fmt::format("{}x{}x{} blocks, {}{}", plan.bm, plan.bn, plan.bk,
                               kSplits.at(static_cast<std::size_t>(plan.split)), plan.swapped ? ", transposed" : "");
  mapped.schedule.depth = chip_.staging.depth;
  auto next = std::make_shared<std::vector<std::int64_t>>(static_cast<std::size_t>(chip_.cores));
  mapped.schedule.next = [this, problem, plan, next](int core, hardware::TileTask& task) {
    std::int64_t& index = (*next)[static_cast<std::size_t>(core)];
    while (index < plan.tasks()) {
      task = make_task(problem, plan, core, index++);
      if (task.macs > Macs(0)) {
        return true;
      }
    }
    return false;
  };
  return mapped;
}

}  // namespace mantissa::chips::tpu
