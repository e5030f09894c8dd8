// SPDX-License-Identifier: Apache-2.0
// A design space in closed form, for tests of searches: a matrix unit of r x r multipliers, an on-chip buffer, DRAM
// channels and a clock, 10 values each. Latency is the longer of computing and loading, what fits into the buffer is
// loaded once, energy grows with the voltage that the clock needs, and everything takes area.
#pragma once
#include <algorithm>
#include <vector>

#include "study/pareto.h"
#include "study/search_space.h"

namespace mantissa::study {

struct DesignSpace {
  SearchSpace space{{{10, true}, {10, true}, {10, true}, {10, true}}, {}};

  Costs costs(std::size_t position) const {
    const Genome g = space.genome(position);
    const double rows = 32.0 * static_cast<double>(1 + g[0]);     // 32 .. 320
    const double buffer_mib = static_cast<double>(1ULL << g[1]);  // 1 .. 512
    const double channels = 4.0 * static_cast<double>(1 + g[2]);  // 4 .. 40
    const double ghz = 0.4 + 0.2 * static_cast<double>(g[3]);     // 0.4 .. 2.2
    const double macs = 4e9, layers = 50, weights_mib = 48;
    const double fill_s = layers * 2 * rows / (ghz * 1e9);
    const double padding = 1 + rows / 700;  // larger arrays are used less well
    const double compute_s = macs * padding / (rows * rows * ghz * 1e9) + fill_s;
    const double reuse = std::min(1.0, buffer_mib / 64);
    const double traffic_mib = weights_mib + 200 * (1 - reuse) + 10;
    const double memory_s = traffic_mib / (channels * 30e3);
    const double latency_s = std::max(compute_s, memory_s) + 0.1 * std::min(compute_s, memory_s);
    const double volts = 0.6 + 0.2 * ghz;
    const double area_mm2 = 20 + 0.0012 * rows * rows + 0.9 * buffer_mib + 3.5 * channels;
    const double energy_j = macs * padding * 0.6e-12 * volts * volts + traffic_mib * 8.4e6 * 4e-12 +
                            latency_s * (2 + 0.15 * area_mm2 * volts);
    return {latency_s, energy_j, area_mm2};
  }
  std::vector<Costs> all() const {
    std::vector<Costs> result;
    for (std::size_t i = 0; i < space.points(); ++i) {
      result.push_back(costs(i));
    }
    return result;
  }
};

}  // namespace mantissa::study
