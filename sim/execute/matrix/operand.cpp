// SPDX-License-Identifier: Apache-2.0
#include "execute/matrix/operand.h"

#include "base/error.h"
#include "quantize/smooth.h"

namespace mantissa::execute {

using network::Shape;
using network::Tensor;

namespace {

std::int64_t count_of(std::span<const float> values) {
  return static_cast<std::int64_t>(values.size());
}

// Whether every FP32 value lies on the grid of the format.
bool takes_all(const numerics::Datapath& datapath, const numerics::Format& f) {
  return !f.integer && f.exponent_bits == 8 && f.mantissa_bits == 23 && !datapath.flush_subnormal_operands;
}

// Quantized as the scheme says (absent: cast) and rounded to the grid, from `values` into codes or in place.
void encode(const numerics::Datapath& datapath, const numerics::Format& format,
            const std::optional<quantize::Scheme>& scheme, const Shape& shape, std::span<float> values,
            std::vector<std::int8_t>& codes) {
  if (is_integer(datapath)) {
    check(scheme.has_value(), "integer operands have a scale");
    codes.resize(values.size());
    quantize::quantize(*scheme, shape, values, std::span<std::int8_t>(codes));
    return;
  }
  if (scheme) {
    quantize::quantize(*scheme, shape, values, values);
  }
  numerics::prepare_operand(datapath, format, values);
}

void take_scales(Prepared& prepared, const std::optional<quantize::Scheme>& scheme) {
  prepared.scales = scheme ? scheme->scales : std::vector<float>{1.0F};
  prepared.zero_points = scheme ? scheme->zero_points : std::vector<std::int32_t>{};
}

// [out][in][tap] -> [out][tap][in]
template <class T>
std::vector<T> in_order(std::vector<T> weights, const Shape& shape) {
  const std::int64_t in = shape[1], taps = network::element_count({shape.begin() + 2, shape.end()});
  return taps == 1 ? std::move(weights) : transposed(std::span<const T>(weights), in, taps);
}

// A first axis that is no multiple of the batch belongs to no sample in particular, and that of a plain matrix b is the
// reduction.
std::int64_t samples_in(const OperandRule& rule, const Shape& shape, int along) {
  const bool reduces = along == -2 && shape.size() == 2;
  return reduces || shape[0] % rule.samples != 0 ? 1 : rule.samples;
}

}  // namespace

Prepared prepare(const numerics::Datapath& datapath, const OperandRule& rule, const Shape& shape,
                 std::span<const float> operand, int along) {
  check(shape.size() >= 2 && network::element_count(shape) == count_of(operand), "an operand has at least two axes");
  Prepared result;
  take_scales(result, rule.scheme);
  const bool as_it_is = !rule.scheme && !rule.dynamic && !rule.stored && !rule.divisors;
  if (operand.empty() || (as_it_is && takes_all(datapath, rule.format))) {
    result.values = operand;
    return result;
  }
  result.buffer.assign(operand.begin(), operand.end());
  auto& values = result.buffer;
  if (rule.divisors) {
    quantize::smooth_activations(*rule.divisors, values);
  }
  const std::int64_t samples = samples_in(rule, shape, along);
  if (rule.stored) {
    rule.stored->storage->apply(shape, rule.stored->along, samples, values);
  }
  if (!rule.dynamic) {
    encode(datapath, rule.format, rule.scheme, shape, values, result.codes);
  } else {
    const std::int64_t k = shape[shape.size() - (along == -1 ? 1 : 2)];
    const bool columns = rule.dynamic->per_token && along == -2;
    if (columns) {
      values = transposed(std::span<const float>(values), k, shape.back());
    }
    const std::int64_t parts = rule.dynamic->per_token ? count_of(values) / k : samples;
    const std::optional scheme = quantize::dynamic_scheme(rule.format, rule.dynamic->recipe, values, parts);
    encode(datapath, rule.format, scheme, shape, values, result.codes);
    if (columns && is_integer(datapath)) {
      result.codes = transposed(std::span<const std::int8_t>(result.codes), shape.back(), k);
    } else if (columns) {
      values = transposed(std::span<const float>(values), shape.back(), k);
    }
    take_scales(result, scheme);
  }
  result.values = values;
  return result;
}

Prepared prepare_weights(const numerics::Datapath& datapath, const WeightRule& rule, const Tensor& weights) {
  Tensor w = weights;
  if (rule.multipliers) {
    quantize::smooth_weights(*rule.multipliers, w);
  }
  config::TensorRecipe recipe = rule.recipe;
  if (!rule.scheme && quantize::has_storage(recipe)) {
    w = quantize::stored_weights(recipe, w, 0);
    // The groups are the storage format's; the datapath's own scales are one for each out channel then.
    if (recipe.granularity == config::Granularity::kPerGroup) {
      recipe.granularity = config::Granularity::kPerChannel;
    }
  }
  std::optional<quantize::Scheme> scheme = rule.scheme;
  if (!scheme && quantize::needs_scale(rule.format)) {
    scheme = quantize::choose_weight_scheme(rule.format, recipe, w, 0);
  }
  Prepared result;
  take_scales(result, scheme);
  result.group = scheme ? scheme->group : 0;
  encode(datapath, rule.format, scheme, w.shape, w.floats(), result.codes);
  result.codes = in_order(std::move(result.codes), w.shape);
  if (!is_integer(datapath)) {
    result.buffer = in_order(std::move(std::get<std::vector<float>>(w.data)), w.shape);
    result.values = result.buffer;
  }
  return result;
}

}  // namespace mantissa::execute
