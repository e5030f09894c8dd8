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

std::int64_t block_size(const ProductShape& s, std::int64_t element_bytes) {
  const std::int64_t pixel_bytes = std::max({s.k() * element_bytes, s.out_channels * 4, std::int64_t{1}});
  return std::clamp<std::int64_t>(kBlockBytes / pixel_bytes / 64 * 64, 64, kMaxBlock);
}

numerics::Datapath swapped(numerics::Datapath datapath) {
  std::swap(datapath.a, datapath.b);
  return datapath;
}

}  // namespace

WeightedProduct::WeightedProduct(const ProductShape& shape, const numerics::Datapath& datapath, OperandRule data,
                                 const WeightRule& rule, const Tensor& weights, std::optional<Requantizer> requantizer)
    : shape_(shape),
      datapath_(datapath),
      weights_first_(swapped(datapath)),
      data_(std::move(data)),
      weights_(prepare_weights(datapath, rule, weights)),
      requantizer_(std::move(requantizer)) {
  shape_.window = flattened(shape_.window);
  check(weights.floats().size() == idx(shape_.groups * shape_.out_channels * shape_.k()), "weights fit the operation");
  if (is_integer(datapath)) {
    add_code_sums();
  }
}

void WeightedProduct::add_code_sums() {
  for (std::int64_t out = 0; out < shape_.groups * shape_.out_channels; ++out) {
    const std::int8_t* codes = weights_.codes.data() + out * shape_.k();
    for (std::int64_t part = 0; part < parts(); ++part) {
      std::uint32_t sum = 0;
      for (std::int64_t i = 0; i < part_size(part); ++i) {
        sum += static_cast<std::uint32_t>(std::int32_t{codes[part * weights_.group + i]});
      }
      code_sums_.push_back(sum);
    }
  }
}

template <class Body>
void WeightedProduct::for_each_block(std::int64_t element_bytes, Body&& body) const {
  const std::int64_t total = shape_.images * shape_.window.out_size(), block = block_size(shape_, element_bytes);
  for (std::int64_t begin = 0; begin < total; begin += block) {
    const std::int64_t end = std::min(total, begin + block);
    const auto runs = column_runs(shape_.window, begin, end);
    for (std::int64_t group = 0; group < shape_.groups; ++group) {
      body(Block{group, begin, end}, runs);
    }
  }
}

// Blocks of a block format, and tokens, lie along the channels of a pixel.
Prepared WeightedProduct::prepare_data(const Tensor& data) const {
  const std::int64_t plane = shape_.window.in_size();
  return prepare(datapath_, data_, {shape_.images, shape_.groups * shape_.in_channels, plane}, data.floats(), -1);
}

void WeightedProduct::run(const Tensor& data, const float* bias, std::span<float> out) const {
  const std::int64_t all_out = shape_.groups * shape_.out_channels;
  check(out.size() == idx(shape_.images * all_out * shape_.window.out_size()), "output fits");
  check(data.floats().size() == idx(shape_.images * shape_.groups * shape_.in_channels * shape_.window.in_size()),
        "data fits");
  const Prepared prepared = prepare_data(data);
  if (is_integer(datapath_)) {
    run_codes(prepared, bias, out);
  } else {
    run_floats(prepared, bias, out);
  }
}

// sums(out channel of the group, image) gives a function: lane -> sum of the part, zero points taken off. The last part
// adds the bias.
template <class Sums>
void WeightedProduct::finish(const Block& block, const Prepared& data, std::int64_t part, const float* bias,
                             Sums&& sums, std::span<float> out) const {
  const ProductShape& s = shape_;
  const std::int64_t pixels = s.window.out_size(), all_out = s.groups * s.out_channels;
  const bool last = part + 1 == parts();
  const auto images = image_runs(pixels, block.begin, block.end);
  for (std::int64_t m = 0; m < s.out_channels; ++m) {
    const std::int64_t channel = block.group * s.out_channels + m;
    const float weight_scale = weights_.scales[place(channel, part)];
    for (const ImageRun& run : images) {
      const float scale = data.scales[image_place(data, run.image)] * weight_scale;
      float* to = out.data() + (run.image * all_out + channel) * pixels + run.pixel;
      const auto sum = sums(m, run.image);
      if (part == 0) {
        for (std::int64_t i = 0; i < run.count; ++i) {
          to[i] = static_cast<float>(sum(run.lane + i)) * scale;
        }
      } else {
        for (std::int64_t i = 0; i < run.count; ++i) {
          to[i] += static_cast<float>(sum(run.lane + i)) * scale;
        }
      }
      if (last && bias != nullptr) {
        std::for_each(to, to + run.count, [&](float& y) { y += bias[channel]; });
      }
    }
  }
}

