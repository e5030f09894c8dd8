// SPDX-License-Identifier: Apache-2.0
#include "report/plot_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

#include "report/text_table.h"

namespace mantissa::report {
namespace {

struct Box {
  double left, bottom, right, top;
  bool covers(const Box& other) const {
    return left < other.right && other.left < right && bottom < other.top && other.bottom < top;
  }
};

// What texts should not cover: points, and lines in small pieces. Faint points do not count where they are many.
std::vector<Box> marks(const Plot& plot, const Layout& at) {
  constexpr double kPiece = 8;  // px
  constexpr std::size_t kMaxFaint = 200;
  std::vector<Box> boxes;
  const auto add = [&](double x, double y, double half) { boxes.push_back({x - half, y - half, x + half, y + half}); };
  for (const PlotSeries& s : plot.series) {
    for (std::size_t i = 0; i < s.points.size() && (!s.faint || s.points.size() <= kMaxFaint); ++i) {
      const double x = at.px(s.points[i].x), y = at.py(s.points[i].y);
      add(x, y, s.style == PlotSeries::Style::kLine ? 1 : 3 * s.points[i].size);
      if (i > 0 && s.style != PlotSeries::Style::kPoints) {
        const double from_x = at.px(s.points[i - 1].x), from_y = at.py(s.points[i - 1].y);
        const double pieces = std::ceil(std::hypot(x - from_x, y - from_y) / kPiece);
        for (double k = 1; k < pieces; ++k) {
          add(from_x + (x - from_x) * k / pieces, from_y + (y - from_y) * k / pieces, 2);
        }
      }
    }
  }
  return boxes;
}

// Where a text of this size can stand: close to its point on all sides, then farther away.
std::vector<Box> places_beside(double x, double y, double wide, double radius) {
  std::vector<Box> places;
  const auto add = [&](double left, double middle) {
    places.push_back({left, middle - kLinePx / 2, left + wide, middle + kLinePx / 2});
  };
  for (const double away : {0.0, 14.0, 30.0, 46.0}) {
    const double beside = radius + 5 + away, part = 0.7 * beside;
    add(x + beside, y), add(x - beside - wide, y);
    add(x - wide / 2, y + beside + 5), add(x - wide / 2, y - beside - 5);
    add(x + part, y + beside), add(x + part, y - beside);
    add(x - part - wide, y + beside), add(x - part - wide, y - beside);
  }
  return places;
}

// The line from a point to its text goes through another text.
bool crosses(double x, double y, double to_x, double to_y, std::span<const Box> texts) {
  constexpr int kPieces = 16;
  for (int i = 0; i <= kPieces; ++i) {
    const double at_x = x + (to_x - x) * i / kPieces, at_y = y + (to_y - y) * i / kPieces;
    const Box spot{at_x - 1, at_y - 1, at_x + 1, at_y + 1};
    if (std::any_of(texts.begin(), texts.end(), [&](const Box& b) { return b.covers(spot); })) {
      return true;
    }
  }
  return false;
}

// `taken`: the marks, then the texts before this one.
std::string label_text(const PlotLabel& label, const Layout& at, std::vector<Box>& taken, std::size_t marks_count) {
  const std::string words = shorten_middle(label.text, 40);
  const double x = at.px(label.x), y = at.py(label.y), radius = 4 * label.size;
  for (const Box& box : places_beside(x, y, kLetterPx * static_cast<double>(display_width(words)), radius)) {
    const bool fits = box.left >= kPictureWidth * kPlotLeft + 2 && box.right <= kPictureWidth * at.right &&
                      box.bottom >= kPictureHeight * kPlotBottom + 2 && box.top <= kPictureHeight * kPlotTop;
    if (!fits || std::any_of(taken.begin(), taken.end(), [&](const Box& b) { return b.covers(box); })) {
      continue;
    }
    const double to_x = std::clamp(x, box.left, box.right), to_y = std::clamp(y, box.bottom + 2, box.top - 2);
    if (crosses(x, y, to_x, to_y, std::span(taken).subspan(marks_count))) {
      continue;
    }
    taken.push_back(box);
    std::string text =
        fmt::format("set label {} at screen {:.5f},{:.5f} left front textcolor rgb '#222222'\n", quoted(words),
                    box.left / kPictureWidth, (box.bottom + box.top) / 2 / kPictureHeight);
    if (std::hypot(to_x - x, to_y - y) > radius + 12) {
      text += fmt::format(
          "set arrow from screen {:.5f},{:.5f} to screen {:.5f},{:.5f} nohead linewidth 0.7 "
          "linecolor rgb '#888888'\n",
          x / kPictureWidth, y / kPictureHeight, to_x / kPictureWidth, to_y / kPictureHeight);
    }
    return text;
  }
  return "";
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string safe = "'";
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t more = byte < 0x80                   ? 0
                             : byte >= 0xc2 && byte < 0xe0 ? 1
                             : byte >= 0xe0 && byte < 0xf0 ? 2
                             : byte >= 0xf0 && byte < 0xf5 ? 3
                                                           : 9;
    bool valid = more < 9 && i + more < text.size();
    for (std::size_t k = 1; valid && k <= more; ++k) {
      valid = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    }
    if (!valid) {
      safe += '?', ++i;
    } else if (more == 0) {
      safe += byte < 0x20 || byte == 0x7f ? std::string(" ") : byte == '\'' ? std::string("''") : text.substr(i, 1);
      ++i;
    } else {
      safe += text.substr(i, more + 1), i += more + 1;
    }
  }
  return safe + "'";
}
std::string quoted(const std::string& text, std::size_t width) {
  return quoted(shorten_middle(text, width));
}

std::string labels_text(const Plot& plot, const Layout& at) {
  std::vector<Box> taken = marks(plot, at);
  const std::size_t marks_count = taken.size();
  std::string text;
  for (const PlotLabel& label : plot.labels) {
    text += label_text(label, at, taken, marks_count);
  }
  for (const PlotLineLabel& label : plot.line_labels) {
    const double dx = at.px(label.to_x) - at.px(label.x), dy = at.py(label.to_y) - at.py(label.y);
    const double length = std::max(1e-9, std::hypot(dx, dy));
    text +=
        fmt::format("set label {} at screen {:.5f},{:.5f} left rotate by {:.2f} front textcolor rgb '#333333'\n",
                    quoted(label.text, 60), (at.px(label.x) - 10 * dy / length) / kPictureWidth,
                    (at.py(label.y) + 10 * dx / length) / kPictureHeight, std::atan2(dy, dx) * 180 / std::numbers::pi);
  }
  return text;
}

}  // namespace mantissa::report
