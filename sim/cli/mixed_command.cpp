// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "config/home.h"
#include "config/yaml_overlay.h"
#include "study/mixed_precision.h"

namespace mantissa::cli {
namespace {

constexpr std::int64_t kMaxBatch = 1 << 20;
constexpr std::int64_t kMaxImages = 10'000'000;

double read_max_loss(const Arguments& arguments) {
  const std::string text = arguments.text("--max-loss");
  if (text.empty()) {
    throw UsageError("mixed needs --max-loss: the points of top-1, or % of perplexity, that may be lost");
  }
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1000)) {
    throw UsageError(fmt::format("option --max-loss must be a number from 0 to 1000; found '{}'", text));
  }
  return value;
}

study::MixedOptions read_options(const Arguments& arguments) {
  study::MixedOptions options;
  options.precisions = arguments.list("--precisions");
  if (options.precisions.size() < 2) {
    throw UsageError("mixed needs --precisions with at least two of the chip's precisions, like fp8_e4m3,fp16");
  }
  options.max_loss = read_max_loss(arguments);
  const std::string cost = arguments.text("--cost", "latency");
  if (cost != "latency" && cost != "energy") {
    throw UsageError(fmt::format("option --cost must be latency or energy; found '{}'", cost));
  }
  options.energy = cost == "energy";
  options.batch = arguments.integer("--batch", 1, kMaxBatch);
  options.images = arguments.integer("--images", 1, kMaxImages);
  options.test_images = arguments.integer("--test-images", 1, kMaxImages);
  return options;
}

std::string recipe_text(const study::MixedResult& result) {
  config::YamlOverlay file(config::YamlNode::parse("recipes: {}", "recipe"));
  for (const auto& [layer, precision] : result.layers) {
    file.set(fmt::format("recipes.{}.layers.{}", result.report.precisions.front(), layer), precision);
  }
  return file.finish().dump();
}

void execute_mixed(const Arguments& arguments, Streams& streams) {
  const auto& names = arguments.positional();
  if (names.size() != 2) {
    throw UsageError(fmt::format("mixed takes a chip and a workload; found {} of them", names.size()));
  }
  study::MixedOptions options = read_options(arguments);
  check_target(arguments, "--json");
  check_target(arguments, "-o");
  if (arguments.text("--json") == "-" && arguments.text("-o") == "-") {
    throw UsageError("--json - and -o - would share standard output; name a file for one of them");
  }
  const config::Chip chip = config::load_chip(config::resolve_file(config::FileKind::kChip, names[0]));
  const config::Workload workload = config::load_workload(config::resolve_file(config::FileKind::kWorkload, names[1]));
  ProgressLine progress(streams.err, streams.progress);
  options.progress = [&](const std::string& what, std::int64_t done, std::int64_t total) {
    progress.show(what, done, total);
  };
  const study::MixedResult result = study::mixed_precision(chip, workload, options);
  progress.clear();
  if (arguments.text("--json") != "-" && arguments.text("-o") != "-") {
    streams.out << report::mixed_text(result.report, streams.style);
    if (result.report.found && !result.layers.empty() && !arguments.has("-o")) {
      streams.out << "\nThe recipe for the workload's file (-o FILE writes one):\n" << recipe_text(result);
    }
  }
  if (arguments.has("--json")) {
    write_target(arguments, "--json", report::mixed_json(result.report), streams);
  }
  if (!result.report.found) {
    throw UsageError(
        fmt::format("no assignment keeps to the bound: {} loses {:.3f} on the data searched on; raise "
                    "--max-loss or name a more accurate precision",
                    "the one with the least noise", result.report.search_loss));
  }
  if (arguments.has("-o")) {
    const std::string head =
        fmt::format("# {} with {} mixed for {}: `mantissa run {} THIS_FILE --precision {}`.\n", workload.name,
                    arguments.text("--precisions"), chip.name, names[0], result.report.precisions.front());
    write_target(arguments, "-o",
                 head + study::mixed_workload(workload, result.report.precisions.front(), result.layers), streams);
  }
}

}  // namespace

Command mixed_command() {
  return {
      "mixed",
      "mixed CHIP WORKLOAD --precisions P,Q --max-loss X [OPTIONS]",
      "the cheapest format for each layer within a loss of accuracy",
      "Searches the assignment of precisions to layers that is cheapest on the chip, by simulated latency or energy,\n"
      "and loses at most --max-loss points of top-1 (or % of perplexity). It searches on training data that\n"
      "calibration does not use and reports the result on test data with its interval. The first precision is the\n"
      "base: its vector format holds tensors between layers, its recipe says how scales are chosen.",
      {{"--precisions", "P,Q", "precisions of the chip to choose from"},
       {"--max-loss", "X", "points of top-1, or % of perplexity, that may be lost on the data searched on"},
       {"--cost", "latency|energy", "what is made small; default: latency"},
       {"--batch", "N", "inputs in one run of the network, for time and energy; default: the workload's"},
       {"--images", "N", "training images (or texts) to search on; default: 1000 images, 16 texts"},
       {"--test-images", "N", "test images (or texts) to report on; default: the workload's"},
       {"-o", "FILE", "write the workload with the recipe found, for `mantissa run`; '-': on stdout, no table"},
       {"--json", "FILE", "also write the result as JSON; '-': JSON on stdout, no table"}},
      {"mantissa mixed h100_sxm fashion_resnet --precisions fp8_e4m3,fp16 --max-loss 0.3 --batch 256",
       "mantissa mixed ane_a17_pro fashion_mobilenet --precisions int8,fp16 --max-loss 0.2 --cost energy -o "
       "mixed.yaml"},
      execute_mixed};
}

}  // namespace mantissa::cli
