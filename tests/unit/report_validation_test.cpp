// SPDX-License-Identifier: Apache-2.0
// Statistics of measured against simulated, worked out by hand, and that no row is lost on the way out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/validation.h"

namespace mantissa::report {
namespace {

ValidationRow row(const std::string& id, const std::string& group, int order, double measured,
                  std::optional<double> simulated) {
  ValidationRow r;
  r.id = id, r.what = "what " + id, r.unit = "us", r.group = group, r.group_order = order;
  r.measured = measured, r.simulated = simulated;
  r.reason = simulated ? "" : "no model, \"yet\"";
  return r;
}

// Errors: +10 %, -30 %, +2 %; one row without a model; a group that comes first by its order.
Validation sample() {
  Validation v;
  v.chip = "chip", v.title = "A chip";
  v.rows = {row("a", "big", 2, 100, 110), row("b", "big", 2, 10, 7), row("c", "big", 2, 50, 51),
            row("d", "big", 2, 1, std::nullopt), row("e", "small", 1, 2, 2)};
  v.rows[0].scatter = 0.01;
  v.rows[1].scatter = 0.03;
  v.other_chips = {{"TPU v9", 4}};
  return v;
}

TEST(Validation, StatisticsAreThoseOfTheSimulatedRows) {
  const auto groups = validation_groups(sample());
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].name, "small");
  const ValidationGroup& big = groups[1];
  EXPECT_EQ(big.count, 3u);
  EXPECT_EQ(big.rows, 4u);
  EXPECT_NEAR(big.mean_absolute, (0.10 + 0.30 + 0.02) / 3, 1e-12);
  EXPECT_NEAR(big.mean, (0.10 - 0.30 + 0.02) / 3, 1e-12);
  EXPECT_NEAR(big.median_absolute, 0.10, 1e-12);
  EXPECT_NEAR(big.worst, -0.30, 1e-12);
  EXPECT_EQ(big.worst_id, "b");
  EXPECT_NEAR(big.within_20, 2.0 / 3, 1e-12);
  EXPECT_NEAR(*big.scatter, 0.02, 1e-12);
  EXPECT_FALSE(groups[0].scatter);
}

TEST(Validation, TheMedianOfAnEvenCountIsBetweenTheMiddleTwo) {
  Validation v;
  for (const double simulated : {101.0, 102.0, 104.0, 140.0}) {
    v.rows.push_back(row("r", "g", 0, 100, simulated));
  }
  EXPECT_NEAR(validation_groups(v)[0].median_absolute, 0.03, 1e-12);
}

TEST(Validation, AGroupWithoutASimulatedRowHasNoNumbers) {
  Validation v;
  v.rows = {row("a", "g", 0, 1, std::nullopt)};
  const auto json = nlohmann::json::parse(validation_json(v));
  EXPECT_TRUE(json["groups"][0]["mean_absolute_error_ratio"].is_null());
  EXPECT_EQ(json["groups"][0]["rows_count"], 1);
  EXPECT_EQ(json["groups"][0]["simulated_count"], 0);
}

TEST(Validation, EveryRowIsInJsonAndCsvAndRowsWithoutAModelSayWhy) {
  const Validation v = sample();
  const auto json = nlohmann::json::parse(validation_json(v));
  EXPECT_EQ(json["rows"].size() + json["not_modelled"].size(), v.rows.size());
  EXPECT_EQ(json["not_modelled"][0]["id"], "d");
  EXPECT_EQ(json["not_modelled"][0]["reason"], "no model, \"yet\"");
  EXPECT_EQ(json["other_chips"]["TPU v9"], 4);
  const std::string csv = validation_csv(v);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), static_cast<std::ptrdiff_t>(v.rows.size()) + 1);
  EXPECT_THAT(csv, testing::HasSubstr("d,big,what d,1,,us,,,\"no model, \"\"yet\"\"\",,\n"));
  const std::string text = validation_text(v, false, {});
  EXPECT_THAT(text, testing::HasSubstr("1 row: no model, \"yet\"\n    d\n"));
  EXPECT_THAT(text, testing::HasSubstr("rows of other chips in these tables: 4 of TPU v9\n"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("what a")));
  EXPECT_THAT(validation_text(v, true, {}), testing::HasSubstr("what a"));
}

TEST(Validation, ThePlotHasEverySimulatedRowOfItsUnitAndSaysWhatIsMissing) {
  Validation v = sample();
  v.rows[4].unit = "W";
  const Plot plot = validation_plot(v);
  std::size_t points = 0;
  for (const PlotSeries& series : plot.series) {
    points += series.style == PlotSeries::Style::kPoints ? series.points.size() : 0;
    for (const PlotPoint& point : series.points) {
      EXPECT_GE(point.x, *plot.x.low * (1 - 1e-12));
      EXPECT_LE(point.y, *plot.y.high * (1 + 1e-12));
    }
  }
  EXPECT_EQ(points, 3u);
  EXPECT_EQ(plot.note, "1 rows in other units than us are not shown");
  EXPECT_THAT(gnuplot_script(plot, PlotFormat::kSvg), testing::HasSubstr("measured, us"));
}

}  // namespace
}  // namespace mantissa::report
