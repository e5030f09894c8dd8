// SPDX-License-Identifier: Apache-2.0
#include "report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/plot_axis.h"
#include "report/plot_layout.h"
#include "report/text_table.h"

namespace mantissa::report {
namespace {

constexpr std::size_t kMaxName = 34, kMaxText = 120;
constexpr std::array<int, 6> kShapes = {7, 5, 9, 13, 11, 15};  // gnuplot's filled ones

std::size_t legend_letters(const Plot& plot) {
  std::size_t longest = 0;
  for (const PlotSeries& s : plot.series) {
    longest = std::max(longest, std::min(kMaxName, display_width(s.name)));
  }
  return longest == 0 ? 0 : std::max(longest, std::min(kMaxName, display_width(plot.legend)));
}

Layout lay_out(const Plot& plot) {
  std::vector<double> xs, ys;
  for (const PlotSeries& s : plot.series) {
    for (const PlotPoint& p : s.points) {
      xs.push_back(p.x);
      ys.push_back(p.y);
      if (s.intervals) {
        ys.insert(ys.end(), {p.low, p.high});
      }
    }
  }
  const std::size_t letters = legend_letters(plot);
  const double legend = letters == 0 ? 20 : 74 + kLetterPx * static_cast<double>(letters);
  return {laid_out(plot.x, xs), laid_out(plot.y, ys), 1 - legend / kPictureWidth};
}

std::string heading(const Plot& plot, PlotFormat format) {
  const bool svg = format == PlotFormat::kSvg;
  std::string text = "set encoding utf8\n";
  text += svg ? fmt::format("set terminal svg size {},{} noenhanced font 'sans-serif,12' background '#ffffff'\n",
                            kPictureWidth, kPictureHeight)
              : fmt::format(
                    "set terminal pngcairo size {},{} noenhanced font 'Sans,9' fontscale 2 linewidth 2 pointscale 2 "
                    "background '#ffffff'\n",
                    2 * kPictureWidth, 2 * kPictureHeight);
  const char* font = svg ? "sans-serif" : "Sans";
  const int large = svg ? 15 : 11, middle = svg ? 12 : 9, small = svg ? 11 : 8;
  const auto label = [&](const std::string& words, double y, int size, const char* colour) {
    return words.empty() ? ""
                         : fmt::format("set label {} at screen 0.02,{} left font '{},{}' textcolor rgb '{}'\n",
                                       quoted(words, kMaxText), y, font, size, colour);
  };
  text += label(plot.title, 0.955, large, "#000000") + label(plot.subtitle, 0.907, middle, "#444444") +
          label(plot.note, 0.025, small, "#666666");
  return text;
}

std::string axis_text(const char* name, const PlotAxis& axis) {
  std::string text = axis.log ? fmt::format("set logscale {}\n", name) : "";
  text += fmt::format("set {}range [{}:{}]\n", name, *axis.low, *axis.high);
  text += fmt::format("set {}tics scale 0.6 nomirror (", name);
  for (std::size_t i = 0; i < axis.ticks.size(); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", quoted(axis.ticks[i].second, 16), axis.ticks[i].first);
  }
  return text + ")\n";
}

double radius(const PlotPoint& p) {
  return 4.5 * p.size;
}

std::string data_text(const PlotSeries& series, std::size_t index) {
  std::string text = fmt::format("$series{} << END\n", index);
  for (const PlotPoint& p : series.points) {
    text += fmt::format("{:.8g} {:.8g}", p.x, p.y);
    text += series.intervals ? fmt::format(" {:.8g} {:.8g}\n", p.low, p.high)
            : series.bubbles ? fmt::format(" {:.5g}\n", radius(p) / 4.5)
                             : "\n";
  }
  return text + "END\n";
}

std::string plot_text(const PlotSeries& s, std::size_t index) {
  const std::string data = fmt::format("$series{} using ", index);
  const std::string title = s.name.empty() ? std::string("notitle") : "title " + quoted(s.name, kMaxName);
  const std::string colour = s.bubbles ? "#66" + s.colour.substr(1) : s.colour;
  const int shape = kShapes.at(static_cast<std::size_t>(s.shape) % kShapes.size());
  const std::string dash = s.dashed ? " dashtype 2" : "";
  const double size = s.faint ? 0.45 : 0.8;
  if (s.bubbles) {
    return fmt::format(
        "{}1:2:3 with points pointtype {} pointsize variable linecolor rgb '{}' notitle, NaN with points "
        "pointtype {} pointsize 1.2 linecolor rgb '{}' {}",
        data, shape, colour, shape, s.colour, title);
  }
  std::string text;
  if (s.intervals) {
    text = fmt::format("{}1:2:3:4 with yerrorbars pointtype {} pointsize {} linewidth 1.2 linecolor rgb '{}' {}", data,
                       shape, size, s.colour, title);
    return s.style == PlotSeries::Style::kPoints
               ? text
               : text +
                     fmt::format(", {}1:2 with lines linewidth 1 linecolor rgb '{}'{} notitle", data, s.colour, dash);
  }
  switch (s.style) {
    case PlotSeries::Style::kPoints:
      return fmt::format("{}1:2 with points pointtype {} pointsize {} linecolor rgb '{}' {}", data, shape, size, colour,
                         title);
    case PlotSeries::Style::kLine:
      return fmt::format("{}1:2 with lines linewidth 2 linecolor rgb '{}'{} {}", data, colour, dash, title);
    case PlotSeries::Style::kLinePoints:
      break;
  }
  return fmt::format("{}1:2 with linespoints pointtype {} pointsize {} linewidth 2 linecolor rgb '{}'{} {}", data,
                     shape, size, colour, dash, title);
}

}  // namespace

std::string plot_colour(std::size_t index) {
  constexpr std::array<const char*, 7> kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                   "#e69f00", "#56b4e9", "#000000"};
  return kColours.at(index % kColours.size());
}

