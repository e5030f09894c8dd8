// SPDX-License-Identifier: Apache-2.0
// Plots as data and as gnuplot's script: what is drawn where, and that texts of files stay texts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "report/plot.h"
#include "report/plot_axis.h"
#include "report/roofline_plot.h"
#include "report/sweep_plots.h"

namespace mantissa::report {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

template <class F>
std::string message_of(F work) {
  try {
    work();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "no error";
}

std::vector<std::string> names_of(const Plot& plot) {
  std::vector<std::string> names;
  for (const PlotSeries& s : plot.series) {
    names.push_back(s.name);
  }
  return names;
}

Plot one_point(const std::string& text) {
  Plot plot;
  plot.title = plot.subtitle = plot.note = plot.x.title = plot.y.title = plot.legend = text;
  PlotSeries series;
  series.name = text, series.colour = plot_colour(0);
  series.points = {{1, 2, 0, 0, 1}, {3, 5, 0, 0, 1}};
  plot.series = {series};
  plot.labels = {{1, 2, text, 1}};
  plot.line_labels = {{1, 2, 3, 5, text}};
  plot.x.ticks = {{1, text}};
  return plot;
}

// Every text of the script that gnuplot sees outside single quotes.
std::string outside_quotes(const std::string& script) {
  std::string outside;
  bool inside = false;
  for (const char c : script) {
    inside = c == '\'' ? !inside : inside;
    outside += inside ? '\0' : c;
  }
  EXPECT_FALSE(inside);
  return outside;
}

TEST(PlotScript, KeepsHostileTextsInsideSingleQuotes) {
  const std::string evil = "a'; system(\"touch /tmp/x\") #`id`\n!rm\r$E @macro \"q\"";
  const std::string script = gnuplot_script(one_point(evil), PlotFormat::kSvg);
  for (const char* part : {"system", "`", "!rm", "@", "\"", "touch"}) {
    EXPECT_THAT(outside_quotes(script), Not(HasSubstr(part)));
  }
  EXPECT_THAT(script, HasSubstr("a''; system"));
}

TEST(PlotScript, ReplacesBytesThatAreNoText) {
  const std::string script = gnuplot_script(one_point("\xff\xc3(\xe2\x82 \xc2\xb5 \x01"), PlotFormat::kSvg);
  EXPECT_THAT(script, HasSubstr("'?"
                                "?(?"
                                "? \xc2\xb5  '"));
}

TEST(PlotScript, IsTheSameEachTimeAndNamesNoFile) {
  const Plot plot = one_point("title");
  EXPECT_EQ(gnuplot_script(plot, PlotFormat::kPng), gnuplot_script(plot, PlotFormat::kPng));
  EXPECT_THAT(gnuplot_script(plot, PlotFormat::kPng), HasSubstr("set terminal pngcairo"));
  EXPECT_THAT(gnuplot_script(plot, PlotFormat::kSvg), Not(HasSubstr("set output")));
}

TEST(PlotScript, DropsALabelThatWouldCoverAnother) {
  Plot plot = one_point("x");
  plot.line_labels.clear();
  plot.labels.clear();
  for (int i = 0; i < 40; ++i) {
    plot.labels.push_back({2, 3, "name" + std::to_string(i), 1});
  }
  const std::string script = gnuplot_script(plot, PlotFormat::kSvg);
  EXPECT_THAT(script, HasSubstr("'name0'"));
  EXPECT_THAT(script, Not(HasSubstr("'name39'")));
}

TEST(PlotScript, DrawsAPlotWithoutPoints) {
  EXPECT_THAT(gnuplot_script(Plot{}, PlotFormat::kSvg), HasSubstr("plot NaN notitle"));
}

TEST(PlotAxis, FindsValuesThatGrowByAFactor) {
  EXPECT_TRUE(is_geometric({1, 2, 4, 8}));
  EXPECT_TRUE(is_geometric({64, 256, 128, 128}));
  EXPECT_TRUE(is_geometric({1, 60, 61}));
  EXPECT_FALSE(is_geometric({1, 2, 3, 4}));
  EXPECT_TRUE(is_geometric({32, 48, 80, 112, 160, 224, 320}));
  EXPECT_FALSE(is_geometric({4, 5, 6, 7, 8, 10, 13, 18, 23}));
  EXPECT_FALSE(is_geometric({2, 3, 4, 5, 7}));
  EXPECT_FALSE(is_geometric({1000, 1500, 2000}));
  EXPECT_FALSE(is_geometric({0, 1, 10, 100}));
  EXPECT_FALSE(is_geometric({1, 2}));
}

TEST(PlotAxis, HasItsDataInsideAndTicksOnRoundValues) {
  for (const bool log : {false, true}) {
    for (const std::vector<double>& values :
         std::vector<std::vector<double>>{{3, 700}, {0.02, 0.03}, {5}, {1e-7, 1e9}}) {
      PlotAxis axis;
      axis.log = log;
      const PlotAxis whole = laid_out(axis, values);
      for (const double value : values) {
        EXPECT_GT(place_on(whole, value), 0);
        EXPECT_LT(place_on(whole, value), 1);
      }
      ASSERT_GE(whole.ticks.size(), 2u) << log << " " << values.front();
      EXPECT_LE(whole.ticks.size(), 12u);
      for (const auto& [tick, text] : whole.ticks) {
        EXPECT_GE(place_on(whole, tick), -1e-9) << text;
        EXPECT_LE(place_on(whole, tick), 1 + 1e-9) << text;
        EXPECT_LE(text.size(), 16u);
      }
    }
  }
}

TEST(PlotAxis, GivesUnitsAPrefixThatFits) {
  const std::vector<double> values = {0.002, 0.05};
  EXPECT_EQ(scaled_title("latency, s", values).title, "latency, ms");
  EXPECT_EQ(scaled_title("latency, s", values).factor, 1e3);
  EXPECT_EQ(scaled_title("energy, J/input", values).title, "energy, mJ/input");
  EXPECT_EQ(scaled_title("lost, ratio", values).title, "lost, %");
  EXPECT_EQ(scaled_title("throughput, inputs/s", values).title, "throughput, inputs/s");
}

TEST(PlotColours, GoFromBrightToDarkWithTheirOrder) {
  int before = 8 * 255;
  for (std::size_t i = 0; i < 6; ++i) {
    const std::string shade = plot_shade(i, 6);
    const auto part = [&](std::size_t at) { return std::stoi(shade.substr(at, 2), nullptr, 16); };
    const int brightness = 2 * part(1) + 5 * part(3) + part(5);
    EXPECT_LT(brightness, before);
    before = brightness;
  }
}

json kernel(const std::string& name, double macs, double bytes, double time, const std::string& bound, int repeat = 1) {
  return {{"name", name},
          {"kind", "gemm"},
          {"shape", "s" + name.substr(0, 1)},
          {"bound_by", bound},
          {"time_s", time},
          {"repeat_count", repeat},
          {"counters", {{"macs_count", macs}, {"dram_read_bytes", bytes}, {"dram_write_bytes", bytes}}}};
}

json run_document() {
  return {{"results",
           {{{"workload", "net"},
             {"chip_title", "Chip"},
             {"precision", "fp16"},
             {"batch_count", 4},
             {"clock_mhz", 1000},
             {"latency_s", 1e-3},
             {"roofline_s", 5e-4},
             {"inputs_per_s", 4000},
             {"peak_macs_per_s", 1e14},
             {"dram_peak_bytes_per_s", 1e12},
             {"kernels",
              {kernel("a1", 1e9, 5e6, 1e-4, "matrix", 2), kernel("a2", 1e9, 5e6, 1e-4, "matrix"),
               kernel("b", 1e8, 2e7, 6e-4, "dram"), kernel("c", 0, 1e6, 1e-4, "vector")}}}}}};
}

const PlotSeries* find(const Plot& plot, const std::string& start) {
  for (const PlotSeries& s : plot.series) {
    if (s.name.starts_with(start)) {
      return &s;
    }
  }
  return nullptr;
}

TEST(Roofline, PutsKernelsAtOperationsPerByteAndPerSecond) {
  const Plot plot = roofline_plot(run_document().dump(), "r.json", std::nullopt);
  const PlotSeries* dram = find(plot, "dram, 60 %");
  ASSERT_TRUE(dram);
  ASSERT_EQ(dram->points.size(), 1u);
  EXPECT_DOUBLE_EQ(dram->points[0].x, 2e8 / 4e7);          // two operations for each of 1e8 MACs, 2e7 bytes each way
  EXPECT_DOUBLE_EQ(dram->points[0].y, 2e8 / 6e-4 / 1e12);  // T/s
  const PlotSeries* matrix = find(plot, "matrix, 30 %");
  ASSERT_TRUE(matrix);
  EXPECT_EQ(matrix->points.size(), 1u) << "a1 and a2 are alike";
  // Areas are as shares of the time: 0.3 and 0.6.
  EXPECT_NEAR(std::pow(matrix->points[0].size / dram->points[0].size, 2), 0.3 / 0.6, 1e-12);
  EXPECT_EQ(plot.labels.front().text, "b  60 %");
  EXPECT_EQ(plot.labels.at(1).text, "a1 x3  30 %");
  EXPECT_THAT(plot.note, HasSubstr("without multiply-accumulates, 10.0 %"));
}

TEST(Roofline, HasItsRidgeWherePeakAndBandwidthMeet) {
  const Plot plot = roofline_plot(run_document().dump(), "r.json", std::nullopt);
  const auto& roof = plot.series.front().points;
  ASSERT_EQ(roof.size(), 3u);
  EXPECT_DOUBLE_EQ(roof[1].x, 200);  // 2e14 operations/s over 1e12 bytes/s
  EXPECT_DOUBLE_EQ(roof[1].y, 200);
  EXPECT_DOUBLE_EQ(roof[2].y, 200);
  EXPECT_NEAR(roof[0].y, roof[0].x * 1, 1e-12);
}

TEST(Roofline, SaysWhatAFileLacks) {
  const auto message = [](const json& document) {
    return message_of([&] { roofline_plot(document.dump(), "r.json", std::nullopt); });
  };
  json document = run_document();
  document["results"][0].erase("dram_peak_bytes_per_s");
  EXPECT_THAT(message(document),
              HasSubstr("r.json: error: 'results[0].dram_peak_bytes_per_s' is missing; write the file"));
  document = run_document();
  document["results"][0]["kernels"][1]["time_s"] = "fast";
  EXPECT_THAT(message(document), HasSubstr("'results[0].kernels[1].time_s' must be a number"));
  document["results"].push_back(document["results"][0]);
  EXPECT_EQ(message(document), "r.json holds 2 results; pick one with --result N");
  EXPECT_THAT(message_of([] { roofline_plot("{\n \"a\": x}", "r.json", std::nullopt); }),
              HasSubstr("r.json:2:7: error: "));
  EXPECT_THAT(message(json(3)), HasSubstr("the document is no object"));
}

SweepResult sweep() {
  SweepResult r;
  r.title = "A sweep";
  r.keys = {{"chip.rows", false}, {"batch", false}};
  r.latency = r.energy = r.accuracy = true;
  for (const char* rows : {"128", "64"}) {
    for (const char* batch : {"1", "2", "4"}) {
      SweepRow row;
      row.chip = "tpu_v4", row.workload = "net", row.precision = "bf16";
      row.values = {rows, batch};
      row.position = r.rows.size();
      const double n = std::stod(batch), width = std::stod(rows);
      row.measured.batch = static_cast<std::int64_t>(n);
      row.measured.timing = SweepMeasurements::Timing{n / width, width, 1000, 1 / (n + width / 100), 100};
      AccuracyResult a;
      a.images = 100, a.difference = -0.02 * n, a.difference_low = -0.03 * n, a.difference_high = -0.01 * n;
      row.measured.accuracy = a;
      r.rows.push_back(row);
    }
  }
  return r;
}

TEST(CurvePlot, DrawsALineForEachValueOfTheOtherKeysInTheirOrder) {
  const Plot plot = curve_plot(sweep(), "batch", "latency_s", {});
  EXPECT_THAT(names_of(plot), ElementsAre("64", "128"));
  EXPECT_EQ(plot.legend, "chip.rows");
  EXPECT_EQ(plot.y.title, "latency, ms");
  EXPECT_TRUE(plot.x.log);
  ASSERT_EQ(plot.series[1].points.size(), 3u);
  EXPECT_DOUBLE_EQ(plot.series[1].points[2].x, 4);
  EXPECT_DOUBLE_EQ(plot.series[1].points[2].y, 1000.0 * 4 / 128);
  EXPECT_EQ(plot.subtitle, "net, tpu_v4, bf16");
}

TEST(CurvePlot, LeavesOutAndCountsPointsThatFailed) {
  SweepResult r = sweep();
  r.rows[1].error = "too large";
  const Plot plot = curve_plot(r, "batch", "latency_s", {});
  EXPECT_EQ(plot.series[1].points.size(), 2u);
  EXPECT_EQ(plot.note, "Not shown: 1 of 6 points, which failed or lack a value.");
}

TEST(CurvePlot, PutsTextsSideBySide) {
  SweepResult r = sweep();
  for (SweepRow& row : r.rows) {
    row.values[1] = "e8m" + row.values[1];
  }
  const Plot plot = curve_plot(r, "batch", "latency_s", {});
  ASSERT_EQ(plot.x.ticks.size(), 3u);
  EXPECT_EQ(plot.x.ticks[2].second, "e8m4");
  EXPECT_DOUBLE_EQ(plot.series[0].points[2].x, 2);
}

TEST(CurvePlot, RefusesWhatIsNoLineAndUnknownNames) {
  EXPECT_THAT(message_of([] { curve_plot(sweep(), "chip.rows", "latency_s", {"workload"}); }),
              HasSubstr("differ in batch; name it in --by, or pick one value with --only batch=VALUE"));
  EXPECT_THAT(message_of([] { curve_plot(sweep(), "bach", "latency_s", {}); }), HasSubstr("did you mean 'batch'?"));
  EXPECT_THAT(message_of([] { curve_plot(sweep(), "batch", "chip", {}); }), HasSubstr("'chip' is no number"));
  EXPECT_THAT(message_of([] { curve_plot(sweep(), "batch", "area_mm2", {}); }),
              HasSubstr("no point has a value of 'area_mm2'"));
}

TEST(SweepPlots, PickPointsByValue) {
  EXPECT_EQ(with_values(sweep(), {{"batch", "2"}}).rows.size(), 2u);
  EXPECT_THAT(message_of([] { with_values(sweep(), {{"batch", "3"}}); }), HasSubstr("no point has batch=3"));
}

TEST(ParetoPlot, StepsBetweenThePointsOfTheFront) {
  // Less of both: from each point of the front on its y can be reached, until the next one.
  const Plot down = pareto_plot(sweep(), {"latency_s", false}, {"energy_per_input_j", false}, {0, 2});
  EXPECT_THAT(names_of(down), ElementsAre("6 points", "", "2 on the front"));
  const auto& steps = down.series[1].points;
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_DOUBLE_EQ(steps[1].x, steps[2].x);
  EXPECT_DOUBLE_EQ(steps[1].y, steps[0].y);
  // More of x: what the right one has can be reached at the left one's x too.
  const Plot up = pareto_plot(sweep(), {"latency_s", true}, {"energy_per_input_j", false}, {0, 2});
  EXPECT_DOUBLE_EQ(up.series[1].points[1].x, up.series[1].points[0].x);
  EXPECT_DOUBLE_EQ(up.series[1].points[1].y, up.series[1].points[2].y);
}

TEST(ParetoPlot, RefusesToCompareWorkloads) {
  SweepResult r = sweep();
  r.rows[0].workload = "other";
  EXPECT_THAT(message_of([&] {
                pareto_plot(r, {"latency_s", false}, {"energy_per_input_j", false}, {});
              }),
              HasSubstr("points of different workloads do not compare"));
}

TEST(AccuracyPlot, ShowsTheLossWithItsIntervalInPoints) {
  SweepResult r = sweep();
  r.rows[0].precision = "int8";
  const Plot plot = accuracy_plot(r);
  ASSERT_EQ(plot.series.size(), 2u);
  EXPECT_EQ(plot.series[0].name, "int8");
  const PlotPoint& point = plot.series[0].points.at(0);
  EXPECT_DOUBLE_EQ(point.y, 2);
  EXPECT_DOUBLE_EQ(point.low, 1);
  EXPECT_DOUBLE_EQ(point.high, 3);
  EXPECT_EQ(plot.y.title, "top-1 accuracy below FP32, points");
  r.rows[1].measured.accuracy->metric = AccuracyResult::Metric::kPerplexity;
  EXPECT_THAT(message_of([&] { accuracy_plot(r); }), HasSubstr("whose losses do not compare"));
}

}  // namespace
}  // namespace mantissa::report
