// SPDX-License-Identifier: Apache-2.0
#include "study/many_chips.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "chips/mapper.h"
#include "chips/placement.h"
#include "network/backward.h"
#include "network/import.h"
#include "network/program.h"
#include "study/kernel_rows.h"
#include "study/simulate.h"
#include "study/step_schedule.h"
#include "study/timed_run.h"

namespace mantissa::study {
namespace {

using network::Phase;
using network::Program;
using network::ProgramStep;

// What a chip holds of a program's blocks, as stored.
struct BlockBytes {
  std::vector<Bytes> weights, gradients;
  Bytes largest{};  // two neighbours
};

BlockBytes block_bytes(const Program& program, const config::Precision& precision) {
  BlockBytes bytes;
  bytes.weights.assign(static_cast<std::size_t>(program.blocks), Bytes(0));
  bytes.gradients = bytes.weights;
  const std::int64_t matrix = precision.weights.value_or(precision.matrix.b).storage_bytes();
  const std::int64_t vector = precision.vector.storage_bytes();
  std::set<network::ValueId> seen;
  for (const ProgramStep& step : program.steps) {
    for (const network::Operand& read : step.kernel.reads) {
      if (step.phase == Phase::kForward && read.weights && seen.insert(read.value).second) {
        const std::int64_t elements = network::element_count(program.graph.value(read.value).shape);
        bytes.weights[static_cast<std::size_t>(step.block)] +=
            Bytes(elements * (read.storage == network::Storage::kMatrix ? matrix : vector));
        bytes.gradients[static_cast<std::size_t>(step.block)] += Bytes(elements * vector);
      }
    }
  }
  for (std::size_t i = 0; i < bytes.weights.size(); ++i) {
    bytes.largest = std::max(bytes.largest, bytes.weights[i] + (i > 0 ? bytes.weights[i - 1] : Bytes(0)));
  }
  return bytes;
}

std::string division(const config::Parallelism& p) {
  return fmt::format("{} chips (data {}, fsdp {}, tensor {}{})", p.chips(), p.data, p.fsdp, p.tensor,
                     p.tensor_rows > 1 ? fmt::format(" in {} x {}", p.tensor_rows, p.tensor / p.tensor_rows) : "");
}

double gigabytes(Bytes bytes) {
  return static_cast<double>(bytes.count()) / 1e9;
}

void check_memory(const config::Chip& chip, const std::string& precision, const StepResult& r, bool training) {
  const Bytes need = r.weights + r.optimizer + r.activations + r.gathered;
  if (need <= chip.dram.capacity) {
    return;
  }
  throw ModelError(
      chip.name + ".dram",
      fmt::format(
          "at {} a chip needs {:.1f} GB on {}: {:.1f} of weights, {:.1f} of optimizer state, {:.1f} of activations, "
          "keys and values, {:.1f} of gathered weights; it has {:.1f}. Use {}a smaller batch{}",
          precision, gigabytes(need), division(r.parallel), gigabytes(r.weights), gigabytes(r.optimizer),
          gigabytes(r.activations), gigabytes(r.gathered), gigabytes(chip.dram.capacity),
          training ? "more chips with fsdp, checkpointing or " : "more chips (tensor), 8-bit weights or ",
          training ? "" : ", or a shorter context"));
}

// The program of one chip.
Program make_program(const config::Chip& chip, const config::Workload& workload, const StepRequest& request,
                     StepResult& r) {
  const config::Parallelism& p = request.parallel;
  const std::int64_t batch = request.batch.value_or(workload.batch);
  const std::int64_t parts = std::int64_t{p.data} * p.fsdp;
  if (p.chips() > 1 && !chip.interconnect) {
    throw ModelError(chip.name, "it has no interconnect, so it works alone; use --chips 1");
  }
  if (p.chips() > 1 && p.chips() > chip.interconnect->max_chips) {
    throw ModelError(chip.name,
                     fmt::format("{} chips; at most {} work together", p.chips(), chip.interconnect->max_chips));
  }
  if (batch % parts != 0) {
    throw ModelError(workload.name, fmt::format("a batch of {} cannot be divided over {} parts (data x fsdp); use a "
                                                "multiple of {}",
                                                batch, parts, parts));
  }
  network::CompactOptions options;
  options.tokens = request.tokens, options.context = request.context, options.training = request.training.has_value();
  const network::Graph graph = network::load_network(workload, batch / parts, options);
  r.parallel = p;
  r.batch = batch;
  r.parameters = graph.parameter_count();
  const network::Shape& input = graph.value(graph.inputs.at(0)).shape;
  r.tokens =
      input.size() == 2 && graph.value(graph.inputs[0]).type == network::ElementType::kInt64 ? batch * input[1] : 0;
  Program program = network::divide(graph, network::lower(graph), p.tensor, p.tensor_rows);
  return request.training ? network::add_training(std::move(program), *request.training, p.fsdp) : program;
}

double matrix_flops(const Program& program, bool forward_only) {
  double sum = 0;
  for (const ProgramStep& step : program.steps) {
    if (!forward_only || step.phase == Phase::kForward) {
      sum += 2 * static_cast<double>((step.kernel.macs() * step.kernel.repeat).count());
    }
  }
  return sum;
}

// Time and energy of each step's kernel; fills the energy of one chip at work.
std::vector<Seconds> run_kernels(const config::Chip& chip, const config::PrecisionPlan& plan,
                                 const chips::Placement& placement, StepResult& r, double& peak) {
  const Timing timing = simulate(chip, plan, placement);
  energy::Counters sum;
  std::vector<Seconds> times;
  for (std::size_t i = 0; i < timing.kernels.size(); ++i) {
    const std::int64_t repeat = placement.kernels[i].kernel->repeat;
    times.push_back(
        Seconds(at(timing.kernels[i].counters.timeline.total, timing.clock).count() * static_cast<double>(repeat)));
    sum.add(timing.kernels[i].counters, repeat);
  }
  r.energy = energy::energy_of(chip, plan.base(), sum, timing.clock).total();
  const network::Kernel product{"", {}, network::GemmWork{}, {}, {}, 0, 0, 1};
  peak = 2 * chips::make_mapper(chip, plan.base())->peak_macs_per_cycle(product) * timing.clock.count();
  return times;
}

const char* phase_name(Phase phase) {
  switch (phase) {
    case Phase::kForward:
      return "forward";
    case Phase::kRecompute:
      return "recompute";
    case Phase::kBackward:
      return "backward";
    case Phase::kOptimizer:
      return "optimizer";
  }
  return "";
}

std::vector<report::StepPart> parts_of(const Program& program, const std::vector<Seconds>& times) {
  std::map<std::pair<Phase, std::string>, report::StepPart> parts;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const network::Kernel& kernel = program.steps[i].kernel;
    report::StepPart& part = parts[{program.steps[i].phase, kind_of(kernel)}];
    part.phase = phase_name(program.steps[i].phase), part.kind = kind_of(kernel);
    ++part.kernels;
    part.time += times[i];
    part.flops += 2 * static_cast<double>((kernel.macs() * kernel.repeat).count());
  }
  std::vector<report::StepPart> list;
  for (auto& [key, part] : parts) {
    list.push_back(std::move(part));
  }
  return list;
}

}  // namespace

