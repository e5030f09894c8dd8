// SPDX-License-Identifier: Apache-2.0
// How much of numerics::gemm's speed is left when the quantized executor runs the matrix products of a small language
// model: linear layers, attention scores and values. One core, processor time.
//   bench_execute_product [seconds per measurement, default 0.2]
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <functional>

#include "execute/executor.h"
#include "support/precisions.h"
#include "support/small_networks.h"

namespace {

using namespace mantissa;
using network::Op;
using network::Tensor;

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

struct Problem {
  const char* name;
  std::int64_t batch, m, n, k;
  bool linear;
};

double gemm_rate(const numerics::Datapath& d, const Problem& p, double seconds) {
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  if (d.accumulation == numerics::Accumulation::kInteger) {
    const std::vector<std::int8_t> a(size(p.m * p.k), 3), b(size(p.k * p.n), 5);
    std::vector<std::int32_t> c(size(p.m * p.n));
    return rate(seconds, [&] { numerics::gemm(p.m, p.n, p.k, a.data(), p.k, b.data(), p.n, c.data(), p.n); });
  }
  Tensor a = tests::random_tensor({p.m, p.k}, 1), b = tests::random_tensor({p.k, p.n}, 2);
  numerics::prepare_operand(d, d.a, a.floats());
  numerics::prepare_operand(d, d.b, b.floats());
  std::vector<float> c(size(p.m * p.n));
  return rate(seconds,
              [&] { numerics::gemm(d, p.m, p.n, p.k, a.floats().data(), p.k, b.floats().data(), p.n, c.data(), p.n); });
}

double executor_rate(const config::Precision& precision, const config::Recipe& recipe, const Problem& p,
                     double seconds) {
  tests::NetworkBuilder b;
  const auto x = b.input({p.batch, p.m, p.k});
  std::vector<Tensor> inputs{tests::random_tensor({p.batch, p.m, p.k}, 1)};
  network::ValueId second = -1;
  if (p.linear) {
    second = b.weights(tests::random_tensor({p.k, p.n}, 2));
  } else {
    second = b.input({p.batch, p.k, p.n});
    inputs.push_back(tests::random_tensor({p.batch, p.k, p.n}, 2));
  }
  const auto graph = b.build({b.node(Op::kMatMul, {x, second})});
  const auto executor = execute::make_quantized(graph, precision, recipe, {});
  return rate(seconds, [&] { executor->run(inputs); });
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.2;
  const Problem problems[] = {{"linear 256 x 192 -> 512", 1, 256, 512, 192, true},
                              {"linear 2048 x 192 -> 192", 8, 256, 192, 192, true},
                              {"linear 2048 x 512 -> 192", 8, 256, 192, 512, true},
                              {"linear 1024 x 512 -> 2048", 4, 256, 2048, 512, true},
                              {"scores 48 x (256 x 32 -> 256)", 48, 256, 256, 32, false},
                              {"values 48 x (256 x 256 -> 32)", 48, 256, 32, 256, false},
                              {"decode 1 x 512 -> 2048", 1, 1, 2048, 512, true}};
  config::Recipe per_token, grouped;
  per_token.activations.scaling = grouped.activations.scaling = config::Scaling::kDynamic;
  per_token.activations.granularity = grouped.activations.granularity = config::Granularity::kPerToken;
  grouped.weights.granularity = config::Granularity::kPerGroup;
  grouped.weights.group = 64;
  fmt::print(
      "{:8} {:30} {:>9} {:>9} {:>9}   GMAC/s: numerics::gemm, executor (scales per token), and per group of 64\n", "",
      "", "gemm", "executor", "grouped");
  for (const char* name : {"int8", "fp8_e4m3", "bf16", "fp16"}) {
    const auto precision = tests::precision(name);
    for (const Problem& p : problems) {
      const double macs = static_cast<double>(p.m * p.n * p.k) * 1e-9, all = macs * static_cast<double>(p.batch);
      fmt::print("{:8} {:30} {:9.2f} {:9.2f} {:9.2f}\n", name, p.name, gemm_rate(precision.matrix, p, seconds) * macs,
                 executor_rate(precision, per_token, p, seconds) * all,
                 p.linear ? executor_rate(precision, grouped, p, seconds) * all : 0.0);
    }
  }
}
