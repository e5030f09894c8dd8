// SPDX-License-Identifier: Apache-2.0
// The perplexity of a language model on rows of token ids, and its statistics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "config/workload.h"
#include "execute/accuracy.h"
#include "network/import.h"
#include "support/files.h"
#include "support/npy.h"
#include "support/precisions.h"
#include "support/small_networks.h"

namespace mantissa::execute {
namespace {

using network::Op;
using network::Tensor;
using test::npy;
using test::words;
using testing::EndsWith;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// ---- statistics ----

// Worked by hand: differences 0.1, 0.3, 0.2: mean 0.2, deviation 0.1; Student's 97.5 % point for two degrees of freedom
// is 4.302653; times 0.1 / sqrt(3).
TEST(PerplexityStatistics, StudentsIntervalOfAWorkedExample) {
  Accuracy a;
  a.metric = Metric::kPerplexity;
  finish_perplexity_statistics(std::vector<double>{1.0, 2.0, 3.0}, std::vector<double>{1.1, 2.3, 3.2}, a);
  EXPECT_NEAR(a.perplexity_reference, std::exp(2.0), 1e-12);
  EXPECT_NEAR(a.perplexity, std::exp(2.2), 1e-12);
  EXPECT_NEAR(a.nats_difference, 0.2, 1e-12);
  EXPECT_NEAR(a.nats_low, 0.2 - 0.2484138, 1e-6);
  EXPECT_NEAR(a.nats_high, 0.2 + 0.2484138, 1e-6);
  EXPECT_NEAR(a.loss(), 100 * (std::exp(0.2) - 1), 1e-9);
  EXPECT_NEAR(a.loss_low(), 100 * (std::exp(a.nats_low) - 1), 1e-9);
  EXPECT_NEAR(a.loss_high(), 100 * (std::exp(a.nats_high) - 1), 1e-9);
}

TEST(PerplexityStatistics, OneTextGivesNoInterval) {
  Accuracy a;
  finish_perplexity_statistics(std::vector<double>{1.0}, std::vector<double>{1.5}, a);
  EXPECT_EQ(a.nats_difference, 0.5);
  EXPECT_EQ(a.nats_low, -kInfinity);
  EXPECT_EQ(a.nats_high, kInfinity);
}

TEST(PerplexityStatistics, AnInfiniteLossMakesEverythingInfinite) {
  Accuracy a;
  a.metric = Metric::kPerplexity;
  finish_perplexity_statistics(std::vector<double>{1.0, 1.0}, std::vector<double>{1.0, kInfinity}, a);
  EXPECT_EQ(a.perplexity, kInfinity);
  EXPECT_EQ(a.nats_low, kInfinity);
  EXPECT_EQ(a.loss(), kInfinity);
}

TEST(Loss, OfImagesIsInPercentagePointsWithTheIntervalTurnedRound) {
  Accuracy a;
  a.difference = -0.01, a.difference_low = -0.03, a.difference_high = 0.005;
  EXPECT_DOUBLE_EQ(a.loss(), 1);
  EXPECT_DOUBLE_EQ(a.loss_low(), -0.5);
  EXPECT_DOUBLE_EQ(a.loss_high(), 3);
}

// ---- a language model: logits = embedding[id] x weights, so each token is predicted from the one before ----

class LanguageModel : public testing::Test {
 protected:
  static constexpr int kIds = 5, kWidth = 4, kLength = 3, kBatch = 2, kRows = 3;
  const std::vector<int> texts_{0, 1, 2, 3, 4, 0, 3, 1, 2, 2, 4, 0};  // three rows of four
  const std::vector<int> others_{4, 4, 4, 4, 0, 1, 0, 1};

  LanguageModel() {
    embedding_ = tests::random_tensor({kIds, kWidth}, 1);
    weights_ = tests::random_tensor({kWidth, kIds}, 2);
    workload_.name = "lm";
    workload_.path = "lm.yaml";
    auto& dataset = workload_.dataset.emplace();
    dataset.kind = config::Dataset::Kind::kTokens;
    dataset.name = "token_ids";
    dataset.file = folder_.write("texts.npy", npy("<u2", "(3, 4)", words(texts_)));
    dataset.sequences = kRows;
    dataset.calibration_file = folder_.write("others.npy", npy("<u2", "(2, 4)", words(others_)));
    dataset.calibration_sequences = 2;
  }

  network::Graph graph(network::Shape shape = {kBatch, kLength},
                       network::ElementType type = network::ElementType::kInt64) const {
    tests::NetworkBuilder net;
    const auto ids = net.input(shape, type);
    const auto rows = net.node(Op::kGather, {net.weights(embedding_), ids});
    return net.build({net.node(Op::kMatMul, {rows, net.weights(weights_)})});
  }

