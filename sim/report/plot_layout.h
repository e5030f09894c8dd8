// SPDX-License-Identifier: Apache-2.0
// Where things stand in the picture, in px, and the texts beside points. Private to report.
#pragma once
#include <string>

#include "report/plot.h"
#include "report/plot_axis.h"

namespace mantissa::report {

inline constexpr double kPictureWidth = 900, kPictureHeight = 560;  // of the picture, px
inline constexpr double kPlotLeft = 0.095, kPlotBottom = 0.155, kPlotTop = 0.865;
inline constexpr double kLetterPx = 6.6, kLinePx = 15;  // px of a letter of a label

struct Layout {
  PlotAxis x, y;
  double right = 0;  // end of the axes, of the picture's width
  double px(double value) const { return kPictureWidth * (kPlotLeft + place_on(x, value) * (right - kPlotLeft)); }
  double py(double value) const {
    return kPictureHeight * (kPlotBottom + place_on(y, value) * (kPlotTop - kPlotBottom));
  }
};

// In gnuplot's single quotes only a quote means anything. Bytes that are no printable text become spaces or '?'.
std::string quoted(const std::string& text);
std::string quoted(const std::string& text, std::size_t width);

// The script's lines for the labels of points, each in the first place where it covers neither texts nor points nor
// lines, joined to its point where that is far; and for the labels along lines.
std::string labels_text(const Plot& plot, const Layout& at);

}  // namespace mantissa::report
