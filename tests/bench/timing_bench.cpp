// SPDX-License-Identifier: Apache-2.0
// How fast the timing simulation is: wall and CPU time and simulated multiply-accumulates per second for the workloads
// of README.md.
//   build/ci/tests/bench_timing
// Every line is one simulation in a process of its own, elaboration included; network import and lowering are not.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <systemc>

#include "chips/placement.h"
#include "network/import.h"
#include "study/simulate.h"

namespace mantissa {
namespace {

double children_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void measure(const std::string& what, const config::Chip& chip, const config::Precision& precision,
             const network::Graph& graph) {
  const auto kernels = network::lower(graph);
  const auto placement = chips::place(chip, precision, graph, kernels);
  const double cpu = children_cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  const study::Timing timing = study::simulate(chip, precision, placement);
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  double macs = 0, seconds = 0;
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    const auto& counters = timing.kernels[i].counters;
    macs += static_cast<double>((counters.macs * kernels[i].repeat).count());
    seconds += at(counters.timeline.total, timing.clock).count() * static_cast<double>(kernels[i].repeat);
  }
  std::printf("%-34s %-12s %-9s %10.3f ms simulated %8.1f ms wall %8.1f ms CPU %10.3g MAC/s\n", what.c_str(),
              chip.name.c_str(), precision.name.c_str(), seconds * 1e3, wall * 1e3,
              (children_cpu_seconds() - cpu) * 1e3, macs / wall);
}

network::Graph gemm(std::int64_t n) {
  const std::string text = "input: {name: x, shape: [" + std::to_string(n) +
                           "]}\nlayers:\n  - linear: {features: " + std::to_string(n) + "}\n";
  return network::build_compact(config::YamlNode::parse(text, "gemm"), "gemm", n);
}

int run() {
  const std::string root = MANTISSA_SOURCE_DIR;
  for (const char* name : {"ane_a17_pro", "tpu_v4", "h100_sxm"}) {
    const config::Chip chip = config::load_chip(root + "/configs/" + name + ".yaml");
    const config::Precision& precision = *chip.find_precision(chip.default_precision);
    for (const char* workload : {"resnet50", "mobilenetv3_large", "llama2_7b_decode", "llama2_7b_prefill"}) {
      const config::Workload w = config::load_workload(root + "/workloads/" + workload + ".yaml");
      try {
        measure(std::string(workload) + ", batch 1", chip, precision, network::load_network(w, 1));
      } catch (const ModelError& e) {
        std::printf("%-34s %-12s does not run: %s\n", workload, name, e.what());
      }
    }
    measure("gemm 4096 x 4096 x 4096", chip, precision, gemm(4096));
  }
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  std::printf("largest resident size of a simulation: %.1f MB\n", static_cast<double>(usage.ru_maxrss) / 1024);
  return 0;
}

}  // namespace
}  // namespace mantissa

int sc_main(int, char**) {
  return mantissa::run();
}
