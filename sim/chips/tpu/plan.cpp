// SPDX-License-Identifier: Apache-2.0
#include "chips/tpu/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"
#include "chips/tpu/timing.h"

namespace mantissa::chips::tpu {
namespace {

double as_double(std::int64_t n) {
  return static_cast<double>(n);
}

// Block sizes that cut `whole` into 1, 2, 3, 4, 6, 8, 12 ... parts of a multiple of `unit`, largest first.
std::vector<std::int64_t> sizes(std::int64_t whole, std::int64_t unit) {
  std::vector<std::int64_t> list{whole};
  for (std::int64_t parts = 2; list.back() > unit;
       parts += parts % 3 == 0 ? parts / 3 : std::max<std::int64_t>(1, parts / 2)) {
    const std::int64_t size = round_up(ceil_div(whole, parts), unit);
    if (size < list.back()) {
      list.push_back(size);
    }
  }
  return list;
}

// The ways to share a product among the cores.
std::vector<Plan> splits(const config::Chip& chip, const config::Tpu& spec, const network::GemmWork& g) {
  std::vector<Plan> plans;
  Plan plan;
  plan.batches = g.batch, plan.m = g.m, plan.n = g.n;
  plans.push_back(plan);
  if (chip.cores == 1) {
    return plans;
  }
  if (g.batch >= chip.cores) {
    Plan batches = plan;
    batches.split = Plan::Split::kBatch;
    batches.batches = ceil_div(g.batch, chip.cores);
    return {batches};
  }
  if (g.m > spec.rows) {
    Plan rows = plan;
    rows.split = Plan::Split::kM;
    rows.m = round_up(ceil_div(g.m, chip.cores), spec.rows);
    plans.push_back(rows);
  }
  if (g.n > spec.cols) {
    Plan cols = plan;
    cols.split = Plan::Split::kN;
    cols.n = round_up(ceil_div(g.n, chip.cores), spec.cols);
    plans.push_back(cols);
  }
  return plans;
}

double window_bytes(const ElementBytes& bytes, const Plan& plan) {
  return bytes.of_a(plan.bm, plan.bk) + bytes.of_b(plan.bk, plan.bn);
}

// Bytes that a core moves into its window.
double loaded_bytes(const ElementBytes& bytes, const Plan& plan) {
  const double steps = as_double(plan.tasks());
  const double columns = as_double(plan.batches * plan.n_blocks);
  const double a_loads = plan.loads_a(1) ? steps : as_double(plan.batches);
  const double b_loads = plan.k_blocks > 1 ? steps : columns;
  return a_loads * bytes.of_a(plan.bm, plan.bk) + b_loads * bytes.of_b(plan.bk, plan.bn);
}

// The fewest steps for one core's share; of these the least traffic.
std::optional<Plan> cut(const config::Chip& chip, const config::Tpu& spec, const ElementBytes& bytes, const Plan& share,
                        std::int64_t k) {
  std::optional<Plan> best;
  double best_bytes = 0;
  const Bytes limit = spec.window > Bytes(0) ? spec.window : chip.staging.capacity;
  for (const std::int64_t bk : sizes(k, spec.rows)) {
    for (const std::int64_t bn : sizes(share.n, spec.cols)) {
      for (const std::int64_t bm : sizes(share.m, spec.rows)) {
        Plan plan = share;
        plan.bm = bm, plan.bn = bn, plan.bk = bk;
        const double window = window_bytes(bytes, plan);
        const double sums = 4.0 * as_double(bm * bn);  // FP32
        if (window > as_double(limit.count()) ||
            chip.staging.depth * window + sums > as_double(chip.staging.capacity.count())) {
          continue;
        }
        plan.m_blocks = ceil_div(share.m, bm), plan.n_blocks = ceil_div(share.n, bn), plan.k_blocks = ceil_div(k, bk);
        const double loaded = loaded_bytes(bytes, plan);
        if (!best || plan.tasks() < best->tasks() || (plan.tasks() == best->tasks() && loaded < best_bytes)) {
          best = plan;
          best_bytes = loaded;
        }
        break;  // smaller blocks of m only add steps
      }
    }
  }
  return best;
}

}  // namespace

ElementBytes element_bytes(const MatrixProblem& problem) {
  const auto& g = problem.gemm;
  const auto size = [](const Stream& s, std::int64_t elements) {
    return as_double(s.bytes.count()) / as_double(elements);
  };
  // The layout of a convolution's tensors is the compiler's choice: not padded.
  return {size(problem.a, g.batch * g.m * g.k), size(problem.b, g.batch * g.n * g.k),
          size(problem.out, g.batch * g.m * g.n), problem.convolution ? 1 : kLanes};
}

double ElementBytes::rows(std::int64_t rows, std::int64_t last_axis, double size) const {
  return as_double(rows * round_up(last_axis, lanes)) * size;
}

MatrixProblem swapped(const MatrixProblem& problem) {
  MatrixProblem other = problem;
  std::swap(other.gemm.m, other.gemm.n);
  std::swap(other.a, other.b);
  return other;
}

double estimate(const config::Chip& chip, const config::Precision& precision, const MatrixProblem& problem,
                const Plan& plan) {
  const auto& spec = std::get<config::Tpu>(chip.architecture);
  const ElementBytes bytes = element_bytes(problem);
  const bool all_dram = !problem.a.on_chip && !problem.b.on_chip;
  const double dram = chip.dram.peak().count() / chip.clock().count() / chip.cores;
  const double rate = std::min(chip.dma.bytes_per_cycle, all_dram ? dram : chip.shared.bytes_per_cycle / chip.cores);
  const double first = window_bytes(bytes, plan) / rate;
  const double rest = loaded_bytes(bytes, plan) / rate - first;
  const double work = as_double(plan.tasks()) *
                      as_double(block_cycles(spec, chip.vector, precision, {plan.bm, plan.bn, plan.bk}).count());
  const double blocks = as_double(plan.batches * plan.m_blocks * plan.n_blocks);
  const double results = as_double(plan.bm * plan.bn);
  const double pack = blocks * results * (problem.epilogue_ops + precision.pack_ops + 1) / chip.vector.ops_per_cycle;
  return first + std::max(work + pack, rest) + bytes.of_out(plan.bm, plan.bn) / rate;
}

Plan choose_plan(const config::Chip& chip, const config::Precision& precision, const MatrixProblem& problem) {
  const auto& spec = std::get<config::Tpu>(chip.architecture);
  std::optional<Plan> best;
  double best_cycles = 0;
  for (const bool swap : {false, true}) {
    if (swap && problem.convolution) {
      continue;
    }
    const MatrixProblem turned = swap ? swapped(problem) : problem;
    for (const Plan& share : splits(chip, spec, turned.gemm)) {
      const auto plan = cut(chip, spec, element_bytes(turned), share, turned.gemm.k);
      if (!plan) {
        continue;
      }
      const double cycles = estimate(chip, precision, turned, *plan);
      if (!best || cycles < best_cycles) {
        best = plan;
        best->swapped = swap;
        best_cycles = cycles;
      }
    }
  }
  if (!best) {
    throw ModelError(chip.name + ".vmem",
                     fmt::format("no block of a {}x{}x{} product fits a window of {} bytes; enlarge "
                                 "tpu.window_kib and staging.capacity_kib",
                                 problem.gemm.m, problem.gemm.n, problem.gemm.k, spec.window.count()));
  }
  return *best;
}

}  // namespace mantissa::chips::tpu
