// SPDX-License-Identifier: Apache-2.0
#include "chips/tpu/tpu_mapper.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "chips/attention.h"
#include "chips/tpu/timing.h"

namespace mantissa::chips::tpu {

// How a problem is cut: over the cores, then into blocks of bm x bn x bk.
struct TpuMapper::Plan {
  bool split_m = true;       // else n
  std::int64_t batches = 1;  // of one core; with several, the batch is split over the cores instead of m or n
  bool split_batch = false;
  std::int64_t m = 1, n = 1;  // of one core
  std::int64_t bm = 1, bn = 1, bk = 1;
  std::int64_t m_blocks = 1, n_blocks = 1, k_blocks = 1;
  std::int64_t tasks() const { return batches * m_blocks * n_blocks * k_blocks; }
  // With all of k in one block the block of b stays while m goes by, and a block of a stays when there is only one.
  bool loads_a(std::int64_t nb) const { return k_blocks > 1 || m_blocks > 1 || nb == 0; }
  bool loads_b(std::int64_t mb) const { return k_blocks > 1 || mb == 0; }
};

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
    mapped = map_stream(chip_, kernel, depthwise_work(k));
  } else if (std::holds_alternative<network::AttentionWork>(k.work)) {
    AttentionBlocks blocks;
    blocks.queries = blocks.keys = 4 * spec_.rows;
    blocks.cycles = [this](std::int64_t m, std::int64_t n, std::int64_t kk) {
      return block_cycles(spec_, precision_.passes, m, n, kk);
    };
    blocks.macs_per_core_cycle = precision_.macs_per_cycle * spec_.arrays_per_core;
    mapped = map_attention(chip_, kernel, blocks);
    mapped.schedule.start = fill_cycles(spec_);
  } else if (k.is_matrix()) {
    mapped = map_matrix(matrix_problem(kernel));
  } else {
    mapped = map_stream(chip_, kernel, stream_work(chip_, precision_, k));
  }
  mapped.overhead = Cycles(static_cast<std::int64_t>(chip_.dispatch_us * chip_.clock_mhz));
  return mapped;
}

// Estimated cycles of one core: work and traffic overlap, the first loads and the last results do not.
double TpuMapper::estimate(const MatrixProblem& problem, const Plan& plan) const {
  const double a_block = static_cast<double>(problem.a.bytes.count()) * static_cast<double>(plan.bm * plan.bk) /
                         static_cast<double>(problem.gemm.batch * problem.gemm.m * problem.gemm.k);
  const double b_block = static_cast<double>(problem.b.bytes.count()) * static_cast<double>(plan.bn * plan.bk) /
                         static_cast<double>(problem.gemm.batch * problem.gemm.n * problem.gemm.k);
  const double dram = chip_.dram.peak().count() / chip_.clock().count() / chip_.cores;
  const auto rate = [&](const Stream& s) {
    return std::min(chip_.dma.bytes_per_cycle, s.on_chip ? chip_.shared.bytes_per_cycle / chip_.cores : dram);
  };
  const double blocks = static_cast<double>(plan.batches * plan.n_blocks);
  const double a_loads = blocks * static_cast<double>(plan.loads_a(1) ? plan.m_blocks * plan.k_blocks : 1);
  const double b_loads = blocks * static_cast<double>(plan.k_blocks > 1 ? plan.m_blocks * plan.k_blocks : 1);
  const double traffic = a_loads * a_block / rate(problem.a) + b_loads * b_block / rate(problem.b);
  const double work = static_cast<double>(plan.tasks()) *
                      static_cast<double>(block_cycles(spec_, precision_.passes, plan.bm, plan.bn, plan.bk).count());
  const double results =
      static_cast<double>(plan.bm * plan.bn) * (problem.epilogue_ops + 1) / chip_.vector.ops_per_cycle;
  // Of two plans that take as long the one with less traffic is better: it leaves DRAM to others and costs less energy.
  return std::max(work, traffic) + 0.02 * traffic + a_block / rate(problem.a) + b_block / rate(problem.b) + results;
}

TpuMapper::Plan TpuMapper::choose_plan(const MatrixProblem& problem) const {
  const auto& g = problem.gemm;
  Plan base;
  base.split_batch = g.batch >= chip_.cores;
  base.batches = base.split_batch ? ceil_div(g.batch, chip_.cores) : g.batch;
  base.split_m = g.m >= g.n;
  base.m = !base.split_batch && base.split_m ? ceil_div(g.m, chip_.cores) : g.m;
  base.n = !base.split_batch && !base.split_m ? ceil_div(g.n, chip_.cores) : g.n;
  const auto sizes = [](std::int64_t whole, std::int64_t least) {
    std::vector<std::int64_t> list{whole};
    for (std::int64_t s = least; s < whole; s *= 2) {
      list.push_back(s);
    }
    return list;
  };
  const double a_size = static_cast<double>(problem.a.bytes.count()) / static_cast<double>(g.batch * g.m * g.k);
  const double b_size = static_cast<double>(problem.b.bytes.count()) / static_cast<double>(g.batch * g.n * g.k);
  std::optional<Plan> best;
  double best_cycles = 0;
  for (const std::int64_t bk : sizes(g.k, 4 * spec_.rows)) {
    for (const std::int64_t bn : sizes(base.n, spec_.cols)) {
      for (const std::int64_t bm : sizes(base.m, spec_.rows)) {
        const double bytes =
            chip_.staging.depth * (static_cast<double>(bm * bk) * a_size + static_cast<double>(bk * bn) * b_size) +
            2.0 * 4.0 * static_cast<double>(bm * bn);
        if (bytes > static_cast<double>(chip_.staging.capacity.count())) {
          continue;
        }
        Plan plan = base;
        plan.bm = bm, plan.bn = bn, plan.bk = bk;
        plan.m_blocks = ceil_div(base.m, bm), plan.n_blocks = ceil_div(base.n, bn), plan.k_blocks = ceil_div(g.k, bk);
        const double cycles = estimate(problem, plan);
        if (!best || cycles < best_cycles) {
          best = plan;
          best_cycles = cycles;
        }
      }
    }
  }
  if (!best) {
    throw ModelError(chip_.name + ".vmem",
                     fmt::format("no tile of a {}x{}x{} product fits {} bytes twice; enlarge staging.capacity_mib", g.m,
                                 g.n, g.k, chip_.staging.capacity.count()));
  }
  return *best;
}

