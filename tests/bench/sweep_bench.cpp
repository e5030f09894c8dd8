// SPDX-License-Identifier: Apache-2.0
// What a sweep costs: points per second of configs/sweeps/resnet50_array.yaml on all cores, what a point takes beyond
// its simulation, and how much memory the program that runs them needs.
//   build/ci/tests/bench_sweep [N]     every N-th of the 10,000 points (23); 1: all of them
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <systemc>
#include <vector>

#include "execute/rules.h"
#include "network/import.h"
#include "study/isolate.h"
#include "study/sweep.h"
#include "study/timed_run.h"

namespace mantissa::study {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of this process and of the children that have ended, in seconds.
double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_mb(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

double resident_mb() {
  std::size_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

// The simulations alone, one after the other: CPU seconds of all.
double simulate_all(const config::Sweep& sweep, const std::vector<std::size_t>& positions) {
  const config::SweepPoint first = sweep.point(sweep.places(0));
  const config::Workload workload =
      config::parse_workload(sweep.workload_document(first, first.precision), first.workload);
  const network::Graph graph = network::load_network(workload, workload.batch);
  double sum = 0;
  run_all_isolated(
      positions.size(), {.jobs = 1, .calls_per_process = 64},
      [&](std::size_t i) {
        const config::SweepPoint point = sweep.point(sweep.places(positions[i]));
        const config::Chip chip = config::parse_chip(sweep.chip_document(point), point.chip);
        const config::PrecisionPlan plan = execute::make_plan(chip, find_precision(chip, point.precision), graph,
                                                              workload.recipe_for(point.precision), workload.path);
        const double start = cpu_seconds(RUSAGE_SELF);
        time_run(chip, workload, plan, graph);
        const double seconds = cpu_seconds(RUSAGE_SELF) - start;
        return std::string(reinterpret_cast<const char*>(&seconds), sizeof seconds);
      },
      [&](std::size_t, const std::string& bytes, const std::string&) {
        double seconds = 0;
        std::memcpy(&seconds, bytes.data(), std::min(bytes.size(), sizeof seconds));
        sum += seconds;
      });
  return sum;
}

int sweep_bench(std::size_t every) {
  const config::Sweep sweep =
      config::load_sweep(std::string(MANTISSA_SOURCE_DIR) + "/configs/sweeps/resnet50_array.yaml");
  SweepOptions options;
  options.shard = {1, every};
  std::vector<std::size_t> positions;
  for (const auto& row : list_points(sweep, options.shard).rows) {
    positions.push_back(row.position);
  }
  const auto count = static_cast<double>(positions.size());
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / fmt::format("bench_sweep_{}", getpid());
  std::filesystem::create_directories(folder);
  const auto swept = [&](int jobs) {
    options.jobs = jobs;
    options.store = (folder / fmt::format("{}.db", jobs)).string();
    const auto start = Clock::now();
    run_sweep(sweep, options);
    return seconds_since(start);
  };
  std::map<std::size_t, double> memory;  // MB of this process, by tenths of the points
  options.counts = [&](const SweepCounts& c) { memory.emplace(c.done * 10 / positions.size(), resident_mb()); };
  const double all_cores = swept(0);
  options.counts = {};
  fmt::print("{} points: {:.1f} s, {:.1f} points/s on all cores\n", positions.size(), all_cores, count / all_cores);
  fmt::print("peak memory: this process {:.1f} MB, those of points {:.1f} MB; this process after each tenth, MB:",
             peak_mb(RUSAGE_SELF), peak_mb(RUSAGE_CHILDREN));
  for (const auto& [tenth, mb] : memory) {
    fmt::print(" {:.1f}", mb);
  }
  fmt::print("\n");
  const auto start = Clock::now();
  run_sweep(sweep, options);
  fmt::print("again, all of them stored: {:.2f} s, {:.2f} ms a point\n", seconds_since(start),
             1e3 * seconds_since(start) / count);
  if (every > 1) {
    const double simulations = simulate_all(sweep, positions);
    const double before = cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN);
    swept(1);
    const double all = cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN) - before;
    fmt::print("CPU time of a point: {:.2f} ms, of which its simulation is {:.2f} ms; the rest: {:.2f} ms\n",
               1e3 * all / count, 1e3 * simulations / count, 1e3 * (all - simulations) / count);
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace mantissa::study

int sc_main(int argc, char** argv) {
  const long every = argc > 1 ? std::atol(argv[1]) : 23;
  return mantissa::study::sweep_bench(every > 0 ? static_cast<std::size_t>(every) : 23);
}