std::string plot_shade(std::size_t index, std::size_t count) {
  struct Rgb {
    double r, g, b;
  };
  constexpr std::array<Rgb, 5> kShades = {
      {{232, 178, 48}, {222, 106, 71}, {170, 51, 106}, {95, 30, 120}, {28, 16, 68}}};  // bright and warm to dark
  const double place = count < 2 ? 3 : 4.0 * static_cast<double>(index) / static_cast<double>(count - 1);
  const auto below = static_cast<std::size_t>(std::min(3.0, std::floor(place)));
  const double part = place - static_cast<double>(below);
  const Rgb& a = kShades.at(below);
  const Rgb& b = kShades.at(below + 1);
  const auto mix = [&](double from, double to) { return static_cast<int>(std::lround(from + part * (to - from))); };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(a.r, b.r), mix(a.g, b.g), mix(a.b, b.b));
}

std::string gnuplot_script(const Plot& plot, PlotFormat format) {
  const Layout at = lay_out(plot);
  std::string text = "# gnuplot THIS_FILE > picture; written by mantissa plot\n" + heading(plot, format);
  text += fmt::format(
      "set lmargin at screen {}\nset rmargin at screen {:.5f}\nset bmargin at screen {}\n"
      "set tmargin at screen {}\n",
      kPlotLeft, at.right, kPlotBottom, kPlotTop);
  text += "set border 3 linecolor rgb '#555555'\nset grid linecolor rgb '#dddddd' linetype 1 linewidth 0.6\n";
  if (legend_letters(plot) > 0) {
    text += fmt::format("set key at screen {:.5f},{} left top Left reverse samplen 2.4 spacing 1.25", at.right + 0.012,
                        kPlotTop + 0.01);
    text += plot.legend.empty() ? "\n" : " title " + quoted(plot.legend, kMaxName) + " left\n";
  } else {
    text += "unset key\n";
  }
  text += axis_text("x", at.x) + axis_text("y", at.y);
  text +=
      fmt::format("set label {} at screen {:.5f},0.075 center\n", quoted(at.x.title, 90), (kPlotLeft + at.right) / 2);
  text += fmt::format("set label {} at screen 0.02,{:.5f} center rotate by 90\n", quoted(at.y.title, 60),
                      (kPlotBottom + kPlotTop) / 2);
  text += labels_text(plot, at);
  std::string lines;
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    if (!plot.series[i].points.empty()) {
      text += data_text(plot.series[i], i);
      lines += (lines.empty() ? "plot " : ", \\\n  ") + plot_text(plot.series[i], i);
    }
  }
  return text + (lines.empty() ? std::string("plot NaN notitle") : lines) + "\n";
}

}  // namespace mantissa::report
