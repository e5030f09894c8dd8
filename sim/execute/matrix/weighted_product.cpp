// SPDX-License-Identifier: Apache-2.0
#include "execute/matrix/weighted_product.h"

#include <algorithm>

#include "base/error.h"
#include "execute/matrix/columns.h"

namespace mantissa::execute {

using network::Tensor;
using network::ops::Triple;
using network::ops::Window;

namespace {

constexpr std::int64_t kBlockBytes =
    192 << 10;  // of columns, and of results, at a time, so that a block stays in the second-level cache
constexpr std::int64_t kMaxBlock = 4096;  // pixels

std::size_t idx(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// A convolution without a window reads each plane as one row, whatever its width.
Window flattened(Window w) {
  if (w.taps() == 1 && w.stride == Triple{1, 1, 1} && w.pad == Triple{0, 0, 0} && w.in == w.out) {
    w.in = w.out = {1, 1, w.in_size()};
  }
  return w;
}

// [out][channel][tap] -> [out][tap][channel], and room for `extra` rows after each group.
template <class T>
std::vector<T> reorder(const ProductShape& s, const std::vector<T>& weights, std::int64_t extra, T fill) {
  const std::int64_t k = s.k(), taps = s.window.taps(), rows = s.out_channels + extra;
  std::vector<T> result(idx(s.groups * rows * k), fill);
  for (std::int64_t out = 0; out < s.groups * s.out_channels; ++out) {
    const std::int64_t row = out / s.out_channels * rows + out % s.out_channels;
    for (std::int64_t i = 0; i < k; ++i) {
      const std::int64_t c = i / taps, t = i % taps;
      result[idx(row * k + t * s.in_channels + c)] = weights[idx(out * k + i)];
    }
  }
  return result;
}

// The part of a block that lies in one image.
struct ImageRun {
  std::int64_t image, pixel, count, lane;
};

std::vector<ImageRun> image_runs(std::int64_t pixels, std::int64_t begin, std::int64_t end) {
  std::vector<ImageRun> runs;
  for (std::int64_t p = begin; p < end;) {
    const std::int64_t count = std::min(pixels - p % pixels, end - p);
    runs.push_back({p / pixels, p % pixels, count, p - begin});
    p += count;
  }
  return runs;
}

// Calls body(group, begin, end, column runs) for each block of pixels of each group.
template <class Body>
void for_each_block(const ProductShape& s, std::int64_t block, Body&& body) {
  const std::int64_t total = s.images * s.window.out_size();
  for (std::int64_t begin = 0; begin < total; begin += block) {
    const std::int64_t end = std::min(total, begin + block);
    const auto runs = column_runs(s.window, begin, end);
    for (std::int64_t group = 0; group < s.groups; ++group) {
      body(group, begin, end, runs);
    }
  }
}

std::int64_t block_size(const ProductShape& s, std::int64_t element_bytes) {
  const std::int64_t pixel_bytes = std::max({s.k() * element_bytes, s.out_channels * 4, std::int64_t{1}});
  return std::clamp<std::int64_t>(kBlockBytes / pixel_bytes / 64 * 64, 64, kMaxBlock);
}

// Scale and bias of one out channel; steps that would change nothing are left out.
struct Finish {
  float scale = 1, alpha = 1, bias = 0;
  bool has_bias = false;

  float operator()(float x) const {
    x = x * scale * alpha;
    return has_bias ? x + bias : x;
  }
};

}  // namespace

WeightedProduct::WeightedProduct(const ProductShape& shape, Arithmetic arithmetic, const Tensor& weights)
    : shape_(shape), arithmetic_(std::move(arithmetic)), datapath_(weights_first(arithmetic_.datapath)) {
  shape_.window = flattened(shape_.window);
  check(weights.floats().size() == idx(shape_.groups * shape_.out_channels * shape_.k()), "weights fit the operation");
  if (!arithmetic_.integer()) {
    weights_ = reorder(shape_, prepare(arithmetic_, arithmetic_.weights, weights), 0, 0.0F);
    return;
  }
  const std::vector<std::int8_t> codes = prepare_codes(arithmetic_.weights, weights);
  const auto& zero_points = arithmetic_.weights.scheme->zero_points;
  weights_have_zero_points_ =
      std::any_of(zero_points.begin(), zero_points.end(), [](std::int32_t z) { return z != 0; });
  codes_ = reorder<std::int8_t>(shape_, codes, weights_have_zero_points_ ? 1 : 0, 1);
  for (std::int64_t out = 0; out < shape_.groups * shape_.out_channels; ++out) {
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < shape_.k(); ++i) {
      sum += codes[idx(out * shape_.k() + i)];
    }
    code_sums_.push_back(sum);
  }
}

void WeightedProduct::run(const Tensor& data, float alpha, const float* bias, std::span<float> out) const {
  check(out.size() == idx(shape_.images * shape_.groups * shape_.out_channels * shape_.window.out_size()),
        "output fits");
  check(data.floats().size() == idx(shape_.images * shape_.groups * shape_.in_channels * shape_.window.in_size()),
        "data fits");
  if (arithmetic_.integer()) {
    run_codes(data, alpha, bias, out);
  } else {
    run_floats(data, alpha, bias, out);
  }
}

void WeightedProduct::run_floats(const Tensor& data, float alpha, const float* bias, std::span<float> out) const {
  const ProductShape& s = shape_;
  const bool ready = is_ready(arithmetic_, arithmetic_.data);
  const std::vector<float> prepared = ready ? std::vector<float>() : prepare(arithmetic_, arithmetic_.data, data);
  const float* input = ready ? data.floats().data() : prepared.data();
  const std::int64_t k = s.k(), pixels = s.window.out_size(), plane = s.window.in_size(),
                     all_out = s.groups * s.out_channels;
  const std::int64_t block = block_size(s, 4);
  const auto columns = std::make_unique_for_overwrite<float[]>(idx(k * block)),
             tile = std::make_unique_for_overwrite<float[]>(idx(s.out_channels * block));
  for_each_block(s, block, [&](std::int64_t group, std::int64_t begin, std::int64_t end, const auto& runs) {
    const std::int64_t count = end - begin;
    gather_columns(runs, input + group * s.in_channels * plane, s.groups * s.in_channels * plane, plane,
                   s.window.stride[2], s.in_channels, 0.0F, columns.get(), count);
    numerics::gemm(datapath_, s.out_channels, count, k, weights_.data() + group * s.out_channels * k, k, columns.get(),
                   count, tile.get(), count);
    const auto images = image_runs(pixels, begin, end);
    for (std::int64_t m = 0; m < s.out_channels; ++m) {
      const std::int64_t channel = group * s.out_channels + m;
      const Finish finish{arithmetic_.data.scale() * arithmetic_.weights.scale(idx(channel)), alpha,
                          bias != nullptr ? bias[channel] : 0, bias != nullptr};
      for (const ImageRun& run : images) {
        const float* from = tile.get() + m * count + run.lane;
        float* to = out.data() + (run.image * all_out + channel) * pixels + run.pixel;
        std::transform(from, from + run.count, to, finish);
      }
    }
  });
}

// With codes qx, qw and zero points zx, zw: sum (qx - zx)(qw - zw) = sum qx qw - zx sum qw - zw sum qx + k zx zw, all
// in 32 bits, wrapping. sum qx is the product with a row of ones. Padding reads the code of zero, zx.
void WeightedProduct::run_codes(const Tensor& data, float alpha, const float* bias, std::span<float> out) const {
  const ProductShape& s = shape_;
  const std::vector<std::int8_t> input = prepare_codes(arithmetic_.data, data);
  const std::int64_t k = s.k(), pixels = s.window.out_size(), plane = s.window.in_size(),
                     all_out = s.groups * s.out_channels;
  const std::int64_t rows = s.out_channels + (weights_have_zero_points_ ? 1 : 0), block = block_size(s, 1);
  const std::int32_t data_zero = arithmetic_.data.zero_point();
  const auto columns = std::make_unique_for_overwrite<std::int8_t[]>(idx(k * block));
  const auto tile = std::make_unique_for_overwrite<std::int32_t[]>(idx(rows * block));
  for_each_block(s, block, [&](std::int64_t group, std::int64_t begin, std::int64_t end, const auto& runs) {
    const std::int64_t count = end - begin;
    gather_columns(runs, input.data() + group * s.in_channels * plane, s.groups * s.in_channels * plane, plane,
                   s.window.stride[2], s.in_channels, static_cast<std::int8_t>(data_zero), columns.get(), count);
    numerics::gemm(rows, count, k, codes_.data() + group * rows * k, k, columns.get(), count, tile.get(), count);
    const auto images = image_runs(pixels, begin, end);
    const std::int32_t* column_sums = tile.get() + s.out_channels * count;
    for (std::int64_t m = 0; m < s.out_channels; ++m) {
      const std::int64_t channel = group * s.out_channels + m;
      const Finish finish{arithmetic_.data.scale() * arithmetic_.weights.scale(idx(channel)), alpha,
                          bias != nullptr ? bias[channel] : 0, bias != nullptr};
      const auto weight_zero = static_cast<std::uint32_t>(arithmetic_.weights.zero_point(idx(channel)));
      const std::uint32_t offset =
          static_cast<std::uint32_t>(k) * static_cast<std::uint32_t>(data_zero) * weight_zero -
          static_cast<std::uint32_t>(data_zero) * static_cast<std::uint32_t>(code_sums_[idx(channel)]);
      for (const ImageRun& run : images) {
        const std::int32_t* from = tile.get() + m * count + run.lane;
        float* to = out.data() + (run.image * all_out + channel) * pixels + run.pixel;
        for (std::int64_t i = 0; i < run.count; ++i) {
          std::uint32_t sum = static_cast<std::uint32_t>(from[i]) + offset;
          if (weight_zero != 0) {
            sum -= weight_zero * static_cast<std::uint32_t>(column_sums[run.lane + i]);
          }
          to[i] = finish(static_cast<float>(static_cast<std::int32_t>(sum)));
        }
      }
    }
  });
}

}  // namespace mantissa::execute
