// SPDX-License-Identifier: Apache-2.0
#include "execute/matrix/columns.h"

#include <cstdlib>

namespace mantissa::execute {

using network::ops::Triple;
using network::ops::Window;

namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

// Output columns that read inside the input at each horizontal tap.
struct Columns {
  std::int64_t low, high;
};

std::vector<Columns> valid_columns(const Window& w) {
  std::vector<Columns> result;
  for (std::int64_t t = 0; t < w.kernel[2]; ++t) {
    const std::int64_t shift = w.at(2, 0, t), stride = w.stride[2];
    result.push_back({-floor_div(shift, stride), floor_div(w.in[2] - 1 - shift, stride) + 1});
  }
  return result;
}

// Whether neighbouring output rows read neighbouring input rows of the same width, so that a tap is a shift of the
// plane.
bool is_shift(const Window& w) {
  return w.stride[1] == 1 && w.stride[2] == 1 && w.out[2] == w.in[2] && w.in[0] == 1 && w.out[0] == 1 &&
         w.kernel[0] == 1;
}

// The run of `count` pixels from `pixel` of an image on, for a window that is_shift.
ColumnRun shifted_run(const Window& w, std::int64_t pixel, std::int64_t count, std::int64_t tap) {
  const std::int64_t width = w.in[2], down = w.at(1, 0, tap / w.kernel[2]), right = w.at(2, 0, tap % w.kernel[2]);
  const std::int64_t shift = down * width + right;
  // Lanes whose row is inside, then those whose input is: what falls out at the corners is an edge lane.
  std::int64_t low = std::clamp(-down * width - pixel, std::int64_t{0}, count);
  std::int64_t high = std::clamp((w.in[1] - down) * width - pixel, low, count);
  low = std::clamp(-shift - pixel, low, high);
  high = std::clamp(w.in_size() - shift - pixel, low, high);
  ColumnRun run;
  run.source = high > low ? pixel + low + shift : 0;
  run.tap = static_cast<std::int32_t>(tap);
  run.before = static_cast<std::int32_t>(low);
  run.inside = static_cast<std::int32_t>(high - low);
  run.after = static_cast<std::int32_t>(count - high);
  const std::int64_t edges = std::min(std::abs(right), width), first_edge = right < 0 ? 0 : width - edges;
  run.edge = static_cast<std::int32_t>((first_edge - pixel % width + width) % width);
  run.edges = static_cast<std::int32_t>(high > low ? edges : 0);
  run.width = static_cast<std::int32_t>(width);
  return run;
}

std::vector<ColumnRun> shifted_runs(const Window& w, std::int64_t begin, std::int64_t end) {
  std::vector<ColumnRun> runs;
  for (std::int64_t p = begin; p < end;) {
    const std::int64_t pixel = p % w.out_size(), count = std::min(w.out_size() - pixel, end - p);
    for (std::int64_t t = 0; t < w.taps(); ++t) {
      runs.push_back(shifted_run(w, pixel, count, t));
      runs.back().image = p / w.out_size();
      runs.back().lane = p - begin;
    }
    p += count;
  }
  return runs;
}

}  // namespace

std::vector<ColumnRun> column_runs(const Window& w, std::int64_t begin, std::int64_t end) {
  if (is_shift(w)) {
    return shifted_runs(w, begin, end);
  }
  const std::vector<Columns> valid = valid_columns(w);
  std::vector<ColumnRun> runs;
  for (std::int64_t p = begin; p < end;) {
    const std::int64_t pixel = p % w.out_size(), first = pixel % w.out[2], last = std::min(w.out[2], first + end - p);
    const std::int64_t depth = pixel / w.out[2] / w.out[1], row = pixel / w.out[2] % w.out[1];
    for (std::int64_t t = 0; t < w.taps(); ++t) {
      const Triple tap{t / (w.kernel[1] * w.kernel[2]), t / w.kernel[2] % w.kernel[1], t % w.kernel[2]};
      const std::int64_t in_depth = w.at(0, depth, tap[0]), in_row = w.at(1, row, tap[1]);
      const Columns& columns = valid[static_cast<std::size_t>(tap[2])];
      std::int64_t low = first, high = first;
      if (in_depth >= 0 && in_depth < w.in[0] && in_row >= 0 && in_row < w.in[1]) {
        low = std::clamp(columns.low, first, last);
        high = std::clamp(columns.high, low, last);
      }
      ColumnRun run{p / w.out_size(),
                    0,
                    p - begin,
                    static_cast<std::int32_t>(t),
                    static_cast<std::int32_t>(low - first),
                    static_cast<std::int32_t>(high - low),
                    static_cast<std::int32_t>(last - high)};
      if (high > low) {
        run.source = (in_depth * w.in[1] + in_row) * w.in[2] + w.at(2, low, tap[2]);
      }
      runs.push_back(run);
    }
    p += last - first;
  }
  return runs;
}

}  // namespace mantissa::execute
