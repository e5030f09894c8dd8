// SPDX-License-Identifier: Apache-2.0
// im2col over a block of output pixels of several images. Where each run of pixels reads is worked out once for a
// block, and used for every group of channels.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "network/ops/window.h"

namespace mantissa::execute {

// A run of output pixels of one image at one tap: `before` and `after` of its lanes read padding, those between read
// `inside` inputs, a stride apart. A run may span several rows where input rows follow each other as output rows do;
// then the lanes in `edges` columns, from the lane `edge` on and again every `width`, read padding too.
struct ColumnRun {
  std::int64_t image = 0;
  std::int64_t source = 0;  // first input that is read, within a channel's plane
  std::int64_t lane = 0;    // first lane of the run
  std::int32_t tap = 0, before = 0, inside = 0, after = 0;
  std::int32_t edge = 0, edges = 0, width = 0;
};

// Runs of the output pixels [begin, end) at every tap. Pixels count through all images: image * out_size + offset.
std::vector<ColumnRun> column_runs(const network::ops::Window& window, std::int64_t begin, std::int64_t end);

// The lanes of a run at the left or right edge of the image.
template <class T>
void pad_edges(const ColumnRun& run, T padding, T* to) {
  const std::int32_t count = run.before + run.inside + run.after;
  for (std::int32_t i = 0; i < run.edges; ++i) {
    for (std::int32_t lane = (run.edge + i) % run.width; lane < count; lane += run.width) {
      to[lane] = padding;
    }
  }
}

// columns[(tap * channels + c) * pitch + lane] = the input that the lane's output reads at the tap, or
// padding_of(image) outside. `group` points at the group's first channel in the first image; images are image_stride
// elements apart, planes plane_size, pixels `step`.
template <class T, class Padding>
void gather_columns(const std::vector<ColumnRun>& runs, const T* group, std::int64_t image_stride,
                    std::int64_t plane_size, std::int64_t step, std::int64_t channels, Padding&& padding_of, T* columns,
                    std::int64_t pitch) {
  for (const ColumnRun& run : runs) {
    const T padding = padding_of(run.image);
    const T* from = group + run.image * image_stride + run.source;
    T* to = columns + run.tap * channels * pitch + run.lane;
    for (std::int64_t c = 0; c < channels; ++c, to += pitch, from += plane_size) {
      T* at = std::fill_n(to, run.before, padding);
      if (step == 1) {
        at = std::copy_n(from, run.inside, at);
      } else {
        for (std::int64_t i = 0; i < run.inside; ++i) {
          *at++ = from[i * step];
        }
      }
      std::fill_n(at, run.after, padding);
      pad_edges(run, padding, to);
    }
  }
}

}  // namespace mantissa::execute
