// SPDX-License-Identifier: Apache-2.0
// What every mapping must keep, on random kernels: all multiply-accumulates once, every operand byte at least once; and
// simulated, no faster than the roofline, with a time that is accounted for to the cycle.
#include <gtest/gtest.h>

#include <random>

#include "chips/roofline.h"
#include "hardware/machine.h"
#include "support/chips.h"

namespace mantissa::chips {
namespace {

using network::ConvWork;
using test::TestKernel;

struct Case {
  const char* chip;
  const char* precision;
};

class EveryMapping : public ::testing::TestWithParam<Case> {
 protected:
  EveryMapping() : chip_(test::shipped_chip(GetParam().chip)), precision_(*chip_.find_precision(GetParam().precision)) {
    mapper_ = make_mapper(chip_, precision_);
  }

  std::unique_ptr<TestKernel> random_kernel(bool large) {
    std::uniform_int_distribution<std::int64_t> size(1, large ? 700 : 90);
    std::uniform_int_distribution<int> kind(0, 4);
    const std::int64_t a = precision_.matrix.a.storage_bytes(), b = precision_.matrix.b.storage_bytes(),
                       v = precision_.vector.storage_bytes();
    const bool on_chip = random_() % 2 == 0;
    switch (kind(random_)) {
      case 0: {
        const std::int64_t m = size(random_), n = size(random_), k = size(random_);
        return std::make_unique<TestKernel>(test::gemm_kernel(1, m, n, k),
                                            std::initializer_list<std::int64_t>{m * k * a, n * k * b}, m * n * v,
                                            on_chip);
      }
      case 1: {
        const std::int64_t batch = 1 + size(random_) % 20, m = size(random_), n = size(random_), k = size(random_);
        return std::make_unique<TestKernel>(test::gemm_kernel(batch, m, n, k),
                                            std::initializer_list<std::int64_t>{batch * m * k * a, batch * n * k * b},
                                            batch * m * n * v, on_chip);
      }
      default: {
        ConvWork conv;
        conv.kernel_h = conv.kernel_w = 1 + 2 * (size(random_) % 3);
        conv.stride_h = conv.stride_w = 1 + size(random_) % 2;
        conv.c = size(random_), conv.out_c = size(random_);
        conv.h = conv.w = conv.kernel_h + size(random_) % 40;
        conv.n = 1 + size(random_) % 3;
        if (kind(random_) == 0) {
          conv.out_c = conv.groups = conv.c;
        }
        conv.out_h = conv.out_w = (conv.h - conv.kernel_h) / conv.stride_h + 1;
        const std::int64_t weights = conv.out_c * conv.c / conv.groups * conv.kernel_h * conv.kernel_w;
        const std::int64_t outputs = conv.n * conv.out_c * conv.out_h * conv.out_w;
        return std::make_unique<TestKernel>(
            network::Kernel{"conv", {}, conv, {}, {{0, outputs, network::Storage::kVector, false}}, 2, 0, 1},
            std::initializer_list<std::int64_t>{conv.n * conv.c * conv.h * conv.w * a, weights * b, outputs * v},
            outputs * v, on_chip);
      }
    }
  }

  config::Chip chip_;
  const config::Precision& precision_;
  std::unique_ptr<Mapper> mapper_;
  std::mt19937 random_{12345};
};

TEST_P(EveryMapping, DoesEachMultiplicationOnceAndStoresEachResultOnce) {
  for (int i = 0; i < 200; ++i) {
    const auto kernel = random_kernel(true);
    const MappedKernel mapped = mapper_->map(kernel->placed);
    Macs macs{};
    std::int64_t stored = 0;
    for (int core = 0; core < chip_.cores; ++core) {
      hardware::TileTask task;
      while (task = {}, mapped.schedule.next(core, task)) {
        macs += task.macs;
        EXPECT_LE(task.macs, task.mac_slots);
        stored += task.has_results ? task.store.bytes.count() : 0;
      }
    }
    EXPECT_EQ(macs, kernel->kernel.macs()) << mapped.mapping;
    // Splits of k store partial sums besides; slices round to whole bytes.
    EXPECT_GE(stored, kernel->placed.writes[0].bytes.count() * 98 / 100 - 64) << mapped.mapping;
  }
}

TEST_P(EveryMapping, IsNeverFasterThanTheRooflineAndAccountsForEveryCycle) {
  hardware::Machine machine("chip", chip_);
  for (int i = 0; i < 60; ++i) {
    const auto kernel = random_kernel(i % 4 == 0);
    const MappedKernel mapped = mapper_->map(kernel->placed);
    const energy::Counters c = machine.run(mapped.schedule, mapped.overhead);
    const Roofline bound = roofline(chip_, precision_, *mapper_, kernel->placed, chip_.clock());
    EXPECT_GE(at(c.timeline.total, chip_.clock()).count(), bound.bound().count()) << mapped.mapping;
    EXPECT_EQ(c.timeline.sum(), c.timeline.total);
    EXPECT_EQ(c.macs, kernel->kernel.macs());
    EXPECT_LE(c.macs, c.mac_slots);
    EXPECT_GE(c.dram_read + c.dram_write, Bytes(kernel->placed.dram_bytes().count() * 97 / 100 - 4096))
        << mapped.mapping;
  }
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  return std::string(info.param.chip) + "_" + info.param.precision;
}

INSTANTIATE_TEST_SUITE_P(Chips, EveryMapping,
                         ::testing::Values(Case{"ane_a17_pro", "int8"}, Case{"ane_a17_pro", "fp16"},
                                           Case{"tpu_v4", "bf16"}, Case{"tpu_v4", "fp32"}, Case{"h100_sxm", "fp8_e4m3"},
                                           Case{"h100_sxm", "fp16"}, Case{"h100_sxm", "fp32"}),
                         case_name);

}  // namespace
}  // namespace mantissa::chips