  // Mean loss of a row, the operands of the product and its result rounded to a format.
  double loss_of(int row, const numerics::Format& format) const {
    double total = 0;
    for (int i = 0; i < kLength; ++i) {
      const int id = texts_[static_cast<std::size_t>(row * (kLength + 1) + i)];
      const int next = texts_[static_cast<std::size_t>(row * (kLength + 1) + i + 1)];
      double sum = 0, wanted = 0;
      for (int j = 0; j < kIds; ++j) {
        double logit = 0;
        for (int k = 0; k < kWidth; ++k) {
          const float a = embedding_.floats()[static_cast<std::size_t>(id * kWidth + k)];
          const float b = weights_.floats()[static_cast<std::size_t>(k * kIds + j)];
          logit +=
              static_cast<double>(numerics::round_to(format, a)) * static_cast<double>(numerics::round_to(format, b));
        }
        const double rounded = static_cast<double>(numerics::round_to(format, static_cast<float>(logit)));
        sum += std::exp(rounded);
        wanted = j == next ? rounded : wanted;
      }
      total += std::log(sum) - wanted;
    }
    return total / kLength;
  }

  std::string refusal(const network::Graph& net) const {
    try {
      Evaluation(net, workload_).run(tests::precision("int8"), {});
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "no error";
  }

  test::TemporaryFolder folder_;
  Tensor embedding_, weights_;
  config::Workload workload_;
};

TEST_F(LanguageModel, PerplexityIsThatOfAnIndependentComputation) {
  std::vector<std::int64_t> done;
  const Evaluation evaluation(graph(), workload_, [&](std::int64_t now, std::int64_t total) {
    done.push_back(now);
    EXPECT_EQ(total, kRows);
  });
  EXPECT_THAT(done, testing::AnyOf(testing::ElementsAre(2, 3), testing::ElementsAre(1, 3)));
  const Accuracy a = evaluation.run(tests::precision("bf16"), {});
  EXPECT_EQ(a.metric, Metric::kPerplexity);
  EXPECT_EQ(a.sequences, kRows);
  EXPECT_EQ(a.tokens, kRows * kLength);
  double reference = 0, bf16 = 0;
  for (int row = 0; row < kRows; ++row) {
    reference += loss_of(row, tests::format("fp32")) / kRows;
    bf16 += loss_of(row, tests::format("bf16")) / kRows;
  }
  ASSERT_GT(std::abs(bf16 - reference), 1e-4) << "BF16 must make a difference for the test to see it";
  EXPECT_NEAR(a.perplexity_reference, std::exp(reference), 2e-6 * std::exp(reference));
  EXPECT_NEAR(a.perplexity, std::exp(bf16), 2e-6 * std::exp(bf16));
  EXPECT_NEAR(a.nats_difference, bf16 - reference, 2e-6);
  EXPECT_LT(a.nats_low, a.nats_difference);
  EXPECT_GT(a.nats_high, a.nats_difference);
}

TEST_F(LanguageModel, NextTokensAreRightWhereTheLargestLogitIsTheirs) {
  // Each id points at the next one: 0 -> 1 -> 2 -> 3 -> 4 -> 0. Of the texts' steps 0123, 4031 and 2240 these are
  // right: 0-1, 1-2, 2-3; 4-0; 4-0.
  embedding_ = Tensor::zeros(network::ElementType::kFloat, {kIds, kIds});
  weights_ = Tensor::zeros(network::ElementType::kFloat, {kIds, kIds});
  for (std::size_t i = 0; i < kIds; ++i) {
    embedding_.floats()[i * kIds + i] = 1;
    weights_.floats()[i * kIds + (i + 1) % kIds] = 2;
  }
  const Accuracy a = Evaluation(graph(), workload_).run(tests::precision("fp16"), {});
  EXPECT_DOUBLE_EQ(a.top1_reference, 5.0 / 9);
  EXPECT_EQ(a.top1, a.top1_reference);
  EXPECT_EQ(a.nats_difference, 0) << "all values are exact in FP16";
  // e^2 against four times e^0.
  const double right = std::log(std::exp(2.0) + 4) - 2, wrong = std::log(std::exp(2.0) + 4);
  EXPECT_NEAR(a.perplexity_reference, std::exp((5 * right + 4 * wrong) / 9), 1e-9);
}

TEST_F(LanguageModel, CalibrationSeesOnlyItsOwnTexts) {
  const Accuracy a = Evaluation(graph(), workload_).run(tests::precision("int8"), {});
  EXPECT_NE(a.perplexity, a.perplexity_reference);
  workload_.dataset->calibration_file = folder_.write("seen.npy", npy("<u2", "(1, 4)", words({4, 0, 3, 1})));
  workload_.dataset->calibration_sequences = 1;
  EXPECT_EQ(refusal(graph()), workload_.dataset->calibration_file + ": error: row 1 is also row 2 of " +
                                  workload_.dataset->file + "; calibration must not see the texts that are measured");
}

TEST_F(LanguageModel, FewerTextsCanBeAskedFor) {
  EXPECT_EQ(Evaluation(graph(), workload_, {}, 2).run(tests::precision("bf16"), {}).tokens, 2 * kLength);
}

TEST_F(LanguageModel, NanInItsLogitsMakesThePerplexityInfinite) {
  weights_.floats()[0] = 3e38F;  // finite in FP32 and beyond FP16, whose infinity makes NaN with the other sign
  weights_.floats()[kIds] = -3e38F;
  for (int id = 0; id < kIds; ++id) {
    embedding_.floats()[static_cast<std::size_t>(id * kWidth)] =
        embedding_.floats()[static_cast<std::size_t>(id * kWidth + 1)] = 0.25F;
  }
  const Accuracy a = Evaluation(graph(), workload_).run(tests::precision("fp16"), {});
  EXPECT_EQ(a.perplexity, kInfinity);
  EXPECT_TRUE(std::isfinite(a.perplexity_reference));
  EXPECT_EQ(a.top1, 0);
}

TEST_F(LanguageModel, RefusesAReferenceWithoutPerplexity) {
  embedding_.floats()[2 * kWidth] = std::nanf("");
  EXPECT_EQ(refusal(graph()),
            "lm.yaml: error: the FP32 network gives row 1 of " + workload_.dataset->file +
                " probability 0 or logits that are not finite; there is no perplexity to compare with");
}

TEST_F(LanguageModel, RefusesNetworksAndTextsThatDoNotFit) {
  EXPECT_THAT(refusal(graph({kBatch, 2})),
              EndsWith("its rows have 4 tokens; the network reads 2 and predicts each next one, so rows need 3"));
  EXPECT_THAT(refusal(graph({kBatch, 1, kLength})),
              EndsWith("perplexity needs texts x tokens in, texts x tokens x logits out"));
  workload_.dataset->file =
      folder_.write("texts.npy", npy("<u2", "(3, 4)", words({0, 1, 2, 3, 4, 0, 3, 5, 2, 2, 4, 0})));
  EXPECT_EQ(refusal(graph()), workload_.dataset->file + ": error: row 2, token 4 is 5; the network knows ids 0 to 4");
  tests::NetworkBuilder net;
  const auto image = net.input({1, 1, 2, 2});
  EXPECT_EQ(refusal(net.build({net.node(Op::kRelu, {image})})),
            "lm.yaml: error: perplexity needs a network with one int64 or int32 input (token ids) and one float output "
            "(logits)");
}

TEST_F(LanguageModel, ReadsInt32IdsToo) {
  EXPECT_EQ(Evaluation(graph({kBatch, kLength}, network::ElementType::kInt32), workload_)
                .run(tests::precision("bf16"), {})
                .perplexity,
            Evaluation(graph(), workload_).run(tests::precision("bf16"), {}).perplexity);
}

// ---- the trained network ----

// PyTorch 1.13 with the trained weights on the first eight held-out rows, its logits taken to double: perplexity
// 13.67868554656829, 885 of 2048 tokens right.
TEST(TrainedLanguageModel, HasPyTorchsPerplexityAndLosesLittleAtEveryPrecision) {
  auto w = config::load_workload(std::string(MANTISSA_SOURCE_DIR) + "/workloads/kjv_llama.yaml");
  w.dataset->sequences = 8;
  w.dataset->calibration_sequences = 6;  // no multiple of the executor's batch
  const Evaluation evaluation(network::load_network(w, 1), w);
  struct Case {
    const char* precision;
    double low, high;  // relative increase of perplexity in percent
  };
  for (const auto& [name, low, high] :
       {Case{"fp16", -0.05, 0.05}, Case{"bf16", -0.5, 0.5}, Case{"int8", 0.2, 3.0}, Case{"fp8_e4m3", -0.5, 2.0}}) {
    const Accuracy a = evaluation.run(tests::precision(name), w.recipe_for(name));
    EXPECT_NEAR(a.perplexity_reference, 13.67868554656829, 1e-5);
    EXPECT_NEAR(a.top1_reference, 885.0 / 2048, 1.5 / 2048);
    EXPECT_EQ(a.tokens, 2048);
    EXPECT_GT(a.loss(), low) << name;
    EXPECT_LT(a.loss(), high) << name;
    EXPECT_LT(a.loss_low(), a.loss()) << name;
    EXPECT_GT(a.loss_high(), a.loss()) << name;
    EXPECT_EQ(a.layer_images, 8);
    for (const auto& layer : a.layers) {
      EXPECT_GT(layer.sqnr_db, 12) << name << " " << layer.node;
    }
  }
}

}  // namespace
}  // namespace mantissa::execute
