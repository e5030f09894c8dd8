// SPDX-License-Identifier: Apache-2.0
// Collectives on the torus against closed forms (Austin et al., "How to Scale Your Model", section on collectives) and
// conservation: every chip ends with every byte, and links carry each byte once for each chip that must get it.
#include <gtest/gtest.h>

#include "base/error.h"
#include "hardware/torus.h"

namespace mantissa::hardware {
namespace {

constexpr double kLink = 50e9, kHop = 1e-6;

config::Interconnect net() {
  config::Interconnect n;
  n.link = BytesPerSecond(kLink), n.hop = Seconds(kHop), n.max_chips = 4096, n.wrap_multiple = 4;
  return n;
}

std::vector<TorusAxis> all_axes(int chips) {
  return divide_slice(net(), chips, {chips})[0];
}

TEST(Torus, SlicesOfTpuV4HaveTheirPublishedShapes) {
  using Shape = std::vector<int>;
  EXPECT_EQ(slice_shape(4), (Shape{1, 2, 2}));
  EXPECT_EQ(slice_shape(8), (Shape{2, 2, 2}));
  EXPECT_EQ(slice_shape(16), (Shape{2, 2, 4}));
  EXPECT_EQ(slice_shape(32), (Shape{2, 4, 4}));
  EXPECT_EQ(slice_shape(64), (Shape{4, 4, 4}));
  EXPECT_EQ(slice_shape(128), (Shape{4, 4, 8}));
  EXPECT_EQ(slice_shape(192), (Shape{4, 4, 12}));
  EXPECT_EQ(slice_shape(1024), (Shape{8, 8, 16}));
  EXPECT_EQ(slice_shape(4096), (Shape{16, 16, 16}));
}

TEST(Torus, AllGatherOnAClosedCubeTakesBytesOverAllLinksAndTwoHopsForEachAxis) {
  const std::int64_t bytes = 3 * 64 * 2 * 1'000'000;
  const CollectiveRun run = run_collective(net(), all_axes(64), CollectiveOperation::kAllGather, Bytes(bytes));
  const double expected = static_cast<double>(bytes) * 63 / 64 / (3 * 2 * kLink) + 3 * 2 * kHop;
  EXPECT_NEAR(run.time.count(), expected, expected * 1e-9);
  EXPECT_TRUE(run.complete);
}

TEST(Torus, AllGatherOnARingUsesBothDirections) {
  for (const int length : {4, 8, 12, 16}) {
    const std::int64_t bytes = 2 * length * 500'000;
    const CollectiveRun run = run_collective(net(), {{length, 1, true}}, CollectiveOperation::kAllGather, Bytes(bytes));
    const double expected = static_cast<double>(bytes) * (length - 1) / length / (2 * kLink) + length / 2 * kHop;
    EXPECT_NEAR(run.time.count(), expected, expected * 1e-9) << length;
  }
}

TEST(Torus, AllGatherOnALineWaitsForItsFarEnd) {
  for (const int length : {2, 3, 4, 7}) {
    const std::int64_t bytes = 2 * length * 500'000;
    const CollectiveRun run =
        run_collective(net(), {{length, 1, false}}, CollectiveOperation::kAllGather, Bytes(bytes));
    const double expected = static_cast<double>(bytes) * (length - 1) / length / kLink + (length - 1) * kHop;
    EXPECT_NEAR(run.time.count(), expected, expected * 1e-9) << length;
  }
}

TEST(Torus, EveryChipEndsWithEveryByteAndGetsItOnce) {
  for (int chips = 2; chips <= 64; ++chips) {
    const std::vector<TorusAxis> axes = all_axes(chips);
    const auto parts = static_cast<std::int64_t>(axes.size());
    const std::int64_t bytes = parts * 2 * chips * 1000;
    const CollectiveRun run = run_collective(net(), axes, CollectiveOperation::kAllGather, Bytes(bytes));
    EXPECT_TRUE(run.complete) << chips;
    EXPECT_EQ(run.sent_total.count(), bytes * (chips - 1)) << chips;  // chips x bytes x (1 - 1 / chips)
    // No chip can get its bytes faster than its links bring them.
    EXPECT_GE(run.time.count(),
              static_cast<double>(bytes) * (chips - 1) / chips / (static_cast<double>(parts) * 2 * kLink));
  }
}

TEST(Torus, AllReduceIsAReduceScatterAndAnAllGather) {
  for (const int chips : {2, 8, 16, 64}) {
    const Bytes bytes(6 * 64 * 10'000);
    const auto gather = run_collective(net(), all_axes(chips), CollectiveOperation::kAllGather, bytes);
    const auto scatter = run_collective(net(), all_axes(chips), CollectiveOperation::kReduceScatter, bytes);
    const auto reduce = run_collective(net(), all_axes(chips), CollectiveOperation::kAllReduce, bytes);
    EXPECT_DOUBLE_EQ(reduce.time.count(), gather.time.count() + scatter.time.count());
    EXPECT_EQ(reduce.sent_total, gather.sent_total + scatter.sent_total);
  }
}

TEST(Torus, AllToAllOnARingIsBoundByItsBisection) {
  // Each of n chips sends 1/n of its bytes to each other: n/8 of them pass every link in each direction.
  const std::int64_t bytes = 8 * 8 * 100'000;
  const CollectiveRun run = run_collective(net(), {{8, 1, true}}, CollectiveOperation::kAllToAll, Bytes(bytes));
  EXPECT_TRUE(run.complete);
  EXPECT_EQ(run.sent_total.count(), 2 * 8 * bytes * 8 / 8);  // links x what each carries
  EXPECT_GE(run.time.count(), static_cast<double>(bytes) * 8 / 8 / kLink);
  EXPECT_LE(run.time.count(), static_cast<double>(bytes) * 8 / 8 / kLink * 1.5 + 4 * kHop);
}

TEST(Torus, GroupsTakeAxesFromTheInside) {
  const auto groups = divide_slice(net(), 64, {4, 2, 8});
  EXPECT_EQ(groups[0], (std::vector<TorusAxis>{{4, 1, true}}));
  EXPECT_EQ(groups[1], (std::vector<TorusAxis>{{2, 1, false}}));
  EXPECT_EQ(groups[2], (std::vector<TorusAxis>{{2, 2, false}, {4, 1, true}}));
}

TEST(Torus, RefusesAGroupThatIsNoPartOfTheGrid) {
  try {
    static_cast<void>(divide_slice(net(), 64, {64, 3}));
    FAIL() << "3 does not fit";
  } catch (const ModelError& error) {
    EXPECT_STREQ(error.what(),
                 "interconnect: a group of 3 chips does not fit the torus of 4x4x4 chips; use divisors of its axes");
  }
}

}  // namespace
}  // namespace mantissa::hardware
