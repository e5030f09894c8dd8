// SPDX-License-Identifier: Apache-2.0
// Chip files: the shipped ones say what is published, and every kind of mistake in one is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/chip.h"
#include "config/fields.h"
#include "config/home.h"
#include "config/provenance.h"
#include "support/files.h"

namespace mantissa::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Chip shipped(const std::string& name) {
  return load_chip(test::source_file("configs/" + name + ".yaml"));
}

// A chip file (a copy that only tests change) with one piece of its text replaced: what the loader says about it; empty
// when it accepts it.
std::string mistakes(const std::string& from, const std::string& to, const std::string& chip = "tpu_v4") {
  const std::string text =
      test::replaced(test::read_file(test::source_file("tests/bad/home/configs/" + chip + ".yaml")), from, to);
  try {
    parse_chip(YamlNode::parse(text, "f.yaml"), "f.yaml");
  } catch (const ConfigError& e) {
    return e.what();
  }
  return {};
}

double peak_tops(const Chip& chip, const std::string& precision, int units_per_core, double clock_mhz) {
  return 2e-6 * chip.find_precision(precision)->macs_per_cycle * chip.cores * units_per_core * clock_mhz;
}

TEST(Chip, AneHasThePublishedPeaksAndBandwidth) {
  const Chip chip = shipped("ane_a17_pro");
  EXPECT_NEAR(peak_tops(chip, "int8", 1, chip.clock_mhz), 35.4, 0.05);
  EXPECT_NEAR(peak_tops(chip, "fp16", 1, chip.clock_mhz), 17.7, 0.05);
  EXPECT_NEAR(chip.dram.peak().count(), 51.2e9, 1e6);
  EXPECT_EQ(chip.default_precision, "int8");
}

TEST(Chip, TpuHasThePublishedPeaksAndBandwidth) {
  const Chip chip = shipped("tpu_v4");
  const Tpu& tpu = std::get<Tpu>(chip.architecture);
  EXPECT_NEAR(peak_tops(chip, "bf16", tpu.arrays_per_core, chip.clock_mhz), 275, 0.5);
  EXPECT_NEAR(peak_tops(chip, "int8", tpu.arrays_per_core, chip.clock_mhz), 275, 0.5);
  EXPECT_NEAR(chip.dram.peak().count(), 1200e9, 0.03 * 1200e9);
  EXPECT_EQ(chip.dram.capacity.count(), std::int64_t{32} << 30);
}

TEST(Chip, TpuMacsPerCycleFollowFromTheArrayAndThePasses) {
  const Chip chip = shipped("tpu_v4");
  EXPECT_EQ(chip.find_precision("bf16")->macs_per_cycle, 128.0 * 128.0);
  EXPECT_NEAR(chip.find_precision("fp32")->macs_per_cycle, 128.0 * 128.0 / 6.0, 1e-9);
}

TEST(Chip, HopperHasThePublishedPeaksAndBandwidth) {
  const Chip chip = shipped("h100_sxm");
  EXPECT_NEAR(peak_tops(chip, "bf16", 1, 1830), 989.4, 0.5);
  EXPECT_NEAR(peak_tops(chip, "fp8_e4m3", 1, 1830), 1978.9, 1);
  EXPECT_NEAR(peak_tops(chip, "tf32", 1, 1830), 494.7, 0.5);
  EXPECT_NEAR(peak_tops(chip, "fp32", 1, 1980), 66.9, 0.1);
  EXPECT_NEAR(chip.dram.peak().count(), 3.35e12, 0.01e12);
  EXPECT_EQ(std::get<Hopper>(chip.architecture).tiles.size(), 10u);
  ASSERT_TRUE(chip.power.limit.has_value());
  EXPECT_EQ(chip.power.limit->count(), 700);
}

TEST(Chip, HopperDatapathsAreTheOnesFoundOnSilicon) {
  const Chip chip = shipped("h100_sxm");
  const auto& fp8 = chip.datapaths.at("fp8_e4m3");
  EXPECT_EQ(fp8.group, 32);
  EXPECT_EQ(fp8.align_fraction_bits, 13);
  EXPECT_EQ(fp8.accumulator.exponent_bits, 8);
  EXPECT_EQ(fp8.accumulator.mantissa_bits, 13);
  EXPECT_EQ(fp8.accumulator_rounding, numerics::Rounding::kTowardZero);
  const auto& tf32 = chip.datapaths.at("tf32");
  EXPECT_EQ(tf32.group, 8);
  EXPECT_EQ(tf32.operand_rounding, numerics::Rounding::kTowardZero);
  EXPECT_EQ(chip.datapaths.at("fp16").align_fraction_bits, 25);
  EXPECT_EQ(chip.datapaths.at("fp32").accumulation, numerics::Accumulation::kSequentialFma);
}