hardware::TileTask TpuMapper::make_task(const MatrixProblem& problem, const Plan& plan, int core,
                                        std::int64_t index) const {
  const auto& g = problem.gemm;
  const std::int64_t kb = index % plan.k_blocks, mb = index / plan.k_blocks % plan.m_blocks;
  const std::int64_t nb = index / plan.k_blocks / plan.m_blocks % plan.n_blocks;
  const std::int64_t batch =
      index / plan.k_blocks / plan.m_blocks / plan.n_blocks * (plan.split_batch ? chip_.cores : 1) +
      (plan.split_batch ? core : 0);
  const std::int64_t m_offset = plan.split_batch || !plan.split_m ? 0 : core * plan.m;
  const std::int64_t n_offset = plan.split_batch || plan.split_m ? 0 : core * plan.n;
  const std::int64_t m_length = std::clamp<std::int64_t>(g.m - m_offset, 0, plan.m),
                     n_length = std::clamp<std::int64_t>(g.n - n_offset, 0, plan.n);
  const Range rows = block_range(m_length, plan.bm, mb), cols = block_range(n_length, plan.bn, nb),
              depth = block_range(g.k, plan.bk, kb);
  hardware::TileTask task;
  if (rows.size() * cols.size() * depth.size() == 0 || batch >= g.batch) {
    return task;  // this core's share ends inside the last block
  }
  const auto slice = [](const Stream& s, std::int64_t block, std::int64_t part, std::int64_t whole) {
    const double scale = static_cast<double>(s.bytes.count()) / static_cast<double>(whole);
    return hardware::Transfer{s.on_chip ? hardware::Level::kShared : hardware::Level::kDram,
                              s.address + static_cast<std::uint64_t>(scale * static_cast<double>(block)),
                              Bytes(static_cast<std::int64_t>(scale * static_cast<double>(part) + 0.5)), Bytes(0), 0};
  };
  if (plan.loads_a(nb)) {
    task.add_load(slice(problem.a, (batch * g.m + m_offset + rows.begin) * g.k + depth.begin * rows.size(),
                        rows.size() * depth.size(), g.batch * g.m * g.k));
  }
  if (plan.loads_b(mb)) {
    task.add_load(slice(problem.b, (batch * g.n + n_offset + cols.begin) * g.k + depth.begin * cols.size(),
                        cols.size() * depth.size(), g.batch * g.n * g.k));
  }
  task.matrix = block_cycles(spec_, precision_.passes, rows.size(), cols.size(), depth.size());
  if (index == 0) {
    task.matrix += fill_cycles(spec_);
  }
  task.macs = Macs(rows.size() * cols.size() * depth.size());
  task.mac_slots = Macs(static_cast<std::int64_t>(static_cast<double>(task.matrix.count()) * precision_.macs_per_cycle *
                                                  spec_.arrays_per_core));
  task.staging_read = Bytes(
      static_cast<std::int64_t>(static_cast<double>(rows.size() * depth.size() * ceil_div(cols.size(), spec_.cols)) *
                                    static_cast<double>(precision_.matrix.a.storage_bytes()) +
                                static_cast<double>(cols.size() * depth.size() * precision_.matrix.b.storage_bytes())));
  const double results = static_cast<double>(rows.size() * cols.size());
  task.vector_ops =
      results * static_cast<double>(ceil_div(depth.size(), spec_.rows));  // partial sums of the tiles along k are added
  if (kb + 1 == plan.k_blocks) {
    const std::int64_t out_part = rows.size() * cols.size(), out_whole = g.batch * g.m * g.n;
    const std::int64_t out_block = (batch * g.m + m_offset + rows.begin) * g.n + (n_offset + cols.begin) * rows.size();
    task.vector_ops += results * (problem.epilogue_ops + 1);
    task.special_ops = results * problem.epilogue_specials;
    task.epilogue = vector_cycles(chip_.vector, results * (problem.epilogue_ops + 1), task.special_ops);
    task.has_results = true;
    if (problem.rest.bytes > Bytes(0)) {
      task.add_load(slice(problem.rest, out_block, out_part, out_whole));
    }
    task.store = slice(problem.out, out_block, out_part, out_whole);
  }
  return task;
}

MappedKernel TpuMapper::map_matrix(const MatrixProblem& problem) const {
  const Plan plan = choose_plan(problem);
  MappedKernel mapped;
  mapped.mapping = fmt::format("{}x{}x{} blocks, {} split over cores", plan.bm, plan.bn, plan.bk,
                               plan.split_batch ? "batch"
                               : plan.split_m   ? "m"
                                                : "n");
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
