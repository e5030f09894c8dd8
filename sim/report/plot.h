// SPDX-License-Identifier: Apache-2.0
// A plot as data, and as a script for gnuplot with its data inline. The script is the same, byte for byte, for the same
// plot: ranges, ticks and the places of labels are computed here. Texts come from users' files: they stand in the
// script as single-quoted strings, in which gnuplot neither runs commands nor expands anything.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mantissa::report {

struct PlotAxis {
  std::string title;                                  // "latency, ms"
  bool log = false;                                   // values above zero only
  std::optional<double> low, high;                    // ends of the axis; else just beyond the data
  std::vector<std::pair<double, std::string>> ticks;  // else chosen
};

struct PlotPoint {
  double x = 0, y = 0;
  double low = 0, high = 0;  // of y, where the series has intervals
  double size = 1;           // relative to a normal point
};

struct PlotSeries {
  enum class Style { kPoints, kLine, kLinePoints };
  std::string name;  // in the legend; empty: not there
  Style style = Style::kPoints;
  std::string colour;  // "#rrggbb"
  int shape = 0;       // of its points: circle, square, triangle ...
  bool dashed = false, intervals = false;
  bool faint = false;    // small and behind the others: not what the plot is about
  bool bubbles = false;  // half transparent, as large as `size` says
  std::vector<PlotPoint> points;
};

// A text beside a point. Where texts would cover each other, or leave the plot, the earlier one stays.
struct PlotLabel {
  double x = 0, y = 0;
  std::string text;
  double size = 1;  // of the point
};

// A text along a line of the plot, from a point on; the angle follows from the axes.
struct PlotLineLabel {
  double x = 0, y = 0, to_x = 0, to_y = 0;
  std::string text;
};

struct Plot {
  std::string title, subtitle, note;  // above; below, small
  PlotAxis x, y;
  std::string legend;  // its heading
  std::vector<PlotSeries> series;
  std::vector<PlotLabel> labels;
  std::vector<PlotLineLabel> line_labels;
};

enum class PlotFormat { kSvg, kPng };

// Writes the picture to gnuplot's standard output. REQUIRES: finite values, above zero on logarithmic axes.
std::string gnuplot_script(const Plot& plot, PlotFormat format);

// Colours that differ for colour-blind readers too (Okabe and Ito, 2008), for names without an order.
std::string plot_colour(std::size_t index);
// Light to dark for `count` values with an order; differs in brightness as well.
std::string plot_shade(std::size_t index, std::size_t count);

}  // namespace mantissa::report
