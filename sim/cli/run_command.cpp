// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <optional>

#include "base/error.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "config/home.h"
#include "report/step.h"
#include "report/table.h"
#include "study/many_chips.h"

namespace mantissa::cli {
namespace {

constexpr std::int64_t kMostChips = 65536, kMostTokens = 10'000'000;

// What of several chips, texts and training the words and the workload say; none: a plain run of one chip.
std::optional<study::StepRequest> read_step(const Arguments& arguments, const config::Workload& workload,
                                            const study::RunOptions& options) {
  study::StepRequest step;
  step.precision = options.precision, step.batch = options.batch;
  step.tokens = arguments.integer("--tokens", 1, kMostTokens);
  step.context = arguments.integer("--context", 1, kMostTokens);
  step.parallel = workload.parallel;
  const auto part = [&](const char* name, int& value) {
    if (const auto given = arguments.integer(name, 1, kMostChips)) {
      value = static_cast<int>(*given);
    }
  };
  part("--data-parallel", step.parallel.data), part("--fsdp", step.parallel.fsdp);
  part("--tensor", step.parallel.tensor), part("--tensor-rows", step.parallel.tensor_rows);
  if (step.parallel.tensor % step.parallel.tensor_rows != 0) {
    throw UsageError(
        fmt::format("--tensor-rows {} does not divide --tensor {}", step.parallel.tensor_rows, step.parallel.tensor));
  }
  const auto chips = arguments.integer("--chips", 1, kMostChips);
  if (chips && *chips != step.parallel.chips()) {
    throw UsageError(
        fmt::format("--chips {} is not data x fsdp x tensor = {} x {} x {}; say how the work is divided, such "
                    "as --tensor {}",
                    *chips, step.parallel.data, step.parallel.fsdp, step.parallel.tensor, *chips));
  }
  step.training = workload.training;
  if (arguments.has("--training") && !step.training) {
    step.training.emplace();
  }
  if (step.training) {
    step.training->loss_scaling = step.training->loss_scaling || arguments.has("--loss-scaling");
    step.training->checkpointing = step.training->checkpointing || arguments.has("--checkpointing");
  }
  const bool plain = !chips && !step.tokens && !step.context && !step.training && step.parallel.chips() == 1;
  return plain ? std::nullopt : std::optional(step);
}

void execute_run(const Arguments& arguments, Streams& streams) {
  const auto& names = arguments.positional();
  if (names.size() != 2) {
    throw UsageError(fmt::format("run takes a chip and a workload; found {} of them", names.size()));
  }
  study::RunOptions options = read_run_options(arguments);
  check_target(arguments, "--json");
  options.precision = arguments.text("--precision");
  const config::Chip chip = config::load_chip(config::resolve_file(config::FileKind::kChip, names[0]));
  const config::Workload workload = config::load_workload(config::resolve_file(config::FileKind::kWorkload, names[1]));
  if (const auto step = read_step(arguments, workload, options)) {
    report::StepResult result = study::run_step(chip, workload, *step);
    result.version = version();
    const std::string json = report::step_json(result);
    if (arguments.text("--json") != "-") {
      streams.out << report::step_report(result, streams.style);
    }
    if (arguments.has("--json")) {
      write_target(arguments, "--json", json, streams);
    }
    return;
  }
  ProgressLine progress(streams.err, streams.progress);
  options.progress = [&](const std::string& what, std::int64_t done, std::int64_t total) {
    progress.show(what, done, total);
  };
  report::RunResult result = study::run(chip, workload, options);
  progress.clear();
  result.version = version();
  write_results(
      arguments, {result}, "", [&] { return report::run_report(result, streams.style); }, streams);
}

}  // namespace

Command run_command() {
  std::vector<Option> options = {
      {"--precision", "P", "one of the chip's precisions (mantissa list); default: the chip's"},
      {"--chips", "N", "so many chips work together: data x fsdp x tensor of them (docs/parallel.md)"},
      {"--data-parallel", "N", "copies of the network, each with a part of the batch"},
      {"--fsdp", "N", "parts of the batch whose chips share the weights between them"},
      {"--tensor", "N", "parts of each matrix product"},
      {"--tensor-rows", "N", "of these, how many divide the inputs of a weight matrix"},
      {"--tokens", "N", "length of the texts (compact networks)"},
      {"--context", "N", "positions in the key/value cache, the new ones included (compact networks)"},
      {"--training", "", "a training step instead of inference (docs/training.md)"},
      {"--loss-scaling", "", "of a training step: scale, check and scale back gradients"},
      {"--checkpointing", "", "of a training step: run each block's forward pass again instead of keeping it"}};
  const auto shared = study_options();
  options.insert(options.end(), shared.begin(), shared.end());
  return {
      "run",
      "run CHIP WORKLOAD [OPTIONS]",
      "one network on one chip: time, power, accuracy, layer by layer",
      "Runs a workload on a chip. CHIP and WORKLOAD are names that `mantissa list` shows, or paths of YAML files.\n"
      "Prints the totals, where time and energy went, and each kernel: cycles, what bounds it, how busy the matrix\n"
      "units and how useful their multipliers were, bytes at each level, energy, and the error of its output.",
      options,
      {"mantissa run h100_sxm resnet50 --batch 8",
       "mantissa run ane_a17_pro fashion_resnet --precision int8 --images 1000",
       "mantissa run tpu_v4 llama2_7b --tokens 1 --context 2048 --batch 16 --chips 4 --tensor 4",
       "mantissa run tpu_v4 llama2_7b_training --chips 8 --fsdp 8",
       "mantissa run my_chip.yaml resnet50 --no-accuracy --json -"},
      execute_run};
}

}  // namespace mantissa::cli
