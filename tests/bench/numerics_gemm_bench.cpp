// SPDX-License-Identifier: Apache-2.0
// Multiply-accumulates per second of the numerics kernels on one core, for the datapaths and matrix shapes in use.
//   bench_numerics_gemm [seconds per measurement, default 0.2]
#include <fmt/format.h>
#include <hwy/targets.h>

#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>
#include <vector>

#include "numerics/datapath.h"

namespace {

using namespace mantissa::numerics;

struct Shape {
  std::int64_t m, p, k;
};

Datapath aligned(const char* operand, const char* accumulator, int group, int fraction_bits, int promote_every = 0) {
  Datapath d;
  d.name = promote_every > 0 ? fmt::format("{}, promote {}", operand, promote_every) : operand;
  d.a = d.b = find_format(operand).value();
  d.accumulator = find_format(accumulator).value();
  d.group = group;
  d.align_fraction_bits = fraction_bits;
  d.promote_every = promote_every;
  d.output = find_format("fp32").value();
  return d;
}

Datapath exact(const char* name, const char* operand, int tile_fraction_bits) {
  Datapath d;
  d.name = name;
  d.a = d.b = find_format(operand).value();
  d.accumulation = Accumulation::kExact;
  d.group = 4;
  d.tile_fraction_bits = tile_fraction_bits;
  d.accumulator = d.output = find_format("fp32").value();
  d.accumulator_rounding = Rounding::kNearestEven;
  return d;
}

// Calls per second of processor time (other programs on the machine do not count), at least three calls.
double rate(double seconds, const std::function<void()>& work) {
  work();
  const std::clock_t start = std::clock();
  double elapsed = 0;
  int calls = 0;
  while (elapsed < seconds || calls < 3) {
    work();
    ++calls;
    elapsed = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  }
  return calls / elapsed;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.2;
  const std::vector<Shape> shapes = {{64, 8192, 144}, {160, 4096, 576}, {16, 16384, 9},
                                     {1, 65536, 9},   {1, 65536, 25},   {10, 256, 1024}};
  const std::vector<Datapath> datapaths = {fp32_reference(),
                                           aligned("e4m3", "e8m13", 32, 13),
                                           aligned("e4m3", "e8m13", 32, 13, 128),
                                           aligned("fp16", "fp32", 16, 25),
                                           aligned("bf16", "fp32", 16, 25),
                                           aligned("tf32", "fp32", 8, 25),
                                           exact("tpu bf16", "bf16", 0),
                                           exact("tpu fp32", "fp32", 0),
                                           exact("ane fp16", "fp16", 11)};
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const std::int64_t sets = hwy::SupportedTargets() & (HWY_AVX3 | HWY_AVX2 | HWY_SCALAR);
  fmt::print("GMAC/s on one core, {} (and the part of FP32's)\n{:22}", hwy::TargetName(sets & -sets), "m x p x k");
  for (const Shape& s : shapes) {
    fmt::print("{:>22}", fmt::format("{}x{}x{}", s.m, s.p, s.k));
  }
  fmt::print("\n");
  std::vector<double> fp32_rate(shapes.size());
  const auto print_cell = [&](std::size_t i, double gmacs) {
    fp32_rate[i] = fp32_rate[i] == 0 ? gmacs : fp32_rate[i];
    fmt::print("{:>22}", fmt::format("{:.2f} ({:.2f})", gmacs, gmacs / fp32_rate[i]));
  };
  for (const Datapath& d : datapaths) {
    fmt::print("{:22}", d.name);
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const Shape& s = shapes[i];
      std::vector<float> a(static_cast<std::size_t>(s.m * s.k)), b(static_cast<std::size_t>(s.p * s.k)),
          c(static_cast<std::size_t>(s.m * s.p));
      for (std::vector<float>* v : {&a, &b}) {
        for (float& x : *v) {
          x = normal(random);
        }
      }
      prepare_operand(d, d.a, a);
      prepare_operand(d, d.b, b);
      const double calls = rate(seconds, [&] { gemm(d, s.m, s.p, s.k, a.data(), s.k, b.data(), s.p, c.data(), s.p); });
      print_cell(i, calls * static_cast<double>(s.m * s.p * s.k) * 1e-9);
    }
    fmt::print("\n");
  }
  fmt::print("{:22}", "int8");
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Shape& s = shapes[i];
    std::vector<std::int8_t> a(static_cast<std::size_t>(s.m * s.k)), b(static_cast<std::size_t>(s.p * s.k));
    std::vector<std::int32_t> c(static_cast<std::size_t>(s.m * s.p));
    for (std::vector<std::int8_t>* v : {&a, &b}) {
      for (std::int8_t& x : *v) {
        x = static_cast<std::int8_t>(random() % 256);
      }
    }
    const double calls = rate(seconds, [&] { gemm(s.m, s.p, s.k, a.data(), s.k, b.data(), s.p, c.data(), s.p); });
    print_cell(i, calls * static_cast<double>(s.m * s.p * s.k) * 1e-9);
  }
  std::vector<float> values(1U << 20U);
  for (float& x : values) {
    x = normal(random);
  }
  fmt::print("\n\nprepare_operand, Gelement/s:");
  for (const Datapath& d : datapaths) {
    const double calls = rate(seconds, [&] { prepare_operand(d, d.a, values); });
    fmt::print("  {} {:.2f}", d.name, calls * static_cast<double>(values.size()) * 1e-9);
  }
  fmt::print("\n");
  return 0;
}