StepResult run_step(const config::Chip& chip, const config::Workload& workload, const StepRequest& request) {
  const config::Precision& precision = find_precision(chip, request.precision);
  if (request.training && precision.matrix.a.integer) {
    throw ModelError(
        chip.name, fmt::format("training at {}: gradients need floating point; use another precision", precision.name));
  }
  const config::PrecisionPlan plan(precision);
  StepResult r;
  r.chip = chip.name, r.chip_title = chip.title, r.chip_file = chip.path, r.chip_hash = chip.hash;
  r.workload = workload.name, r.workload_file = workload.path, r.workload_hash = workload.hash;
  r.precision = precision.name, r.training = request.training.has_value();
  const Program program = make_program(chip, workload, request, r);
  std::vector<network::Kernel> kernels;
  for (const ProgramStep& step : program.steps) {
    kernels.push_back(step.kernel);
  }
  const BlockBytes blocks = block_bytes(program, precision);
  // Weights that other chips keep count in the check below, not in the placement.
  config::Chip roomy = chip;
  roomy.dram.capacity = Bytes(std::numeric_limits<std::int64_t>::max());
  const chips::Placement placement = chips::place(roomy, plan, program.graph, kernels);
  r.optimizer = Bytes(network::optimizer_elements(program) * 4);
  const Bytes all = placement.weights - r.optimizer;
  r.weights = Bytes(ceil_div(all.count(), request.parallel.fsdp));
  r.gathered = request.parallel.fsdp > 1 ? blocks.largest : Bytes(0);
  r.activations = placement.activations_peak;
  check_memory(chip, precision.name, r, request.training.has_value());

  double peak = 0;
  ScheduleInput input{chip,
                      program,
                      r.parallel,
                      run_kernels(chip, plan, placement, r, peak),
                      blocks.weights,
                      blocks.gradients,
                      precision.vector.storage_bytes(),
                      request.training.has_value()};
  const ScheduleTimes times = schedule(input);
  r.parts = parts_of(program, input.kernels);
  r.time = times.total, r.compute = times.compute, r.communication = times.communication;
  r.exposed = Seconds(std::max(0.0, r.time.count() - r.compute.count()));
  r.sent = times.sent, r.collectives = times.collectives, r.kernels = kernels.size();
  r.model_flops = matrix_flops(program, true) * (request.training ? 3 : 1);
  r.hardware_flops = matrix_flops(program, false);
  r.mfu = r.model_flops / r.time.count() / peak, r.hfu = r.hardware_flops / r.time.count() / peak;
  const double waiting = chip.power.idle.count() + chip.dram.background_mw * 1e-3 * chip.dram.channels;
  r.energy += Joules(r.exposed.count() * waiting);
  if (chip.interconnect) {
    r.energy += Joules(static_cast<double>(r.sent.count()) * 8 * chip.interconnect->pj_per_bit * 1e-12);
  }
  r.power = average_power(r.energy, r.time);
  return r;
}

StepResult run_best_step(const config::Chip& chip, const config::Workload& workload, const StepRequest& request,
                         int chips) {
  std::optional<StepResult> best;
  std::string why;
  for (int tensor = 1; tensor <= chips; ++tensor) {
    for (int rows = 1; rows <= tensor && chips % tensor == 0; ++rows) {
      if (tensor % rows != 0 || rows * rows > tensor) {
        continue;
      }
      StepRequest one = request;
      one.parallel = {};
      one.parallel.tensor = tensor, one.parallel.tensor_rows = rows, one.parallel.fsdp = chips / tensor;
      try {
        const StepResult result = run_step(chip, workload, one);
        if (!best || result.time < best->time) {
          best = result;
        }
      } catch (const ModelError& error) {
        why = error.what();
      }
    }
  }
  if (!best) {
    throw ModelError(chip.name, fmt::format("no way to divide {} over {} chips: {}", workload.name, chips, why));
  }
  return *best;
}

}  // namespace mantissa::study
