// SPDX-License-Identifier: Apache-2.0
// Steps on one and several chips: conservation, limits, and what a change must do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "study/many_chips.h"

namespace mantissa::study {
namespace {

const std::string kRoot = MANTISSA_SOURCE_DIR;

config::Chip tpu() {
  return config::load_chip(kRoot + "/configs/tpu_v4.yaml");
}
config::Workload workload(const std::string& name) {
  return config::load_workload(kRoot + "/workloads/" + name + ".yaml");
}

StepRequest decode(std::int64_t batch, std::int64_t context, int tensor, const std::string& precision = "bf16") {
  StepRequest request;
  request.precision = precision, request.batch = batch, request.tokens = 1, request.context = context;
  request.parallel.tensor = tensor;
  return request;
}

TEST(ManyChips, TimeIsComputingAndWhatOfCommunicationIsSeen) {
  const StepResult r = run_step(tpu(), workload("llama2_7b"), decode(1, 256, 4));
  EXPECT_DOUBLE_EQ(r.time.count(), r.compute.count() + r.exposed.count());
  EXPECT_GT(r.exposed.count(), 0);
  EXPECT_LE(r.exposed.count(), r.communication.count());
  double parts = 0;
  for (const auto& part : r.parts) {
    parts += part.time.count();
  }
  EXPECT_NEAR(parts, r.compute.count(), r.compute.count() * 1e-9);
}

TEST(ManyChips, OneChipSendsNothing) {
  const StepResult r = run_step(tpu(), workload("llama2_7b"), decode(1, 256, 1));
  EXPECT_EQ(r.sent.count(), 0);
  EXPECT_EQ(r.exposed.count(), 0);
}

TEST(ManyChips, Llama7bHasItsSizeInEachFormat) {
  const std::int64_t parameters = 6'738'415'616;
  const auto weights = [&](const char* precision) {
    return run_step(tpu(), workload("llama2_7b"), decode(1, 64, 1, precision)).weights.count();
  };
  const std::int64_t norms = 65 * 4096, table = 32000 * 4096;  // in the vector format
  EXPECT_EQ(weights("fp32"), 4 * parameters);                  // "28 GB": 7 billion times 4
  EXPECT_EQ(weights("bf16"), 2 * parameters);
  EXPECT_EQ(weights("int8_weights"), parameters + norms + table);
}

TEST(ManyChips, DecodingReadsTheWholeCache) {
  // Keys and values of a LLaMA-7B token: 2 x 32 layers x 4096 x 2 bytes.
  const StepResult r = run_step(tpu(), workload("llama2_7b"), decode(8, 1024, 4));
  const std::int64_t cache = 8LL * 1024 * 2 * 32 * 4096 * 2 / 4;
  EXPECT_GT(r.activations.count(), cache);
  EXPECT_LT(r.activations.count(), cache * 1.02);
}

TEST(ManyChips, SaysWhatDoesNotFit) {
  try {
    run_step(tpu(), workload("llama2_70b"), decode(1, 1024, 2));
    FAIL() << "69 GB of weights each";
  } catch (const ModelError& error) {
    EXPECT_THAT(std::string(error.what()),
                ::testing::AllOf(::testing::HasSubstr("69.0 of weights"), ::testing::HasSubstr("8-bit weights")));
  }
}

TEST(ManyChips, FsdpOverlapsGatheringWithTheBlockBefore) {
  StepRequest request;
  request.batch = 8, request.tokens = 2048;
  request.training.emplace();
  request.training->checkpointing = true;
  request.parallel.fsdp = 8;
  const StepResult r = run_step(tpu(), workload("llama2_7b"), request);
  EXPECT_LT(r.exposed.count(), 0.3 * r.communication.count());
  // Gathered twice in BF16 (the last block once), reduced once.
  const double bytes = 2.0 * 6'738'415'616 * 7 / 8 * 3;
  EXPECT_NEAR(static_cast<double>(r.sent.count()), bytes, bytes * 0.05);
  EXPECT_NEAR(r.model_flops, 6.0 * (6'738'415'616 - 131'072'000) * 2048 + 12.0 * 32 * 4096 * 2048 * 2048, 1e12);
}

TEST(ManyChips, ChunksAreNeverSlowerThanWholeCollectives) {
  StepRequest request = decode(64, 2048, 16);
  const StepResult chunked = run_step(tpu(), workload("palm_8b"), request);
  request.parallel.chunked = false;
  const StepResult whole = run_step(tpu(), workload("palm_8b"), request);
  EXPECT_LE(chunked.time.count(), whole.time.count());
  const double sum = whole.compute.count() + whole.communication.count();
  EXPECT_NEAR(whole.time.count(), sum, sum * 1e-9);
}

TEST(ManyChips, ASlowerLinkIsSeen) {
  config::Chip slow = tpu();
  const StepRequest request = decode(64, 2048, 16);
  const double fast = run_step(slow, workload("palm_8b"), request).time.count();
  slow.interconnect->link = BytesPerSecond(slow.interconnect->link.count() / 8);
  EXPECT_GT(run_step(slow, workload("palm_8b"), request).time.count(), fast);
}

TEST(ManyChips, TrainingNeedsFloatingPoint) {
  StepRequest request;
  request.precision = "int8";
  request.training.emplace();
  EXPECT_THROW(run_step(tpu(), workload("bert_base"), request), ModelError);
}

TEST(ManyChips, AChipWithoutInterconnectWorksAlone) {
  config::Chip alone = tpu();
  alone.interconnect.reset();
  EXPECT_THROW(run_step(alone, workload("llama2_7b"), decode(1, 64, 2)), ModelError);
}

}  // namespace
}  // namespace mantissa::study