TEST(Chip, EveryShippedFileLoadsAndItsNameIsItsFileName) {
  const auto files = shipped_files(FileKind::kChip);
  EXPECT_GE(files.size(), 3u);
  for (const auto& file : files) {
    const Chip chip = load_chip(file.path);
    EXPECT_EQ(chip.name, file.name);
    EXPECT_EQ(chip.hash.size(), 16u);
    EXPECT_EQ(chip.path, file.path);
  }
}

TEST(Chip, UnitsInKeysAreConverted) {
  const Chip chip = shipped("tpu_v4");
  EXPECT_EQ(chip.shared.capacity.count(), std::int64_t{128} << 20);  // CMEM of 128 MiB is written in KiB
  EXPECT_EQ(chip.clock().count(), 1.05e9);
}

TEST(Chip, FindsAPrecisionOrNothing) {
  const Chip chip = shipped("tpu_v4");
  EXPECT_EQ(chip.find_precision("int8")->name, "int8");
  EXPECT_EQ(chip.find_precision("fp8_e4m3"), nullptr);
}

TEST(Chip, UnknownAndMissingKeysAreMistakes) {
  EXPECT_THAT(mistakes("  weight_rows_per_cycle:", "  weight_row_per_cycle:"),
              AllOf(HasSubstr("unknown key 'tpu.weight_row_per_cycle'; did you mean 'weight_rows_per_cycle'?"),
                    HasSubstr("missing key 'tpu.weight_rows_per_cycle'")));
  EXPECT_THAT(mistakes("clock_mhz: 1050\n", "clock_ghz: 1.05\n"),
              HasSubstr("unknown key 'clock_ghz'; did you mean 'clock_mhz'?"));
}

TEST(Chip, RangesAreChecked) {
  EXPECT_THAT(mistakes("cores: 2", "cores: 0"),
              HasSubstr("f.yaml:7:8: error: 'cores' must be between 1 and 65536; found 0"));
  EXPECT_THAT(mistakes("capacity_mib: 32768", "capacity_mib: -1"), HasSubstr("must be between"));
  EXPECT_THAT(mistakes("voltage_slope: 0", "voltage_slope: 3"), HasSubstr("must be between"));
}

TEST(Chip, SectionsOfAnotherArchitectureAreRefused) {
  EXPECT_THAT(mistakes("architecture: tpu", "architecture: ane"),
              AllOf(HasSubstr("missing key 'ane'"),
                    HasSubstr("'tpu' belongs to architecture: tpu; this chip has architecture: ane")));
  EXPECT_THAT(mistakes("architecture: tpu", "architecture: gpu"),
              HasSubstr("'gpu' is not an architecture; did you mean 'tpu'?"));
}

TEST(Chip, NamesOfDatapathsFormatsAndWordsAreResolved) {
  EXPECT_THAT(mistakes("    datapath: bf16\n", "    datapath: bf166\n"),
              HasSubstr("'bf166' is not one of this file's datapaths; did you mean 'bf16'?"));
  EXPECT_THAT(mistakes("    a: bf16", "    a: fp61"), HasSubstr("'fp61' is not a number format"));
  EXPECT_THAT(mistakes("accumulation: exact", "accumulation: exactly"), HasSubstr("did you mean 'exact'?"));
  EXPECT_THAT(mistakes("accumulator_rounding: nearest_even", "accumulator_rounding: nearest"),
              HasSubstr("'nearest' is not a known datapaths.bf16.accumulator_rounding"));
  EXPECT_THAT(mistakes("default_precision: bf16", "default_precision: fp16"),
              HasSubstr("'fp16' is not one of this file's precisions"));
  EXPECT_THAT(mistakes("    vector: bf16", "    vector: int8"), HasSubstr("must be a floating-point format"));
}

TEST(Chip, AnInventedFormatIsAccepted) {
  EXPECT_EQ(mistakes("    accumulator: fp32", "    accumulator: e6m9"), "");
  EXPECT_THAT(mistakes("    accumulator: fp32", "    accumulator: e9m9"), HasSubstr("'e9m9' is not a number format"));
}

TEST(Chip, DatapathsAreCheckedAsAWhole) {
  EXPECT_THAT(mistakes("    group: 4\n", "    group: 4\n    promote_every: 6\n"),
              HasSubstr("datapath 'bf16': promote_every must be 0 or a multiple of group"));
  EXPECT_THAT(mistakes("    accumulator: int32", "    accumulator: fp32"),
              HasSubstr("datapath 'int8': accumulation: integer needs an integer accumulator of 8 to 32 bits"));
}

