// SPDX-License-Identifier: Apache-2.0
// Values in place of a file's own: where they go, what may be added, and where their mistakes are reported.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/chip.h"
#include "config/overlay.h"
#include "config/workload.h"
#include "support/files.h"

namespace mantissa::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

YamlNode chip_file() {
  return YamlNode::load_file(test::source_file("configs/h100_sxm.yaml"));
}
YamlNode workload_file() {
  return YamlNode::load_file(test::source_file("workloads/fashion_resnet.yaml"));
}

// The value of `text`, a map with one key, as a change of `path`.
Override change(const std::string& path, const std::string& text) {
  const YamlNode root = YamlNode::parse("value: " + text + "\n", "changes.yaml");
  return {path, root.entries().front().second, std::nullopt};
}

Chip chip_with(const std::string& path, const std::string& text) {
  const YamlNode root = chip_file();
  EXPECT_EQ(path_defect(FileKind::kChip, root, path), "");
  const Override one = change(path, text);
  return parse_chip(overlay(FileKind::kChip, root, {&one, 1}), "h100");
}

Workload workload_with(const std::string& path, const std::string& text) {
  const YamlNode root = workload_file();
  EXPECT_EQ(path_defect(FileKind::kWorkload, root, path), "");
  const Override one = change(path, text);
  return parse_workload(overlay(FileKind::kWorkload, root, {&one, 1}),
                        test::source_file("workloads/fashion_resnet.yaml"));
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "no error";
}

TEST(Overlay, ChangesWhatTheFileSays) {
  EXPECT_EQ(chip_with("clock_mhz", "1234").clock_mhz, 1234);
  EXPECT_EQ(chip_with("dram.channels", "40").dram.channels, 40);
  EXPECT_EQ(chip_with("datapaths.fp8_e4m3.align_fraction_bits", "7").datapaths.at("fp8_e4m3").align_fraction_bits, 7);
  EXPECT_EQ(chip_with("precisions.fp16.mac_pj", "0.5").find_precision("fp16")->mac_pj, 0.5);
  EXPECT_EQ(chip_with("hopper.tiles", "[[64, 64]]").dram.channels, chip_with("clock_mhz", "1000").dram.channels);
  EXPECT_EQ(workload_with("batch", "7").batch, 7);
}

TEST(Overlay, AddsOptionalKeysThatTheFileLeavesOut) {
  EXPECT_EQ(chip_with("datapaths.fp16.promote_every", "64").datapaths.at("fp16").promote_every, 64);
  const Workload w = workload_with("recipes.int8.activations.calibrator", "min_max");
  EXPECT_EQ(w.recipe_for("int8").activations.calibrator, Calibrator::kMinMax);
  EXPECT_EQ(w.recipe_for("bf16").activations.calibrator, Calibrator::kPercentile);  // the file's own, untouched
}

TEST(Overlay, TakesWholeMaps) {
  const Workload w = workload_with("recipes.int8.activations", "{calibrator: percentile, percentile: 99.5}");
  EXPECT_EQ(w.recipe_for("int8").activations.percentile, 99.5);
}

TEST(Overlay, NamesOfLayersMayHoldDots) {
  const Workload w = workload_with("recipes.fp8_e4m3.layers./blocks/blocks.0/conv1/Conv", "fp16");
  EXPECT_THAT(w.recipe_for("fp8_e4m3").layers,
              ElementsAre(std::pair<const std::string, std::string>("/blocks/blocks.0/conv1/Conv", "fp16")));
}

TEST(Overlay, AChangedFactIsAnAssumptionThatNamesItsFile) {
  const Chip chip = chip_with("clock_mhz", "1234");
  EXPECT_EQ(chip.assumed.at("clock_mhz"), "set in changes.yaml");
  EXPECT_FALSE(chip.sources.contains("clock_mhz"));
}

TEST(Overlay, ChangesTheHash) {
  const std::string before = chip_file().hash();
  EXPECT_EQ(chip_with("clock_mhz", "1234").hash, chip_with("clock_mhz", "1234").hash);
  EXPECT_NE(chip_with("clock_mhz", "1234").hash, before);
  EXPECT_NE(chip_with("clock_mhz", "1234").hash, chip_with("clock_mhz", "1235").hash);
  EXPECT_EQ(overlay(FileKind::kChip, chip_file(), {}).hash(), before);
}

TEST(Overlay, ReportsAWrongValueWhereItIsWritten) {
  EXPECT_EQ(message_of([] { chip_with("dram.channels", "many"); }),
            "changes.yaml:1:8: error: 'dram.channels' must be a whole number; found 'many'\n"
            "    value: many\n"
            "           ^");
  EXPECT_THAT(message_of([] { workload_with("recipes.int8.activations", "{calibrator: minmax}"); }),
              HasSubstr("changes.yaml:1:21: error: 'minmax' is not a known calibrator; did you mean 'min_max'?"));
}

TEST(PathDefect, NamesTheNearestKey) {
  const YamlNode chip = chip_file();
  EXPECT_THAT(path_defect(FileKind::kChip, chip, "dram.chanels"),
              HasSubstr("h100_sxm.yaml has no key 'dram.chanels'; did you mean 'dram.channels'?"));
  EXPECT_THAT(path_defect(FileKind::kChip, chip, "datapaths.fp8_e4m3.promote_evry"),
              HasSubstr("did you mean 'datapaths.fp8_e4m3.promote_every'?"));
  EXPECT_THAT(path_defect(FileKind::kChip, chip, "datapaths.fp8_e3m4.group"),
              HasSubstr("did you mean 'datapaths.fp8_e4m3.group'?"));
  EXPECT_THAT(path_defect(FileKind::kChip, chip, "tpu.rows"), HasSubstr("has no key"));
  EXPECT_THAT(path_defect(FileKind::kChip, chip, "sources.clock_mhz"), HasSubstr("cannot be changed"));
  EXPECT_THAT(path_defect(FileKind::kWorkload, workload_file(), "recipe.activation"),
              HasSubstr("did you mean 'recipe.activations'?"));
}

TEST(Dump, ReadsBackAsTheSameValues) {
  const YamlNode root = YamlNode::parse(
      "name: x\nnumber: \"12\"\nlist: [1, 2, {a: b}]\nempty: ~\nmap:\n  /a.b/c: fp16\n  text: \"a: b # c\"\n",
      "a.yaml");
  const YamlNode again = YamlNode::parse(root.dump(), "b.yaml");
  EXPECT_EQ(again.flow(), root.flow());
  EXPECT_EQ(MapReader(again).required("number").text(), "12");
  EXPECT_EQ(MapReader(MapReader(again).required("map")).required("text").text(), "a: b # c");
  const Chip before = load_chip(test::source_file("configs/h100_sxm.yaml"));
  const Chip after = parse_chip(YamlNode::parse(chip_file().dump(), "dump.yaml"), before.path);
  EXPECT_EQ(after.assumed, before.assumed);
  EXPECT_EQ(after.sources, before.sources);
  EXPECT_EQ(after.clock_mhz, before.clock_mhz);
}

}  // namespace
}  // namespace mantissa::config
