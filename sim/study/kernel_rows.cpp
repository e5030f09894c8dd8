// SPDX-License-Identifier: Apache-2.0
#include "study/kernel_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "chips/mapper.h"
#include "chips/roofline.h"

namespace mantissa::study {
namespace {

struct Kind {
  std::string operator()(const network::GemmWork&) const { return "gemm"; }
  std::string operator()(const network::ConvWork& c) const { return c.depthwise() ? "depthwise" : "conv"; }
  std::string operator()(const network::VectorWork&) const { return "vector"; }
  std::string operator()(const network::ReduceWork&) const { return "reduce"; }
  std::string operator()(const network::AttentionWork&) const { return "attention"; }
  std::string operator()(const network::CopyWork&) const { return "copy"; }
};

struct ShapeText {
  std::string operator()(const network::GemmWork& g) const {
    return (g.batch > 1 ? fmt::format("{} x ", g.batch) : "") + fmt::format("m{} n{} k{}", g.m, g.n, g.k);
  }
  std::string operator()(const network::ConvWork& c) const {
    return fmt::format("{}x{}x{} -> {}x{}x{} k{}x{} s{}", c.c, c.h, c.w, c.out_c, c.out_h, c.out_w, c.kernel_h,
                       c.kernel_w, c.stride_h);
  }
  std::string operator()(const network::VectorWork& v) const { return fmt::format("{} elements", v.elements); }
  std::string operator()(const network::ReduceWork& r) const { return fmt::format("{} rows of {}", r.rows, r.length); }
  std::string operator()(const network::AttentionWork& a) const {
    return fmt::format("{} heads, {} queries x {} keys x {}", a.heads, a.q_length, a.kv_length, a.head_dim);
  }
  std::string operator()(const network::CopyWork& c) const { return fmt::format("{} elements", c.elements); }
};

// Laws that no run may break; a breach is a bug of the simulator.
void check_laws(const report::KernelRow& row, const network::Kernel& kernel) {
  const auto& c = row.counters;
  check(c.timeline.sum() == c.timeline.total, "the parts of a kernel's time sum to its total");
  check(row.time.count() >= row.roofline.count() * (1 - 1e-9), "no kernel is faster than its roofline");
  check(kernel.macs() == c.macs || std::holds_alternative<network::AttentionWork>(kernel.work),
        "a kernel does exactly the network's multiply-accumulates");
  check(c.macs <= c.mac_slots && c.mac_slots <= c.mac_capacity, "useful work <= busy multipliers <= all multipliers");
}

}  // namespace

std::string kind_of(const network::Kernel& kernel) {
  return std::visit(Kind{}, kernel.work);
}
std::string shape_of(const network::Kernel& kernel) {
  return std::visit(ShapeText{}, kernel.work);
}

std::string bound_by(const config::Chip& chip, const energy::Counters& c, Hertz clock) {
  const auto& t = c.timeline;
  const double dram = transfer_time(c.dram_read + c.dram_write, chip.dram.peak()).count() * clock.count();
  const double shared = static_cast<double>((c.shared_read + c.shared_write).count()) / chip.shared.bytes_per_cycle;
  const Cycles waiting = t.wait_load + t.wait_store;
  const std::array<std::pair<Cycles, const char*>, 5> shares{{{t.matrix, "matrix"},
                                                              {t.vector, "vector"},
                                                              {waiting, dram >= shared ? "dram" : "shared"},
                                                              {t.idle, "imbalance"},
                                                              {t.overhead, "dispatch"}}};
  const auto* most =
      std::max_element(shares.begin(), shares.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // Waiting with every memory mostly idle is latency: too little in flight.
  if (most->first == waiting && std::max(dram, shared) < 0.3 * static_cast<double>(t.total.count())) {
    return "latency";
  }
  return most->second;
}

std::vector<report::KernelRow> kernel_rows(const config::Chip& chip, const config::PrecisionPlan& plan,
                                           const chips::Placement& placement, const Timing& timing) {
  const chips::Mappers mappers(chip, plan);
  std::vector<report::KernelRow> rows;
  for (std::size_t i = 0; i < placement.kernels.size(); ++i) {
    const chips::PlacedKernel& placed = placement.kernels[i];
    const KernelTiming& timed = timing.kernels[i];
    const config::Precision& precision = mappers.precision(*placed.kernel);
    report::KernelRow row;
    row.precision = plan.nodes().empty() || !placed.kernel->is_matrix() ? "" : precision.name;
    row.name = placed.kernel->name;
    row.kind = kind_of(*placed.kernel);
    row.shape = shape_of(*placed.kernel);
    row.mapping = timed.mapping;
    row.repeat = placed.kernel->repeat;
    row.counters = timed.counters;
    row.time = at(timed.counters.timeline.total, timing.clock);
    row.roofline = chips::roofline(chip, precision, mappers.mapper(*placed.kernel), placed, timing.clock).bound();
    row.energy = energy::energy_of(chip, precision, timed.counters, timing.clock);
    row.bound_by = bound_by(chip, timed.counters, timing.clock);
    row.unit_busy = ratio(timed.counters.timeline.matrix, timed.counters.timeline.total);
    row.multipliers_useful = ratio(timed.counters.macs, timed.counters.mac_capacity);
    check_laws(row, *placed.kernel);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace mantissa::study
