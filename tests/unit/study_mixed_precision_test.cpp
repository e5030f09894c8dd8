// SPDX-License-Identifier: Apache-2.0
// Sensitivity and mixed precision of a trained network: on real data, and against all assignments where they are few.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "execute/accuracy.h"
#include "network/import.h"
#include "network/kernel.h"
#include "study/mixed_precision.h"
#include "study/sensitivity.h"
#include "study/timed_run.h"
#include "support/files.h"

namespace mantissa::study {
namespace {

using ::testing::HasSubstr;

const std::string kRoot = MANTISSA_SOURCE_DIR;
const std::vector<std::string> kLayers = {"/stem/Conv", "/blocks/blocks.0/conv2/Conv", "/blocks/blocks.1/conv1/Conv",
                                          "/blocks/blocks.2/conv1/Conv", "/classifier/Gemm"};

// The residual network with all layers but five kept in float, so that there are 32 assignments.
config::Workload five_layers() {
  config::Workload workload = config::load_workload(kRoot + "/workloads/fashion_resnet.yaml");
  const network::Graph graph = network::load_network(workload, 1);
  for (const auto& kernel : network::lower(graph)) {
    if (kernel.is_matrix() && std::find(kLayers.begin(), kLayers.end(), kernel.name) == kLayers.end()) {
      workload.recipe.keep_float.push_back(kernel.name);
    }
  }
  workload.recipes["fp8_e5m2"] = workload.recipe;
  workload.recipes["fp8_e5m2"].weights.granularity = config::Granularity::kPerTensor;
  return workload;
}

config::Chip h100() {
  return config::load_chip(kRoot + "/configs/h100_sxm.yaml");
}

MixedOptions options(double max_loss) {
  MixedOptions o;
  o.precisions = {"fp8_e5m2", "fp16"};
  o.max_loss = max_loss;
  o.energy = true;
  o.batch = 64;
  o.images = 150;
  o.test_images = 20;
  return o;
}

TEST(MixedPrecision, ComesCloseToTheBestOfAllAssignmentsOfFiveLayers) {
  const config::Chip chip = h100();
  const config::Workload workload = five_layers();
  const network::Graph graph = network::load_network(workload, 64);
  config::Workload training = workload;
  training.dataset->part = config::Dataset::Part::kTraining;
  const execute::Evaluation evaluation(graph, training, {}, 150);
  std::vector<std::pair<double, double>> all;  // loss, energy
  for (unsigned code = 0; code < 32; ++code) {
    config::PrecisionPlan plan(*chip.find_precision("fp8_e5m2"));
    for (std::size_t i = 0; i < kLayers.size(); ++i) {
      if ((code >> i & 1u) != 0) {
        plan.assign(kLayers[i], *chip.find_precision("fp16"));
      }
    }
    all.emplace_back(evaluation.run_without_layers(plan, workload.recipe_for("fp8_e5m2")).loss(),
                     time_run(chip, workload, plan, graph).energy.total().count());
  }
  ASSERT_GT(all.front().first, all.back().first);
  const double bound = (all.front().first + all.back().first) / 2;
  double best = INFINITY;
  for (const auto& [loss, energy] : all) {
    best = loss <= bound ? std::min(best, energy) : best;
  }
  const MixedResult result = mixed_precision(chip, workload, options(bound));
  ASSERT_TRUE(result.report.found);
  EXPECT_LT(result.report.measured, 32);
  EXPECT_LE(result.report.search_loss, bound);
  EXPECT_LE(result.report.totals.at(result.report.chosen).energy_j, 1.01 * best);
}

TEST(MixedPrecision, TheWrittenWorkloadRunsAsReported) {
  const test::TemporaryFolder folder;
  const config::Chip chip = h100();
  const config::Workload workload = config::load_workload(kRoot + "/workloads/fashion_resnet.yaml");
  const std::map<std::string, std::string> layers = {{"/stem/Conv", "fp16"}, {"/classifier/Gemm", "bf16"}};
  const std::string file = folder.write("mixed.yaml", mixed_workload(workload, "fp8_e4m3", layers));
  const config::Workload written = config::load_workload(file);
  EXPECT_EQ(written.recipe_for("fp8_e4m3").layers, layers);
  EXPECT_EQ(written.recipe_for("fp8_e4m3").weights.granularity, config::Granularity::kPerTensor);
  EXPECT_TRUE(written.recipe_for("int8").layers.empty());
  RunOptions run_options;
  run_options.precision = "fp8_e4m3";
  run_options.images = 50;
  const report::RunResult r = run(chip, written, run_options);
  EXPECT_EQ(r.kernels.front().precision, "fp16");
  EXPECT_EQ(r.kernels.back().precision, "bf16");
  EXPECT_GT(*r.kernels.front().sqnr_db, 50);  // FP8 gives 24
}

TEST(MixedPrecision, TestDataIsNotSearchedOn) {
  const config::Workload workload = five_layers();
  config::Workload training = workload;
  training.dataset->part = config::Dataset::Part::kTraining;
  const network::Graph graph = network::load_network(workload, 50);
  const auto reference = [&](const config::Workload& w) {
    return execute::Evaluation(graph, w, {}, 500).run(*h100().find_precision("fp32"), {}).top1_reference;
  };
  EXPECT_GT(reference(training), reference(workload));  // a network knows its training images better
}

TEST(Sensitivity, ALayerAloneIsTheReferenceEverywhereElse) {
  RunOptions o;
  o.precision = "fp8_e4m3";
  o.images = 50;
  config::Workload workload = five_layers();
  workload.recipes["fp8_e4m3"].keep_float = workload.recipe.keep_float;
  const report::SensitivityReport r = sensitivity(h100(), workload, o);
  ASSERT_EQ(r.rows.size(), 5u);
  EXPECT_TRUE(std::is_sorted(r.rows.begin(), r.rows.end(), [](const auto& a, const auto& b) {
    return a.output_sqnr_alone_db < b.output_sqnr_alone_db;
  }));
  for (const auto& row : r.rows) {
    EXPECT_GE(row.sqnr_alone_db, row.sqnr_whole_db - 0.5) << row.layer;
    EXPECT_GE(row.output_sqnr_without_db, r.output_sqnr_whole_db - 1) << row.layer;
    EXPECT_GT(row.time_share, 0);
    EXPECT_EQ(row.alone.images, 50);
    if (row.layer == "/stem/Conv") {  // nothing comes before it
      EXPECT_EQ(row.sqnr_alone_db, row.sqnr_whole_db);
    }
    if (row.layer == "/classifier/Gemm") {  // nothing comes behind it
      EXPECT_EQ(row.sqnr_alone_db, row.output_sqnr_alone_db);
    }
  }
}

TEST(Sensitivity, ShapesWithoutWeightsAreRefused) {
  try {
    sensitivity(h100(), config::load_workload(kRoot + "/workloads/llama2_7b_decode.yaml"), {});
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(), HasSubstr("llama2_7b_decode: there is no accuracy to study: the network is a shape"));
  }
}

}  // namespace
}  // namespace mantissa::study
