// SPDX-License-Identifier: Apache-2.0
// Workload files, runs files, the home folder and the key reference.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "config/home.h"
#include "config/reference.h"
#include "config/runs.h"
#include "config/workload.h"
#include "support/files.h"

namespace mantissa::config {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

const char* kWorkload =
    "schema: 1\n"
    "name: w\n"
    "summary: A test.\n"
    "batch: 4\n"
    "onnx: net/n.onnx\n"
    "dimensions: {height: 28}\n"
    "dataset: {name: fashion_mnist, images: 100, calibration_images: 50, mean: 0.3, std: 0.35}\n"
    "recipe:\n"
    "  weights: {granularity: per_tensor}\n"
    "  activations: {calibrator: percentile, percentile: 99.9}\n"
    "  keep_float: [fc]\n"
    "recipes:\n"
    "  int8: {activations: {symmetric: false}, keep_float: []}\n";

std::string mistakes(const std::string& from, const std::string& to) {
  const test::TemporaryFolder folder;
  folder.write("net/n.onnx", "x");
  try {
    load_workload(folder.write("w.yaml", test::replaced(kWorkload, from, to)));
  } catch (const ConfigError& e) {
    return e.what();
  }
  return {};
}

TEST(Workload, ReadsAllItsParts) {
  const test::TemporaryFolder folder;
  folder.write("net/n.onnx", "x");
  const Workload w = load_workload(folder.write("w.yaml", kWorkload));
  EXPECT_EQ(w.name, "w");
  EXPECT_EQ(w.batch, 4);
  EXPECT_EQ(*w.onnx, folder.path() + "/net/n.onnx");
  EXPECT_EQ(w.dimensions.at("height"), 28);
  ASSERT_TRUE(w.dataset.has_value());
  EXPECT_EQ(w.dataset->images, 100);
  EXPECT_EQ(w.dataset->calibration_images, 50);
  EXPECT_EQ(w.dataset->std, 0.35);
  EXPECT_EQ(w.hash.size(), 16u);
}

TEST(Workload, ARecipeOfAPrecisionKeepsWhatItDoesNotName) {
  const test::TemporaryFolder folder;
  folder.write("net/n.onnx", "x");
  const Workload w = load_workload(folder.write("w.yaml", kWorkload));
  const Recipe& base = w.recipe_for("fp8_e4m3");
  EXPECT_EQ(base.weights.granularity, Granularity::kPerTensor);
  EXPECT_TRUE(base.activations.symmetric);
  EXPECT_EQ(base.keep_float, std::vector<std::string>{"fc"});
  const Recipe& int8 = w.recipe_for("int8");
  EXPECT_EQ(int8.weights.granularity, Granularity::kPerTensor);
  EXPECT_FALSE(int8.activations.symmetric);
  EXPECT_EQ(int8.activations.calibrator, Calibrator::kPercentile);
  EXPECT_EQ(int8.activations.percentile, 99.9);
  EXPECT_TRUE(int8.keep_float.empty());
}

TEST(Workload, TellsEveryMistake) {
  EXPECT_THAT(mistakes("onnx: net/n.onnx", "onnx: net/m.onnx"),
              AllOf(HasSubstr("w.yaml:5:7: error: there is no file '"), HasSubstr("net/m.onnx'")));
  EXPECT_THAT(mistakes("onnx: net/n.onnx", "network: {a: 1}"), HasSubstr("remove 'dataset' or give 'onnx'"));
  EXPECT_THAT(mistakes("onnx: net/n.onnx\n", "onnx: net/n.onnx\nnetwork: {a: 1}\n"), HasSubstr("not both; remove one"));
  EXPECT_THAT(mistakes("onnx: net/n.onnx\n", ""), HasSubstr("the network is missing"));
  EXPECT_THAT(mistakes("name: fashion_mnist", "name: mnist"), HasSubstr("'mnist' is not a known data set"));
  EXPECT_THAT(mistakes("std: 0.35", "std: 0"), HasSubstr("; found 0"));
  EXPECT_THAT(mistakes("granularity: per_tensor", "granularity: channel"),
              HasSubstr("'channel' is not a known granularity"));
  EXPECT_THAT(mistakes("calibrator: percentile, ", ""),
              HasSubstr("percentile has no effect without calibrator: percentile"));
  EXPECT_THAT(mistakes("symmetric: false", "granularity: per_channel"),
              HasSubstr("activations take one scale per tensor"));
  EXPECT_THAT(mistakes("images: 100", "image: 100"), HasSubstr("unknown key 'dataset.image'"));
  EXPECT_THAT(mistakes("height: 28", "height: 0"), HasSubstr("; found 0"));
}

std::string text_mistakes(const std::string& from, const std::string& to) {
  return mistakes("dataset: {name: fashion_mnist, images: 100, calibration_images: 50, mean: 0.3, std: 0.35}",
                  test::replaced("dataset: {name: token_ids, file: net/n.onnx, sequences: 4, calibration_file: w.yaml, "
                                 "calibration_sequences: 2}",
                                 from, to));
}

TEST(Workload, ReadsADataSetOfTexts) {
  const test::TemporaryFolder folder;
  folder.write("a.npy", "x");
  folder.write("t/b.npy", "x");
  folder.write("n.onnx", "x");
  const Workload w = load_workload(folder.write(
      "w.yaml",
      "name: w\nsummary: s\nonnx: n.onnx\n"
      "dataset: {name: token_ids, file: a.npy, sequences: 7, calibration_file: t/b.npy, calibration_sequences: 3}\n"));
  EXPECT_EQ(w.dataset->kind, Dataset::Kind::kTokens);
  EXPECT_EQ(w.dataset->file, folder.path() + "/a.npy");
  EXPECT_EQ(w.dataset->calibration_file, folder.path() + "/t/b.npy");
  EXPECT_EQ(w.dataset->samples(), 7);
  EXPECT_EQ(w.dataset->calibration_samples(), 3);
}

TEST(Workload, TellsMistakesOfDataSetsOfTexts) {
  EXPECT_EQ(text_mistakes("sequences: 4", "sequences: 5"), "");
  EXPECT_THAT(text_mistakes("sequences: 4, ", ""), HasSubstr("missing key 'dataset.sequences'; add it here"));
  EXPECT_THAT(text_mistakes("sequences: 4", "sequences: 4, images: 4"),
              HasSubstr("'images' belongs to fashion_mnist; token_ids has file, sequences, calibration_file, "
                        "calibration_sequences"));
  EXPECT_THAT(text_mistakes("n.onnx", "m.npy"), AllOf(HasSubstr("there is no file '"), HasSubstr("net/m.npy'")));
  EXPECT_THAT(text_mistakes("w.yaml", "./net/n.onnx"),
              HasSubstr("calibration must not see the texts that are measured; name a file with other ones"));
  EXPECT_THAT(mistakes("images: 100,", "images: 100, sequences: 4,"),
              HasSubstr("'sequences' belongs to token_ids; fashion_mnist has images, calibration_images, folder, mean, "
                        "std"));
}

TEST(Runs, ResolvesNamesAndPathsSeenFromTheFile) {
  const test::TemporaryFolder folder;
  folder.write("chip.yaml", test::read_file(test::source_file("tests/bad/home/configs/tpu_v4.yaml")));
  folder.write("w.yaml", "x");
  setenv("MANTISSA_HOME", folder.path().c_str(), 1);
  folder.write("configs/own_chip.yaml", "architecture: tpu\n");
  folder.write("workloads/own_net.yaml", "name: own_net\n");
  const Runs runs = load_runs(folder.write("r.yaml",
                                           "title: T\nruns:\n  - {chip: chip.yaml, workload: w.yaml, precision: "
                                           "int8}\n  - {chip: own_chip, workload: own_net, batch: 8}\n"));
  EXPECT_EQ(runs.title, "T");
  ASSERT_EQ(runs.runs.size(), 2u);
  EXPECT_EQ(runs.runs[0].chip, folder.path() + "/chip.yaml");
  EXPECT_EQ(runs.runs[0].precision, "int8");
  EXPECT_FALSE(runs.runs[0].batch.has_value());
  EXPECT_EQ(runs.runs[1].chip, folder.path() + "/configs/own_chip.yaml");
  EXPECT_EQ(runs.runs[1].workload, folder.path() + "/workloads/own_net.yaml");
  EXPECT_EQ(runs.runs[1].batch, 8);
}

TEST(Runs, TellsUnknownChipsWithTheNearest) {
  const test::TemporaryFolder folder;
  setenv("MANTISSA_HOME", MANTISSA_SOURCE_DIR, 1);
  try {
    load_runs(folder.write("r.yaml", "title: T\nruns:\n  - {chip: h100_smx, workload: no_such.yaml}\n"));
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.what(), HasSubstr("r.yaml:3:12: error: 'h100_smx' is neither a shipped chip nor a file that ends in "
                                    ".yaml; did you mean 'h100_sxm'?"));
    EXPECT_THAT(e.what(), HasSubstr("there is no workload file '"));
  }
}

