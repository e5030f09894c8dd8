// SPDX-License-Identifier: Apache-2.0
#include "chips/ane/ane_mapper.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "chips/attention.h"

namespace mantissa::chips::ane {

Cycles core_cycles(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t channels_per_cycle,
                   std::int64_t patch) {
  return Cycles(ceil_div(n, channels_per_cycle) * ceil_div(m, patch) * k);
}

// Loop nest of one core: for band of pixels, for group of channels (or the other way round): one task each.
struct AneMapper::Plan {
  std::int64_t batch = 1;  // problems one after the other (grouped convolution); depthwise: 1, its channels are n
  std::int64_t m = 1, n = 1, k = 1;
  std::int64_t channels_per_cycle = 1;
  std::int64_t core_ways = 1, pixel_ways = 1;  // cores over channels, over pixels
  std::int64_t group = 1, groups = 1;          // channels of a task; groups of one core
  std::int64_t band = 1, bands = 1;            // pixels of a task; bands of one core
  bool pixels_outer = false;                   // bands outside: weights stream once for each band
  std::int64_t tasks() const { return batch * groups * bands; }
};

AneMapper::AneMapper(const config::Chip& chip, const config::Precision& precision)
    : chip_(chip),
      precision_(precision),
      spec_(std::get<config::Ane>(chip.architecture)),
      channels_per_cycle_(
          std::max<std::int64_t>(1, static_cast<std::int64_t>(precision.macs_per_cycle) / spec_.patch_pixels)) {}

double AneMapper::peak_macs_per_cycle(const network::Kernel&) const {
  return precision_.macs_per_cycle * chip_.cores;
}

MappedKernel AneMapper::map(const PlacedKernel& kernel) const {
  const network::Kernel& k = *kernel.kernel;
  const auto* conv = std::get_if<network::ConvWork>(&k.work);
  MappedKernel mapped;
  if (std::holds_alternative<network::AttentionWork>(k.work)) {
    AttentionBlocks blocks;
    blocks.queries = blocks.keys = 2 * spec_.patch_pixels;
    blocks.cycles = [this](std::int64_t m, std::int64_t n, std::int64_t kk) {
      return core_cycles(m, n, kk, channels_per_cycle_, spec_.patch_pixels);
    };
    blocks.macs_per_core_cycle = precision_.macs_per_cycle;
    mapped = map_attention(chip_, kernel, blocks);
  } else if (k.is_matrix()) {
    mapped = map_matrix(matrix_problem(kernel), conv != nullptr && conv->depthwise());
  } else {
    mapped = map_stream(chip_, kernel, stream_work(chip_, precision_, k));
  }
  mapped.overhead = spec_.layer_overhead;
  return mapped;
}

AneMapper::Plan AneMapper::make_plan(const MatrixProblem& problem, bool depthwise) const {
  const auto& g = problem.gemm;
  Plan plan;
  plan.batch = depthwise ? 1 : g.batch;
  plan.m = g.m, plan.n = depthwise ? g.batch * g.n : g.n, plan.k = g.k;
  plan.channels_per_cycle = depthwise ? 1 : channels_per_cycle_;
  const std::int64_t channel_groups = ceil_div(plan.n, plan.channels_per_cycle);
  plan.core_ways =
      ceil_div(channel_groups, ceil_div(channel_groups, chip_.cores));  // no more cores than the slowest needs
  plan.pixel_ways = std::clamp<std::int64_t>(chip_.cores / plan.core_ways, 1, ceil_div(plan.m, spec_.patch_pixels));
  const std::int64_t core_channels = ceil_div(channel_groups, plan.core_ways) * plan.channels_per_cycle;
  const std::int64_t core_pixels = ceil_div(ceil_div(plan.m, spec_.patch_pixels), plan.pixel_ways) * spec_.patch_pixels;
  // Channels whose kernels fit the kernel store while the next ones arrive.
  const std::int64_t channel_bytes = std::max<std::int64_t>(1, plan.k * precision_.matrix.b.storage_bytes());
  const std::int64_t fit = chip_.staging.capacity.count() / (chip_.staging.depth * channel_bytes);
  plan.group =
      std::clamp(fit / plan.channels_per_cycle * plan.channels_per_cycle, plan.channels_per_cycle, core_channels);
  plan.groups = ceil_div(core_channels, plan.group);
  // Pixels whose inputs fit half of L2; a map that is on chip anyway is one band.
  const std::int64_t pixel_bytes =
      std::max<std::int64_t>(1, problem.a.bytes.count() / std::max<std::int64_t>(1, g.batch * g.m));
  const std::int64_t pixels =
      problem.a.on_chip ? core_pixels : chip_.shared.capacity.count() / 2 / pixel_bytes / plan.pixel_ways;
  plan.band =
      std::clamp(pixels / spec_.patch_pixels * spec_.patch_pixels, std::int64_t{spec_.patch_pixels}, core_pixels);
  plan.bands = ceil_div(core_pixels, plan.band);
  plan.pixels_outer =
      !problem.a.on_chip && plan.bands > 1 &&
      problem.a.bytes.count() * plan.groups > problem.a.bytes.count() + problem.b.bytes.count() * plan.bands;
  return plan;
}

bool AneMapper::make_task(const MatrixProblem& problem, const Plan& plan, int core, std::int64_t index,
                          hardware::TileTask& task) const {
  const std::int64_t inner = plan.pixels_outer ? plan.groups : plan.bands;
  const std::int64_t fast = index % inner, slow = index / inner % (plan.tasks() / plan.batch / inner);
  const std::int64_t batch = index / (plan.groups * plan.bands);
  const std::int64_t group = plan.pixels_outer ? fast : slow, band = plan.pixels_outer ? slow : fast;
  const std::int64_t channel_way = core % plan.core_ways, pixel_way = core / plan.core_ways;
  if (pixel_way >= plan.pixel_ways) {
    return false;
  }
  const Range cols = block_range(plan.n, plan.group, channel_way * plan.groups + group);
  const Range rows = block_range(plan.m, plan.band, pixel_way * plan.bands + band);
  if (cols.size() * rows.size() == 0) {
    return false;
  }
  const auto slice = [](const Stream& s, double begin, double size, double whole, bool broadcast_hit) {
    const double scale = static_cast<double>(s.bytes.count()) / whole;
    return hardware::Transfer{s.on_chip || broadcast_hit ? hardware::Level::kShared : hardware::Level::kDram,
                              s.address + static_cast<std::uint64_t>(scale * begin),
                              Bytes(static_cast<std::int64_t>(scale * size + 0.5)), Bytes(0), 0};
  };
  const double problems = static_cast<double>(plan.batch), m = static_cast<double>(plan.m),
               n = static_cast<double>(plan.n);
  const double row_count = static_cast<double>(rows.size()), col_count = static_cast<double>(cols.size());
  // Inputs are broadcast: each of the cores that share them fetches its part from L2 and all of them see it. Depthwise
  // channels have no input in common. Data from DRAM is fetched for the first group and found in L2 by the others.
  const bool shared_input = plan.channels_per_cycle > 1;
  const bool fetched = plan.pixels_outer && group > 0;
  const std::int64_t sharing =
      ceil_div(ceil_div(plan.n, plan.group) - group, plan.groups);  // cores with channels in this group
  const double input_share = shared_input ? 1.0 / static_cast<double>(sharing) : col_count / n;
  task.add_load(slice(problem.a, (static_cast<double>(batch) * m + static_cast<double>(rows.begin)),
                      row_count * input_share, problems * m, fetched));
  const bool first_pass = plan.pixels_outer ? band == 0 || plan.groups > 1 : band == 0;
  if (first_pass) {
    task.add_load(slice(problem.b, static_cast<double>(batch) * n + static_cast<double>(cols.begin),
                        col_count / static_cast<double>(plan.pixel_ways), problems * n, false));
  }
  const double results = row_count * col_count;
  if (problem.rest.bytes > Bytes(0)) {
    task.add_load(slice(problem.rest, static_cast<double>(batch) * m * n, results, problems * m * n, false));
  }
  task.store = slice(problem.out, (static_cast<double>(batch) * m + static_cast<double>(rows.begin)) * n, results,
                     problems * m * n, false);
  task.matrix = core_cycles(rows.size(), cols.size(), plan.k, plan.channels_per_cycle, spec_.patch_pixels);
  task.macs = Macs(rows.size() * cols.size() * plan.k);
  task.mac_slots =
      Macs(static_cast<std::int64_t>(static_cast<double>(task.matrix.count()) * precision_.macs_per_cycle));
  // Each weight is read once for a patch, each input pixel once for the channels that run together.
  task.staging_read = Bytes(
      cols.size() * plan.k * ceil_div(rows.size(), spec_.patch_pixels) * precision_.matrix.b.storage_bytes() +
      ceil_div(cols.size(), plan.channels_per_cycle) * plan.k * rows.size() * precision_.matrix.a.storage_bytes());
  task.vector_ops = results * (problem.epilogue_ops + 1);
  task.special_ops = results * problem.epilogue_specials;
  task.epilogue = vector_cycles(chip_.vector, task.vector_ops, task.special_ops);
  task.has_results = true;
  return true;
}

MappedKernel AneMapper::map_matrix(const MatrixProblem& problem, bool depthwise) const {
  const Plan plan = make_plan(problem, depthwise);
  MappedKernel mapped;
  mapped.mapping =
      fmt::format("{} channels x {} pixels, {} x {} cores", plan.group, plan.band, plan.core_ways, plan.pixel_ways);
  mapped.schedule.depth = chip_.staging.depth;
  auto next = std::make_shared<std::vector<std::int64_t>>(static_cast<std::size_t>(chip_.cores));
  mapped.schedule.next = [this, problem, plan, next](int core, hardware::TileTask& task) {
    std::int64_t& index = (*next)[static_cast<std::size_t>(core)];
    while (index < plan.tasks()) {
      if (make_task(problem, plan, core, index++, task)) {
        return true;
      }
    }
    return false;
  };
  return mapped;
}

}  // namespace mantissa::chips::ane