TEST(Chip, ValuesThatContradictEachOtherAreRefused) {
  EXPECT_THAT(mistakes("rc_cycles: 57", "rc_cycles: 19"), HasSubstr("rc_cycles must be at least ras_cycles"));
  EXPECT_THAT(mistakes("interleave_bytes: ", "interleave_bytes: 33 # "),
              HasSubstr("must be a multiple of burst_bytes"));
  EXPECT_THAT(mistakes("refi_cycles: 4682", "refi_cycles: 400"), HasSubstr("would only refresh"));
  EXPECT_THAT(mistakes("min_clock_mhz: 1050", "min_clock_mhz: 1051"),
              HasSubstr("min_clock_mhz must not be above clock_mhz"));
  EXPECT_THAT(mistakes("granularity_bytes: 512", "granularity_bytes: 500"),
              HasSubstr("chunk_bytes must be a multiple of granularity_bytes"));
}

TEST(Chip, OnlyATpuTakesPassesAndItsRateIsDerived) {
  EXPECT_THAT(mistakes("    passes: 6", "    passes: 6\n    macs_per_cycle: 2730"), HasSubstr("remove this key"));
  EXPECT_THAT(mistakes("    macs_per_cycle: 512\n", "    macs_per_cycle: 512\n    passes: 2\n", "ane_a17_pro"),
              HasSubstr("only a tpu takes several passes"));
  EXPECT_THAT(mistakes("    macs_per_cycle: 512\n", "", "ane_a17_pro"),
              HasSubstr("missing key 'precisions.int8.macs_per_cycle'"));
}

TEST(Chip, TilesAreChecked) {
  EXPECT_THAT(mistakes("[[64, 64],", "[[64, 65],", "h100_sxm"), HasSubstr("multiples of 8"));
  EXPECT_THAT(mistakes("[[64, 64],", "[[64],", "h100_sxm"), HasSubstr("'hopper.tiles[0]' must be a pair [m, n]"));
  EXPECT_THAT(mistakes("[[64, 64],", "[64,", "h100_sxm"), HasSubstr("'hopper.tiles[0]' must be a list"));
}

TEST(Provenance, EveryFactNeedsASourceOrAReason) {
  EXPECT_THAT(
      mistakes("  clock_mhz: \"Jouppi et al., ISCA 2023\"\n", ""),
      HasSubstr("f.yaml:8:1: error: 'clock_mhz' has no source; name one in sources, or say in assumed why this value"));
}

TEST(Provenance, PathsMustExistAndStandOnce) {
  EXPECT_THAT(mistakes("  staging.depth: \"", "  staging.dept: \""),
              HasSubstr("'staging.dept' is not the path of a fact in this file; did you mean 'staging.depth'?"));
  EXPECT_THAT(mistakes("  staging.depth: \"", "  staging.capacity_kib: \""), HasSubstr("has a source and is assumed"));
  EXPECT_THAT(mistakes("  staging.depth: \"double buffering\"", "  staging.depth: x"),
              HasSubstr("'staging.depth' needs a sentence"));
}

TEST(Provenance, TheNearestEntryCovers) {
  const Chip chip = shipped("tpu_v4");
  EXPECT_EQ(find_provenance(chip, "dram.ras_cycles").key, "dram");
  EXPECT_FALSE(find_provenance(chip, "dram.ras_cycles").assumed);
  EXPECT_EQ(find_provenance(chip, "dram.interleave_bytes").key, "dram.interleave_bytes");
  EXPECT_TRUE(find_provenance(chip, "dram.interleave_bytes").assumed);
  EXPECT_EQ(find_provenance(chip, "nowhere.at.all").key, "");
}

TEST(ChipFields, EveryRowIsReachedByTheLoader) {
  // Removing any required key of a shipped file must be a mistake: the table and the loader agree on every row.
  for (const char* name : {"ane_a17_pro", "tpu_v4", "h100_sxm"}) {
    const Chip chip = shipped(name);
    const std::string text = test::read_file(chip.path);
    for (const auto& field : chip_fields()) {
      const std::string key = field.key;
      const std::size_t dot = key.find('.');
      if (field.fallback != kRequired || dot == std::string::npos ||
          text.find("\n" + key.substr(0, dot) + ":") == std::string::npos) {
        continue;
      }
      const std::size_t section = text.find("\n" + key.substr(0, dot) + ":");
      const std::size_t at = text.find("\n  " + key.substr(dot + 1) + ":", section);
      ASSERT_NE(at, std::string::npos) << key;
      std::string without = text;
      without.erase(at, without.find('\n', at + 1) - at);
      try {
        parse_chip(YamlNode::parse(without, "f.yaml"), "f.yaml");
        ADD_FAILURE() << name << " loads without " << key;
      } catch (const ConfigError& e) {
        EXPECT_THAT(e.what(), HasSubstr("missing key '" + key + "'"));
      }
    }
  }
}

}  // namespace
}  // namespace mantissa::config
