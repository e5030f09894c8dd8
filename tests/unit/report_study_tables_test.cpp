// SPDX-License-Identifier: Apache-2.0
// Tables of sweeps, sensitivity and mixed precision: what stands in them, and that CSV reads back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "report/csv.h"
#include "report/mixed_table.h"
#include "report/sensitivity_table.h"
#include "report/sweep_table.h"

namespace mantissa::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

AccuracyResult top1(double ratio) {
  AccuracyResult a;
  a.images = 1000;
  a.top1_reference = 0.9;
  a.top1 = ratio;
  a.difference = ratio - 0.9;
  a.difference_low = a.difference - 0.01;
  a.difference_high = a.difference + 0.01;
  return a;
}

SweepResult example() {
  SweepResult r;
  r.title = "A sweep";
  r.keys = {{"chip.clock_mhz", false}, {"chip.name", true}};
  r.latency = r.energy = r.accuracy = true;
  SweepRow row{"tpu_v4", "net", "bf16", {"1000", "a, b"}, {}, ""};
  row.measured.batch = 4;
  row.measured.timing = SweepMeasurements::Timing{0.1, 40, 1000, 0.25, 100};
  row.measured.accuracy = top1(0.875);
  row.measured.output_sqnr_db = std::numeric_limits<double>::infinity();
  r.rows = {row, {"tpu_v4", "net", "bf16", {"2000", "c"}, {}, "tpu: \"no\", too fast"}};
  r.rows[1].position = 1;
  return r;
}

TEST(Csv, QuotesWhatNeedsIt) {
  EXPECT_EQ(csv_line({"a", "b c", "d,e", "say \"f\"", "", "two\nlines"}),
            "a,b c,\"d,e\",\"say \"\"f\"\"\",,\"two\nlines\"\n");
}

