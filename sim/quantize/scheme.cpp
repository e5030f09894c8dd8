// SPDX-License-Identifier: Apache-2.0
#include "quantize/scheme.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/error.h"
#include "quantize/clip.h"
#include "quantize/codes.h"

namespace mantissa::quantize {

using config::Calibrator;
using config::Granularity;
using config::TensorRecipe;
using network::Tensor;

namespace {

// Codes beyond this would not survive the float rounding of codes.cpp; no chip here multiplies wider integers.
constexpr int kMaxIntegerBits = 16;

struct Scale {
  float scale = 1;
  std::int32_t zero_point = 0;
};

float positive_scale(double scale) {
  const auto narrowed = static_cast<float>(scale);
  return std::isfinite(narrowed) ? std::max(narrowed, std::numeric_limits<float>::min())
                                 : std::numeric_limits<float>::max();
}

Scale fit(const Scheme& scheme, const TensorRecipe& recipe, float low, float high) {
  if (!std::isfinite(low) || !std::isfinite(high)) {
    throw std::invalid_argument("the range to quantize is not finite");
  }
  const double bottom = std::min(low, 0.0F), top = std::max(high, 0.0F);
  if (bottom == top) {
    return {};
  }
  if (scheme.symmetric) {
    const double largest = scheme.format.integer ? scheme.highest() : scheme.format.max_finite();
    return {positive_scale(std::ldexp(std::max(-bottom, top), recipe.margin) / largest), 0};
  }
  Scale result;
  result.scale = positive_scale((top - bottom) / (scheme.highest() - scheme.lowest()));
  const double zero = std::nearbyint(scheme.lowest() - bottom / static_cast<double>(result.scale));
  result.zero_point = static_cast<std::int32_t>(std::clamp<double>(zero, scheme.lowest(), scheme.highest()));
  return result;
}

void append(Scheme& scheme, const Scale& scale) {
  scheme.scales.push_back(scale.scale);
  if (scheme.format.integer) {
    scheme.zero_points.push_back(scale.zero_point);
  }
}

Scheme start(const numerics::Format& format, const TensorRecipe& recipe) {
  check(!format.integer || format.mantissa_bits <= kMaxIntegerBits, "integer formats have at most 16 bits");
  Scheme scheme;
  scheme.format = format;
  scheme.symmetric = recipe.symmetric || !format.integer;
  return scheme;
}

// Smallest and largest finite value, extended to 0. Magnitudes are compared as integers, which vectorises.
std::pair<float, float> finite_range(std::span<const float> x) {
  constexpr std::int32_t kInfinity = 0x7F80'0000;
  std::int32_t low = 0, high = 0;
  for (const float value : x) {
    const auto bits = std::bit_cast<std::int32_t>(value);
    const std::int32_t magnitude = bits & 0x7FFF'FFFF, finite = magnitude < kInfinity ? magnitude : 0;
    const std::int32_t negative = bits < 0 ? finite : 0, positive = finite - negative;
    low = negative > low ? negative : low;
    high = positive > high ? positive : high;
  }
  return {-std::bit_cast<float>(low), std::bit_cast<float>(high)};
}

// The range that the recipe covers of what was observed.
std::pair<float, float> observed_range(const numerics::Format& format, const TensorRecipe& recipe,
                                       const Observer& observed) {
  if (recipe.calibrator != Calibrator::kEntropy && recipe.calibrator != Calibrator::kMse) {
    return observed.range(recipe);
  }
  if (recipe.calibrator == Calibrator::kEntropy && !format.integer) {
    throw std::invalid_argument("the entropy calibrator is for integer formats, and '" + format.name +
                                "' is none; use calibrator: mse or min_max");
  }
  if (observed.count() == 0) {
    throw std::invalid_argument("no finite value was observed, so there is no range to quantize to");
  }
  if (recipe.calibrator == Calibrator::kMse) {
    return least_squares_range(format, recipe, search_of(observed));
  }
  const Magnitudes magnitudes = coarse_magnitudes(observed.histogram());
  const std::size_t kept = entropy_bins(magnitudes.bins, std::int64_t{1} << (format.mantissa_bits - 1));
  const float largest = std::max(-observed.min(), observed.max());
  const float limit = std::min(largest, static_cast<float>(magnitudes.width * static_cast<double>(kept)));
  return {-limit, limit};
}

// The range that the recipe covers of weights that share a scale.
std::pair<float, float> weight_range(const numerics::Format& format, const TensorRecipe& recipe,
                                     std::span<const float> values) {
  check(recipe.calibrator != Calibrator::kAmaxHistory, "weights have no history");
  if (values.empty() || recipe.calibrator == Calibrator::kMinMax) {
    return finite_range(values);
  }
  if (recipe.calibrator == Calibrator::kMse) {
    return least_squares_range(format, recipe, search_of(values));
  }
  Observer observer;
  observer.observe(values);
  return observed_range(format, recipe, observer);
}

// body(values) for the weights of each index along the axis, then of each group of it, in the order of the scales.
template <class Body>
void for_each_shared(const Tensor& weights, std::size_t axis, std::size_t group, Body body) {
  const auto values = weights.floats();
  const auto channels = static_cast<std::size_t>(weights.shape[axis]);
  std::size_t inner = 1;
  for (std::size_t d = axis + 1; d < weights.shape.size(); ++d) {
    inner *= static_cast<std::size_t>(weights.shape[d]);
  }
  std::vector<float> gathered;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    gathered.clear();
    for (std::size_t begin = channel * inner; begin < values.size(); begin += channels * inner) {
      const auto run = values.subspan(begin, inner);
      gathered.insert(gathered.end(), run.begin(), run.end());
    }
    if (group == 0) {
      body(gathered);
      continue;
    }
    const AccumulationOrder order(weights.shape);
    std::vector<float> ordered(gathered.size());
    for (std::size_t p = 0; p < ordered.size(); ++p) {
      ordered[p] = gathered[order.source(p)];
    }
    for (std::size_t begin = 0; begin < ordered.size(); begin += group) {
      body(std::span<const float>(ordered).subspan(begin, std::min(group, ordered.size() - begin)));
    }
  }
}

}  // namespace

