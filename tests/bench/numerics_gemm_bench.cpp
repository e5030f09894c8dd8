// SPDX-License-Identifier: Apache-2.0
// Multiply-accumulates per second of the numerics kernels for the datapaths and matrix shapes in use: on one core, for
// each instruction set, beside OpenBLAS and oneDNN where they were found when this was built; and with two threads.
//   bench_numerics_gemm [seconds per measurement, default 0.2] [text: only datapaths whose name contains it]
#include <fmt/format.h>
#include <hwy/targets.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "numerics/datapath.h"

#ifdef MANTISSA_BENCH_OPENBLAS
#include <cblas.h>
#endif
#ifdef MANTISSA_BENCH_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace {

using namespace mantissa::numerics;

struct Shape {
  std::int64_t m, p, k;
  const char* what;
  double gmacs() const { return static_cast<double>(m * p * k) * 1e-9; }
  std::string name() const { return fmt::format("{}x{}x{}", m, p, k); }
};

const std::vector<Shape> kShapes = {{512, 512, 512, "square"},           {1024, 1024, 1024, "square"},
                                    {256, 3136, 576, "3x3 convolution"}, {160, 4096, 576, "3x3 convolution"},
                                    {64, 12544, 147, "7x7 stem"},        {16, 16384, 9, "depthwise"},
                                    {1, 4096, 4096, "matrix x vector"}};

Datapath aligned(const char* name, const char* operand, const char* accumulator, int group, int fraction_bits) {
  Datapath d;
  d.name = name;
  d.a = d.b = find_format(operand).value();
  d.accumulator = find_format(accumulator).value();
  d.accumulator_rounding = d.accumulator.name == "fp16" ? Rounding::kNearestEven : Rounding::kTowardZero;
  d.group = group;
  d.align_fraction_bits = fraction_bits;
  d.output = find_format(d.accumulator.name == "fp16" ? "fp16" : "fp32").value();
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

std::vector<Datapath> float_datapaths() {
  std::vector<Datapath> all = {fp32_reference(), aligned("Hopper e4m3", "e4m3", "e8m13", 32, 13),
                               aligned("Hopper e4m3, promoted", "e4m3", "e8m13", 32, 13)};
  all.back().promote_every = 128;
  all.push_back(aligned("Hopper e4m3 to fp16", "e4m3", "fp16", 32, 13));
  all.push_back(aligned("Hopper e4m3 mma.sync", "e4m3", "fp16", 16, 25));
  all.back().interleave = all.back().interleave_run = 2;
  all.back().promote_every = 32;
  all.back().promotion = find_format("fp16").value();
  all.push_back(aligned("Hopper fp16", "fp16", "fp32", 16, 25));
  all.push_back(aligned("Hopper fp16 to fp16", "fp16", "fp16", 16, 25));
  all.push_back(aligned("Hopper bf16", "bf16", "fp32", 16, 25));
  all.push_back(aligned("Hopper tf32", "tf32", "fp32", 8, 25));
  all.push_back(exact("TPU bf16", "bf16", 0));
  for (const int passes : {3, 6}) {
    all.push_back(exact("TPU fp32", "fp32", 0));
    all.back().name += fmt::format(", {} passes", passes);
    all.back().split_passes = passes;
    all.back().split_format = find_format("bf16").value();
  }
  all.push_back(exact("ANE fp16", "fp16", 11));
  all.push_back(exact("exact fp32", "fp32", 0));
  all.push_back(aligned("aligned fp32, F 40", "fp32", "fp32", 8, 40));
  all.push_back(aligned("aligned bf16, F 32", "bf16", "e6m17", 16, 32));
  all.push_back(fp32_reference());
  all.back().name = "fma chain in e6m11";
  all.back().accumulator = find_format("e6m11").value();
  return all;
}

Datapath integers(int bits, IntegerOverflow overflow) {
  Datapath d;
  d.name = fmt::format("int8 to int{}{}", bits, overflow == IntegerOverflow::kSaturate ? ", saturating" : "");
  d.a = d.b = find_format("int8").value();
  d.accumulation = Accumulation::kInteger;
  d.group = 32;
  d.accumulator = d.output = find_accumulator(fmt::format("int{}", bits)).value();
  d.integer_overflow = overflow;
  return d;
}

// Calls per second of processor time (other programs on the machine hardly count): the best of several measurements,
// after a call to warm up.
double rate(double seconds, const std::function<void()>& work) {
  const auto time = [&](int calls) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < calls; ++i) {
      work();
    }
    return std::max(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 1e-7);
  };
  const double cold = time(1);  // may compile or allocate
  const double first = cold > 2 * seconds ? cold : time(1);
  const int calls = std::max(1, static_cast<int>(seconds / 3 / first));
  double best = 1 / first;
  for (int part = 0; part < 3 && first < 2 * seconds; ++part) {
    best = std::max(best, calls / time(calls));
  }
  return best;
}

