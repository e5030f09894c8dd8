// SPDX-License-Identifier: Apache-2.0
// Rows of whole networks on several chips: generating tokens, reading prompts, training steps. The row's text names the
// network, its notes how many chips; study/many_chips divides the work over them in the fastest way that fits.
//
// Not modelled, and said so row by row: networks whose shapes are not published, times to a quality (they depend on how
// many steps that takes), rows without a number of chips or a batch.
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/error.h"
#include "config/home.h"
#include "study/validate.h"
#include "study/validate_plan.h"

namespace mantissa::study {
namespace {

using Row = MeasuredTable::Row;

struct Sums {
  double seconds = 0, model_flops = 0;
  double peak_seconds = 0;  // what model_flops take at peak
  StepResult last;
};

Sums run_plan(const config::Chip& chip, const std::string& file, const Plan& plan) {
  const config::Workload workload = config::load_workload(file);
  Sums sums;
  for (const Pass& pass : plan.passes) {
    sums.last = plan.divided ? run_step(chip, workload, pass.request)
                             : run_best_step(chip, workload, pass.request, static_cast<int>(plan.chips));
    const double times = static_cast<double>(pass.times), seconds = sums.last.time.count();
    sums.seconds += times * seconds;
    sums.model_flops += times * sums.last.model_flops;
    sums.peak_seconds += times * sums.last.mfu * seconds;
  }
  return sums;
}

enum class Quantity { kSeconds, kMilliseconds, kMfu, kTeraflops, kRate };

std::optional<Quantity> quantity_of(const Facts& f) {
  if (f.metric == "MFU" && f.unit == "%") {
    return Quantity::kMfu;
  }
  if (f.metric.starts_with("latency") && (f.unit == "s" || f.unit == "ms")) {
    return f.unit == "s" ? Quantity::kSeconds : Quantity::kMilliseconds;
  }
  if (f.metric == "achieved_TFLOPS_per_chip") {
    return Quantity::kTeraflops;
  }
  return f.metric == "throughput_per_chip" ? std::optional(Quantity::kRate) : std::nullopt;
}

double value_of(const Sums& sums, Quantity quantity) {
  switch (quantity) {
    case Quantity::kSeconds:
      return sums.seconds;
    case Quantity::kMilliseconds:
      return sums.seconds * 1e3;
    case Quantity::kMfu:
      return 100 * sums.peak_seconds / sums.seconds;
    case Quantity::kTeraflops:
      return sums.model_flops / sums.seconds / 1e12;
    case Quantity::kRate:
      return static_cast<double>(sums.last.batch) / sums.seconds / sums.last.parallel.chips();
  }
  throw std::logic_error("unknown quantity");
}

void set_group(report::ValidationRow& row, const Facts& facts, bool training) {
  const bool prompt = holds(facts.text, "prefill");
  const bool both = holds(facts.text, " in / ") || holds(facts.text, " serve");
  row.group = training ? "training" : prompt ? "reading a prompt" : both ? "prompt and tokens" : "generating tokens";
  row.group_order = kNetworkOrder + (training ? 3 : prompt ? 1 : both ? 2 : 0);
  if (facts.metric == "MFU") {
    row.group += ", MFU";
    row.group_order += 10;
  }
}

// Rows with equal keys are of the same run.
std::string plan_key(const std::string& file, const Plan& plan, bool training) {
  std::string key = fmt::format("{} {} {}", file, plan.chips, training);
  for (const Pass& pass : plan.passes) {
    key += fmt::format("; {} {} {} {} {}", pass.request.precision, pass.request.batch.value_or(0),
                       pass.request.tokens.value_or(0), pass.request.context.value_or(0), pass.times);
  }
  return key;
}

}  // namespace

bool interpret_network(const MeasuredTable& table, const Row& row, ValidationInput& input) {
  const Facts facts = facts_of(table, row);
  std::optional<Plan> plan = training_plan(facts);
  const bool training = plan.has_value();
  if (!plan) {
    plan = inference_plan(facts);
  }
  if (!plan) {
    return false;
  }
  report::ValidationRow r = models_row(table, row);
  set_group(r, facts, training);
  const std::optional<Quantity> quantity = quantity_of(facts);
  const std::string file = network_file(plan->name);
  const config::Chip& chip = input.chip;
  if (plan->reason.empty() && !quantity) {
    plan->reason = fmt::format("no model for the metric '{}' in '{}'", facts.metric, facts.unit);
  } else if (plan->reason.empty() && file.empty()) {
    plan->reason = fmt::format("the shapes of '{}' are not published", plan->name);
  } else if (plan->reason.empty() && chip.find_precision(plan->passes.front().request.precision) == nullptr) {
    plan->reason = fmt::format("the chip has no precision '{}'", plan->passes.front().request.precision);
  }
  if (!plan->reason.empty()) {
    input.add_not_modelled(std::move(r), plan->reason);
    return true;
  }
  r.what += fmt::format(", {} chips", plan->chips);
  const std::string key = plan_key(file, *plan, training);
  if (const auto at = input.shared.find(key); at != input.shared.end() && r.measured > 0) {
    at->second.wanted->push_back(static_cast<int>(*quantity));
    input.measurements[at->second.measurement].rows.push_back(std::move(r));
    return true;
  }
  auto wanted = std::make_shared<std::vector<int>>(1, static_cast<int>(*quantity));
  if (r.measured > 0) {
    input.shared[key] = {input.measurements.size(), wanted};
  }
  input.add(std::vector{std::move(r)}, [&chip, file, plan = *plan, wanted, training] {
    Plan complete = plan;
    StepRequest& request = complete.passes.front().request;
    if (training && !request.batch) {  // the file says how, and how much each chip gets
      const config::Workload workload = config::load_workload(file);
      request.batch = workload.batch * plan.chips;
      request.training = workload.training.value_or(config::Training{});
    }
    const Sums sums = run_plan(chip, file, complete);
    std::vector<double> values;
    for (const int what : *wanted) {
      values.push_back(value_of(sums, static_cast<Quantity>(what)));
    }
    return values;
  });
  return true;
}

}  // namespace mantissa::study