bool needs_scale(const numerics::Format& format) {
  return format.integer || format.bits() <= 8 || format.exponent_bits < 5;
}

Scheme choose_scheme(const numerics::Format& format, const TensorRecipe& recipe, float low, float high) {
  Scheme scheme = start(format, recipe);
  append(scheme, needs_scale(format) ? fit(scheme, recipe, low, high) : Scale{});
  return scheme;
}

Scheme choose_scheme(const numerics::Format& format, const TensorRecipe& recipe, const Observer& observed) {
  if (!needs_scale(format)) {
    return choose_scheme(format, recipe, 0.0F, 0.0F);
  }
  const auto [low, high] = observed_range(format, recipe, observed);
  return choose_scheme(format, recipe, low, high);
}

Scheme dynamic_scheme(const numerics::Format& format, const TensorRecipe& recipe, std::span<const float> x,
                      std::int64_t parts) {
  if (!needs_scale(format)) {
    return choose_scheme(format, recipe, 0.0F, 0.0F);
  }
  const auto count = static_cast<std::size_t>(parts);
  check(parts >= 0 && (x.empty() || (count > 0 && x.size() % count == 0)), "equal parts");
  Scheme scheme = start(format, recipe);
  scheme.axis = Scheme::kParts;
  const std::size_t length = x.empty() ? 0 : x.size() / count;
  for (std::size_t part = 0; part < count; ++part) {
    const auto [low, high] = finite_range(x.subspan(part * length, length));
    append(scheme, fit(scheme, recipe, low, high));
  }
  return scheme;
}

Scheme choose_weight_scheme(const numerics::Format& format, const TensorRecipe& recipe, const Tensor& weights,
                            int channel_axis) {
  Scheme scheme = start(format, recipe);
  if (!needs_scale(format)) {
    append(scheme, {});
    return scheme;
  }
  const auto values = weights.floats();
  if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
    throw std::invalid_argument("the weights hold a value that is not finite");
  }
  const auto cover = [&](std::span<const float> shared) {
    const auto [low, high] = weight_range(format, recipe, shared);
    append(scheme, fit(scheme, recipe, low, high));
  };
  const bool grouped = recipe.granularity == Granularity::kPerGroup;
  if (channel_axis < 0 || (recipe.granularity != Granularity::kPerChannel && !grouped)) {
    cover(values);
    return scheme;
  }
  check(static_cast<std::size_t>(channel_axis) < weights.shape.size() && (!grouped || channel_axis == 0),
        "the channel axis exists, and groups lie along axis 0");
  scheme.axis = channel_axis;
  scheme.group = grouped ? recipe.group : 0;
  for_each_shared(weights, static_cast<std::size_t>(channel_axis), static_cast<std::size_t>(scheme.group), cover);
  return scheme;
}

}  // namespace mantissa::quantize
