// SPDX-License-Identifier: Apache-2.0
#include "quantize/scheme.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/error.h"

namespace mantissa::quantize {
namespace {

// Codes beyond this would not survive the float rounding trick below; no chip here multiplies wider integers.
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

Scale fit(const Scheme& scheme, float low, float high) {
  if (!std::isfinite(low) || !std::isfinite(high)) {
    throw std::invalid_argument("the range to quantize is not finite");
  }
  const double bottom = std::min(low, 0.0F), top = std::max(high, 0.0F);
  if (bottom == top) {
    return {};
  }
  if (!scheme.format.integer) {
    return {positive_scale(std::max(-bottom, top) / scheme.format.max_finite()), 0};
  }
  if (scheme.symmetric) {
    return {positive_scale(std::max(-bottom, top) / scheme.highest()), 0};
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

Scheme start(const numerics::Format& format, const config::TensorRecipe& recipe) {
  check(!format.integer || format.mantissa_bits <= kMaxIntegerBits, "integer formats have at most 16 bits");
  Scheme scheme;
  scheme.format = format;
  scheme.symmetric = recipe.symmetric || !format.integer;
  return scheme;
}

// Rounds half to even for |x| <= 2^22 in the default rounding mode, without a library call: the sum has no fraction
// bits left.
inline float round_half_even(float x) {
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23
  return (x + kMagic) - kMagic;
}

// Written so that the compiler vectorises it; NaN fails the first comparison and becomes 0.
template <class T>
void quantize_integers(float scale, float zero_point, float lowest, float highest, const float* x, T* q,
                       std::size_t n) {
  const float low = lowest - zero_point, high = highest - zero_point;
  for (std::size_t i = 0; i < n; ++i) {
    float v = x[i] / scale;
    v = v == v ? v : 0.0F;
    v = v < low ? low : v;
    v = v > high ? high : v;
    v = round_half_even(v) + zero_point;
    if constexpr (std::is_same_v<T, float>) {
      q[i] = v;
    } else {
      q[i] = static_cast<T>(static_cast<std::int32_t>(v));
    }
  }
}

// NaN fails both comparisons and stays.
void scale_and_clamp(float scale, float limit, const float* x, float* q, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    float v = x[i] / scale;
    v = v < -limit ? -limit : v;
    v = v > limit ? limit : v;
    q[i] = v;
  }
}

template <class T>
void quantize_run(const Scheme& scheme, std::size_t channel, const float* x, T* q, std::size_t n) {
  const float scale = scheme.scales[channel];
  if (scheme.format.integer) {
    quantize_integers(scale, static_cast<float>(scheme.zero_point(channel)), static_cast<float>(scheme.lowest()),
                      static_cast<float>(scheme.highest()), x, q, n);
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    if (needs_scale(scheme.format)) {
      scale_and_clamp(scale, static_cast<float>(scheme.format.max_finite()), x, q, n);
    } else {
      std::copy_n(x, n, q);
    }
    numerics::round_to(scheme.format, std::span<float>(q, n));
  }
}

template <class T>
void quantize_any(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<T> q) {
  check(x.size() == q.size() && static_cast<std::size_t>(network::element_count(shape)) == x.size(), "sizes agree");
  if (scheme.axis < 0) {
    check(scheme.scales.size() == 1, "a scale for the tensor");
    quantize_run(scheme, 0, x.data(), q.data(), x.size());
    return;
  }
  const auto axis = static_cast<std::size_t>(scheme.axis);
  check(axis < shape.size() && static_cast<std::size_t>(shape[axis]) == scheme.scales.size(),
        "a scale for each channel");
  std::size_t inner = 1;
  for (std::size_t d = axis + 1; d < shape.size(); ++d) {
    inner *= static_cast<std::size_t>(shape[d]);
  }
  for (std::size_t begin = 0, channel = 0; begin < x.size(); begin += inner) {
    quantize_run(scheme, channel, x.data() + begin, q.data() + begin, inner);
    channel = channel + 1 == scheme.scales.size() ? 0 : channel + 1;
  }
}

}  // namespace

bool needs_scale(const numerics::Format& format) {
  return format.integer || format.bits() <= 8 || format.exponent_bits < 5;
}

Scheme choose_scheme(const numerics::Format& format, const config::TensorRecipe& recipe, float low, float high) {
  Scheme scheme = start(format, recipe);
  append(scheme, needs_scale(format) ? fit(scheme, low, high) : Scale{});
  return scheme;
}

Scheme choose_weight_scheme(const numerics::Format& format, const config::TensorRecipe& recipe,
                            const network::Tensor& weights, int channel_axis) {
  Scheme scheme = start(format, recipe);
  if (!needs_scale(format)) {
    append(scheme, {});
    return scheme;
  }
  const auto values = weights.floats();
  if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
    throw std::invalid_argument("the weights hold a value that is not finite");
  }
  const bool per_channel = recipe.granularity == config::Granularity::kPerChannel && channel_axis >= 0;
  scheme.axis = per_channel ? channel_axis : -1;
  std::size_t channels = 1, inner = values.size();
  if (per_channel) {
    const auto axis = static_cast<std::size_t>(channel_axis);
    check(axis < weights.shape.size(), "the channel axis exists");
    channels = static_cast<std::size_t>(weights.shape[axis]);
    inner = 1;
    for (std::size_t d = axis + 1; d < weights.shape.size(); ++d) {
      inner *= static_cast<std::size_t>(weights.shape[d]);
    }
  }
  for (std::size_t channel = 0; channel < channels; ++channel) {
    Observer observer;
    for (std::size_t begin = channel * inner; begin < values.size(); begin += channels * inner) {
      observer.observe(values.subspan(begin, inner));
    }
    const auto [low, high] = observer.count() > 0 ? observer.range(recipe) : std::pair{0.0F, 0.0F};
    append(scheme, fit(scheme, low, high));
  }
  return scheme;
}

void quantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<float> q) {
  quantize_any(scheme, shape, x, q);
}

void quantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<std::int8_t> q) {
  check(scheme.format.integer && scheme.format.mantissa_bits <= 8, "codes fit 8 bits");
  quantize_any(scheme, shape, x, q);
}

}  // namespace mantissa::quantize