struct ThreadRate {
  double wall, processor;  // calls per second of the wall clock, and per second of all threads' processor time
};

// `threads` threads each calling work(thread, threads): the best of several measurements.
ThreadRate thread_rate(double seconds, int threads, const std::function<void(int, int)>& work) {
  using Clock = std::chrono::steady_clock;
  ThreadRate best{};
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  do {
    const auto start = Clock::now();
    const std::clock_t processor_start = std::clock();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) {
      others.emplace_back(work, t, threads);
    }
    work(0, threads);
    for (std::thread& other : others) {
      other.join();
    }
    best.wall = std::max(best.wall, 1 / std::chrono::duration<double>(Clock::now() - start).count());
    best.processor =
        std::max(best.processor, CLOCKS_PER_SEC / std::max(1.0, static_cast<double>(std::clock() - processor_start)));
  } while (Clock::now() < end);
  return best;
}

template <class Operand, class Sum>
struct Problem {
  std::vector<Operand> a, b;
  std::vector<Sum> c;
};

Problem<float, float> floats(const Datapath& d, const Shape& s) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Problem<float, float> problem;
  problem.a.resize(static_cast<std::size_t>(s.m * s.k));
  problem.b.resize(static_cast<std::size_t>(s.p * s.k));
  problem.c.resize(static_cast<std::size_t>(s.m * s.p));
  for (std::vector<float>* v : {&problem.a, &problem.b}) {
    std::generate(v->begin(), v->end(), [&] { return normal(random); });
  }
  prepare_operand(d, d.a, problem.a);
  prepare_operand(d, d.b, problem.b);
  return problem;
}

Problem<std::int8_t, std::int32_t> bytes(const Shape& s) {
  std::mt19937 random(1);
  Problem<std::int8_t, std::int32_t> problem;
  problem.a.resize(static_cast<std::size_t>(s.m * s.k));
  problem.b.resize(static_cast<std::size_t>(s.p * s.k));
  problem.c.resize(static_cast<std::size_t>(s.m * s.p));
  for (std::vector<std::int8_t>* v : {&problem.a, &problem.b}) {
    std::generate(v->begin(), v->end(), [&] { return static_cast<std::int8_t>(random() % 256); });
  }
  return problem;
}

enum class Split { kColumns, kRows };

// `part` of `parts` of the result.
template <class Operand, class Sum>
void multiply(const Datapath& d, const Shape& s, Problem<Operand, Sum>& x, Split split = Split::kColumns, int part = 0,
              int parts = 1) {
  const std::int64_t all = split == Split::kColumns ? s.p : s.m;
  const std::int64_t first = all * part / parts;
  const std::int64_t count = all * (part + 1) / parts - first;
  if (split == Split::kColumns) {
    gemm(d, s.m, count, s.k, x.a.data(), s.k, x.b.data() + first, s.p, x.c.data() + first, s.p);
  } else {
    gemm(d, count, s.p, s.k, x.a.data() + first * s.k, s.k, x.b.data(), s.p, x.c.data() + first * s.p, s.p);
  }
}

