// SPDX-License-Identifier: Apache-2.0
// Which activations stay on chip, and how many bytes are alive at once, restated kernel by kernel for long programs.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "chips/placement.h"

namespace mantissa::chips {
namespace {

using network::Kernel;
using network::Operand;
using network::Storage;
using network::ValueId;

struct Case {
  network::Graph graph;
  std::vector<Kernel> kernels;
  std::vector<std::int64_t> elements;  // by value
};

// Kernel i makes value i + 1 from value i and some others before it; value 0 is the input, the last the output.
Case random_case(unsigned seed, int kernels) {
  std::mt19937 random(seed);
  Case c;
  for (int value = 0; value <= kernels; ++value) {
    c.elements.push_back(static_cast<std::int64_t>(1 + random() % 64) << 18U);
    c.graph.values.push_back({"v", network::ElementType::kFloat, {c.elements.back()}, false, nullptr});
  }
  for (int i = 0; i < kernels; ++i) {
    Kernel kernel;
    kernel.name = "k" + std::to_string(i);
    kernel.work = network::VectorWork{c.elements[static_cast<std::size_t>(i) + 1], 1, 0};
    const auto operand = [&](int value) {
      return Operand{value, c.elements[static_cast<std::size_t>(value)], Storage::kVector, false};
    };
    kernel.reads = {operand(i)};
    if (random() % 2 == 0) {
      kernel.reads.push_back(operand(static_cast<int>(random() % static_cast<unsigned>(i + 1))));
    }
    kernel.writes = {operand(i + 1)};
    c.kernels.push_back(kernel);
  }
  c.graph.inputs = {0};
  c.graph.outputs = {kernels};
  return c;
}

bool reads(const Kernel& kernel, int value) {
  return std::any_of(kernel.reads.begin(), kernel.reads.end(), [&](const Operand& o) { return o.value == value; });
}

TEST(Placement, KeepsWhatFitsFromTheKernelThatMakesItToTheLastThatReadsIt) {
  const config::Chip chip = config::load_chip(std::string(MANTISSA_SOURCE_DIR) + "/configs/tpu_v4.yaml");
  const config::PrecisionPlan plan(*chip.find_precision("bf16"));
  const std::int64_t element = plan.base().vector.storage_bytes();
  std::size_t kept = 0, spilled = 0;
  for (const unsigned seed : {1U, 2U, 3U}) {
    const Case c = random_case(seed, 60);
    const int kernels = static_cast<int>(c.kernels.size());
    const auto last_use = [&](int value) {
      int last = value - 1;  // the kernel that makes it
      for (int i = 0; i < kernels; ++i) {
        last = reads(c.kernels[static_cast<std::size_t>(i)], value) ? std::max(last, i) : last;
      }
      return last;
    };
    // The rule: a value stays if the values that stay and are alive when it is made leave room for it.
    std::set<int> stays;
    std::int64_t peak = 0;
    for (int i = 0; i < kernels; ++i) {
      std::int64_t on_chip = 0, alive = 0;
      for (int value = 0; value <= kernels; ++value) {
        const std::int64_t bytes = c.elements[static_cast<std::size_t>(value)] * element;
        const bool lives = value - 1 <= i && i <= last_use(value);
        alive += lives ? bytes : 0;
        on_chip += lives && stays.count(value) != 0 ? bytes : 0;
      }
      peak = std::max(peak, alive);
      const std::int64_t made = c.elements[static_cast<std::size_t>(i) + 1] * element;
      if (i + 1 != kernels && on_chip + made <= chip.shared.capacity.count()) {
        stays.insert(i + 1);
      }
    }
    const Placement placement = place(chip, plan, c.graph, c.kernels);
    EXPECT_EQ(placement.activations_peak.count(), peak);
    ASSERT_EQ(placement.kernels.size(), c.kernels.size());
    for (int i = 0; i < kernels; ++i) {
      const bool on_chip = placement.kernels[static_cast<std::size_t>(i)].writes.at(0).on_chip;
      EXPECT_EQ(on_chip, stays.count(i + 1) != 0) << "seed " << seed << ", value " << i + 1;
      (on_chip ? kept : spilled) += 1;
    }
  }
  EXPECT_GT(kept, 10U);
  EXPECT_GT(spilled, 10U);
}

}  // namespace
}  // namespace mantissa::chips