TEST(Csv, NumbersReadBackAsTheyWere) {
  for (const double value : {0.1, 1.0 / 3, 1e-300, 123456789.0, -0.0}) {
    EXPECT_EQ(std::stod(csv_number(value)), value);
  }
  EXPECT_EQ(csv_number(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(csv_number(std::optional<double>{}), "");
}

TEST(SweepTable, CsvHasUnitsInItsNamesAndAnErrorInItsRow) {
  EXPECT_EQ(sweep_csv(example()),
            "point,chip,workload,precision,batch_count,chip.clock_mhz,chip.name,latency_s,inputs_per_s,clock_mhz,"
            "energy_per_input_j,average_power_w,images_count,top1_reference_ratio,top1_ratio,difference_ratio,"
            "difference_low_ratio,difference_high_ratio,output_sqnr_db,error\n"
            "0,tpu_v4,net,bf16,4,1000,\"a, b\",0.1,40,1000,0.25,100,1000,0.9,0.875,-0.025000000000000022,"
            "-0.035000000000000024,-0.015000000000000022,inf,\n"
            "1,tpu_v4,net,bf16,,2000,c,,,,,,,,,,,,,\"tpu: \"\"no\"\", too fast\"\n");
}

TEST(SweepTable, CsvHasOnlyWhatWasAskedFor) {
  SweepResult r = example();
  r.latency = r.energy = false;
  EXPECT_THAT(sweep_csv(r), Not(HasSubstr("latency_s")));
  r.accuracy = false;
  EXPECT_THAT(sweep_csv(r), HasSubstr("chip.clock_mhz,chip.name,error\n"));
}

TEST(SweepTable, MarkdownShowsWhatDiffers) {
  EXPECT_EQ(sweep_markdown(example()),
            "| chip.clock_mhz | latency, ms | energy, mJ/input | top-1, % | to FP32, points [95 % interval] | output "
            "SQNR, dB |\n"
            "|---|---:|---:|---:|---:|---:|\n"
            "| 1000 | 100.0 | 250.0 | 87.50 | -2.50 [-3.50, -1.50] | exact |\n"
            "| 2000 |  |  |  |  |  |\n"
            "\npoint 1: tpu: \"no\", too fast\n");
}

TEST(SweepTable, OfTiedKeysWithTheSameValuesOneIsShown) {
  SweepResult r = example();
  r.keys = {{"first", false}, {"second", false}, {"third", false}};
  r.rows[0].values = {"1", "1", "1"};
  r.rows[1].values = {"2", "2", "3"};
  const std::string text = sweep_text(r, {});
  EXPECT_THAT(text, HasSubstr("first"));
  EXPECT_THAT(text, Not(HasSubstr("second")));
  EXPECT_THAT(text, HasSubstr("third"));
  EXPECT_THAT(sweep_csv(r), HasSubstr("first,second,third"));
}

SensitivityReport sensitivity_example() {
  SensitivityReport r;
  r.chip = "tpu_v4", r.chip_title = "Google TPU v4", r.workload = "net", r.precision = "int8";
  r.others = "the FP32 reference";
  r.whole = top1(0.875);
  r.output_sqnr_whole_db = 20;
  r.rows = {{"conv1", "conv", "shape", 0.25, 0.5, 21, 30, 22, 28, top1(0.88), top1(0.89)}};
  return r;
}

TEST(SensitivityTable, ShowsEachLayerWithItsIntervals) {
  const std::string text = sensitivity_text(sensitivity_example(), {});
  EXPECT_THAT(text, HasSubstr("top-1 87.50 %, FP32 90.00 %: -2.50 [-3.50, -1.50] points of top-1"));
  EXPECT_THAT(text, HasSubstr("conv1"));
  EXPECT_THAT(text, HasSubstr("-2.00 [-3.00, -1.00]"));
  EXPECT_THAT(text, HasSubstr("-1.00 [-2.00, "));
  EXPECT_EQ(sensitivity_csv(sensitivity_example()).substr(0, 6), "layer,");
  EXPECT_THAT(sensitivity_csv(sensitivity_example()), HasSubstr("\nconv1,conv,shape,0.25,0.5,21,30,22,28,-2"));
}

TEST(SensitivityTable, JsonHasNoInfinity) {
  SensitivityReport r = sensitivity_example();
  r.rows[0].sqnr_alone_db = std::numeric_limits<double>::infinity();
  const auto json = nlohmann::json::parse(sensitivity_json(r));
  EXPECT_TRUE(json["layers"][0]["sqnr_alone_db"].is_null());
  EXPECT_EQ(json["layers"][0]["alone"]["top1_ratio"], 0.88);
  EXPECT_EQ(json["layers"][0]["time_ratio"], 0.25);
}

TEST(SensitivityTable, WritesPerplexityInPercent) {
  SensitivityReport r = sensitivity_example();
  for (AccuracyResult* a : {&r.whole, &r.rows[0].alone, &r.rows[0].without}) {
    a->metric = AccuracyResult::Metric::kPerplexity;
    a->perplexity_reference = 10, a->perplexity = 11;
    a->nats_difference = std::log(1.1), a->nats_low = std::log(1.05), a->nats_high = std::log(1.2);
  }
  const std::string text = sensitivity_text(r, {});
  EXPECT_THAT(text, HasSubstr("perplexity 11.000, FP32 10.000: +10.00 [+5.00, +20.00] % of perplexity"));
}

TEST(MixedTable, ShowsFormatsCostsAndBothDataSets) {
  MixedReport r;
  r.chip = "tpu_v4", r.chip_title = "Google TPU v4", r.workload = "net";
  r.precisions = {"int8", "bf16"};
  r.cost = "energy";
  r.max_loss = 0.3;
  r.found = true;
  r.search_loss = 0.2;
  r.measured = 7;
  r.rows = {{"conv1", "conv", "shape", "bf16", {1e-3, 2e-3}, {20, 45}}};
  r.totals = {{"int8", 1e-3, 5e-3, top1(0.89), top1(0.88)}, {"mixed", 2e-3, 6e-3, top1(0.898), top1(0.897)}};
  const std::string text = mixed_text(r, {});
  EXPECT_THAT(text, HasSubstr("formats of the layers for the least energy"));
  EXPECT_THAT(text, HasSubstr("bound: 0.3 points of top-1, measured on 1,000 images"));
  EXPECT_THAT(text, HasSubstr("-0.20 [-1.20, +0.80]  89.70  -0.30 [-1.30, +0.70]"));
  const auto json = nlohmann::json::parse(mixed_json(r));
  EXPECT_EQ(json["layers"][0]["at"]["bf16"]["energy_j"], 2e-3);
  EXPECT_EQ(json["totals"][1]["test"]["top1_ratio"], 0.897);
}

}  // namespace
}  // namespace mantissa::report
