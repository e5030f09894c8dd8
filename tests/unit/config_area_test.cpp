// SPDX-License-Identifier: Apache-2.0
// The area model: its formula said a second time, the shipped chips against published dies, and what more hardware
// costs.
#include <gtest/gtest.h>

#include "config/area.h"
#include "config/overlay.h"
#include "support/files.h"

namespace mantissa::config {
namespace {

std::string path_of(const std::string& name) {
  return test::source_file("configs/" + name + ".yaml");
}

Chip chip_with(const std::string& name, const std::vector<std::pair<std::string, std::string>>& values) {
  const YamlNode root = YamlNode::load_file(path_of(name));
  std::vector<Override> changes;
  for (const auto& [path, text] : values) {
    changes.push_back({path, root, text});
  }
  return parse_chip(overlay(FileKind::kChip, root, changes), name);
}

ChipArea area_with(const std::string& name, const std::vector<std::pair<std::string, std::string>>& values) {
  return *chip_area(chip_with(name, values));
}

TEST(Area, OfTheShippedChipsIsThatOfTheirDies) {
  EXPECT_NEAR(area_with("h100_sxm", {}).total(), 814, 814 * 0.005);
  EXPECT_NEAR(area_with("tpu_v4", {}).total(), 593, 593 * 0.005);
  EXPECT_LT(area_with("tpu_v4", {}).total(), 600);
  EXPECT_NEAR(area_with("ane_a17_pro", {}).total(), 104, 104 * 0.005);
}

TEST(Area, IsTheSumOfItsParts) {
  const Chip chip = load_chip(path_of("h100_sxm"));
  const ChipArea area = *chip_area(chip);
  const AreaModel& m = *chip.area;
  // FP16: 2048 multipliers of 11 x 11 bits, 26 bits of an aligned sum, 24 bits of FP32 for every 16 products.
  const double fp16 = 11 * 11 * m.product_um2_per_bit2 + (25 + 1 + 24.0 / 16) * m.float_add_um2_per_bit;
  EXPECT_NEAR(area.matrix, 132 * 2048 * fp16 * 1e-6, 1e-9);
  const double lane = 24 * 24 * m.product_um2_per_bit2 + 24 * m.float_add_um2_per_bit;
  EXPECT_NEAR(area.vector, 132 * 128 * lane * 1e-6, 1e-9);
  EXPECT_NEAR(area.shared, 50 * m.sram_mm2_per_mib, 1e-9);
  EXPECT_NEAR(area.staging, 132 * 227 / 1024.0 * m.sram_mm2_per_mib, 1e-9);
  EXPECT_NEAR(area.dram, 80 * m.dram_channel_mm2, 1e-9);
  EXPECT_NEAR(area.cores, 132 * m.core_mm2, 1e-9);
  EXPECT_NEAR(area.total(),
              area.matrix + area.vector + area.shared + area.staging + area.dram + area.cores + m.fixed_mm2, 1e-9);
}

TEST(Area, AnArrayTwiceAsLargeAddsItsMultipliersAndNothingElse) {
  const ChipArea one = area_with("tpu_v4", {}), two = area_with("tpu_v4", {{"tpu.rows", "256"}});
  const Chip chip = load_chip(path_of("tpu_v4"));
  const double bf16 = mac_um2(*chip.area, chip.find_precision("bf16")->matrix);
  EXPECT_NEAR(two.total() - one.total(), 2 * 4 * 128 * 128 * bf16 * 1e-6, 1e-9);
  EXPECT_NEAR(two.matrix, 2 * one.matrix, 1e-9);
}

TEST(Area, OfMemoryAndChannelsIsProportional) {
  const ChipArea one = area_with("tpu_v4", {});
  const ChipArea more = area_with("tpu_v4", {{"shared.capacity_kib", "262144"}, {"dram.channels", "64"}});
  EXPECT_NEAR(more.shared, 2 * one.shared, 1e-9);
  EXPECT_NEAR(more.dram, 2 * one.dram, 1e-9);
  EXPECT_NEAR(more.total() - one.total(), one.shared + one.dram, 1e-9);
}

TEST(Area, OfAMultiplierGrowsWithItsBits) {
  const AreaModel m{"a process", 2, 3, 5, 0, 0, 0, 0};
  const Chip ane = load_chip(path_of("ane_a17_pro")), tpu = load_chip(path_of("tpu_v4"));
  EXPECT_EQ(mac_um2(m, ane.datapaths.at("int8")), 2 * 8 * 8 + 3 * 32);
  EXPECT_EQ(mac_um2(m, ane.datapaths.at("fp16")), 2 * 11 * 11 + 5 * (11 + 1 + 24 / 4));
  EXPECT_EQ(mac_um2(m, tpu.datapaths.at("bf16")), 2 * 8 * 8 + 5 * (24 + 24 / 4));
  // FP32 out of BF16 parts runs on BF16 multipliers.
  EXPECT_EQ(mac_um2(m, tpu.datapaths.at("fp32")), mac_um2(m, tpu.datapaths.at("bf16")));
  const Chip wide = chip_with("h100_sxm", {{"datapaths.fp8_e4m3.align_fraction_bits", "14"}});
  const Chip h100 = load_chip(path_of("h100_sxm"));
  EXPECT_EQ(mac_um2(m, wide.datapaths.at("fp8_e4m3")) - mac_um2(m, h100.datapaths.at("fp8_e4m3")), 5);
}

TEST(Area, DoesNotDependOnTheClock) {
  EXPECT_EQ(area_with("h100_sxm", {{"clock_mhz", "1000"}}).total(), area_with("h100_sxm", {}).total());
}

TEST(Area, OfAChipWithoutAreaIsUnknown) {
  Chip chip = load_chip(path_of("tpu_v4"));
  chip.area.reset();
  EXPECT_FALSE(chip_area(chip).has_value());
}

}  // namespace
}  // namespace mantissa::config
