// SPDX-License-Identifier: Apache-2.0
// Keys of stored points: a key that misses something hands out results of another point.
#include <gtest/gtest.h>

#include <set>

#include "study/point_key.h"
#include "support/files.h"

namespace mantissa::study {
namespace {

// Of the first point of a sweep.
std::string key_of(const std::string& text, const std::string& program = "1") {
  const test::TemporaryFolder folder;
  const config::Sweep sweep = config::load_sweep(folder.write("sweep.yaml", text));
  return PointKeys(sweep, program).key(sweep.point(sweep.places(0)));
}

const std::string kPoint = "chip: tpu_v4\nworkload: fashion_resnet\n";
const std::string kTimed = "measure: latency\n" + kPoint;

TEST(PointKeys, WhateverMovesAResultMovesTheKey) {
  const std::string accuracy = "measure: accuracy\n" + kPoint;
  const std::set<std::string> keys = {key_of(kTimed),
                                      key_of(kTimed, "2"),
                                      key_of(kTimed + "batch: 2\n"),
                                      key_of(kTimed + "precision: int8\n"),
                                      key_of(kTimed + "set: {chip.clock_mhz: 900}\n"),
                                      key_of(kTimed + "set: {chip.tpu.rows: 64}\n"),
                                      key_of(kTimed + "set: {chip.area.fixed_mm2: 1}\n"),
                                      key_of(kTimed + "set: {workload.dataset.mean: 0.1}\n"),
                                      key_of(kTimed + "set: {recipe.activations.calibrator: mse}\n"),
                                      key_of("measure: latency\nchip: h100_sxm\nworkload: fashion_resnet\n"),
                                      key_of("measure: latency\nchip: tpu_v4\nworkload: fashion_mobilenet\n"),
                                      key_of(accuracy),
                                      key_of(accuracy + "images: 100\n"),
                                      key_of("measure: [accuracy, latency]\n" + kPoint)};
  EXPECT_EQ(keys.size(), 14U);
}

TEST(PointKeys, WhatMovesNoResultDoesNot) {
  const std::string key = key_of(kTimed + "set: {chip.tpu.rows: 64}\n");
  EXPECT_EQ(key_of(kTimed + "title: another\nset: {chip.tpu.rows: 64}\n"), key);
  EXPECT_EQ(key_of(kTimed + "time_limit_s: 5\nset: {chip.tpu.rows: 64}\n"), key);
  EXPECT_EQ(key_of(kTimed + "axes: [{label: [small, large], chip.tpu.rows: [64, 128]}]\n"), key);
  EXPECT_EQ(key_of(kTimed + "derived: {chip.tpu.rows: 32 * 2}\n"), key);
  // Timing gives energy with it, and does not look at images.
  EXPECT_EQ(key_of("measure: energy\n" + kPoint + "images: 7\nset: {chip.tpu.rows: 64}\n"), key);
  // The default precision, named or not.
  EXPECT_EQ(key_of(kTimed + "precision: bf16\n"), key_of(kTimed));
}

}  // namespace
}  // namespace mantissa::study
