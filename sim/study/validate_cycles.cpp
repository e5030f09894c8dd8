// SPDX-License-Identifier: Apache-2.0
// Workloads measured in cycles on one core of a TPU v3 (artifact of PyTorchSim), by name: "gemm_256x256x256",
// "conv_64x56x56x64x64x3x1x1" (batch, height, width, channels in and out, kernel, stride, padding), "softmax_512x512",
// "attention_12x512x64" (heads, positions, channels), "bert_base" (one encoder block of 512 positions), "resnet50".
//
// MODEL: one core has its share of the chip's memory channels. Attention is three kernels, as the source says; operands
// come from DRAM and go back there. The type of the operands is not stated: the chip's default precision.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "network/import.h"
#include "study/kernel_run.h"
#include "study/timed_run.h"
#include "study/validate.h"

namespace mantissa::study {
namespace {

using Kernels = std::vector<LoneKernel>;
constexpr std::int64_t kMaxDimension = 1 << 20;

config::Chip one_core(const config::Chip& chip) {
  config::Chip one = chip;
  one.cores = 1;
  one.dram.channels = std::max(1, chip.dram.channels / chip.cores);
  one.dram.capacity = Bytes(chip.dram.capacity.count() / chip.cores);
  return one;
}

// "12x512x64" -> its numbers; empty where it is something else.
std::vector<std::int64_t> numbers_in(const std::string& text) {
  std::vector<std::int64_t> numbers;
  const char *at = text.data(), *end = at + text.size();
  while (at < end) {
    std::int64_t value = 0;
    const auto [stopped, status] = std::from_chars(at, end, value);
    if (status != std::errc{} || value < 0 || value > kMaxDimension || (stopped != end && *stopped != 'x')) {
      return {};
    }
    numbers.push_back(value);
    at = stopped == end ? end : stopped + 1;
  }
  return numbers;
}

Kernels attention_kernels(std::int64_t heads, std::int64_t positions, std::int64_t channels) {
  return {gemm(positions, positions, channels, false, heads),
          reduction(network::Op::kSoftmax, {heads, positions, positions}),
          gemm(positions, channels, positions, false, heads)};
}

LoneKernel layer(std::int64_t m, std::int64_t n, std::int64_t k, double ops, double specials) {
  LoneKernel kernel = gemm(m, n, k, true);
  kernel.kernel.epilogue_ops = ops;
  kernel.kernel.epilogue_specials = specials;
  return kernel;
}

// Devlin et al., 2018, and the larger one of the source: heads of 64 channels, feed-forward of four times the width.
Kernels bert_block(std::int64_t width, std::int64_t heads) {
  constexpr std::int64_t kPositions = 512, kFeedForward = 4;
  const network::OpInfo& gelu = network::info(network::Op::kGelu);
  const LoneKernel norm = reduction(network::Op::kLayerNormalization, {kPositions, width});
  Kernels kernels(3, layer(kPositions, width, width, 1, 0));  // queries, keys, values
  for (LoneKernel& k : attention_kernels(heads, kPositions, width / heads)) {
    kernels.push_back(std::move(k));
  }
  kernels.push_back(layer(kPositions, width, width, 2, 0));  // bias and residual
  kernels.push_back(norm);
  kernels.push_back(layer(kPositions, kFeedForward * width, width, 1 + gelu.vector_ops, gelu.special_ops));
  kernels.push_back(layer(kPositions, width, kFeedForward * width, 2, 0));
  kernels.push_back(norm);
  return kernels;
}

struct NamedKernels {
  std::string group;
  int order = 0;
  Kernels kernels;
};

std::optional<NamedKernels> kernels_of(const std::string& name) {
  const std::size_t line = name.find('_');
  const std::string kind = name.substr(0, line);
  const std::vector<std::int64_t> n =
      line == std::string::npos ? std::vector<std::int64_t>{} : numbers_in(name.substr(line + 1));
  const bool positive = std::all_of(n.begin(), n.end(), [](std::int64_t v) { return v > 0; });
  if (kind == "gemm" && n.size() == 3 && positive) {
    return NamedKernels{"GEMM", 0, {gemm(n[0], n[1], n[2])}};
  }
  if (kind == "conv" && n.size() == 8 && n[5] > 0 && n[6] > 0 && *std::min_element(n.begin(), n.end() - 1) > 0 &&
      n[1] + 2 * n[7] >= n[5] && n[2] + 2 * n[7] >= n[5]) {
    return NamedKernels{"convolution", 1, {conv(n[0], n[3], n[1], n[2], n[4], n[5], n[6], n[7])}};
  }
  if ((kind == "softmax" || kind == "layernorm") && n.size() == 2 && positive) {
    const network::Op op = kind == "softmax" ? network::Op::kSoftmax : network::Op::kLayerNormalization;
    return NamedKernels{kind == "softmax" ? "softmax" : "layer norm", 2, {reduction(op, {n[0], n[1]})}};
  }
  if (kind == "attention" && n.size() == 3 && positive) {
    return NamedKernels{"attention", 4, attention_kernels(n[0], n[1], n[2])};
  }
  struct Block {
    std::string_view name;
    std::int64_t width, heads;
  };
  for (const Block& block :
       {Block{"bert_base", 768, 12}, Block{"bert_large", 1024, 16}, Block{"bert_xlarge", 2048, 32}}) {
    if (name == block.name) {
      return NamedKernels{"BERT block", 5, bert_block(block.width, block.heads)};
    }
  }
  return std::nullopt;
}

double kernel_cycles(const config::Chip& chip, const Kernels& kernels) {
  Seconds sum{};
  for (const KernelRun& run : run_kernels(chip, "", kernels)) {
    sum += run.latency;
  }
  return sum.count() * chip.clock().count();
}

// A network of workloads/, one input.
double network_cycles(const config::Chip& chip, const std::string& file) {
  const config::Workload workload = config::load_workload(file);
  const network::Graph graph = network::load_network(workload, 1);
  const config::PrecisionPlan plan(find_precision(chip, ""));
  return time_run(chip, workload, plan, graph).latency.count() * chip.clock().count();
}

}  // namespace

void add_cycles(const MeasuredTable& table, const MeasuredTable::Field& name, report::ValidationRow row,
                ValidationInput& input) {
  const config::Chip chip = one_core(input.chip);
  row.what = name.text;
  if (auto found = kernels_of(name.text)) {
    row.group = found->group + ", cycles", row.group_order = kCyclesOrder + found->order;
    input.add(std::move(row), [chip, kernels = std::move(found->kernels)] { return kernel_cycles(chip, kernels); });
    return;
  }
  row.group = "networks, cycles", row.group_order = kCyclesOrder + 9;
  if (const std::string file = network_file(name.text); !file.empty()) {
    input.add(std::move(row), [chip, file] { return network_cycles(chip, file); });
    return;
  }
  if (name.text.empty()) {
    throw table.error(name, "this field is empty; every row needs one");
  }
  input.add_not_modelled(std::move(row), "no workload of this name");
}

void interpret_cycles(const MeasuredTable& table, ValidationInput& input) {
  for (const MeasuredTable::Row& row : table.rows()) {
    if (!input.is_of("TPU v3")) {
      continue;
    }
    report::ValidationRow r;
    r.id = table.text(row, "Workload");
    r.unit = "cycles", r.measured = table.number(row, "TPUv3");
    r.source = "PyTorchSim artifact (MICRO 2025)";
    if (r.id.empty()) {
      throw table.error(table.field(row, "Workload"), "this field is empty; every row needs one");
    }
    add_cycles(table, table.field(row, "Workload"), std::move(r), input);
  }
}

}  // namespace mantissa::study
