// SPDX-License-Identifier: Apache-2.0
#include "hardware/systolic_array.h"

#include <string>

namespace mantissa::hardware {
namespace {

using numerics::Datapath;

// One step within a chain: what leaves it is the accumulator, not yet the output format.
Datapath chain_step(Datapath datapath) {
  datapath.output = datapath.accumulator;
  datapath.output_rounding = datapath.accumulator_rounding;
  return datapath;
}

std::variant<SystolicGrid<float, float>, SystolicGrid<std::int8_t, std::int32_t>> make_grid(const SystolicShape& shape,
                                                                                            const Datapath& datapath) {
  if (const std::string problem = numerics::defect(datapath); !problem.empty()) {
    throw ModelError("systolic_array", "datapath " + datapath.name + ": " + problem);
  }
  if (datapath.promote_every != 0) {
    throw ModelError("systolic_array",
                     "datapath " + datapath.name + " promotes into a second accumulator; a systolic column has one");
  }
  if (datapath.interleave != 1 || datapath.split_passes > 0) {
    throw ModelError("systolic_array", "datapath " + datapath.name +
                                           " interleaves products or splits its operands; a systolic column takes one "
                                           "product after the other, in order");
  }
  if (datapath.accumulation == numerics::Accumulation::kInteger) {
    using Operands = std::span<const std::int8_t>;
    return SystolicGrid<std::int8_t, std::int32_t>(
        shape, datapath.group,
        [datapath](Operands a, Operands b, std::int32_t sum) { return numerics::dot_oracle(datapath, a, b, sum); });
  }
  using Operands = std::span<const float>;
  return SystolicGrid<float, float>(shape, datapath.group,
                                    [step = chain_step(datapath)](Operands a, Operands b, float sum) {
                                      return numerics::dot_oracle(step, a, b, sum);
                                    });
}

}  // namespace

SystolicArray::SystolicArray(const sc_core::sc_module_name& name, const SystolicShape& shape,
                             const numerics::Datapath& datapath)
    : sc_core::sc_module(name), datapath_(datapath), grid_(make_grid(shape, datapath)) {
  SC_HAS_PROCESS(SystolicArray);
  SC_METHOD(clock_grid);
  sensitive << clock.pos();
  dont_initialize();
}

void SystolicArray::start(std::int64_t m, std::int64_t n, std::int64_t k, std::span<const float> a,
                          std::span<const float> b, std::span<float> c) {
  check(std::holds_alternative<FloatGrid>(grid_), "SystolicArray::start: an integer datapath takes int8 operands");
  std::get<FloatGrid>(grid_).start(m, n, k, a, b, c);
  float_results_ = c;
  busy_ = true;
}

void SystolicArray::start(std::int64_t m, std::int64_t n, std::int64_t k, std::span<const std::int8_t> a,
                          std::span<const std::int8_t> b, std::span<std::int32_t> c) {
  check(std::holds_alternative<IntegerGrid>(grid_),
        "SystolicArray::start: a floating-point datapath takes float operands");
  std::get<IntegerGrid>(grid_).start(m, n, k, a, b, c);
  busy_ = true;
}

Cycles SystolicArray::cycles() const {
  return std::visit([](const auto& grid) { return Cycles(grid.cycles()); }, grid_);
}

Macs SystolicArray::useful_macs() const {
  return std::visit([](const auto& grid) { return Macs(grid.useful_macs()); }, grid_);
}

void SystolicArray::rethrow_failure() const {
  if (failure_) {
    std::rethrow_exception(failure_);
  }
}

void SystolicArray::clock_grid() {
  if (!busy_) {
    return;
  }
  try {
    std::visit(
        [this](auto& grid) {
          grid.tick();
          show(grid);
          busy_ = grid.busy();
        },
        grid_);
    if (!busy_) {
      finish();
    }
  } catch (...) {
    failure_ = std::current_exception();
    busy_ = false;
    product_done_.notify(sc_core::SC_ZERO_TIME);
  }
}

void SystolicArray::finish() {
  if (std::holds_alternative<FloatGrid>(grid_)) {
    numerics::round_to(datapath_.output, float_results_, datapath_.output_rounding);
  }
  product_done_.notify(sc_core::SC_ZERO_TIME);
}

template <class Grid>
void SystolicArray::show(const Grid& grid) {
  shown_.tile = static_cast<int>(grid.streaming_tile());
  shown_.row = static_cast<int>(grid.streaming_row());
  shown_.working_pes = grid.working_pes();
  shown_.loading = grid.loading_weights();
  shown_.result = static_cast<double>(grid.result(0));
}

void SystolicArray::trace(sc_core::sc_trace_file* file) const {
  const std::string prefix = std::string(name()) + ".";
  sc_core::sc_trace(file, busy_, prefix + "busy");
  sc_core::sc_trace(file, shown_.loading, prefix + "loading_weights");
  sc_core::sc_trace(file, shown_.tile, prefix + "tile");
  sc_core::sc_trace(file, shown_.row, prefix + "row");
  sc_core::sc_trace(file, shown_.working_pes, prefix + "working_pes");
  sc_core::sc_trace(file, shown_.result, prefix + "result_0");
}

}  // namespace mantissa::hardware
