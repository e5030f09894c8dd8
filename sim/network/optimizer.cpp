// SPDX-License-Identifier: Apache-2.0
#include "network/optimizer.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "network/backward.h"

namespace mantissa::network {
namespace {

// Of one parameter: Adam's two moments, its bias corrections, root and quotient; momentum's multiply and add.
// SOURCE: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1.
struct OptimizerCost {
  double ops, specials;
  int moments;
};
constexpr OptimizerCost kAdam{12, 2, 2}, kMomentum{4, 0, 1};

constexpr double kUnscaleOps = 2;  // a product for each gradient, a choice for each new value
constexpr double kFiniteOps = 2;   // look at the exponent, gather the answer

}  // namespace

void add_optimizer(Program& program, const std::vector<TrainedWeight>& weights, const config::Training& training,
                   int shards) {
  const auto add_value = [&](const std::string& name, const Shape& shape, bool parameter = false) {
    program.graph.values.push_back({name, ElementType::kFloat, shape, parameter, nullptr});
    return static_cast<ValueId>(program.graph.values.size() - 1);
  };
  const auto emit = [&](ProgramStep step) { program.steps.push_back(std::move(step)); };
  const OptimizerCost cost = training.optimizer == config::Training::Optimizer::kAdam ? kAdam : kMomentum;
  for (const TrainedWeight& weight : weights) {
    const std::int64_t own = ceil_div(weight.elements, shards);
    const std::string name = program.graph.value(weight.value).name;
    ProgramStep step;
    step.phase = Phase::kOptimizer;
    step.block = weight.block;
    // Reduced and scattered, each chip has a part of its own.
    const Operand gradient{shards > 1 ? add_value(name + ".gradient_part", {own}) : weight.gradient, own,
                           Storage::kVector, false};
    if (training.loss_scaling) {
      ProgramStep check = step;
      check.kernel.name = name + ".finite";
      check.kernel.work = ReduceWork{1, own, 1, kFiniteOps, 0};
      check.kernel.reads = {gradient};
      check.kernel.writes = {{add_value(check.kernel.name, {1}), 1, Storage::kWord, false}};
      emit(std::move(check));
    }
    step.kernel.name = name + ".update";
    step.kernel.work = VectorWork{own, cost.ops + (training.loss_scaling ? kUnscaleOps : 0), cost.specials};
    step.kernel.reads = {gradient};
    for (int i = 0; i <= cost.moments; ++i) {  // weights in FP32 and moments
      const Operand state{add_value(fmt::format("{}.state{}", name, i), {own}, true), own, Storage::kWord, true};
      step.kernel.reads.push_back(state);
      step.kernel.writes.push_back(state);
    }
    step.kernel.writes.push_back({weight.value, own, Storage::kMatrix, true});  // for the next step's products
    emit(std::move(step));
  }
}

std::int64_t optimizer_elements(const Program& program) {
  std::int64_t sum = 0;
  for (const ProgramStep& step : program.steps) {
    for (const Operand& read : step.phase == Phase::kOptimizer ? step.kernel.reads : std::vector<Operand>{}) {
      sum += read.weights ? read.elements : 0;
    }
  }
  return sum;
}

}  // namespace mantissa::network
