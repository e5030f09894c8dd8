// SPDX-License-Identifier: Apache-2.0
// What points of a sweep are compared by, and the tables of `mantissa show`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "report/column_table.h"
#include "report/effects_table.h"
#include "report/sweep_quantities.h"

namespace mantissa::report {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

SweepResult example() {
  SweepResult r;
  r.title = "A sweep";
  r.version = "1.2";
  r.objectives = {"latency_s", "area_mm2"};
  r.keys = {{"chip.rows"}, {"label"}};
  SweepRow row{"tpu_v4", "net", "bf16", {"128", "a | b"}, {}, ""};
  row.position = 7;
  row.area_mm2 = 400;
  row.measured.batch = 4;
  row.measured.timing = SweepMeasurements::Timing{0.1, 40, 1000, 0.25, 10};
  AccuracyResult accuracy;
  accuracy.top1_reference = 0.9;
  accuracy.top1 = 0.875;
  accuracy.difference = -0.025;
  row.measured.accuracy = accuracy;
  row.measured.output_sqnr_db = std::numeric_limits<double>::infinity();
  SweepRow failed{"tpu_v4", "net", "bf16", {"256", "c"}, {}, "it died"};
  failed.position = 8;
  r.rows = {row, failed};
  return r;
}

double value(const std::string& name) {
  const SweepResult r = example();
  return quantity(r, r.rows[0], name).value();
}

TEST(Quantities, AreWhatTheirNamesSay) {
  EXPECT_DOUBLE_EQ(value("latency_s"), 0.1);
  EXPECT_DOUBLE_EQ(value("inputs_per_s"), 40);
  EXPECT_DOUBLE_EQ(value("energy_per_input_j"), 0.25);
  EXPECT_DOUBLE_EQ(value("average_power_w"), 10);
  EXPECT_DOUBLE_EQ(value("clock_mhz"), 1000);
  EXPECT_DOUBLE_EQ(value("area_mm2"), 400);
  EXPECT_DOUBLE_EQ(value("inputs_per_j"), 4);             // 40 inputs/s at 10 W
  EXPECT_DOUBLE_EQ(value("inputs_per_s_per_mm2"), 0.1);   // 40 / 400
  EXPECT_DOUBLE_EQ(value("accuracy_loss_ratio"), 0.025);  // 0.9 - 0.875
  EXPECT_DOUBLE_EQ(value("top1_ratio"), 0.875);
  EXPECT_TRUE(std::isinf(value("output_sqnr_db")));
  EXPECT_DOUBLE_EQ(value("chip.rows"), 128);
  EXPECT_DOUBLE_EQ(value("batch"), 4);
}

TEST(Quantities, OfTextsLoseWhatPerplexityGains) {
  SweepResult r = example();
  AccuracyResult& a = *r.rows[0].measured.accuracy;
  a.metric = AccuracyResult::Metric::kPerplexity;
  a.perplexity_reference = 10;
  a.perplexity = 10.5;
  a.nats_difference = std::log(10.5 / 10);
  EXPECT_NEAR(*quantity(r, r.rows[0], "accuracy_loss_ratio"), 0.05, 1e-12);
  EXPECT_DOUBLE_EQ(*quantity(r, r.rows[0], "perplexity"), 10.5);
  EXPECT_FALSE(quantity(r, r.rows[0], "top1_ratio"));
}

TEST(Quantities, AreMissingWhereNothingWasMeasured) {
  SweepResult r = example();
  EXPECT_FALSE(quantity(r, r.rows[1], "latency_s"));
  EXPECT_FALSE(quantity(r, r.rows[1], "batch"));
  EXPECT_FALSE(quantity(r, r.rows[0], "label"));
  EXPECT_FALSE(quantity(r, r.rows[0], "nonsense"));
  EXPECT_DOUBLE_EQ(*quantity(r, r.rows[1], "chip.rows"), 256);
  r.rows[0].area_mm2.reset();
  EXPECT_FALSE(quantity(r, r.rows[0], "inputs_per_s_per_mm2"));
  EXPECT_THAT(numeric_names(r), Not(Contains("area_mm2")));
  EXPECT_THAT(numeric_names(r), Contains("chip.rows"));
  EXPECT_THAT(numeric_names(r), Not(Contains("label")));
}

TEST(Quantities, KnowWhichWayIsBetter) {
  EXPECT_FALSE(find_quantity("latency_s")->maximize);
  EXPECT_TRUE(find_quantity("inputs_per_s")->maximize);
  EXPECT_TRUE(find_quantity("inputs_per_j")->maximize);
  EXPECT_FALSE(find_quantity("accuracy_loss_ratio")->maximize);
  EXPECT_EQ(find_quantity("latency"), nullptr);
}

TEST(Quantities, ReadNumbersWhole) {
  EXPECT_EQ(number_of("1050"), 1050.0);
  EXPECT_EQ(number_of("-2.5e3"), -2500.0);
  for (const char* text : {"", "12px", " 1", "1 ", "fp8_e4m3", "0x10", "1,5"}) {
    EXPECT_FALSE(number_of(text)) << text;
  }
}

TEST(ColumnTable, ListsWhatDiffersAndWhatWasMeasured) {
  const SweepResult r = example();
  EXPECT_THAT(readable_columns(r, {0}), ElementsAre("point", "chip.rows", "label", "latency_s", "inputs_per_s",
                                                    "energy_per_input_j", "average_power_w", "clock_mhz", "area_mm2",
                                                    "accuracy_loss_ratio", "top1_ratio", "output_sqnr_db"));
  SweepResult tied = r;
  tied.objectives = {"inputs_per_j"};
  tied.keys.push_back({"chip.cols"});  // the same values as chip.rows
  tied.rows[0].values.emplace_back("128");
  tied.rows[1].values.emplace_back("256");
  EXPECT_THAT(readable_columns(tied, {0, 1}), Not(Contains("chip.cols")));
  EXPECT_THAT(readable_columns(tied, {0}), Contains("chip.cols"));  // one row cannot tell
  EXPECT_THAT(readable_columns(tied, {0, 1}), Contains("inputs_per_j"));
  tied.rows[1].values.back() = "255";
  EXPECT_THAT(readable_columns(tied, {0, 1}), Contains("chip.cols"));
  EXPECT_EQ(columns_markdown(r, {{0, 1}, {"point", "label", "latency_s"}}, "Two points."),
            "Two points.\n\n| point | label | latency, s |\n|---:|---|---:|\n| 7 | a \\| b | 0.1000 |\n| 8 | c |  |\n");
  EXPECT_THAT(columns_text(r, {{0, 1}, {"point", "chip.rows", "error"}}, "", {}), HasSubstr("it died"));
}

TEST(ColumnTable, CsvAndJsonAreExact) {
  SweepResult r = example();
  r.rows[0].measured.timing->latency_s = 1.0 / 3;
  const ColumnSelection selection{{0, 1}, {"point", "chip", "chip.rows", "latency_s", "output_sqnr_db", "error"}};
  EXPECT_EQ(columns_csv(r, selection),
            "point,chip,chip.rows,latency_s,output_sqnr_db,error\n7,tpu_v4,128,0.3333333333333333,inf,\n"
            "8,tpu_v4,256,,,it died\n");
  const auto json = nlohmann::json::parse(columns_json(r, selection));
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["objectives"], nlohmann::json({"latency_s", "area_mm2"}));
  EXPECT_EQ(json["points"][0], nlohmann::json({{"point", 7},
                                               {"chip", "tpu_v4"},
                                               {"chip.rows", 128},
                                               {"latency_s", 1.0 / 3},
                                               {"output_sqnr_db", nullptr},
                                               {"error", nullptr}}));
  EXPECT_EQ(json["points"][1]["latency_s"], nullptr);
  EXPECT_EQ(json["points"][1]["error"], "it died");
}