template <class Sums>
void WeightedProduct::requantize(const Block& block, const Prepared& data, Sums&& sums, std::span<float> out) const {
  const ProductShape& s = shape_;
  const std::int64_t pixels = s.window.out_size(), all_out = s.groups * s.out_channels;
  std::vector<std::int32_t> row(idx(block.count()));
  for (std::int64_t m = 0; m < s.out_channels; ++m) {
    const std::int64_t channel = block.group * s.out_channels + m;
    const double scale = static_cast<double>(data.scales[0]) * static_cast<double>(weights_.scales[place(channel, 0)]);
    for (const ImageRun& run : image_runs(pixels, block.begin, block.end)) {
      const auto sum = sums(m, run.image);
      for (std::int64_t i = 0; i < run.count; ++i) {
        row[idx(i)] = sum(run.lane + i);
      }
      requantizer_->apply(std::span(row).first(idx(run.count)), scale, idx(channel),
                          out.subspan(idx((run.image * all_out + channel) * pixels + run.pixel), idx(run.count)));
    }
  }
}

void WeightedProduct::run_floats(const Prepared& data, const float* bias, std::span<float> out) const {
  const ProductShape& s = shape_;
  const std::int64_t k = s.k(), plane = s.window.in_size(), block = block_size(s, 4);
  const auto columns = std::make_unique_for_overwrite<float[]>(idx(k * block)),
             tile = std::make_unique_for_overwrite<float[]>(idx(s.out_channels * block));
  for_each_block(4, [&](const Block& b, const auto& runs) {
    const std::int64_t count = b.count();
    gather_columns(
        runs, data.values.data() + b.group * s.in_channels * plane, s.groups * s.in_channels * plane, plane,
        s.window.stride[2], s.in_channels, [](std::int64_t) { return 0.0F; }, columns.get(), count);
    for (std::int64_t part = 0; part < parts(); ++part) {
      const std::int64_t first = part * weights_.group;
      numerics::gemm(weights_first_, s.out_channels, count, part_size(part),
                     weights_.values.data() + b.group * s.out_channels * k + first, k, columns.get() + first * count,
                     count, tile.get(), count);
      finish(
          b, data, part, bias,
          [&](std::int64_t m, std::int64_t) {
            return [row = tile.get() + m * count](std::int64_t lane) { return row[lane]; };
          },
          out);
    }
  });
}

// With codes qx, qw and zero points zx, zw: sum (qx - zx)(qw - zw) = sum qx qw - zx sum qw - zw sum qx + k zx zw, where
// only sum qx qw goes through the datapath; the rest is in 32 bits, wrapping. Padding reads the code of zero, zx.
void WeightedProduct::run_codes(const Prepared& data, const float* bias, std::span<float> out) const {
  const ProductShape& s = shape_;
  const std::int64_t k = s.k(), plane = s.window.in_size(), block = block_size(s, 1);
  const std::vector<std::int8_t> ones(weights_.has_zero_points() ? idx(k) : 0, 1);
  const auto data_zero = [&](std::int64_t image) {
    return data.zero_points.empty() ? 0 : data.zero_points[image_place(data, image)];
  };
  const auto columns = std::make_unique_for_overwrite<std::int8_t[]>(idx(k * block));
  const auto tile = std::make_unique_for_overwrite<std::int32_t[]>(idx(s.out_channels * block)),
             column_sums = std::make_unique_for_overwrite<std::int32_t[]>(idx(ones.empty() ? 0 : block));
  for_each_block(1, [&](const Block& b, const auto& runs) {
    const std::int64_t count = b.count();
    gather_columns(
        runs, data.codes.data() + b.group * s.in_channels * plane, s.groups * s.in_channels * plane, plane,
        s.window.stride[2], s.in_channels,
        [&](std::int64_t image) { return static_cast<std::int8_t>(data_zero(image)); }, columns.get(), count);
    for (std::int64_t part = 0; part < parts(); ++part) {
      const std::int64_t first = part * weights_.group, size = part_size(part);
      numerics::gemm(weights_first_, s.out_channels, count, size,
                     weights_.codes.data() + b.group * s.out_channels * k + first, k, columns.get() + first * count,
                     count, tile.get(), count);
      if (!ones.empty()) {
        numerics::gemm(1, count, size, ones.data(), k, columns.get() + first * count, count, column_sums.get(), count);
      }
      const auto sums = [&](std::int64_t m, std::int64_t image) {
        const std::int64_t channel = b.group * s.out_channels + m;
        const auto zero_x = static_cast<std::uint32_t>(data_zero(image));
        const auto zero_w =
            static_cast<std::uint32_t>(weights_.zero_points.empty() ? 0 : weights_.zero_points[place(channel, part)]);
        const std::uint32_t offset =
            static_cast<std::uint32_t>(size) * zero_x * zero_w - zero_x * code_sums_[idx(channel * parts() + part)];
        return [row = tile.get() + m * count, all = column_sums.get(), offset, zero_w](std::int64_t lane) {
          std::uint32_t sum = static_cast<std::uint32_t>(row[lane]) + offset;
          if (zero_w != 0) {
            sum -= zero_w * static_cast<std::uint32_t>(all[lane]);
          }
          return static_cast<std::int32_t>(sum);
        };
      };
      if (requantizer_) {
        requantize(b, data, sums, out);
      } else {
        finish(b, data, part, bias, sums, out);
      }
    }
  });
}

}  // namespace mantissa::execute
