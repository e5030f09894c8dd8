// SPDX-License-Identifier: Apache-2.0
#include "study/kernel_run.h"

#include <fmt/format.h>

#include "base/error.h"
#include "chips/placement.h"
#include "study/simulate.h"
#include "study/timed_run.h"

namespace mantissa::study {
namespace {

using network::Operand;
using network::Shape;
using network::Storage;

// Gives every operand a value of its own in the graph.
void add_values(network::Graph& graph, std::vector<Operand>& operands, const std::vector<Shape>& shapes,
                const char* what) {
  check(shapes.empty() || shapes.size() == operands.size(), "a shape for each operand");
  for (std::size_t i = 0; i < operands.size(); ++i) {
    network::Value value;
    value.name = fmt::format("{}{}", what, i);
    value.shape = shapes.empty() ? Shape{operands[i].elements} : shapes[i];
    check(network::element_count(value.shape) == operands[i].elements, "an operand's shape holds its elements");
    value.parameter = operands[i].weights;
    operands[i].value = static_cast<network::ValueId>(graph.values.size());
    graph.values.push_back(std::move(value));
  }
}

void move(std::vector<chips::Stream>& streams, const std::vector<bool>& on_chip) {
  check(on_chip.empty() || on_chip.size() == streams.size(), "a place for each operand");
  for (std::size_t i = 0; i < on_chip.size(); ++i) {
    streams[i].on_chip = on_chip[i];
  }
}

Operand operand(const Shape& shape, Storage storage, bool weights = false) {
  return {-1, network::element_count(shape), storage, weights};
}

LoneKernel lone(std::string name, network::Work work, std::vector<Operand> reads, std::vector<Shape> read_shapes,
                const Shape& write_shape) {
  LoneKernel k;
  k.kernel.name = std::move(name);
  k.kernel.work = work;
  k.kernel.reads = std::move(reads);
  k.kernel.writes = {operand(write_shape, Storage::kVector)};
  k.place.read_shapes = std::move(read_shapes);
  k.place.write_shapes = {write_shape};
  return k;
}

}  // namespace

std::vector<KernelRun> run_kernels(const config::Chip& chip, const std::string& precision_name,
                                   std::span<const LoneKernel> given) {
  const config::Precision& precision = find_precision(chip, precision_name);
  const config::PrecisionPlan plan(precision);
  network::Graph graph;
  std::vector<network::Kernel> kernels;
  for (const LoneKernel& each : given) {
    network::Kernel& kernel = kernels.emplace_back(each.kernel);
    add_values(graph, kernel.reads, each.place.read_shapes, "read");
    add_values(graph, kernel.writes, each.place.write_shapes, "write");
    for (const Operand& write : kernel.writes) {
      graph.outputs.push_back(write.value);
    }
  }
  chips::Placement placement = chips::place(chip, plan, graph, kernels);
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    move(placement.kernels[i].reads, given[i].place.reads_on_chip);
    move(placement.kernels[i].writes, given[i].place.writes_on_chip);
  }
  const Timing timing = simulate(chip, plan, placement);
  std::vector<KernelRun> runs;
  for (const KernelTiming& timed : timing.kernels) {
    KernelRun& run = runs.emplace_back();
    run.counters = timed.counters;
    run.clock = timing.clock;
    run.latency = at(run.counters.timeline.total, timing.clock);
    run.mapping = timed.mapping;
    run.energy = energy::energy_of(chip, precision, run.counters, timing.clock);
    run.power = average_power(run.energy.total(), run.latency);
  }
  return runs;
}

KernelRun run_kernel(const config::Chip& chip, const std::string& precision, const LoneKernel& kernel) {
  return run_kernels(chip, precision, std::span(&kernel, 1)).front();
}

KernelRun run_kernel(const config::Chip& chip, const std::string& precision, const network::Kernel& kernel,
                     const KernelPlace& place) {
  return run_kernel(chip, precision, LoneKernel{kernel, place});
}

LoneKernel gemm(std::int64_t m, std::int64_t n, std::int64_t k, bool weights, std::int64_t batch) {
  const Shape a = {batch, m, k}, b = {batch, k, n};
  return lone("gemm", network::GemmWork{batch, m, n, k},
              {operand(a, Storage::kMatrix), operand(b, Storage::kMatrix, weights)}, {a, b}, {batch, m, n});
}

LoneKernel conv(std::int64_t n, std::int64_t channels, std::int64_t height, std::int64_t width,
                std::int64_t out_channels, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
  network::ConvWork work;
  work.n = n, work.c = channels, work.h = height, work.w = width, work.out_c = out_channels;
  work.out_h = (height + 2 * padding - kernel) / stride + 1;
  work.out_w = (width + 2 * padding - kernel) / stride + 1;
  work.kernel_h = work.kernel_w = kernel;
  work.stride_h = work.stride_w = stride;
  const Shape input = {n, channels, height, width}, weights = {out_channels, channels, kernel, kernel};
  return lone("conv", work, {operand(input, Storage::kMatrix), operand(weights, Storage::kMatrix, true)},
              {input, weights}, {n, out_channels, work.out_h, work.out_w});
}

LoneKernel elementwise(network::Op op, const Shape& shape) {
  const network::OpInfo& info = network::info(op);
  check(info.kind == network::KernelKind::kVector, "an element-wise operator");
  const std::size_t inputs = info.arity.min_inputs >= 2 ? 2 : 1;
  return lone(std::string(info.name),
              network::VectorWork{network::element_count(shape), info.vector_ops, info.special_ops},
              std::vector<Operand>(inputs, operand(shape, Storage::kVector)), std::vector<Shape>(inputs, shape), shape);
}

LoneKernel reduction(network::Op op, const Shape& shape) {
  const network::OpInfo& info = network::info(op);
  check(info.kind == network::KernelKind::kReduce && !shape.empty() && shape.back() > 0, "an operator over rows");
  const std::int64_t length = shape.back();
  return lone(std::string(info.name),
              network::ReduceWork{network::element_count(shape) / length, length, info.reduce_passes, info.vector_ops,
                                  info.special_ops},
              {operand(shape, Storage::kVector)}, {shape}, shape);
}

LoneKernel attention(const network::AttentionWork& work) {
  const Shape q = {work.batch, work.heads, work.q_length, work.head_dim};
  const Shape kv = {work.batch, work.kv_heads, work.kv_length, work.head_dim};
  return lone("attention", work,
              {operand(q, Storage::kMatrix), operand(kv, Storage::kMatrix), operand(kv, Storage::kMatrix)}, {q, kv, kv},
              q);
}

LoneKernel copy(const Shape& shape, bool to_chip) {
  const std::int64_t elements = network::element_count(shape);
  LoneKernel k =
      lone("copy", network::CopyWork{elements, elements}, {operand(shape, Storage::kVector)}, {shape}, shape);
  k.place.reads_on_chip = {false};
  k.place.writes_on_chip = {to_chip};
  return k;
}

}  // namespace mantissa::study
