// SPDX-License-Identifier: Apache-2.0
// im2col over a block of output pixels of several images.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "network/ops/window.h"

namespace mantissa::execute {

// A run of output pixels in one output row of one image.
struct PixelRun {
  std::int64_t image, depth, row, first, count;  // first: output column
  std::int64_t lane;                             // where it starts in the block
};

// Output pixels [begin, end) of all images in a row: pixel = image * out_size + offset.
std::vector<PixelRun> pixel_runs(const network::ops::Window& window, std::int64_t begin, std::int64_t end);

// The outputs [lo, hi) of a run that read inside the input at a tap, and where the first row of the input that they
// read starts.
struct TapRun {
  std::int64_t lo = 0, hi = 0, source = 0;  // source: offset within the channel's plane, for output column 0
};
TapRun tap_run(const network::ops::Window& window, const PixelRun& run, const network::ops::Triple& tap);

// columns[(tap * channels + c) * pitch + lane] = the input that the lane's output reads at the tap, or `padding`
// outside. `group` points at the group's first channel in the first image; images are image_stride elements apart.
template <class T>
void gather_columns(const network::ops::Window& w, const std::vector<PixelRun>& runs, const T* group,
                    std::int64_t image_stride, std::int64_t channels, T padding, T* columns, std::int64_t pitch) {
  const std::int64_t plane = w.in_size(), stride = w.stride[2];
  for (std::int64_t t = 0; t < w.taps(); ++t) {
    const network::ops::Triple tap{t / (w.kernel[1] * w.kernel[2]), t / w.kernel[2] % w.kernel[1], t % w.kernel[2]};
    T* const rows = columns + t * channels * pitch;
    for (const PixelRun& run : runs) {
      const TapRun valid = tap_run(w, run, tap);
      const std::int64_t before = valid.lo - run.first, inside = valid.hi - valid.lo,
                         after = run.first + run.count - valid.hi;
      const T* from = group + run.image * image_stride + valid.source + valid.lo * stride;
      T* to = rows + run.lane;
      for (std::int64_t c = 0; c < channels; ++c, to += pitch, from += plane) {
        std::fill_n(to, before, padding);
        if (stride == 1) {
          std::copy_n(from, inside, to + before);
        } else {
          for (std::int64_t i = 0; i < inside; ++i) {
            to[before + i] = from[i * stride];
          }
        }
        std::fill_n(to + before + inside, after, padding);
      }
    }
  }
}

}  // namespace mantissa::execute