void print_head(const char* title) {
  fmt::print("\n{}\n{:26}", title, "m x p x k");
  for (const Shape& s : kShapes) {
    fmt::print("{:>18}", s.name());
  }
  fmt::print("\n{:26}", "");
  for (const Shape& s : kShapes) {
    fmt::print("{:>18}", s.what);
  }
  fmt::print("\n");
}

std::string wanted;  // part of a datapath's name

// A row of GMAC/s, and their part of `reference` where there is one. Returns the rates.
std::vector<double> print_row(const std::string& name, const std::vector<double>& reference,
                              const std::function<double(const Shape&)>& measure) {
  std::vector<double> rates;
  if (name.find(wanted) == std::string::npos) {
    return rates;
  }
  fmt::print("{:26}", name);
  for (std::size_t i = 0; i < kShapes.size(); ++i) {
    rates.push_back(measure(kShapes[i]));
    const std::string part =
        i < reference.size() ? fmt::format(" ({:.2f})", rates.back() / reference[i]) : std::string();
    fmt::print("{:>18}", fmt::format("{:.2f}{}", rates.back(), part));
    std::fflush(stdout);
  }
  fmt::print("\n");
  return rates;
}

struct References {
  std::vector<double> fp32, int8;  // empty: not there
};

References print_references([[maybe_unused]] double seconds) {
  References references;
  print_head("Other libraries, GMAC/s on one core");
#ifdef MANTISSA_BENCH_OPENBLAS
  references.fp32 = print_row("OpenBLAS fp32", {}, [&](const Shape& s) {
    auto x = floats(fp32_reference(), s);
    const auto size = [](std::int64_t n) { return static_cast<blasint>(n); };
    return s.gmacs() * rate(seconds, [&] {
             cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size(s.m), size(s.p), size(s.k), 1.0F, x.a.data(),
                         size(s.k), x.b.data(), size(s.p), 0.0F, x.c.data(), size(s.p));
           });
  });
#endif
#ifdef MANTISSA_BENCH_ONEDNN
  const auto fp32 = print_row("oneDNN fp32", {}, [&](const Shape& s) {
    auto x = floats(fp32_reference(), s);
    return s.gmacs() * rate(seconds, [&] {
             dnnl_sgemm('N', 'N', s.m, s.p, s.k, 1.0F, x.a.data(), s.k, x.b.data(), s.p, 0.0F, x.c.data(), s.p);
           });
  });
  for (std::size_t i = 0; i < fp32.size(); ++i) {
    i < references.fp32.size() ? references.fp32[i] = std::max(references.fp32[i], fp32[i])
                               : (references.fp32.push_back(fp32[i]), fp32[i]);
  }
  references.int8 = print_row("oneDNN int8", {}, [&](const Shape& s) {
    auto x = bytes(s);
    const std::int32_t offset = 0;
    return s.gmacs() * rate(seconds, [&] {
             dnnl_gemm_s8s8s32('N', 'N', 'F', s.m, s.p, s.k, 1.0F, x.a.data(), s.k, 0, x.b.data(), s.p, 0, 0.0F,
                               x.c.data(), s.p, &offset);
           });
  });
#endif
  return references;
}