TEST(Runs, TheShippedRunsFileLoads) {
  setenv("MANTISSA_HOME", MANTISSA_SOURCE_DIR, 1);
  EXPECT_EQ(load_runs(test::source_file("configs/compare_fashion.yaml")).runs.size(), 6u);
}

TEST(Runs, ChecksPrecisionsAtTheirPlace) {
  const test::TemporaryFolder folder;
  setenv("MANTISSA_HOME", MANTISSA_SOURCE_DIR, 1);
  folder.write("w.yaml", "x");
  try {
    load_runs(folder.write("r.yaml", "title: T\nruns:\n  - {chip: tpu_v4, workload: w.yaml, precision: int4}\n"));
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.what(), HasSubstr("r.yaml:3:49: error: tpu_v4 has no precision 'int4'; did you mean 'int8'?"));
  }
}

TEST(Home, AShippedRunsFileIsNoChip) {
  setenv("MANTISSA_HOME", MANTISSA_SOURCE_DIR, 1);
  for (const auto& file : shipped_files(FileKind::kChip)) {
    EXPECT_NE(file.name, "compare_fashion");
  }
  EXPECT_THROW(resolve_file(FileKind::kChip, "compare_fashion"), UsageError);
}

TEST(Home, EveryShippedWorkloadLoads) {
  setenv("MANTISSA_HOME", MANTISSA_SOURCE_DIR, 1);
  const auto files = shipped_files(FileKind::kWorkload);
  EXPECT_FALSE(files.empty());
  for (const auto& file : files) {
    EXPECT_EQ(load_workload(file.path).name, file.name);
  }
}

TEST(Reference, EveryKeyIsExplainedOnceAndInASentence) {
  std::set<std::string> seen;
  for (const KeyInfo& info : key_reference()) {
    EXPECT_TRUE(seen.insert(info.file + " " + info.key).second) << info.key;
    EXPECT_THAT(info.meaning, EndsWith(".")) << info.key;
  }
}

TEST(Reference, TheDocumentIsUpToDate) {
  EXPECT_EQ(test::read_file(test::source_file("docs/config_reference.md")), reference_markdown())
      << "run: build/release/mantissa explain --markdown > docs/config_reference.md";
}

}  // namespace
}  // namespace mantissa::config
