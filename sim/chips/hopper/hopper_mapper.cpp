// SPDX-License-Identifier: Apache-2.0
#include "chips/hopper/hopper_mapper.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "chips/attention.h"
#include "chips/hopper/timing.h"

namespace mantissa::chips::hopper {
namespace {

constexpr std::int64_t kRasterRows = 16;           // tiles of m that neighbours in time share a column of b with
constexpr std::int64_t kResultBytes = 192 * 1024;  // of the 256 KiB register file, for FP32 results
constexpr std::array<std::int64_t, 5> kSplits{1, 2, 4, 8, 16};

// A block of an operand, the same for all tiles that use it. `operand` keeps the keys of a and b apart.
hardware::Transfer cached_block(const Stream& stream, std::uint64_t operand, std::int64_t block, Bytes bytes,
                                Bytes unique) {
  const auto index = static_cast<std::uint64_t>(block);
  return {stream.on_chip ? hardware::Level::kShared : hardware::Level::kCached,
          stream.address + index * static_cast<std::uint64_t>(unique.count()), bytes, unique, operand << 60 | index};
}

}  // namespace

struct HopperMapper::Plan {
  config::Hopper::Tile tile{};
  std::int64_t splits = 1;
  std::int64_t m_tiles = 1, n_tiles = 1;
  std::int64_t stage_k = 1, stages = 1;     // elements of k in a stage; stages of one block
  std::int64_t a_blocks = 1, b_blocks = 1;  // distinct blocks along k (a convolution's taps share theirs)
  Bytes a_unique{}, b_unique{};             // bytes that a miss on such a block fetches
  int depth = 2, result_buffers = 1;
  std::int64_t blocks = 1;  // thread blocks
};

HopperMapper::HopperMapper(const config::Chip& chip, const config::Precision& precision)
    : chip_(chip),
      precision_(precision),
      spec_(std::get<config::Hopper>(chip.architecture)),
      element_bytes_(precision.matrix.a.storage_bytes()) {}

double HopperMapper::peak_macs_per_cycle(const network::Kernel& kernel) const {
  const auto* conv = std::get_if<network::ConvWork>(&kernel.work);
  return (conv != nullptr && conv->depthwise() ? chip_.vector.ops_per_cycle : precision_.macs_per_cycle) * chip_.cores;
}

Cycles HopperMapper::launch_cycles() const {
  return Cycles(static_cast<std::int64_t>(chip_.dispatch_us * chip_.clock_mhz));
}

MappedKernel HopperMapper::map(const PlacedKernel& kernel) const {
  const network::Kernel& k = *kernel.kernel;
  const auto* conv = std::get_if<network::ConvWork>(&k.work);
  MappedKernel mapped;
  if (conv != nullptr && conv->depthwise()) {
    mapped = map_stream(chip_, kernel, depthwise_work(k));
  } else if (std::holds_alternative<network::AttentionWork>(k.work)) {
    AttentionBlocks blocks;
    blocks.cycles = [this](std::int64_t m, std::int64_t n, std::int64_t kk) {
      return stage_cycles(spec_, precision_.macs_per_cycle, m, n, kk, element_bytes_);
    };
    blocks.macs_per_core_cycle = precision_.macs_per_cycle;
    mapped = map_attention(chip_, kernel, blocks);
    mapped.schedule.start = spec_.prologue;
  } else if (k.is_matrix()) {
    mapped = map_matrix(matrix_problem(kernel));
  } else {
    mapped = map_stream(chip_, kernel, stream_work(chip_, precision_, k));
  }
  mapped.overhead += launch_cycles();
  return mapped;
}

HopperMapper::Plan HopperMapper::make_plan(const MatrixProblem& problem, config::Hopper::Tile tile,
                                           std::int64_t splits) const {
  const auto& g = problem.gemm;
  Plan plan;
  plan.tile = tile;
  plan.splits = splits;
  plan.m_tiles = ceil_div(g.m, tile.m), plan.n_tiles = ceil_div(g.n, tile.n);
  plan.stage_k = spec_.tile_k_bytes / element_bytes_;
  plan.stages = ceil_div(ceil_div(g.k, plan.stage_k), splits);
  plan.a_blocks = ceil_div(ceil_div(g.k, problem.taps), plan.stage_k);
  plan.b_blocks = ceil_div(g.k, plan.stage_k);
  plan.a_unique = Bytes(ceil_div(problem.a.bytes.count(), g.batch * plan.m_tiles * plan.a_blocks));
  plan.b_unique = Bytes(ceil_div(problem.b.bytes.count(), g.batch * plan.n_tiles * plan.b_blocks));
  const std::int64_t stage_bytes = static_cast<std::int64_t>(tile.m + tile.n) * spec_.tile_k_bytes;
  plan.depth = static_cast<int>(chip_.staging.capacity.count() / stage_bytes);
  plan.result_buffers = std::int64_t{tile.m} * tile.n * 4 * 2 <= kResultBytes ? 2 : 1;
  plan.blocks = g.batch * plan.m_tiles * plan.n_tiles * splits;
  return plan;
}

// Estimated cycles: waves of blocks, each a pipeline of stages that is bound by the tensor cores or by L2; DRAM beside
// it.
double HopperMapper::estimate(const MatrixProblem& problem, const Plan& plan) const {
  const double waves = static_cast<double>(ceil_div(plan.blocks, chip_.cores));
  const double busy_sms = static_cast<double>(std::min<std::int64_t>(plan.blocks, chip_.cores));
  const double mma = static_cast<double>(
      stage_cycles(spec_, precision_.macs_per_cycle, plan.tile.m, plan.tile.n, plan.stage_k, element_bytes_).count());
  const double bytes = static_cast<double>(std::min<std::int64_t>(plan.tile.m, problem.gemm.m) +
                                           std::min<std::int64_t>(plan.tile.n, problem.gemm.n)) *
                       spec_.tile_k_bytes;
  const double l2 = bytes / std::min(chip_.dma.bytes_per_cycle, chip_.shared.bytes_per_cycle / busy_sms);
  // Results leave through the SM's port; with split k every block writes FP32 partial sums, and as many are read again.
  const double results = static_cast<double>(plan.tile.m) * plan.tile.n;
  const double stored = results * (plan.splits > 1 ? 2 * 4 : precision_.vector.storage_bytes());
  const double epilogue = results * (problem.epilogue_ops + 1) / chip_.vector.ops_per_cycle +
                          stored / chip_.dma.bytes_per_cycle + static_cast<double>(spec_.epilogue_fixed.count());
  const double reduction = plan.splits > 1 ? static_cast<double>(launch_cycles().count()) : 0;
  const double main_loop = static_cast<double>(plan.stages) * std::max(mma, l2);
  const double shared = static_cast<double>(plan.blocks) * (static_cast<double>(plan.stages) * bytes + stored) /
                        chip_.shared.bytes_per_cycle;
  const double compute =
      std::max(shared, waves * (main_loop + (plan.result_buffers == 1 ? epilogue : 0))) + epilogue + reduction;
  const double dram_bytes = (problem.a.on_chip ? 0.0 : static_cast<double>(problem.a.bytes.count())) +
                            (problem.b.on_chip ? 0.0 : static_cast<double>(problem.b.bytes.count()));
  // Few blocks cannot keep DRAM busy: each has `depth` stages in flight for one latency.
  const double device_ns =
      static_cast<double>((chip_.dram.rcd_read + chip_.dram.cl + chip_.dram.burst_cycles).count()) *
      chip_.dram.clock_period_ns;
  const double latency = static_cast<double>(chip_.shared.latency.count()) +
                         (chip_.dram.controller_latency_ns + device_ns) * 1e-9 * chip_.clock().count();
  const double concurrency =
      busy_sms * static_cast<double>(std::min<std::int64_t>(plan.depth, plan.stages)) * bytes / latency;
  const double dram = dram_bytes / std::min(concurrency, chip_.dram.peak().count() / chip_.clock().count());
  return std::max(compute, dram);
}

HopperMapper::Plan HopperMapper::choose_plan(const MatrixProblem& problem) const {
  std::optional<Plan> best;
  double best_cycles = 0;
  for (const auto tile : spec_.tiles) {
    for (const std::int64_t splits : kSplits) {
      const Plan plan = make_plan(problem, tile, splits);
      if (plan.depth < 2 || (splits > 1 && plan.stages < 2)) {
        continue;
      }
      const double cycles = estimate(problem, plan);
      if (!best || cycles < best_cycles) {
        best = plan;
        best_cycles = cycles;
      }
    }
  }
  if (!best) {
    throw ModelError(chip_.name + ".smem",
                     fmt::format("no tile of hopper.tiles fits two stages into {} bytes; enlarge staging.capacity_kib",
                                 chip_.staging.capacity.count()));
  }
  return *best;
}

hardware::TileTask HopperMapper::make_task(const MatrixProblem& problem, const Plan& plan, std::int64_t block,
                                           std::int64_t stage) const {
  const auto& g = problem.gemm;
  // Rasterisation: splits of one tile together, then up and down kRasterRows tiles of m, then along n.
  const std::int64_t split = block % plan.splits, tiles = plan.m_tiles * plan.n_tiles;
  const std::int64_t tile = block / plan.splits % tiles, batch = block / plan.splits / tiles;
  const std::int64_t band = tile / (kRasterRows * plan.n_tiles);
  const std::int64_t band_rows = std::min(kRasterRows, plan.m_tiles - band * kRasterRows);
  const std::int64_t in_band = tile - band * kRasterRows * plan.n_tiles;
  const std::int64_t mt = band * kRasterRows + in_band % band_rows, nt = in_band / band_rows;
  const Range rows = block_range(g.m, plan.tile.m, mt), cols = block_range(g.n, plan.tile.n, nt);
  const std::int64_t k_index = split * plan.stages + stage;
  const Range depth = block_range(g.k, plan.stage_k, k_index);

  hardware::TileTask task;
  if (depth.size() > 0) {
    const Bytes row_bytes(depth.size() * element_bytes_);
    task.add_load(cached_block(problem.a, 0, (batch * plan.m_tiles + mt) * plan.a_blocks + k_index % plan.a_blocks,
                               row_bytes * rows.size(), plan.a_unique));
    task.add_load(cached_block(problem.b, 1, (batch * plan.n_tiles + nt) * plan.b_blocks + k_index,
                               row_bytes * cols.size(), plan.b_unique));
    task.matrix =
        stage_cycles(spec_, precision_.macs_per_cycle, plan.tile.m, plan.tile.n, depth.size(), element_bytes_);
    task.macs = Macs(rows.size() * cols.size() * depth.size());
    task.mac_slots =
        Macs(static_cast<std::int64_t>(static_cast<double>(task.matrix.count()) * precision_.macs_per_cycle));
    task.staging_read =
        Bytes(ceil_div(plan.tile.m, kWarpgroupRows) * (kWarpgroupRows + plan.tile.n) * depth.size() * element_bytes_);
  }
  if (stage + 1 == plan.stages) {
    add_epilogue(problem, plan, block, rows, cols, task);
  }
  return task;
}

// The last stage of a block ends in its epilogue. With split k all splits but the last leave FP32 partial sums in L2.
// The work of the reduction kernel that adds them up is done with the last split; its launch is in the kernel's
// overhead.
void HopperMapper::add_epilogue(const MatrixProblem& problem, const Plan& plan, std::int64_t block, const Range& rows,
                                const Range& cols, hardware::TileTask& task) const {
  const std::int64_t results = rows.size() * cols.size();
  const bool last = block % plan.splits == plan.splits - 1;
  task.has_results = true;
  task.epilogue = spec_.epilogue_fixed;
  if (!last) {
    task.store = {hardware::Level::kShared, 0, Bytes(results * 4), Bytes(0), 0};
    return;
  }
  const double count = static_cast<double>(results);
  const double ops = count * (problem.epilogue_ops + 1 + static_cast<double>(plan.splits - 1));
  task.vector_ops = ops;
  task.special_ops = count * problem.epilogue_specials;
  task.epilogue += vector_cycles(chip_.vector, ops, task.special_ops);
  const std::int64_t tile = block / plan.splits, tiles = plan.blocks / plan.splits;
  if (plan.splits > 1) {
    task.add_load({hardware::Level::kShared, 0, Bytes(results * 4 * (plan.splits - 1)), Bytes(0), 0});
  }
  if (problem.rest.bytes > Bytes(0)) {
    task.add_load(part_of(problem.rest, tile, tiles));
  }
  task.store = part_of(problem.out, tile, tiles);
}

MappedKernel HopperMapper::map_matrix(const MatrixProblem& problem) const {
  const Plan plan = choose_plan(problem);
  MappedKernel mapped;
  mapped.mapping =
      fmt::format("{}x{} tiles, {} stages of {} bytes", plan.tile.m, plan.tile.n, plan.depth, spec_.tile_k_bytes);
  if (plan.splits > 1) {
    mapped.mapping += fmt::format(", k split in {}", plan.splits);
    mapped.overhead = launch_cycles();  // of the reduction
  }
  mapped.schedule.depth = plan.depth;
  mapped.schedule.result_buffers = plan.result_buffers;
  mapped.schedule.start = spec_.prologue;
  struct Cursor {
    std::int64_t block = -1, stage = 0;
  };
  auto cursors = std::make_shared<std::vector<Cursor>>(static_cast<std::size_t>(chip_.cores));
  const std::int64_t cores = chip_.cores;
  mapped.schedule.next = [this, problem, plan, cursors, cores](int core, hardware::TileTask& task) {
    Cursor& at = (*cursors)[static_cast<std::size_t>(core)];
    if (at.block < 0 || at.stage == plan.stages) {  // persistent blocks: each SM takes every cores-th tile
      at = {at.block < 0 ? core : at.block + cores, 0};
    }
    if (at.block >= plan.blocks) {
      return false;
    }
    task = make_task(problem, plan, at.block, at.stage++);
    return true;
  };
  return mapped;
}

}  // namespace mantissa::chips::hopper