void print_instruction_set(std::int64_t set, double seconds, const References& references) {
  hwy::SetSupportedTargetsForTest(set == HWY_AVX3 ? set | HWY_AVX3_DL : set);  // the latter: INT8 with VNNI
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  print_head(fmt::format("{}, GMAC/s on one core (and the part of the better fp32 or of oneDNN's int8 above)",
                         hwy::TargetName(set))
                 .c_str());
  for (const Datapath& d : float_datapaths()) {
    print_row(d.name, references.fp32, [&](const Shape& s) {
      auto x = floats(d, s);
      return s.gmacs() * rate(seconds, [&] { multiply(d, s, x); });
    });
  }
  for (const Datapath& d : {integers(32, IntegerOverflow::kWrap), integers(32, IntegerOverflow::kSaturate),
                            integers(16, IntegerOverflow::kSaturate)}) {
    print_row(d.name, references.int8, [&](const Shape& s) {
      auto x = bytes(s);
      return s.gmacs() * rate(seconds, [&] { multiply(d, s, x); });
    });
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

using PartOfWork = std::function<void(Split, int, int)>;

// A row of print_threads; `repetitions` in one measurement, because starting a thread takes time, too.
void print_scaling(const std::string& name, double gmacs, double seconds, int repetitions,
                   const PartOfWork& multiply_part) {
  if (name.find(wanted) == std::string::npos) {
    return;
  }
  const auto measure = [&](int threads, Split split) {
    return thread_rate(4 * seconds, threads, [&](int part, int parts) {
      for (int i = 0; i < repetitions; ++i) {
        multiply_part(split, part, parts);
      }
    });
  };
  const ThreadRate one = measure(1, Split::kColumns);
  fmt::print("{:26}{:>10.2f}", name, repetitions * gmacs * one.wall);
  for (const Split split : {Split::kColumns, Split::kRows}) {
    const ThreadRate two = measure(2, split);
    fmt::print("{:>12.2f}{:>8.2f}{:>8.2f}", repetitions * gmacs * two.wall, two.wall / one.wall,
               2 * two.processor / one.processor);
  }
  fmt::print("\n");
}

// The ratio by the clock on the wall needs a second core without other work; twice the ratio of the processor times is
// what it would be there.
void print_threads(double seconds) {
  const Shape s = kShapes[1];
  fmt::print("\nTwo threads against one, {}: G MAC/s, ratio, ratio by processor time\n{:26}{:>10}{:>28}{:>28}\n",
             s.name(), "", "one", "two, columns split", "two, rows split");
  for (const Datapath& d : float_datapaths()) {
    auto x = floats(d, s);
    print_scaling(d.name, s.gmacs(), seconds, 1,
                  [&](Split split, int part, int parts) { multiply(d, s, x, split, part, parts); });
  }
  const Datapath int8 = integers(32, IntegerOverflow::kWrap);
  auto x = bytes(s);
  print_scaling(int8.name, s.gmacs(), seconds, 16,
                [&](Split split, int part, int parts) { multiply(int8, s, x, split, part, parts); });
}

}  // namespace

int main(int argc, char** argv) {
  // The other libraries read their number of threads when they are loaded.
  if (setenv("OMP_NUM_THREADS", "1", 0) == 0 && std::getenv("MANTISSA_BENCH_CHILD") == nullptr) {
    setenv("OPENBLAS_NUM_THREADS", "1", 0);
    setenv("MANTISSA_BENCH_CHILD", "1", 1);
    execv("/proc/self/exe", argv);
  }
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.2;
  wanted = argc > 2 ? argv[2] : "";
  const References references = print_references(seconds);
  const std::int64_t sets = hwy::SupportedTargets();
  for (const std::int64_t set : {HWY_AVX3, HWY_AVX2}) {
    if ((sets & set) != 0) {
      print_instruction_set(set, seconds, references);
    }
  }
  print_threads(seconds);
  std::vector<float> values(1U << 20U, 1.3F);
  fmt::print("\nprepare_operand, Gelement/s:");
  for (const Datapath& d : {float_datapaths()[1], float_datapaths()[5], exact("TPU bf16", "bf16", 0)}) {
    const double calls = rate(seconds, [&] { prepare_operand(d, d.a, values); });
    fmt::print("  {} {:.2f}", d.name, calls * static_cast<double>(values.size()) * 1e-9);
  }
  fmt::print("\n");
  return 0;
}