TEST(EffectsTable, NamesTheShareTheDirectionAndTheBest) {
  EffectsReport report{"A sweep", {}};
  ObjectiveEffects o;
  o.objective = "latency_s";
  o.points = 4;
  o.left_out = 1;
  o.full_grid = true;
  o.mean = 2;
  o.deviation = 0.5;
  o.unexplained = 0.25;
  KeyEffect effect;
  effect.key = "chip.rows";
  effect.levels = {{"64", 2.5, 2}, {"128", 1.5, 2}};
  effect.direction = KeyEffect::Direction::kFalls;
  effect.range = 1;
  effect.relative_range = 0.5;
  effect.share = 0.75;
  effect.total_share = 1;
  effect.best = "128";
  o.effects = {effect};
  report.objectives = {o};
  const std::string text = effects_text(report, {});
  EXPECT_THAT(text, HasSubstr("latency_s, smaller is better: mean 2.000, deviation 0.500, 4 points, 1 without it left "
                              "out\n"));
  EXPECT_THAT(text, HasSubstr("25.0 % of the variance comes from keys that act together. Full grid: exact shares."));
  EXPECT_THAT(effects_markdown(report), HasSubstr("| chip.rows | 2 | 1.000 | 50.0 | 75.0 | 100.0 | falls | 128 |\n"));
  EXPECT_THAT(effects_csv(report), HasSubstr("\nlatency_s,chip.rows,128,1.5,2,1,0.5,0.75,1,falls,128\n"));
  const auto json = nlohmann::json::parse(effects_json(report));
  EXPECT_EQ(json["effects"][0]["keys"][0]["variance_ratio"], 0.75);
  EXPECT_EQ(json["effects"][0]["keys"][0]["values"][1]["mean"], 1.5);
}

}  // namespace
}  // namespace mantissa::report
