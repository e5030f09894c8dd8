// SPDX-License-Identifier: Apache-2.0
#include "quantize/storage.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/error.h"
#include "quantize/codes.h"

namespace mantissa::quantize {

using config::Granularity;
using config::Scaling;
using config::TensorRecipe;
using network::Shape;
using network::Tensor;

namespace {

// Each row is cut into blocks of its own.
void round_rows(const numerics::BlockFormat& format, std::size_t row, std::span<float> values, float tensor_scale) {
  if (row % static_cast<std::size_t>(format.block) == 0) {
    numerics::round_to_blocks(format, values, tensor_scale);
    return;
  }
  for (std::size_t begin = 0; begin < values.size(); begin += row) {
    numerics::round_to_blocks(format, values.subspan(begin, row), tensor_scale);
  }
}

void store_weight_blocks(const numerics::BlockFormat& format, Tensor& weights, int channel_axis) {
  const auto values = weights.floats();
  if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
    throw std::invalid_argument("the weights hold a value that is not finite");
  }
  if (values.empty()) {
    return;
  }
  const float tensor_scale = numerics::compute_tensor_scale(format, values);
  if (channel_axis != 0 || weights.shape.empty()) {
    const auto row = weights.shape.empty() ? 1 : static_cast<std::size_t>(weights.shape.back());
    round_rows(format, row, values, tensor_scale);
    return;
  }
  const AccumulationOrder order(weights.shape);
  std::vector<float> ordered(order.k());
  for (std::size_t begin = 0; begin < values.size(); begin += order.k()) {
    for (std::size_t p = 0; p < ordered.size(); ++p) {
      ordered[p] = values[begin + order.source(p)];
    }
    numerics::round_to_blocks(format, ordered, tensor_scale);
    for (std::size_t p = 0; p < ordered.size(); ++p) {
      values[begin + order.source(p)] = ordered[p];
    }
  }
}

// Rows of `length` elements that lie `inner` apart, as rows one after the other, and back.
std::vector<float> gather_rows(std::span<const float> values, std::size_t length, std::size_t inner) {
  std::vector<float> rows(values.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t row = i / length, element = i % length;
    rows[i] = values[(row / inner * length + element) * inner + row % inner];
  }
  return rows;
}

void scatter_rows(std::span<const float> rows, std::size_t length, std::size_t inner, std::span<float> values) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t row = i / length, element = i % length;
    values[(row / inner * length + element) * inner + row % inner] = rows[i];
  }
}

void round_trip(const Scheme& scheme, std::span<float> values) {
  const Shape flat{static_cast<std::int64_t>(values.size())};
  quantize(scheme, flat, values, values);
  if (needs_scale(scheme.format)) {
    dequantize(scheme, flat, values, values);
  }
}

}  // namespace

bool has_storage(const TensorRecipe& recipe) {
  return recipe.format || recipe.block_format;
}

Tensor stored_weights(const TensorRecipe& recipe, const Tensor& weights, int channel_axis) {
  Tensor result = weights;
  if (recipe.block_format) {
    store_weight_blocks(*recipe.block_format, result, channel_axis);
  } else if (recipe.format) {
    const Scheme scheme = choose_weight_scheme(*recipe.format, recipe, weights, channel_axis);
    const auto values = result.floats();
    quantize(scheme, result.shape, values, values);
    if (needs_scale(scheme.format)) {
      dequantize(scheme, result.shape, values, values);
    }
  }
  return result;
}

bool Storage::needs_calibration(const TensorRecipe& recipe) {
  const bool scaled =
      recipe.block_format ? recipe.block_format->tensor_scale : recipe.format && needs_scale(*recipe.format);
  return scaled && recipe.scaling == Scaling::kStatic;
}

Storage::Storage(const TensorRecipe& recipe, const Observer* observed) : recipe_(recipe) {
  check(has_storage(recipe), "a storage format");
  if (!needs_calibration(recipe)) {
    return;
  }
  if (observed == nullptr) {
    throw std::invalid_argument("no value was observed, so there is no range to quantize to");
  }
  if (recipe.block_format) {
    const auto [low, high] = observed->range(recipe);
    static_amax_ = std::max(std::abs(low), std::abs(high));
  } else {
    static_scheme_ = choose_scheme(*recipe.format, recipe, *observed);
  }
}

void Storage::apply(const Shape& shape, int along, std::int64_t samples, std::span<float> values) const {
  check(static_cast<std::size_t>(network::element_count(shape)) == values.size(), "sizes agree");
  if (values.empty()) {
    return;
  }
  const auto rank = static_cast<int>(shape.size());
  const int axis = along < 0 ? rank + along : along;
  check(axis >= 0 && axis < rank && samples > 0 && values.size() % static_cast<std::size_t>(samples) == 0,
        "the axis exists, and samples are equal");
  const auto length = static_cast<std::size_t>(shape[static_cast<std::size_t>(axis)]);
  std::size_t inner = 1;
  for (auto d = static_cast<std::size_t>(axis) + 1; d < shape.size(); ++d) {
    inner *= static_cast<std::size_t>(shape[d]);
  }
  if (inner == 1) {
    apply_rows(length, samples, values);
    return;
  }
  std::vector<float> rows = gather_rows(values, length, inner);
  apply_rows(length, samples, rows);
  scatter_rows(rows, length, inner, values);
}

void Storage::apply_rows(std::size_t length, std::int64_t samples, std::span<float> values) const {
  if (recipe_.block_format) {
    apply_blocks(length, samples, values);
    return;
  }
  if (static_scheme_) {
    round_trip(*static_scheme_, values);
    return;
  }
  const bool tokens = recipe_.granularity == Granularity::kPerToken;
  const auto parts = tokens ? static_cast<std::int64_t>(values.size() / length) : samples;
  round_trip(dynamic_scheme(*recipe_.format, recipe_, values, parts), values);
}

void Storage::apply_blocks(std::size_t length, std::int64_t samples, std::span<float> values) const {
  const auto& format = *recipe_.block_format;
  if (!format.tensor_scale) {
    round_rows(format, length, values, 1.0F);
    return;
  }
  if (static_amax_) {
    const float amax = *static_amax_;
    round_rows(format, length, values, numerics::compute_tensor_scale(format, std::span(&amax, 1)));
    return;
  }
  const std::size_t sample = values.size() / static_cast<std::size_t>(samples);
  check(sample % length == 0, "a sample consists of rows");
  for (std::size_t begin = 0; begin < values.size(); begin += sample) {
    const auto part = values.subspan(begin, sample);
    round_rows(format, length, part, numerics::compute_tensor_scale(format, part));
  }
}

}  // namespace mantissa::quantize
