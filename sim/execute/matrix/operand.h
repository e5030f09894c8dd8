// SPDX-License-Identifier: Apache-2.0
// The operands of matrix operations: from FP32 values onto the grid that the datapath multiplies. docs/quantization.md
// states the semantics, rounding by rounding.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "config/workload.h"
#include "network/graph.h"
#include "numerics/datapath.h"
#include "quantize/scheme.h"
#include "quantize/storage.h"

namespace mantissa::execute {

// Scales of the very values: one for each sample, or one for each vector (row of a, column of b) that is multiplied.
struct DynamicScale {
  config::TensorRecipe recipe;
  bool per_token = false;
};

// A round trip through a storage format.
struct StorageRule {
  std::shared_ptr<const quantize::Storage> storage;
  int along = -1;  // axis of a token's elements, from the end
};

// An operand that is computed at run time. Its values are divided channel by channel, stored, then coded with a scale
// known before, with scales of their own, or (neither) rounded as they are; each step may be absent.
struct OperandRule {
  numerics::Format format;  // the datapath's
  std::optional<quantize::Scheme> scheme{};
  std::optional<DynamicScale> dynamic{};
  std::optional<StorageRule> stored{};
  std::shared_ptr<const std::vector<float>> divisors{};  // SmoothQuant: of the last axis
  std::int64_t samples = 1;                              // of the batch, along the first axis
};

// An operand that is known before.
struct WeightRule {
  numerics::Format format;
  config::TensorRecipe recipe{};
  std::shared_ptr<const std::vector<float>> multipliers{};  // SmoothQuant: of the input channels
  std::optional<quantize::Scheme> scheme{};                 // given by the network's file: in place of the recipe
};

// An operand on the datapath's grid: floats, or the codes of integers.
struct Prepared {
  std::span<const float> values;  // the operand's own where the grid has them all, or `buffer`
  std::vector<float> buffer;
  std::vector<std::int8_t> codes;
  std::vector<float> scales;              // see the function that made it
  std::vector<std::int32_t> zero_points;  // as many as scales; empty: all zero
  std::int64_t group = 0;                 // weights: elements that share a scale; 0: all of a row

  Prepared() = default;
  Prepared(Prepared&&) = default;  // a moved vector keeps its buffer, so `values` stays right
  Prepared& operator=(Prepared&&) = default;

  bool has_zero_points() const {
    return std::any_of(zero_points.begin(), zero_points.end(), [](std::int32_t z) { return z != 0; });
  }
};

inline bool is_integer(const numerics::Datapath& datapath) {
  return datapath.accumulation == numerics::Accumulation::kInteger;
}

// `shape` has at least two axes. The vectors that are multiplied lie along axis `along` (-1: rows of each matrix, -2:
// columns). Scales: one, or one for each of equal runs of vectors, in order. REQUIRES: the operand outlives the result.
Prepared prepare(const numerics::Datapath& datapath, const OperandRule& rule, const network::Shape& shape,
                 std::span<const float> operand, int along);

// Weights [out][in][taps...] (a matrix has one tap) in the order of accumulation, [out][tap][in]. Scales: one, or
// [out][group]. Throws std::invalid_argument where values that need a scale are not finite.
Prepared prepare_weights(const numerics::Datapath& datapath, const WeightRule& rule, const network::Tensor& weights);

// Each of the matrices [rows x columns] becomes [columns x rows].
template <class T>
std::vector<T> transposed(std::span<const T> matrices, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kTile = 16;  // rows and columns at a time, so that both sides stay in cache lines
  std::vector<T> result(matrices.size());
  const std::int64_t size = rows * columns, count = size == 0 ? 0 : static_cast<std::int64_t>(matrices.size()) / size;
  for (std::int64_t matrix = 0; matrix < count; ++matrix) {
    const T* from = matrices.data() + matrix * size;
    T* to = result.data() + matrix * size;
    for (std::int64_t r0 = 0; r0 < rows; r0 += kTile) {
      for (std::int64_t c0 = 0; c0 < columns; c0 += kTile) {
        for (std::int64_t c = c0; c < std::min(columns, c0 + kTile); ++c) {
          for (std::int64_t r = r0; r < std::min(rows, r0 + kTile); ++r) {
            to[c * rows + r] = from[r * columns + c];
          }
        }
      }
    }
  }
  return result;
}

}  // namespace mantissa::execute
