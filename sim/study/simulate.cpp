// SPDX-License-Identifier: Apache-2.0
#include "study/simulate.h"

#include <cstring>
#include <map>
#include <memory>
#include <systemc>
#include <type_traits>

#include "base/error.h"
#include "chips/mapper.h"
#include "energy/model.h"
#include "hardware/machine.h"
#include "study/isolate.h"

namespace mantissa::study {
namespace {

// Two kernels that look alike to a mapper take the same time.
bool same_work(const chips::PlacedKernel& a, const chips::PlacedKernel& b) {
  return a.kernel->work == b.kernel->work && a.kernel->epilogue_ops == b.kernel->epilogue_ops &&
         a.kernel->epilogue_specials == b.kernel->epilogue_specials && a.reads == b.reads && a.writes == b.writes;
}

// Index of the first kernel that looks like each one and runs at the same precision.
std::vector<std::size_t> find_equals(const chips::Placement& placement, const chips::Mappers& mappers) {
  const auto same_precision = [&](const chips::PlacedKernel& a, const chips::PlacedKernel& b) {
    return &mappers.precision(*a.kernel) == &mappers.precision(*b.kernel);
  };
  std::vector<std::size_t> first(placement.kernels.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    first[i] = i;
    for (std::size_t j = 0; j < i; ++j) {
      if (first[j] == j && same_work(placement.kernels[i], placement.kernels[j]) &&
          same_precision(placement.kernels[i], placement.kernels[j])) {
        first[i] = j;
        break;
      }
    }
  }
  return first;
}

// What a whole network's run does to the machine before its first kernel.
Cycles run_overhead(const config::Chip& chip) {
  return Cycles(chip.dispatch_per_kernel ? 0 : static_cast<std::int64_t>(chip.dispatch_us * chip.clock_mhz));
}

std::vector<KernelTiming> run_kernels(hardware::Machine& machine, const config::Chip& chip,
                                      const config::PrecisionPlan& plan, const chips::Placement& placement) {
  const chips::Mappers mappers(chip, plan);
  const std::vector<std::size_t> first = find_equals(placement, mappers);
  std::vector<KernelTiming> timings(placement.kernels.size());
  for (std::size_t i = 0; i < timings.size(); ++i) {
    if (first[i] != i) {
      timings[i] = timings[first[i]];
      continue;
    }
    const network::Kernel& kernel = *placement.kernels[i].kernel;
    const chips::Mapper& mapper = mappers.mapper(kernel);
    const chips::MappedKernel mapped = mapper.map(placement.kernels[i]);
    timings[i] = {machine.run(mapped.schedule, mapped.overhead), mapped.mapping};
    timings[i].counters.mac_capacity = Macs(static_cast<std::int64_t>(
        mapper.peak_macs_per_cycle(kernel) * static_cast<double>(timings[i].counters.timeline.total.count())));
  }
  if (!timings.empty()) {
    energy::Timeline& t = timings.front().counters.timeline;
    t.total += run_overhead(chip);
    t.overhead += run_overhead(chip);
  }
  return timings;
}

energy::Counters total(const std::vector<KernelTiming>& timings, const chips::Placement& placement) {
  energy::Counters sum;
  for (std::size_t i = 0; i < timings.size(); ++i) {
    sum.add(timings[i].counters, placement.kernels[i].kernel->repeat);
  }
  return sum;
}

// Of all kernels together, each at the energy of its own precision.
energy::Breakdown nominal_energy(const config::Chip& chip, const config::PrecisionPlan& plan,
                                 const std::vector<KernelTiming>& timings, const chips::Placement& placement) {
  const chips::Mappers mappers(chip, plan);
  std::map<std::string, energy::Counters> by_precision;
  for (std::size_t i = 0; i < timings.size(); ++i) {
    const network::Kernel& kernel = *placement.kernels[i].kernel;
    by_precision[mappers.precision(kernel).name].add(timings[i].counters, kernel.repeat);
  }
  energy::Breakdown sum;
  for (const auto& [name, counters] : by_precision) {
    sum.add(energy::energy_of(chip, *chip.find_precision(name), counters, chip.clock()));
  }
  return sum;
}

// A SystemC kernel of its own for as long as this lives: names, events, processes and simulated time begin anew, and a
// process can elaborate one machine after the other. IEEE 1666 does not have this; Accellera's sc_simcontext.h does.
// The kernel that a process starts with stays: events of the library itself belong to it. Coroutines end without
// unwinding their stacks, so processes that do this often are replaced now and then (study/isolate).
class FreshKernel {
 public:
  FreshKernel() : before_(sc_core::sc_get_curr_simcontext()), own_(std::make_unique<sc_core::sc_simcontext>()) {
    sc_core::sc_curr_simcontext = own_.get();
  }
  ~FreshKernel() {
    own_.reset();
    sc_core::sc_curr_simcontext = before_;
  }
  FreshKernel(const FreshKernel&) = delete;
  FreshKernel& operator=(const FreshKernel&) = delete;

 private:
  sc_core::sc_simcontext* before_;
  std::unique_ptr<sc_core::sc_simcontext> own_;
};

Timing run_governed(const config::Chip& chip, const config::PrecisionPlan& plan, const chips::Placement& placement) {
  const FreshKernel kernel;  // ends after the machine
  hardware::Machine machine("chip", chip);
  Timing timing{chip.clock(), run_kernels(machine, chip, plan, placement)};
  // Over the power limit: once more at the clock that the limit allows.
  const Hertz clock = energy::governed_clock(chip, nominal_energy(chip, plan, timing.kernels, placement),
                                             total(timing.kernels, placement));
  if (clock != timing.clock) {
    config::Chip slower = chip;
    slower.clock_mhz = clock.count() / 1e6;
    machine.set_clock(clock);
    timing = {clock, run_kernels(machine, slower, plan, placement)};
  }
  return timing;
}

// Both ends of the pipe are this program: counters travel as they lie in memory.
static_assert(std::is_trivially_copyable_v<energy::Counters>);

std::string pack(const Timing& timing) {
  std::string bytes(reinterpret_cast<const char*>(&timing.clock), sizeof timing.clock);
  for (const auto& kernel : timing.kernels) {
    bytes.append(reinterpret_cast<const char*>(&kernel.counters), sizeof kernel.counters);
    bytes += kernel.mapping;
    bytes += '\0';
  }
  return bytes;
}

Timing unpack(const std::string& bytes) {
  Timing timing;
  std::size_t at = sizeof timing.clock;
  check(bytes.size() >= at, "the simulation sent too little");
  std::memcpy(&timing.clock, bytes.data(), sizeof timing.clock);
  while (at < bytes.size()) {
    KernelTiming kernel;
    check(bytes.size() >= at + sizeof kernel.counters, "the simulation sent too little");
    std::memcpy(&kernel.counters, bytes.data() + at, sizeof kernel.counters);
    at += sizeof kernel.counters;
    kernel.mapping = bytes.c_str() + at;
    at += kernel.mapping.size() + 1;
    timing.kernels.push_back(std::move(kernel));
  }
  return timing;
}

}  // namespace

Timing simulate(const config::Chip& chip, const config::PrecisionPlan& plan, const chips::Placement& placement) {
  const Timing timing = unpack(run_isolated([&] { return pack(run_governed(chip, plan, placement)); }));
  check(timing.kernels.size() == placement.kernels.size(), "one timing for each kernel");
  return timing;
}

}  // namespace mantissa::study
