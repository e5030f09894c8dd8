// SPDX-License-Identifier: Apache-2.0
// Programs of several chips and training steps: what they compute, counted independently from published shapes.
#include <gtest/gtest.h>

#include "base/error.h"
#include "network/backward.h"
#include "network/import.h"
#include "network/program.h"

namespace mantissa::network {
namespace {

config::Workload workload(const std::string& name) {
  return config::load_workload(std::string(MANTISSA_SOURCE_DIR) + "/workloads/" + name + ".yaml");
}

Program program_of(const std::string& name, std::int64_t batch, const CompactOptions& options, int tensor = 1,
                   int rows = 1) {
  const Graph graph = load_network(workload(name), batch, options);
  return divide(graph, lower(graph), tensor, rows);
}

std::int64_t macs(const Program& program, Phase phase) {
  std::int64_t sum = 0;
  for (const ProgramStep& step : program.steps) {
    sum += step.phase == phase ? step.kernel.macs().count() * step.kernel.repeat : 0;
  }
  return sum;
}

std::size_t count(const Program& program, Phase phase) {
  std::size_t sum = 0;
  for (const ProgramStep& step : program.steps) {
    sum += step.phase == phase ? 1U : 0U;
  }
  return sum;
}

CompactOptions training_of(std::int64_t tokens) {
  CompactOptions options;
  options.tokens = tokens, options.training = true;
  return options;
}

struct Size {
  const char* name;
  std::int64_t parameters;
};

TEST(LanguageModels, HaveThePublishedNumberOfParameters) {
  // LLaMA: table 2 of the paper, 6.7, 13.0, 32.5, 65.2 billion, exactly as in the published checkpoints.
  for (const Size& size :
       {Size{"llama2_7b", 6'738'415'616}, Size{"llama_13b", 13'015'864'320}, Size{"llama_33b", 32'528'943'616},
        Size{"llama_65b", 65'285'660'672}, Size{"llama2_70b", 68'976'648'192}}) {
    EXPECT_EQ(load_network(workload(size.name), 1).parameter_count(), size.parameters) << size.name;
  }
}

TEST(LanguageModels, RoundToThePublishedNumberOfParameters) {
  struct Rounded {
    const char* name;
    double billions, shared;  // PaLM uses one table for tokens in and out: the file has two
  };
  for (const Rounded& size :
       {Rounded{"palm_8b", 8.63, 256000.0 * 4096}, Rounded{"palm_62b", 62.50, 256000.0 * 8192},
        Rounded{"palm_540b", 540.35, 256000.0 * 18432}, Rounded{"gpt3_175b", 174.6, 50257.0 * 12288},
        Rounded{"bert_large", 0.3335, 0}, Rounded{"bert_base", 0.1086, 0}}) {
    const double parameters = static_cast<double>(load_network(workload(size.name), 1).parameter_count()) - size.shared;
    EXPECT_NEAR(parameters / 1e9, size.billions, size.billions * 0.003) << size.name;
  }
}

TEST(Divide, EachChipDoesItsShareOfTheProducts) {
  const CompactOptions options;
  const std::int64_t whole = macs(program_of("llama2_7b", 1, options), Phase::kForward);
  for (const int tensor : {2, 4, 8, 32}) {
    EXPECT_EQ(macs(program_of("llama2_7b", 1, options, tensor), Phase::kForward) * tensor, whole) << tensor;
  }
  EXPECT_EQ(macs(program_of("llama2_7b", 1, options, 8, 2), Phase::kForward) * 8, whole);
}

TEST(Divide, ABlockOfATransformerNeedsTwoReductionsAndTwoGathers) {
  const Program program = program_of("llama2_7b", 1, {}, 8);  // Megatron's, with divided activations between products
  int gathers = 0, reductions = 0;
  for (const ProgramStep& step : program.steps) {
    for (const auto* list : {&step.before, &step.after}) {
      for (const Collective& c : *list) {
        gathers += c.kind == CollectiveKind::kAllGather ? 1 : 0;
        reductions += c.kind == CollectiveKind::kReduceScatter ? 1 : 0;
        EXPECT_TRUE(c.elements == 2048 * 4096 || c.elements == 32000 || c.elements == 4096) << c.elements;
      }
    }
  }
  EXPECT_EQ(reductions, 2 * 32);
  EXPECT_GE(gathers, 2 * 32);
  EXPECT_LE(gathers, 2 * 32 + 2);  // and the scores
}

TEST(Divide, RefusesConvolutions) {
  const Graph graph = load_network(workload("resnet50"), 8);
  EXPECT_THROW(static_cast<void>(divide(graph, lower(graph), 2, 1)), ModelError);
}

TEST(Training, OfATransformerTakesSixOperationsForEachParameterAndToken) {
  // SOURCE: Chowdhery et al., PaLM, appendix B: 6 N + 12 L H Q T operations for each token, N without the embedding.
  const std::int64_t tokens = 512, layers = 32, features = 4096;
  const Program program = add_training(program_of("llama2_7b", 2, training_of(tokens)), {}, 1);
  const std::int64_t products = 6'738'415'616 - 32000 * features - (2 * layers + 1) * features;  // no table, no norms
  const std::int64_t attention = 2 * layers * features * tokens;  // multiply-accumulates of a token, forward
  EXPECT_EQ(macs(program, Phase::kForward), 2 * tokens * (products + attention));
  // Backward: two products for each; attention seven for two (scores twice again).
  EXPECT_EQ(macs(program, Phase::kBackward), 2 * tokens * (2 * products + attention * 7 / 2));
}

TEST(Training, OfAConvolutionalNetworkTakesThreeForwardPasses) {
  CompactOptions options;
  options.training = true;
  const Program program = add_training(program_of("resnet50", 4, options), {}, 1);
  const std::int64_t forward = macs(program, Phase::kForward);
  EXPECT_EQ(forward, 4 * 4'089'184'256);
  const std::int64_t stem = 4LL * 112 * 112 * 64 * 3 * 49;  // nobody needs the gradient of the images
  EXPECT_EQ(macs(program, Phase::kBackward), 2 * forward - stem);
}

TEST(Training, UpdatesEveryParameterOnce) {
  for (const char* name : {"llama2_7b", "bert_large", "resnet50"}) {
    const CompactOptions options = std::string(name) == "resnet50" ? CompactOptions{{}, {}, true} : training_of(128);
    const Program program = add_training(program_of(name, 1, options), {}, 1);
    std::int64_t updated = 0;
    for (const ProgramStep& step : program.steps) {
      if (step.phase == Phase::kOptimizer) {
        updated += std::get<VectorWork>(step.kernel.work).elements;
      }
    }
    EXPECT_EQ(updated, program.parameters) << name;
    EXPECT_EQ(optimizer_elements(program), 3 * program.parameters) << name;  // the weight and two moments
  }
}

TEST(Training, LossScalingLooksAtEveryGradient) {
  config::Training scaled;
  scaled.loss_scaling = true;
  const Program plain = add_training(program_of("bert_base", 1, training_of(128)), {}, 1);
  const Program with = add_training(program_of("bert_base", 1, training_of(128)), scaled, 1);
  EXPECT_EQ(count(with, Phase::kOptimizer), 2 * count(plain, Phase::kOptimizer));
  EXPECT_EQ(count(with, Phase::kBackward), count(plain, Phase::kBackward));
  // An update multiplies its gradient by the inverse scale and keeps the old value where a gradient was not finite.
  const auto update_ops = [](const Program& program) {
    double sum = 0;
    for (const ProgramStep& step : program.steps) {
      if (const auto* v = std::get_if<VectorWork>(&step.kernel.work); v != nullptr && step.phase == Phase::kOptimizer) {
        sum += v->ops * static_cast<double>(v->elements);
      }
    }
    return sum;
  };
  EXPECT_DOUBLE_EQ(update_ops(with) - update_ops(plain), 2.0 * static_cast<double>(plain.parameters));
}

TEST(Training, CheckpointingRunsBlocksAgain) {
  config::Training again;
  again.checkpointing = true;
  const Program program = add_training(program_of("llama2_7b", 1, training_of(256)), again, 1);
  const std::int64_t vocabulary = 256LL * 32000 * 4096;  // behind the last block nothing runs again
  EXPECT_EQ(macs(program, Phase::kRecompute), macs(program, Phase::kForward) - vocabulary);
}

TEST(Training, MomentumKeepsOneNumberBesideTheWeight) {
  config::Training momentum;
  momentum.optimizer = config::Training::Optimizer::kSgdMomentum;
  const Program program = add_training(program_of("bert_base", 1, training_of(128)), momentum, 4);
  EXPECT_NEAR(static_cast<double>(optimizer_elements(program)), 2.0 * static_cast<double>(program.parameters) / 4,
              2000);
}

}  // namespace
}  // namespace mantissa::network
