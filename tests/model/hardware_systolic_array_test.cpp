// SPDX-License-Identifier: Apache-2.0
// The PE-by-PE systolic array: its cycles against the closed form, its results against a plain chain of datapath steps.
#include <gtest/gtest.h>

#include <bit>
#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <vector>

#include "hardware/systolic_array.h"

namespace mantissa::testing {
namespace {

using hardware::SystolicArray;
using hardware::SystolicShape;

numerics::Datapath bf16_in_fours() {
  numerics::Datapath d;
  d.name = "bf16";
  d.a = d.b = *numerics::find_format("bf16");
  d.accumulation = numerics::Accumulation::kExact;
  d.group = 4;
  d.accumulator = d.output = *numerics::find_format("fp32");
  d.accumulator_rounding = numerics::Rounding::kNearestEven;
  return d;
}

numerics::Datapath int8_sums() {
  numerics::Datapath d;
  d.name = "int8";
  d.a = d.b = *numerics::find_format("int8");
  d.accumulation = numerics::Accumulation::kInteger;
  d.group = 1;
  d.accumulator = d.output = *numerics::find_format("int32");
  return d;
}

struct Problem {
  SystolicShape shape;
  std::int64_t m = 0, n = 0, k = 0;
};

Problem random_problem(std::mt19937& rng) {
  const auto pick = [&](int low, int high) {
    return low + static_cast<int>(rng() % static_cast<unsigned>(high - low + 1));
  };
  Problem p;
  p.shape.rows = 4 * pick(1, 4);
  p.shape.cols = pick(4, 16);
  p.shape.weight_rows_per_cycle = pick(0, 2) == 0 ? 1 : pick(0, 1) == 0 ? 2 : 4;
  p.shape.double_buffered = rng() % 2 == 0;
  p.m = pick(1, 40), p.n = pick(1, 40), p.k = pick(1, 40);
  return p;
}

// The machine's cycles, written again from its schedule: when each weight tile starts.
std::int64_t cycles_by_schedule(const Problem& p) {
  const SystolicShape& s = p.shape;
  const std::int64_t load = s.rows / s.weight_rows_per_cycle;
  const std::int64_t k_tiles = (p.k + s.rows - 1) / s.rows, n_tiles = (p.n + s.cols - 1) / s.cols;
  const std::int64_t drain = p.m + s.rows + s.cols - 2;
  std::vector<std::int64_t> starts;
  for (std::int64_t tile = 0; tile < k_tiles * n_tiles; ++tile) {
    std::int64_t start = load;
    if (tile > 0) {
      start = s.double_buffered ? starts.back() + std::max(p.m, load) : starts.back() + drain + load;
    }
    if (tile >= n_tiles) {
      start =
          std::max(start, starts[static_cast<std::size_t>(tile - n_tiles)] + s.rows);  // sums come back from the bottom
    }
    starts.push_back(start);
  }
  return starts.back() + drain;
}

// All arrays exist before time starts; then they work one after another.
struct Bench : sc_core::sc_module {
  explicit Bench(const sc_core::sc_module_name& name) : sc_module(name) {
    SC_HAS_PROCESS(Bench);
    SC_THREAD(run_jobs);
  }
  void run_jobs() {
    for (auto& job : jobs) {
      job();
    }
    sc_core::sc_stop();
  }
  SystolicArray& add(const Problem& p, const numerics::Datapath& datapath) {
    arrays.push_back(std::make_unique<SystolicArray>(sc_core::sc_gen_unique_name("array"), p.shape, datapath));
    arrays.back()->clock(clock);
    return *arrays.back();
  }
  void wait_for(SystolicArray& array) {
    wait(array.product_done());
    array.rethrow_failure();
  }
  sc_core::sc_clock clock{"clock", 1, sc_core::SC_NS};
  std::vector<std::unique_ptr<SystolicArray>> arrays;
  std::vector<std::function<void()>> jobs;
};

TEST(SystolicArray, EqualsTheClosedFormAndTheDatapathOnRandomFloatProducts) {
  std::mt19937 rng(11);
  Bench bench("bench");
  int done = 0;
  const numerics::Datapath datapath = bf16_in_fours();
  for (int i = 0; i < 120; ++i) {
    const Problem p = random_problem(rng);
    SystolicArray& array = bench.add(p, datapath);
    std::vector<float> a(static_cast<std::size_t>(p.m * p.k)), b(static_cast<std::size_t>(p.k * p.n));
    for (auto* operand : {&a, &b}) {
      for (float& x : *operand) {
        const float wide =
            std::ldexp(static_cast<float>(static_cast<std::int32_t>(rng())), static_cast<int>(rng() % 24) - 40);
        x = rng() % 8 == 0 ? 0.0F : numerics::round_to(datapath.a, wide);
      }
    }
    bench.jobs.push_back([&bench, &array, &datapath, &done, p, a, b] {
      std::vector<float> c(static_cast<std::size_t>(p.m * p.n), -1.0F);
      array.start(p.m, p.n, p.k, a, b, c);
      bench.wait_for(array);
      EXPECT_EQ(array.cycles(), hardware::gemm_cycles(p.shape, p.m, p.n, p.k));
      EXPECT_EQ(array.cycles().count(), cycles_by_schedule(p));
      EXPECT_EQ(array.useful_macs().count(), p.m * p.n * p.k);
      for (std::int64_t m = 0; m < p.m; ++m) {
        for (std::int64_t n = 0; n < p.n; ++n) {
          float sum = 0;  // a chain of groups of four over k
          for (std::int64_t k = 0; k < p.k; k += 4) {
            const std::int64_t length = std::min<std::int64_t>(4, p.k - k);
            std::vector<float> x, y;
            for (std::int64_t j = k; j < k + length; ++j) {
              x.push_back(a[static_cast<std::size_t>(m * p.k + j)]);
              y.push_back(b[static_cast<std::size_t>(j * p.n + n)]);
            }
            sum = numerics::dot_oracle(datapath, x, y, sum);
          }
          ASSERT_EQ(std::bit_cast<std::uint32_t>(c[static_cast<std::size_t>(m * p.n + n)]),
                    std::bit_cast<std::uint32_t>(sum));
        }
      }
      ++done;
    });
  }
  sc_core::sc_start();
  EXPECT_EQ(done, 120);
}

TEST(SystolicArray, EqualsTheClosedFormAndTheDatapathOnRandomIntegerProducts) {
  std::mt19937 rng(13);
  Bench bench("bench");
  int done = 0;
  for (int i = 0; i < 120; ++i) {
    const Problem p = random_problem(rng);
    SystolicArray& array = bench.add(p, int8_sums());
    std::vector<std::int8_t> a(static_cast<std::size_t>(p.m * p.k)), b(static_cast<std::size_t>(p.k * p.n));
    for (auto* operand : {&a, &b}) {
      for (std::int8_t& x : *operand) {
        x = static_cast<std::int8_t>(rng());
      }
    }
    bench.jobs.push_back([&bench, &array, &done, p, a, b] {
      std::vector<std::int32_t> c(static_cast<std::size_t>(p.m * p.n), -1);
      array.start(p.m, p.n, p.k, a, b, c);
      bench.wait_for(array);
      EXPECT_EQ(array.cycles(), hardware::gemm_cycles(p.shape, p.m, p.n, p.k));
      EXPECT_EQ(array.cycles().count(), cycles_by_schedule(p));
      for (std::int64_t m = 0; m < p.m; ++m) {
        for (std::int64_t n = 0; n < p.n; ++n) {
          std::int32_t sum = 0;
          for (std::int64_t k = 0; k < p.k; ++k) {
            sum += int{a[static_cast<std::size_t>(m * p.k + k)]} * int{b[static_cast<std::size_t>(k * p.n + n)]};
          }
          ASSERT_EQ(c[static_cast<std::size_t>(m * p.n + n)], sum);
        }
      }
      ++done;
    });
  }
  sc_core::sc_start();
  EXPECT_EQ(done, 120);
}

TEST(SystolicArray, RunsOneProductAfterAnother) {
  Bench bench("bench");
  const Problem p{{8, 8, 1, true}, 3, 5, 9};
  SystolicArray& array = bench.add(p, int8_sums());
  const std::vector<std::int8_t> a(27, 2), b(45, 3);
  int done = 0;
  bench.jobs.push_back([&] {
    for (int i = 0; i < 3; ++i) {
      std::vector<std::int32_t> c(15);
      array.start(p.m, p.n, p.k, a, b, c);
      EXPECT_TRUE(array.busy());
      bench.wait_for(array);
      EXPECT_FALSE(array.busy());
      EXPECT_EQ(c, std::vector<std::int32_t>(15, 9 * 2 * 3));
      EXPECT_EQ(array.cycles(), hardware::gemm_cycles(p.shape, p.m, p.n, p.k));
      ++done;
    }
  });
  sc_core::sc_start();
  EXPECT_EQ(done, 3);
}

TEST(SystolicArray, RoundsResultsToTheOutputFormatAtTheEnd) {
  Bench bench("bench");
  numerics::Datapath datapath = bf16_in_fours();
  datapath.output = *numerics::find_format("bf16");
  const Problem p{{4, 4, 1, true}, 1, 1, 8};
  SystolicArray& array = bench.add(p, datapath);
  const std::vector<float> a{256, 1, 0, 0, 1, 0, 0, 0}, b(8, 1.0F);
  std::vector<float> c(1);
  bench.jobs.push_back([&] {
    array.start(p.m, p.n, p.k, a, b, c);
    bench.wait_for(array);
  });
  sc_core::sc_start();
  EXPECT_EQ(c[0], 258.0F);  // 257 after the first group, were it rounded to bf16, would be 256
}

TEST(SystolicArray, ReportsAFailureOfItsProcess) {
  Bench bench("bench");
  const Problem p{{4, 4, 1, true}, 1, 1, 4};
  SystolicArray& array = bench.add(p, bf16_in_fours());
  const std::vector<float> off_grid(4, 1.0001F);
  std::vector<float> c(1);
  bench.jobs.push_back([&] {
    array.start(p.m, p.n, p.k, off_grid, off_grid, c);
    wait(array.product_done());
    EXPECT_THROW(array.rethrow_failure(), std::logic_error);
  });
  sc_core::sc_start();
}

TEST(SystolicArray, RefusesShapesThatDoNotFit) {
  EXPECT_THROW(SystolicArray("a", SystolicShape{6, 4, 1, true}, bf16_in_fours()), ModelError);
  EXPECT_THROW(SystolicArray("b", SystolicShape{8, 4, 3, true}, int8_sums()), ModelError);
  EXPECT_THROW(SystolicArray("c", SystolicShape{0, 4, 1, true}, int8_sums()), ModelError);
  numerics::Datapath promoting = bf16_in_fours();
  promoting.promote_every = 8;
  EXPECT_THROW(SystolicArray("d", SystolicShape{8, 4, 1, true}, promoting), ModelError);
}

TEST(SystolicArray, WritesAWaveform) {
  Bench bench("bench");
  const Problem p{{4, 4, 2, true}, 5, 4, 8};
  SystolicArray& array = bench.add(p, int8_sums());
  const std::vector<std::int8_t> a(40, 1), b(32, 1);
  std::vector<std::int32_t> c(20);
  bench.jobs.push_back([&] {
    array.start(p.m, p.n, p.k, a, b, c);
    bench.wait_for(array);
  });
  const std::string path = ::testing::TempDir() + "mantissa_systolic_wave";
  sc_core::sc_trace_file* file = sc_core::sc_create_vcd_trace_file(path.c_str());
  array.trace(file);
  sc_core::sc_start();
  sc_core::sc_close_vcd_trace_file(file);
  std::ifstream vcd(path + ".vcd");
  const std::string text((std::istreambuf_iterator<char>(vcd)), {});
  for (const char* signal : {"busy", "loading_weights", "tile", "row", "working_pes", "result_0"}) {
    EXPECT_NE(text.find(signal), std::string::npos) << signal;
  }
  std::remove((path + ".vcd").c_str());
}

TEST(SystolicTiming, WithoutOverlapItIsScaleSimsFormula) {
  std::ifstream file(MANTISSA_SOURCE_DIR "/tests/data/peers/scalesim_gemm_ws128.csv");
  std::string line;
  std::getline(file, line);
  int rows = 0;
  while (std::getline(file, line)) {
    std::int64_t m = 0, n = 0, k = 0, r = 0, c = 0, cycles = 0;
    char comma = 0;
    std::istringstream(line) >> m >> comma >> n >> comma >> k >> comma >> r >> comma >> c >> comma >> cycles;
    const SystolicShape shape{static_cast<int>(r), static_cast<int>(c), 1, false};
    EXPECT_EQ(hardware::gemm_cycles(shape, m, n, k).count() - 1, cycles) << line;  // it counts from 0
    EXPECT_EQ(ceil_div(k, r) * ceil_div(n, c) * (2 * r + c + m - 2) - 1, cycles) << line;
    ++rows;
  }
  EXPECT_EQ(rows, 46);
}

TEST(SystolicTiming, OverlapHidesWeightLoadsBehindLongStreams) {
  const SystolicShape overlapped{128, 128, 1, true};
  // 4096^3: 1024 tiles of 4096 rows each, one load, one drain
  EXPECT_EQ(hardware::gemm_cycles(overlapped, 4096, 4096, 4096).count(), 128 + 1023 * 4096 + 4096 + 128 + 128 - 2);
  // one row: every tile waits for its weights
  EXPECT_EQ(hardware::gemm_cycles(overlapped, 1, 4096, 4096).count(), 128 + 1023 * 128 + 1 + 128 + 128 - 2);
  // one row, one column tile, four weight rows a cycle: the sums' way back through the array decides (128, not 32)
  EXPECT_EQ(hardware::gemm_cycles({128, 128, 4, true}, 1, 128, 1024).count(), 32 + 7 * 128 + 1 + 128 + 128 - 2);
}

TEST(SystolicTiming, OverlapNeverTakesLonger) {
  for (const std::int64_t m : {1, 7, 128, 1000}) {
    for (const std::int64_t nk : {1, 100, 128, 129, 4096}) {
      for (const int push : {1, 2, 8}) {
        EXPECT_LE(hardware::gemm_cycles({128, 128, push, true}, m, nk, nk),
                  hardware::gemm_cycles({128, 128, push, false}, m, nk, nk));
      }
    }
  }
}

}  // namespace
}  // namespace mantissa::testing
