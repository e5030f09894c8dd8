// SPDX-License-Identifier: Apache-2.0
// Convolutions and matrix products with constant weights, through any datapath. The data is gathered into columns
// (im2col), blocks of pixels of all images at a time; a column's elements are ordered kernel row, kernel column,
// channel innermost, which is the order of accumulation. Gemm and MatMul are convolutions of one pixel an image.
//
//   weights [out channel x k]  .  columns [k x pixels]  ->  tile [out channel x pixels]  -> scale, bias -> NCHW
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "execute/matrix/arithmetic.h"
#include "network/ops/window.h"

namespace mantissa::execute {

struct ProductShape {
  network::ops::Window window;
  std::int64_t images = 1, groups = 1, in_channels = 1, out_channels = 1;  // channels of one group
  std::int64_t k() const { return window.taps() * in_channels; }
};

class WeightedProduct {
 public:
  // `weights`: [group x out channel][in channel][tap], as ONNX keeps a convolution's; per-channel schemes are along
  // axis 0.
  WeightedProduct(const ProductShape& shape, Arithmetic arithmetic, const network::Tensor& weights);

  // data: images x channels x pixels. out: images x out channels x pixels, overwritten. alpha scales the product; bias
  // (null: none) has one value for each out channel and is added last.
  void run(const network::Tensor& data, float alpha, const float* bias, std::span<float> out) const;

 private:
  void run_floats(const network::Tensor& data, float alpha, const float* bias, std::span<float> out) const;
  void run_codes(const network::Tensor& data, float alpha, const float* bias, std::span<float> out) const;

  ProductShape shape_;
  Arithmetic arithmetic_;
  numerics::Datapath datapath_;     // weights first
  std::vector<float> weights_;      // [group][out channel][tap][in channel]
  std::vector<std::int8_t> codes_;  // the same, integers; each group has a last row of ones if weights have zero points
  std::vector<std::int32_t> code_sums_;  // over k, of each out channel
  bool weights_have_zero_points_ = false;
};

}  // namespace mantissa::execute
