// SPDX-License-Identifier: Apache-2.0
// Convolutions with constant weights, through any datapath. The data is gathered into columns (im2col), blocks of
// pixels of all images at a time; a column's elements are ordered kernel row, kernel column, channel innermost, which
// is the order of accumulation. Groups of k with scales of their own are multiplied one after the other, as
// matrix_product.h says.
//
//   weights [out channel x k]  .  columns [k x pixels]  ->  tile [out channel x pixels]  -> scale, bias -> NCHW
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "execute/matrix/operand.h"
#include "execute/matrix/requantizer.h"
#include "network/ops/window.h"

namespace mantissa::execute {

struct ProductShape {
  network::ops::Window window;
  std::int64_t images = 1, groups = 1, in_channels = 1, out_channels = 1;  // channels of one group
  std::int64_t k() const { return window.taps() * in_channels; }
};

class WeightedProduct {
 public:
  // `weights`: [group x out channel][in channel][taps...], as ONNX keeps a convolution's. Throws std::invalid_argument
  // for weights that cannot be quantized.
  WeightedProduct(const ProductShape& shape, const numerics::Datapath& datapath, OperandRule data,
                  const WeightRule& rule, const network::Tensor& weights, std::optional<Requantizer> requantizer = {});

  // data: images x channels x pixels. out: images x out channels x pixels, overwritten. bias (null: none) has one value
  // for each out channel and is added last; a requantizer has its own instead.
  void run(const network::Tensor& data, const float* bias, std::span<float> out) const;

 private:
  // Some pixels of one group of channels.
  struct Block {
    std::int64_t group, begin, end;
    std::int64_t count() const { return end - begin; }
  };
  Prepared prepare_data(const network::Tensor& data) const;
  void add_code_sums();
  void run_floats(const Prepared& data, const float* bias, std::span<float> out) const;
  void run_codes(const Prepared& data, const float* bias, std::span<float> out) const;
  // Calls body(Block, column runs) for each block of pixels of each group.
  template <class Body>
  void for_each_block(std::int64_t element_bytes, Body&& body) const;
  template <class Sums>
  void requantize(const Block& block, const Prepared& data, Sums&& sums, std::span<float> out) const;
  template <class Sums>
  void finish(const Block& block, const Prepared& data, std::int64_t part, const float* bias, Sums&& sums,
              std::span<float> out) const;

  // Of k: parts that have scales of their own.
  std::int64_t parts() const { return weights_.group == 0 ? 1 : (shape_.k() + weights_.group - 1) / weights_.group; }
  std::int64_t part_size(std::int64_t part) const {
    return weights_.group == 0 ? shape_.k() : std::min(weights_.group, shape_.k() - part * weights_.group);
  }
  std::size_t place(std::int64_t channel, std::int64_t part) const {  // of a weight scale
    return static_cast<std::size_t>(weights_.scales.size() == 1 ? 0 : channel * parts() + part);
  }

  std::size_t image_place(const Prepared& data, std::int64_t image) const {  // of a data scale
    return static_cast<std::size_t>(image / (shape_.images / static_cast<std::int64_t>(data.scales.size())));
  }

  ProductShape shape_;
  numerics::Datapath datapath_, weights_first_;
  OperandRule data_;
  Prepared weights_;
  std::optional<Requantizer> requantizer_;
  std::vector<std::uint32_t> code_sums_;  // [out channel][part]
};

}  // namespace mantissa::execute
