// SPDX-License-Identifier: Apache-2.0
#include "execute/matrix/columns.h"

namespace mantissa::execute {

using network::ops::Triple;
using network::ops::Window;

namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

}  // namespace

std::vector<PixelRun> pixel_runs(const Window& w, std::int64_t begin, std::int64_t end) {
  std::vector<PixelRun> runs;
  for (std::int64_t p = begin; p < end;) {
    const std::int64_t pixel = p % w.out_size(), first = pixel % w.out[2];
    const std::int64_t count = std::min(w.out[2] - first, end - p);
    runs.push_back(
        {p / w.out_size(), pixel / w.out[2] / w.out[1], pixel / w.out[2] % w.out[1], first, count, p - begin});
    p += count;
  }
  return runs;
}

TapRun tap_run(const Window& w, const PixelRun& run, const Triple& tap) {
  const std::int64_t depth = w.at(0, run.depth, tap[0]), row = w.at(1, run.row, tap[1]), shift = w.at(2, 0, tap[2]);
  TapRun valid{run.first, run.first, 0};
  if (depth >= 0 && depth < w.in[0] && row >= 0 && row < w.in[1]) {
    const std::int64_t end = run.first + run.count;
    valid.lo = std::clamp(-floor_div(shift, w.stride[2]), run.first, end);
    valid.hi = std::clamp(floor_div(w.in[2] - 1 - shift, w.stride[2]) + 1, valid.lo, end);
    valid.source = (depth * w.in[1] + row) * w.in[2] + shift;
  }
  if (valid.hi == valid.lo) {  // nothing is read: keep the offset harmless
    valid.source = -valid.lo * w.stride[2];
  }
  return valid;
}

}  // namespace mantissa::execute
