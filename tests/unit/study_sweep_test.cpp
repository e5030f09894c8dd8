// SPDX-License-Identifier: Apache-2.0
// Sweeps as they run: results in order, the same for any number of processes, and failures that stop nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/parallel.h"
#include "study/isolate.h"
#include "study/sweep.h"
#include "support/files.h"

namespace mantissa::study {
namespace {

using ::testing::HasSubstr;

report::SweepResult swept(const std::string& text, int jobs) {
  const test::TemporaryFolder folder;
  return run_sweep(config::load_sweep(folder.write("sweep.yaml", text)), {jobs, {}});
}

TEST(RunAllIsolated, HandsOverEveryResultAndEveryFailure) {
  std::map<std::size_t, std::string> results, errors;
  run_all_isolated(
      20, 3,
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
        1, jobs,
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
      "measure: latency\nchip: tpu_v4\nworkload: llama2_7b_decode\nprecision: bf16\naxes:\n"
      "  - chip.dram.clock_period_ns: [0.83, 1.66]\n",
      2);
  ASSERT_EQ(r.rows[0].error + r.rows[1].error, "");
  EXPECT_GT(r.rows[1].measured.timing->latency_s, 1.3 * r.rows[0].measured.timing->latency_s);
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

}  // namespace
}  // namespace mantissa::study
