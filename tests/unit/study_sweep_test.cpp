// SPDX-License-Identifier: Apache-2.0
// Sweeps as they run: results in order, the same for any number of processes, and failures that stop nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/parallel.h"
#include "study/isolate.h"
#include "study/store.h"
#include "study/sweep.h"
#include "study/sweep_point.h"
#include "support/files.h"

namespace mantissa::study {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

report::SweepResult swept(const std::string& text, int jobs) {
  const test::TemporaryFolder folder;
  return run_sweep(config::load_sweep(folder.write("sweep.yaml", text)), {jobs, {}});
}

TEST(RunAllIsolated, HandsOverEveryResultAndEveryFailure) {
  std::map<std::size_t, std::string> results, errors;
  run_all_isolated(
      20, {.jobs = 3},
      [](std::size_t i) -> std::string {
        if (i == 7) {
          raise(SIGKILL);
        }
        if (i == 8) {
          throw std::runtime_error("eight");
        }
        return std::string(100'000, static_cast<char>('a' + i));
      },
      [&](std::size_t i, const std::string& bytes, const std::string& error) {
        (error.empty() ? results : errors)[i] = error.empty() ? bytes : error;
      });
  EXPECT_EQ(results.size(), 18u);
  EXPECT_EQ(results.at(19), std::string(100'000, 't'));
  EXPECT_THAT(errors.at(7), HasSubstr("signal 9"));
  EXPECT_EQ(errors.at(8), "eight");
}

TEST(RunAllIsolated, ProcessesShareTheCores) {
  const auto threads_of = [](int jobs) {
    std::string threads;
    run_all_isolated(
        1, {.jobs = jobs},
        [](std::size_t) {
          std::mutex mutex;
          std::set<std::thread::id> ids;
          parallel_for(2000, [&](std::int64_t) {
            const std::lock_guard lock(mutex);
            ids.insert(std::this_thread::get_id());
          });
          return std::to_string(ids.size());
        },
        [&](std::size_t, const std::string& bytes, const std::string&) { threads = bytes; });
    return std::stoi(threads);
  };
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  EXPECT_EQ(threads_of(cores), 1);
  EXPECT_LE(threads_of(1), cores);
}

TEST(RunSweep, GivesTheSameBytesForAnyNumberOfProcesses) {
  const std::string text =
      "measure: [accuracy, latency, energy]\nworkload: fashion_resnet\nimages: 60\naxes:\n"
      "  - {chip: [h100_sxm, tpu_v4], precision: [fp8_e4m3, int8]}\n"
      "  - recipe.activations: [{calibrator: min_max}, {calibrator: percentile, percentile: 99}]\n";
  const report::SweepResult one = swept(text, 1), three = swept(text, 3);
  EXPECT_EQ(report::sweep_csv(one), report::sweep_csv(three));
  ASSERT_EQ(one.rows.size(), 4u);
  for (const auto& row : one.rows) {
    ASSERT_EQ(row.error, "");
    EXPECT_GT(row.measured.timing->latency_s, 0);
    EXPECT_EQ(row.measured.accuracy->images, 60);
  }
  // The recipe changes the codes, the chip the time.
  EXPECT_NE(one.rows[0].measured.output_sqnr_db, one.rows[1].measured.output_sqnr_db);
  EXPECT_EQ(one.rows[0].measured.timing->latency_s, one.rows[1].measured.timing->latency_s);
  EXPECT_NE(one.rows[0].measured.timing->latency_s, one.rows[2].measured.timing->latency_s);
}

TEST(RunSweep, MeasuresOnlyWhatIsAskedFor) {
  const std::string head = "chip: tpu_v4\nworkload: fashion_resnet\nprecision: bf16\nimages: 20\n";
  const report::SweepResult accuracy = swept("measure: accuracy\n" + head, 1);
  ASSERT_EQ(accuracy.rows.size(), 1u);
  EXPECT_FALSE(accuracy.rows[0].measured.timing);
  EXPECT_TRUE(accuracy.rows[0].measured.accuracy);
  const report::SweepResult latency = swept("measure: latency\n" + head, 1);
  EXPECT_TRUE(latency.rows[0].measured.timing);
  EXPECT_FALSE(latency.rows[0].measured.accuracy);
}

TEST(RunSweep, AValueOfTheChipReachesTheMachine) {
  const report::SweepResult r = swept(
      "measure: latency\nchip: h100_sxm\nworkload: llama2_7b_decode\nprecision: fp16\naxes:\n"
      "  - chip.dram.clock_period_ns: [0.765, 1.53]\n",
      2);
  ASSERT_EQ(r.rows[0].error + r.rows[1].error, "");
  EXPECT_GT(r.rows[1].measured.timing->latency_s, 1.3 * r.rows[0].measured.timing->latency_s);
}

TEST(RunSweep, APointDoesNotDependOnThePointsBeforeItInItsProcess) {
  const std::string head = "measure: [latency, energy]\nworkload: fashion_resnet\naxes:\n";
  const report::SweepResult together =
      swept(head + "  - chip: [h100_sxm, tpu_v4, ane_a17_pro]\n  - batch: [1, 7]\n", 1);
  ASSERT_EQ(together.rows.size(), 6u);
  for (const report::SweepRow& row : together.rows) {
    ASSERT_EQ(row.error, "");
    const report::SweepResult alone =
        swept(head + "  - chip: [" + row.chip + "]\n  - batch: [" + std::to_string(row.measured.batch) + "]\n", 1);
    ASSERT_EQ(alone.rows.at(0).error, "");
    EXPECT_EQ(alone.rows[0].measured.timing->latency_s, row.measured.timing->latency_s) << row.chip;
    EXPECT_EQ(alone.rows[0].measured.timing->energy_per_input_j, row.measured.timing->energy_per_input_j) << row.chip;
  }
}

// Each has a SystemC kernel of its own. Were one to fail, it would be repeated in a new process, and nothing but time
// would be lost.
TEST(PointRunner, ManyMachinesRunInOneProcess) {
  const test::TemporaryFolder folder;
  const config::Sweep sweep = config::load_sweep(folder.write(
      "sweep.yaml", "measure: latency\nchip: tpu_v4\nworkload: fashion_resnet\naxes: [{batch: {from: 1, to: 5}}]\n"));
  const PointRunner runner(sweep, {});
  std::set<std::string> processes, errors;
  run_all_isolated(
      sweep.points(), {.jobs = 1, .calls_per_process = 8},
      [&](std::size_t i) {
        runner.run(sweep.point(sweep.places(i)));
        return std::to_string(getpid());
      },
      [&](std::size_t, const std::string& bytes, const std::string& error) {
        (error.empty() ? processes : errors).insert(bytes + error);
      });
  EXPECT_TRUE(errors.empty()) << *errors.begin();
  EXPECT_EQ(processes.size(), 1U);
}

TEST(RunSweep, APointThatFailsStopsNothing) {
  const report::SweepResult r = swept(
      "measure: [latency, accuracy]\nworkload: fashion_resnet\nimages: 20\naxes:\n"
      "  - chip: [ane_a17_pro, h100_sxm]\n  - precision: [fp8_e4m3, int8]\n",
      2);
  ASSERT_EQ(r.rows.size(), 4u);
  EXPECT_THAT(r.rows[0].error, HasSubstr("ane_a17_pro has no precision 'fp8_e4m3'"));
  for (const std::size_t i : {1u, 2u, 3u}) {
    EXPECT_EQ(r.rows[i].error, "");
  }
  const report::SweepResult shape = swept("measure: accuracy\nchip: tpu_v4\nworkload: llama2_7b_decode\n", 1);
  EXPECT_NE(shape.rows[0].error, "");
}

// Four points of one small layer.
constexpr const char* kLayer =
    "measure: [latency, energy]\nchip: tpu_v4\nworkload: layer.yaml\nprecision: bf16\naxes:\n"
    "  - chip.tpu.rows: [64, 128]\n  - chip.dram.channels: [16, 32]\n";
constexpr const char* kNetwork =
    "name: layer\nsummary: one layer\nnetwork:\n  input: {name: x, shape: [64]}\n  layers:\n    - linear: {features: "
    "64}\n";

struct Folder : test::TemporaryFolder {
  Folder() { write("layer.yaml", kNetwork); }
  std::string db() const { return path() + "/results.db"; }
  config::Sweep sweep(const std::string& name, const std::string& text) const {
    return config::load_sweep(write(name, text));
  }
  // The CSV, and how many points ran.
  std::pair<std::string, std::size_t> run(const config::Sweep& s, SweepOptions options = {}) const {
    std::size_t ran = 0;
    options.store = options.store.empty() ? db() : options.store;
    options.counts = [&](const SweepCounts& counts) { ran = counts.ran; };
    const report::SweepResult result = run_sweep(s, options);
    return {report::sweep_csv(result), ran};
  }
};

TEST(RunSweep, NoPointRunsTwiceNotEvenForAnotherSweep) {
  const Folder folder;
  const auto whole = folder.sweep("whole.yaml", kLayer);
  const auto [csv, ran] = folder.run(whole);
  EXPECT_EQ(ran, 4u);
  EXPECT_EQ(folder.run(whole), std::make_pair(csv, std::size_t{0}));
  // The same numbers asked for in another order, under another name, with one more.
  const auto other = folder.sweep(
      "other.yaml", test::replaced(test::replaced(kLayer, "[16, 32]", "[32, 16, 8]"), "[latency, energy]", "latency"));
  EXPECT_EQ(folder.run(other).second, 2u);
  EXPECT_EQ(folder.run(whole), std::make_pair(csv, std::size_t{0}));
}

TEST(RunSweep, WhatANetworkIsMadeOfBelongsToThePoint) {
  const Folder folder;
  EXPECT_EQ(folder.run(folder.sweep("s.yaml", kLayer)).second, 4u);
  folder.write("layer.yaml", test::replaced(kNetwork, "name: layer", "name: renamed"));
  EXPECT_EQ(folder.run(folder.sweep("s.yaml", kLayer)).second, 0u);
  folder.write("layer.yaml", test::replaced(kNetwork, "features: 64", "features: 65"));
  EXPECT_EQ(folder.run(folder.sweep("s.yaml", kLayer)).second, 4u);
}

TEST(RunSweep, EqualPointsOfOneSweepRunOnce) {
  const Folder folder;
  const auto [csv, ran] =
      folder.run(folder.sweep("s.yaml", test::replaced(kLayer, "[16, 32]", "[32, 32]") + "  - label: [a, b]\n"));
  EXPECT_EQ(ran, 2u);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 9);
}

TEST(RunSweep, ShardsMergeToTheWhole) {
  const Folder folder;
  const auto sweep = folder.sweep("s.yaml", kLayer);
  const auto whole = folder.run(sweep);
  for (const std::size_t i : {1u, 2u, 3u}) {
    SweepOptions options;
    options.shard = {i, 3};
    options.store = folder.path() + "/" + std::to_string(i) + ".db";
    EXPECT_EQ(folder.run(sweep, options).second, i == 1 ? 2u : 1u);
  }
  Store all(folder.path() + "/all.db", Store::Mode::kWrite);
  for (const char* part : {"3", "1", "2"}) {
    all.merge(Store(folder.path() + "/" + part + ".db", Store::Mode::kReadOnly));
  }
  EXPECT_EQ(report::sweep_csv(all.load("s")), whole.first);
}

TEST(RunSweep, AFailureIsKeptUntilItIsToBeTriedAgain) {
  const Folder folder;
  // The TPU's lowest clock is above the first value.
  const auto sweep = folder.sweep("s.yaml", std::string(kLayer) + "  - chip.clock_mhz: [500, 1050]\n");
  const auto [csv, ran] = folder.run(sweep);
  EXPECT_EQ(ran, 8u);
  EXPECT_THAT(csv, HasSubstr("min_clock_mhz must not be above clock_mhz"));
  EXPECT_EQ(folder.run(sweep), std::make_pair(csv, std::size_t{0}));
  SweepOptions again;
  again.retry_failed = true;
  EXPECT_EQ(folder.run(sweep, again), std::make_pair(csv, std::size_t{4}));
}

}  // namespace
}  // namespace mantissa::study
