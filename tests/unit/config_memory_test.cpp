// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "config/memory.h"

namespace mantissa::config {
namespace {

using ::testing::HasSubstr;

TEST(Memory, EveryShippedFileLoadsUnderItsName) {
  const auto files = shipped_memories();
  EXPECT_GE(files.size(), 10U);
  for (const ShippedFile& file : files) {
    const Memory memory = load_memory(file.path);
    EXPECT_EQ(memory.name, file.name);
    EXPECT_GT(memory.dram.peak().count(), 1e9);
  }
}

TEST(Memory, PeaksAreThoseOfTheStandards) {
  const auto gb_per_s = [](const char* name) { return shipped_memory(name).dram.peak().count() * 1e-9; };
  EXPECT_NEAR(gb_per_s("hbm2_2400"), 307.2, 0.2);    // 8 channels x 128 bits x 2.4 Gb/s
  EXPECT_NEAR(gb_per_s("hbm2e_3200"), 409.6, 0.1);   // 8 x 128 x 3.2
  EXPECT_NEAR(gb_per_s("hbm3_6400"), 819.2, 0.1);    // 16 x 64 x 6.4
  EXPECT_NEAR(gb_per_s("hbm3e_9200"), 1177.6, 0.3);  // 16 x 64 x 9.2
  EXPECT_NEAR(gb_per_s("lpddr5_6400"), 51.2, 0.01);  // 4 x 16 x 6.4
}

TEST(Memory, AnUnknownNameGetsTheNearest) {
  try {
    shipped_memory("hbm3_6401");
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(), HasSubstr("no memory file is called 'hbm3_6401'; did you mean 'hbm3_6400'?"));
  }
}

std::string mistakes(const std::string& from, const std::string& to) {
  std::string text;
  for (const ShippedFile& file : shipped_memories()) {
    if (file.name == "hbm2_2000") {
      std::FILE* const f = std::fopen(file.path.c_str(), "r");
      for (int c = std::fgetc(f); c != EOF; c = std::fgetc(f)) {
        text += static_cast<char>(c);
      }
      std::fclose(f);
    }
  }
  text.replace(text.find(from), from.size(), to);
  try {
    parse_memory(YamlNode::parse(text, "f.yaml"));
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(Memory, WordsAndContradictionsAreRefused) {
  EXPECT_EQ(mistakes("fidelity: command", "fidelity: burst"), "");
  EXPECT_THAT(mistakes("fidelity: command", "fidelity: exact"),
              HasSubstr("'dram.fidelity' must be one of burst, command, not 'exact'"));
  EXPECT_THAT(mistakes("fidelity: command", "fidelity: burst\n  refresh: per_bank"),
              HasSubstr("per_bank refresh needs fidelity: command"));
  EXPECT_THAT(mistakes("rfc_pb_cycles: 160", "rfc_pb_cycles: 0\n  refresh: per_bank"),
              HasSubstr("per_bank refresh needs rfc_pb_cycles"));
  EXPECT_THAT(mistakes("stack_ids: 1", "stack_ids: 3"), HasSubstr("banks_per_group must be a multiple of stack_ids"));
  EXPECT_THAT(mistakes("fidelity: command", "fidelity: command\n  write_low: 0.9"),
              HasSubstr("write_low must be below write_high"));
  EXPECT_THAT(mistakes("rc_cycles: 48", "rc_cycles: 20"), HasSubstr("rc_cycles must be at least ras_cycles"));
}

}  // namespace
}  // namespace mantissa::config
