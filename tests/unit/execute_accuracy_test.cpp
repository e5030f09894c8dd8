// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/error.h"
#include "config/workload.h"
#include "execute/accuracy.h"
#include "execute/dataset.h"
#include "network/import.h"
#include "support/precisions.h"

namespace mantissa::execute {
namespace {

using testing::HasSubstr;

Accuracy counts(std::int64_t images, std::int64_t only_reference, std::int64_t only_quantized) {
  Accuracy accuracy;
  accuracy.images = images;
  accuracy.only_reference_right = only_reference;
  accuracy.only_quantized_right = only_quantized;
  finish_paired_statistics(accuracy);
  return accuracy;
}

// Worked by hand: n = 100, b = 12, c = 5. d = -7/102 = -0.068627; discordant (12.5 + 5.5)/102 = 0.176471;
// variance (0.176471 - 0.004710) / 102 = 0.00168393, its root 0.0410357; times 1.95996: 0.0804286.
TEST(PairedStatistics, AdjustedWaldIntervalOfAWorkedExample) {
  const Accuracy a = counts(100, 12, 5);
  EXPECT_DOUBLE_EQ(a.difference, -0.07);
  EXPECT_NEAR(a.difference_low, -0.068627 - 0.080429, 2e-6);
  EXPECT_NEAR(a.difference_high, -0.068627 + 0.080429, 2e-6);
}

TEST(PairedStatistics, IntervalHasWidthWhereNoImageDiffers) {
  // (0.5 + 0.5) / 102^2 under the root: 1.95996 / 102.
  const Accuracy a = counts(100, 0, 0);
  EXPECT_EQ(a.difference, 0);
  EXPECT_NEAR(a.difference_high, 1.959964 / 102, 1e-8);
  EXPECT_EQ(a.difference_low, -a.difference_high);
  EXPECT_EQ(a.mcnemar_p, 1);
}

TEST(PairedStatistics, IntervalStaysWithinOne) {
  EXPECT_EQ(counts(1, 1, 0).difference_low, -1);
  EXPECT_EQ(counts(1, 0, 1).difference_high, 1);
}

TEST(PairedStatistics, McNemarIsTheExactBinomialTest) {
  // Tails of Binomial(n, 1/2), counted: n = 5, at most 0 or 1; n = 17, at most 5: 1 + 17 + 136 + 680 + 2380 + 6188.
  EXPECT_DOUBLE_EQ(counts(50, 5, 0).mcnemar_p, 2.0 / 32);
  EXPECT_DOUBLE_EQ(counts(50, 1, 4).mcnemar_p, 2.0 * 6 / 32);
  EXPECT_NEAR(counts(100, 12, 5).mcnemar_p, 2.0 * 9402 / 131072, 1e-12);
  EXPECT_EQ(counts(50, 3, 3).mcnemar_p, 1);
  EXPECT_LT(counts(10000, 1500, 1000).mcnemar_p, 1e-20);
  EXPECT_GT(counts(10000, 1500, 1000).mcnemar_p, 0);
}

TEST(ErrorSums, SqnrIsTheRatioOfPowersInDecibels) {
  ErrorSums sums;
  sums.add(std::vector<float>{3, 4}, std::vector<float>{3, 4.5F});
  sums.add(std::vector<float>{0}, std::vector<float>{0});
  const LayerError error = sums.finish("conv");
  EXPECT_EQ(error.node, "conv");
  EXPECT_NEAR(error.sqnr_db, 10 * std::log10(25 / 0.25), 1e-12);  // 20 dB
  EXPECT_NEAR(error.cosine, (9 + 18) / (5 * std::sqrt(9 + 20.25)), 1e-12);
}

TEST(ErrorSums, IdenticalTensorsHaveInfiniteSqnr) {
  ErrorSums sums;
  sums.add(std::vector<float>{0, 2}, std::vector<float>{0, 2});
  EXPECT_EQ(sums.finish("").sqnr_db, std::numeric_limits<double>::infinity());
  EXPECT_EQ(sums.finish("").cosine, 1);
}

TEST(ErrorSums, AnythingNotFiniteIsAnErrorWithoutBound) {
  ErrorSums sums;
  sums.add(std::vector<float>{1, 2}, std::vector<float>{1, std::nanf("")});
  EXPECT_EQ(sums.finish("").sqnr_db, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(sums.finish("").cosine, 0);
}

class DataFolder : public testing::Test {
 protected:
  DataFolder()
      : folder_(std::filesystem::temp_directory_path() / ("mantissa_data_" + std::to_string(std::random_device{}()))) {
    std::filesystem::create_directories(folder_);
    dataset_.name = "fashion_mnist";
    dataset_.folder = folder_.string();
    dataset_.mean = 0.25;
    dataset_.std = 0.5;
  }
  ~DataFolder() override { std::filesystem::remove_all(folder_); }

  static std::string word(std::uint32_t v) {
    return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
  }
  static std::string image_file(std::uint32_t count, std::uint32_t rows, std::uint32_t columns, std::size_t pixels) {
    std::string bytes = word(0x803) + word(count) + word(rows) + word(columns);
    for (std::size_t i = 0; i < pixels; ++i) {
      bytes += static_cast<char>(i * 17);
    }
    return bytes;
  }
  static std::string label_file(std::uint32_t count) { return word(0x801) + word(count) + std::string(count, '\3'); }

  void write(const std::string& images, const std::string& labels) {
    const gzFile file = gzopen((folder_ / "t10k-images-idx3-ubyte.gz").c_str(), "wb");
    gzwrite(file, images.data(), static_cast<unsigned>(images.size()));
    gzclose(file);
    std::ofstream(folder_ / "t10k-labels-idx1-ubyte", std::ios::binary) << labels;  // plain: both are read
  }

  std::string error(std::int64_t count = 0) {
    try {
      load_images(dataset_, Split::kTest, count, "w.yaml");
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "no error";
  }

  std::filesystem::path folder_;
  config::Dataset dataset_;
};

TEST_F(DataFolder, ReadsImagesAndLabelsAndNormalizesThem) {
  write(image_file(3, 2, 2, 12), label_file(3));
  const auto images = load_images(dataset_, Split::kTest, 0, "");
  EXPECT_EQ(images.count, 3);
  EXPECT_THAT(images.labels, testing::Each(3));
  const auto batch = image_batch(images, dataset_, 2, {2, 1, 2, 2});
  EXPECT_FLOAT_EQ(batch.floats()[1], (9.0F * 17 / 255 - 0.25F) / 0.5F);
  EXPECT_EQ(batch.floats()[4], 0.0F) << "past the end there are zeros";
  EXPECT_EQ(load_images(dataset_, Split::kTest, 2, "").count, 2);
}

TEST_F(DataFolder, TellsWhatIsWrongWithTheFiles) {
  EXPECT_THAT(error(), HasSubstr("apt-get install dataset-fashion-mnist"));
  write(image_file(3, 2, 2, 12), label_file(3));
  EXPECT_THAT(error(4), HasSubstr("it has 3 images, the workload asks for 4"));
  write(image_file(3, 2, 2, 11), label_file(3));
  EXPECT_THAT(error(), HasSubstr("t10k-images-idx3-ubyte.gz: error: the file ends too early"));
  write(label_file(3), label_file(3));
  EXPECT_THAT(error(), HasSubstr("it starts with 0x00000801, idx files of images start with 0x00000803"));
  write(image_file(3, 2, 2, 12), label_file(2));
  EXPECT_THAT(error(), HasSubstr("it has 2 labels, the images are 3"));
  write(image_file(0xffffffff, 2, 2, 12), label_file(3));
  EXPECT_THAT(error(), HasSubstr("its header says 4294967295 images"));
  write(image_file(3, 40000, 40000, 12), label_file(3));
  EXPECT_THAT(error(), HasSubstr("its header says 40000 rows"));
  write("", label_file(3));
  EXPECT_THAT(error(), HasSubstr("ends too early"));
  dataset_.name = "fashion_mnits";
  EXPECT_THAT(error(), HasSubstr("w.yaml: error: unknown data set 'fashion_mnits'; did you mean 'fashion_mnist'?"));
}

TEST_F(DataFolder, FolderComesFromTheWorkloadThenTheEnvironmentThenDebian) {
  setenv("MANTISSA_DATA_DIR", "/elsewhere", 1);
  EXPECT_EQ(dataset_folder(dataset_), folder_.string());
  dataset_.folder.clear();
  EXPECT_EQ(dataset_folder(dataset_), "/elsewhere");
  unsetenv("MANTISSA_DATA_DIR");
  EXPECT_EQ(dataset_folder(dataset_), "/usr/share/datasets/fashion-mnist");
}

class TrainedNetwork : public testing::Test {
 protected:
  static config::Workload workload(const char* name, std::int64_t images) {
    auto w = config::load_workload(std::string(MANTISSA_SOURCE_DIR) + "/workloads/" + name + ".yaml");
    w.dataset->images = images;
    w.dataset->calibration_images = 70;  // no multiple of the executor's batch
    return w;
  }
};

TEST_F(TrainedNetwork, LosesLittleAccuracyAtEveryPrecision) {
  for (const char* name : {"fashion_resnet", "fashion_mobilenet"}) {
    const auto w = workload(name, 210);
    std::int64_t calls = 0, last = 0;
    const Evaluation evaluation(network::load_network(w, 1), w, [&](std::int64_t done, std::int64_t total) {
      ++calls;
      EXPECT_GT(done, last);
      last = done;
      EXPECT_EQ(total, 210);
    });
    EXPECT_EQ(last, 210);
    EXPECT_GT(calls, 1);
    for (const char* precision : {"int8", "bf16", "fp16"}) {
      const Accuracy a = evaluation.run(tests::precision(precision), w.recipe_for(precision));
      EXPECT_EQ(a.images, 210);
      EXPECT_GT(a.top1_reference, 0.88);
      EXPECT_GT(a.top1, a.top1_reference - 0.05) << name << " " << precision;
      EXPECT_NEAR(a.top1 - a.top1_reference, static_cast<double>(a.only_quantized_right - a.only_reference_right) / 210,
                  1e-12);
      EXPECT_LE(a.difference_low, a.difference);
      EXPECT_GE(a.difference_high, a.difference);
      EXPECT_EQ(a.layer_images, 200);
      ASSERT_GT(a.layers.size(), 5U);
      for (const auto& layer : a.layers) {
        EXPECT_GT(layer.sqnr_db, precision == std::string("fp16") ? 40 : 5)
            << name << " " << precision << " " << layer.node;
        EXPECT_GT(layer.cosine, 0.85) << layer.node;
      }
    }
  }
}

TEST_F(TrainedNetwork, Fp32PrecisionIsTheReferenceItself) {
  const auto w = workload("fashion_resnet", 60);
  const Evaluation evaluation(network::load_network(w, 1), w);
  config::Precision fp32;
  fp32.name = "fp32";
  fp32.matrix = fp32.depthwise = numerics::fp32_reference();
  fp32.vector = tests::format("fp32");
  const Accuracy a = evaluation.run(fp32, {});
  EXPECT_EQ(a.top1, a.top1_reference);
  for (const auto& layer : a.layers) {
    EXPECT_EQ(layer.sqnr_db, std::numeric_limits<double>::infinity()) << layer.node;
  }
}

TEST_F(TrainedNetwork, RefusesWorkloadsWithoutDataOrCalibration) {
  auto w = workload("fashion_resnet", 10);
  w.dataset->calibration_images = 0;
  const auto graph = network::load_network(w, 1);
  const Evaluation evaluation(graph, w);
  EXPECT_THROW(evaluation.run(tests::precision("int8"), w.recipe), ConfigError);
  EXPECT_NO_THROW(evaluation.run(tests::precision("bf16"), w.recipe));
  w.dataset.reset();
  EXPECT_THROW(Evaluation(graph, w), ConfigError);
}

}  // namespace
}  // namespace mantissa::execute
