// SPDX-License-Identifier: Apache-2.0
// Rows of a chip's power: idle, and under load.
//
// MODEL: idle is the static power of the chip's file. The workloads behind "production" figures are not published: the
// largest power is held against the hungriest of the chip's own large kernels, the mean against a network.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/home.h"
#include "network/import.h"
#include "study/kernel_run.h"
#include "study/many_chips.h"
#include "study/timed_run.h"
#include "study/validate.h"

namespace mantissa::study {
namespace {

double idle_watts(const config::Chip& chip) {
  return chip.power.idle.count() + chip.dram.background_mw * 1e-3 * chip.dram.channels;
}

// A product large enough to be bound by the matrix units.
double product_watts(const config::Chip& chip) {
  constexpr std::int64_t kSize = 8192;
  return run_kernel(chip, "", gemm(kSize, kSize, kSize)).power.count();
}

double network_watts(const config::Chip& chip, const std::string& name, std::int64_t batch) {
  const config::Workload workload = config::load_workload(config::resolve_file(config::FileKind::kWorkload, name));
  const network::Graph graph = network::load_network(workload, batch);
  const config::PrecisionPlan plan(find_precision(chip, ""));
  return time_run(chip, workload, plan, graph).average_power.count();
}

// One chip's share of a training step.
double training_watts(const config::Chip& chip, const std::string& name, std::int64_t batch,
                      std::optional<std::int64_t> tokens, config::Training::Optimizer optimizer) {
  StepRequest request;
  request.batch = batch;
  request.tokens = tokens;
  request.training.emplace().optimizer = optimizer;
  const config::Workload workload = config::load_workload(config::resolve_file(config::FileKind::kWorkload, name));
  return run_step(chip, workload, request).power.count();
}

bool holds(const std::string& text, const char* word) {
  return text.find(word) != std::string::npos;
}

}  // namespace

bool interpret_power(const MeasuredTable& table, const MeasuredTable::Row& row, ValidationInput& input) {
  if (table.text(row, "unit") != "W") {
    return false;
  }
  report::ValidationRow r = models_row(table, row);
  r.group = "power", r.group_order = kPowerOrder;
  const config::Chip& chip = input.chip;
  const std::string workload = r.what;
  const bool document = holds(workload, "(doc)");  // whose smallest value is the idle one of the paper
  if (holds(workload, "idle") || (holds(workload, "min power") && document)) {
    r.what += ": nothing runs";
    input.add(std::move(r), [&chip] { return idle_watts(chip); });
  } else if (holds(workload, "min power")) {
    r.what += ": generating tokens, LLaMA-2-7B, batch 1";
    input.add(std::move(r), [&chip] { return network_watts(chip, "llama2_7b_decode", 1); });
  } else if (holds(workload, "max power")) {
    r.what += ": product of 8192x8192x8192";
    input.add(std::move(r), [&chip] { return product_watts(chip); });
  } else if (holds(workload, "mean power")) {
    r.what += ": inference, ResNet-50, batch 128";
    input.add(std::move(r), [&chip] { return network_watts(chip, "resnet50", 128); });
  } else if (holds(workload, "ResNet")) {
    r.what += ": a training step of ResNet-50, batch 128";
    input.add(std::move(r), [&chip] {
      return training_watts(chip, "resnet50", 128, std::nullopt, config::Training::Optimizer::kSgdMomentum);
    });
  } else if (holds(workload, "BERT")) {
    r.what += ": a training step of BERT-large, 48 texts of 512 tokens";
    input.add(std::move(r),
              [&chip] { return training_watts(chip, "bert_large", 48, 512, config::Training::Optimizer::kAdam); });
  } else {
    input.add_not_modelled(std::move(r), "no workload is known for this power");
  }
  return true;
}

}  // namespace mantissa::study
