// SPDX-License-Identifier: Apache-2.0
// Results as tables and JSON: layout, units, and that no number is lost or scaled wrongly on the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "report/json.h"
#include "report/table.h"

namespace mantissa::report {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    result.push_back(line);
  }
  return result;
}

RunResult example() {
  RunResult r;
  r.chip = "tpu_v4";
  r.chip_title = "Google TPU v4";
  r.workload = "resnet";
  r.precision = "bf16";
  r.batch = 2;
  r.clock_mhz = r.nominal_clock_mhz = 1000;
  r.latency = Seconds(2e-3);
  r.roofline = Seconds(1e-3);
  r.images_per_second = 1000;
  r.average_power = Watts(100);
  r.peak_power = Watts(150);
  r.energy_per_inference = Joules(0.1);
  r.parameters = 1'234'567;
  r.macs = Macs(4'000'000'000);
  r.peak_macs_per_second = 8e12;
  r.weights = Bytes(2'469'134);
  KernelRow k;
  k.name = "layer1.0.conv1";
  k.kind = "conv";
  k.time = Seconds(1e-3);
  k.roofline = Seconds(5e-4);
  k.bound_by = "dram";
  k.unit_busy = 0.5;
  k.multipliers_useful = 0.25;
  k.counters.timeline = {Cycles(1'000'000), Cycles(500'000), Cycles(100'000), Cycles(200'000),
                         Cycles(50'000),    Cycles(100'000), Cycles(50'000)};
  k.counters.dram_read = Bytes(3'000'000);
  k.counters.dram_write = Bytes(1'000'000);
  k.energy.matrix = Joules(0.06);
  k.energy.dram = Joules(0.04);
  k.sqnr_db = 41.25;
  r.kernels = {k, k};
  r.kernels[1].name = "a.kernel.with.a.very.long.name.indeed.bn2";
  r.kernels[1].sqnr_db.reset();
  r.totals.timeline = {Cycles(2'000'000), Cycles(1'000'000), Cycles(200'000), Cycles(400'000),
                       Cycles(100'000),   Cycles(200'000),   Cycles(100'000)};
  r.energy.matrix = Joules(0.12);
  r.energy.dram = Joules(0.08);
  AccuracyResult a;
  a.images = 10000;
  a.top1_reference = 0.93;
  a.top1 = 0.925;
  a.difference = -0.005;
  a.difference_low = -0.0071;
  a.difference_high = -0.0029;
  a.mcnemar_p = 0.01;
  r.accuracy = a;
  return r;
}

TEST(TextTable, AlignsColumnsAndLeavesEmptyOnesOut) {
  TextTable table(Style{});
  table.column("name", "", TextTable::Align::kLeft);
  table.column("empty", "ms");
  table.column("value", "mJ");
  table.row({"a", "", "1"});
  table.row({"long name", "", "23.5"});
  EXPECT_EQ(table.render(),
            "name       value\n"
            "              mJ\n"
            "----------------\n"
            "a              1\n"
            "long name   23.5\n");
}

TEST(TextTable, CountsCodePointsNotBytes) {
  EXPECT_EQ(display_width("\xc3\xa4\xc3\xb6"), 2u);
  EXPECT_EQ(display_width("abc"), 3u);
}

TEST(TextTable, PutsEscapesOnlyIntoColouredTables) {
  for (const bool colour : {false, true}) {
    TextTable table(Style{colour});
    table.column("h", "");
    table.row({"1"});
    EXPECT_EQ(table.render().find('\x1b') != std::string::npos, colour);
  }
}

TEST(TextTable, KeepsBothEndsOfALongName) {
  EXPECT_EQ(shorten_middle("abcdefghijklmnop", 12), "abc...klmnop");
  EXPECT_EQ(shorten_middle("abc", 11), "abc");
}

TEST(Numbers, SignificantDigitsRoundAndCarry) {
  EXPECT_EQ(significant(0.012345, 3), "0.0123");
  EXPECT_EQ(significant(1.2345, 3), "1.23");
  EXPECT_EQ(significant(12.345, 3), "12.3");
  EXPECT_EQ(significant(9.996, 3), "10.0");
  EXPECT_EQ(significant(99.96, 3), "100");
  EXPECT_EQ(significant(1234567, 3), "1,234,567");
  EXPECT_EQ(significant(0, 3), "0");
  EXPECT_EQ(significant(-1.5, 3), "-1.50");
  EXPECT_EQ(significant(std::numeric_limits<double>::infinity(), 3), "inf");
}

TEST(Numbers, ScalesFollowTheLargestValue) {
  const double times[] = {1e-6, 2.5e-3};
  const Scale ms = time_scale(times);
  EXPECT_EQ(ms.unit, "ms");
  EXPECT_DOUBLE_EQ(times[1] * ms.factor, 2.5);
  const double tiny[] = {3e-12};
  EXPECT_EQ(energy_scale(tiny).unit, "pJ");
  const double zero[] = {0.0};
  EXPECT_EQ(energy_scale(zero).unit, "J");
  const double bytes[] = {1e3};
  EXPECT_EQ(byte_scale(bytes).unit, "kB");
}

TEST(ComparisonTable, ShowsEachRunInOneLineWithItsUnits) {
  const std::vector<RunResult> results = {example(), example()};
  const std::string text = comparison_table(results, "A title", Style{});
  EXPECT_EQ(lines(text)[0], "A title");
  EXPECT_THAT(
      text,
      HasSubstr("resnet: 1.23 M parameters, 2.00 G MACs per input, batch 2, 10,000 test images, FP32 top-1 93.00 %"));
  EXPECT_THAT(text, HasSubstr("Google TPU v4  bf16"));
  EXPECT_THAT(text, HasSubstr("-0.50 [-0.71, -0.29]"));
  for (const std::string& line : lines(text)) {
    EXPECT_LE(display_width(line), 120u) << line;
  }
}

TEST(ComparisonTable, SaysWhyThereIsNoAccuracy) {
  RunResult r = example();
  r.accuracy.reset();
  r.accuracy_note = "the network has no weights";
  const std::string text = comparison_table({{r, r}}, "", Style{});
  EXPECT_THAT(text, Not(HasSubstr("top-1")));
  EXPECT_THAT(text, HasSubstr("resnet: no accuracy: the network has no weights\n"));
}

RunResult language_example() {
  RunResult r = example();
  r.workload = "kjv_llama";
  AccuracyResult a;
  a.metric = AccuracyResult::Metric::kPerplexity;
  a.sequences = 128;
  a.tokens = 32768;
  a.perplexity_reference = 20;
  a.perplexity = 20.2;
  a.nats_difference = std::log(1.01);
  a.nats_low = std::log(1.005);
  a.nats_high = std::log(1.015);
  a.top1_reference = 0.4;
  a.top1 = 0.39;
  r.accuracy = a;
  return r;
}

TEST(ComparisonTable, ShowsPerplexityOfLanguageModels) {
  const std::string text = comparison_table({{language_example()}}, "", Style{});
  EXPECT_THAT(text, HasSubstr("32,768 test tokens, FP32 perplexity 20.000\n"));
  EXPECT_THAT(text, HasSubstr("inputs  perplexity               to FP32\n"));
  EXPECT_THAT(text, HasSubstr("% [95 % interval]\n"));
  EXPECT_THAT(text, HasSubstr("      20.200  +1.00 [+0.50, +1.50]\n"));
  EXPECT_THAT(text, Not(HasSubstr("top-1")));
  EXPECT_THAT(text, Not(HasSubstr("ppl")));
}

TEST(ComparisonTable, NamesTheUnitOfEachAccuracyWhereTheyDiffer) {
  const std::string text = comparison_table({{example(), language_example()}}, "", Style{});
  EXPECT_THAT(text, HasSubstr("92.50 %  -0.50 pt [-0.71, -0.29]\n"));
  EXPECT_THAT(text, HasSubstr("20.200 ppl   +1.00 % [+0.50, +1.50]\n"));
  EXPECT_THAT(text, HasSubstr("pt: percentage points of top-1. ppl: perplexity; its increase is in percent.\n"));
  EXPECT_THAT(comparison_table({{example()}}, "", Style{}), Not(HasSubstr("ppl")));
}

TEST(RunReport, ShowsPerplexityAndNextTokens) {
  const std::string text = run_report(language_example(), Style{});
  EXPECT_THAT(text, HasSubstr("perplexity        20.200, FP32 20.000: +1.00 % [+0.50, +1.50] [95 % interval], "
                              "128 texts of 256 tokens\n"));
  EXPECT_THAT(text, HasSubstr("next token        39.00 % right, FP32 40.00 %\n"));
  EXPECT_THAT(text, Not(HasSubstr("McNemar")));
}

TEST(Json, HoldsPerplexityAndNullWhereItIsInfinite) {
  RunResult r = language_example();
  const auto accuracy = nlohmann::json::parse(to_json({{r}}, ""))["results"][0]["accuracy"];
  EXPECT_EQ(accuracy["metric"], "perplexity");
  EXPECT_EQ(accuracy["sequences_count"], 128);
  EXPECT_EQ(accuracy["tokens_count"], 32768);
  EXPECT_EQ(accuracy["perplexity_reference"], 20.0);
  EXPECT_EQ(accuracy["perplexity"], 20.2);
  EXPECT_EQ(accuracy["difference_low_nats"], std::log(1.005));
  EXPECT_EQ(accuracy["top1_ratio"], 0.39);
  EXPECT_FALSE(accuracy.contains("images_count"));
  r.accuracy->perplexity = r.accuracy->nats_difference = std::numeric_limits<double>::infinity();
  const auto infinite = nlohmann::json::parse(to_json({{r}}, ""))["results"][0]["accuracy"];
  EXPECT_TRUE(infinite["perplexity"].is_null());
  EXPECT_TRUE(infinite["difference_nats"].is_null());
  const auto images = nlohmann::json::parse(to_json({{example()}}, ""))["results"][0]["accuracy"];
  EXPECT_FALSE(images.contains("metric"));
}

TEST(ComparisonTable, NamesWorkloadsAndBatchesOnlyWhereTheyDiffer) {
  RunResult other = example();
  EXPECT_THAT(comparison_table({{example(), other}}, "", Style{}), Not(HasSubstr("workload")));
  other.workload = "mobilenet";
  other.batch = 4;
  const std::string text = comparison_table({{example(), other}}, "", Style{});
  EXPECT_THAT(text, HasSubstr("workload"));
  EXPECT_THAT(text, HasSubstr("batch"));
}

TEST(RunReport, StallPartsSumToTheTotal) {
  const std::string text = run_report(example(), Style{});
  EXPECT_THAT(text, HasSubstr("matrix unit works         1,000,000 cycles  50.0 %"));
  EXPECT_THAT(text, HasSubstr("waits for operands          400,000 cycles  20.0 %"));
  EXPECT_THAT(text, HasSubstr("total                     2,000,000 cycles 100.0 %"));
  EXPECT_THAT(text, HasSubstr("matrix units                 120.00 mJ      60.0 %"));
}

TEST(RunReport, HasOneRowForEachKernelAndFitsTheTerminal) {
  const std::string text = run_report(example(), Style{});
  EXPECT_THAT(text, HasSubstr("layer1.0.conv1"));
  EXPECT_THAT(text, HasSubstr(".indeed.bn2"));
  EXPECT_THAT(text, HasSubstr("41.2"));
  EXPECT_THAT(text, HasSubstr("4.00"));  // 3 MB read and 1 MB written
  for (const std::string& line : lines(text)) {
    EXPECT_LE(display_width(line), 120u) << line;
  }
}

TEST(RunReport, MergesKernelsThatAreAlikeAndCountsThem) {
  RunResult r = example();
  r.kernels.resize(1);
  r.kernels.push_back(r.kernels[0]);
  r.kernels[1].name = "its.twin";
  r.kernels[1].repeat = 4;
  EXPECT_THAT(run_report(r, Style{}), Not(HasSubstr("its.twin")));
  EXPECT_THAT(run_report(r, Style{}), HasSubstr("layer1.0.conv1  conv      5"));
  r.kernels[1].counters.timeline.total = Cycles(7);
  EXPECT_THAT(run_report(r, Style{}), HasSubstr("its.twin"));
}

TEST(RunReport, TellsThatThePowerLimitLoweredTheClock) {
  RunResult r = example();
  EXPECT_THAT(run_report(r, Style{}), HasSubstr("1000 MHz\n"));
  r.clock_mhz = 800;
  EXPECT_THAT(run_report(r, Style{}), HasSubstr("800 MHz, lowered from 1000 MHz by the power limit"));
}

TEST(Json, HoldsTheNumbersWithUnitsInTheKeys) {
  const auto json = nlohmann::json::parse(to_json({{example()}}, "T"));
  EXPECT_EQ(json["schema_version"], kSchemaVersion);
  EXPECT_EQ(json["title"], "T");
  const auto& r = json["results"][0];
  EXPECT_EQ(r["latency_s"], 2e-3);
  EXPECT_EQ(r["energy_per_input_j"], 0.1);
  EXPECT_EQ(r["accuracy"]["top1_ratio"], 0.925);
  EXPECT_EQ(r["kernels"].size(), 2u);
  EXPECT_EQ(r["kernels"][0]["counters"]["timeline"]["wait_load_cycles"], 200'000);
  EXPECT_EQ(r["kernels"][0]["sqnr_db"], 41.25);
  EXPECT_FALSE(r["kernels"][1].contains("sqnr_db"));
  EXPECT_EQ(r["totals"]["timeline"]["total_cycles"], 2'000'000);
}

TEST(Json, IsTheSameTextForTheSameResult) {
  EXPECT_EQ(to_json({{example()}}, ""), to_json({{example()}}, ""));
}

TEST(Json, MarksOutputsThatEqualTheReference) {
  RunResult r = example();
  r.kernels[0].sqnr_db = std::numeric_limits<double>::infinity();
  const auto json = nlohmann::json::parse(to_json({{r}}, ""));
  EXPECT_TRUE(json["results"][0]["kernels"][0]["sqnr_db"].is_null());
  EXPECT_EQ(json["results"][0]["kernels"][0]["identical_to_reference"], true);
  r.kernels[0].sqnr_db = -std::numeric_limits<double>::infinity();  // NaN in it
  EXPECT_EQ(nlohmann::json::parse(to_json({{r}}, ""))["results"][0]["kernels"][0]["identical_to_reference"], false);
}

TEST(Json, SaysWhyThereIsNoAccuracy) {
  RunResult r = example();
  r.accuracy.reset();
  r.accuracy_note = "no data";
  const auto json = nlohmann::json::parse(to_json({{r}}, ""));
  EXPECT_TRUE(json["results"][0]["accuracy"].is_null());
  EXPECT_EQ(json["results"][0]["accuracy_note"], "no data");
}

}  // namespace
}  // namespace mantissa::report
