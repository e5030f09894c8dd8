// SPDX-License-Identifier: Apache-2.0
#include "quantize/codes.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "base/error.h"

namespace mantissa::quantize {
namespace {

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
void run_codes(const Scheme& scheme, std::size_t index, const float* x, T* q, std::size_t n) {
  const float scale = scheme.scales[index];
  if (scheme.format.integer) {
    quantize_integers(scale, static_cast<float>(scheme.zero_point(index)), static_cast<float>(scheme.lowest()),
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

void dequantize_run(const Scheme& scheme, std::size_t index, const float* q, float* x, std::size_t n) {
  const float scale = scheme.scales[index], zero = static_cast<float>(scheme.zero_point(index));
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = (q[i] - zero) * scale;
  }
}

// run(index, from, to, n) for each run of a grouped scheme, in the order of accumulation.
template <class From, class To, class Run>
void for_each_group(const Scheme& scheme, const network::Shape& shape, const From* from, To* to, Run run) {
  const AccumulationOrder order(shape);
  const std::size_t k = order.k(), group = static_cast<std::size_t>(scheme.group),
                    groups = static_cast<std::size_t>(scheme.groups(static_cast<std::int64_t>(k)));
  check(static_cast<std::size_t>(shape[0]) * groups == scheme.scales.size(), "a scale for each group");
  std::vector<From> ordered(k);
  std::vector<To> results(k);
  for (std::size_t index = 0; index < scheme.scales.size(); index += groups, from += k, to += k) {
    for (std::size_t p = 0; p < k; ++p) {
      ordered[p] = from[order.source(p)];
    }
    for (std::size_t g = 0; g < groups; ++g) {
      run(index + g, ordered.data() + g * group, results.data() + g * group, std::min(group, k - g * group));
    }
    for (std::size_t p = 0; p < k; ++p) {
      to[order.source(p)] = results[p];
    }
  }
}

// run(index, from, to, n) for each run of elements that share a scale.
template <class From, class To, class Run>
void for_each_run(const Scheme& scheme, const network::Shape& shape, std::span<const From> from, std::span<To> to,
                  Run run) {
  check(from.size() == to.size() && static_cast<std::size_t>(network::element_count(shape)) == from.size(),
        "sizes agree");
  const std::size_t scales = scheme.scales.size();
  if (from.empty()) {
    return;
  }
  if (scheme.group > 0) {
    check(scheme.axis == 0 && !shape.empty(), "groups lie along an out channel");
    for_each_group(scheme, shape, from.data(), to.data(), run);
    return;
  }
  std::size_t inner = from.size() / std::max<std::size_t>(scales, 1);
  if (scheme.axis < 0) {
    check((scheme.axis == Scheme::kParts || scales == 1) && scales > 0 && inner * scales == from.size(),
          "a scale for the tensor, or for each part");
  } else {
    const auto axis = static_cast<std::size_t>(scheme.axis);
    check(axis < shape.size() && static_cast<std::size_t>(shape[axis]) == scales, "a scale for each channel");
    inner = 1;
    for (std::size_t d = axis + 1; d < shape.size(); ++d) {
      inner *= static_cast<std::size_t>(shape[d]);
    }
  }
  for (std::size_t begin = 0, index = 0; begin < from.size(); begin += inner) {
    run(index, from.data() + begin, to.data() + begin, inner);
    index = index + 1 == scales ? 0 : index + 1;
  }
}

template <class T>
void quantize_any(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<T> q) {
  for_each_run(scheme, shape, x, q, [&](std::size_t index, const float* from, T* to, std::size_t n) {
    run_codes(scheme, index, from, to, n);
  });
}

}  // namespace

AccumulationOrder::AccumulationOrder(const network::Shape& shape) {
  check(!shape.empty(), "weights have out channels");
  channels = shape.size() > 1 ? static_cast<std::size_t>(shape[1]) : 1;
  for (std::size_t d = 2; d < shape.size(); ++d) {
    taps *= static_cast<std::size_t>(shape[d]);
  }
}

void quantize_run(const Scheme& scheme, std::size_t index, const float* x, float* q, std::size_t n) {
  run_codes(scheme, index, x, q, n);
}

void quantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<float> q) {
  quantize_any(scheme, shape, x, q);
}

void quantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> x, std::span<std::int8_t> q) {
  check(scheme.format.integer && scheme.format.mantissa_bits <= 8, "codes fit 8 bits");
  quantize_any(scheme, shape, x, q);
}

void dequantize(const Scheme& scheme, const network::Shape& shape, std::span<const float> q, std::span<float> x) {
  for_each_run(scheme, shape, q, x, [&](std::size_t index, const float* from, float* to, std::size_t n) {
    dequantize_run(scheme, index, from, to, n);
  });
}

}  // namespace mantissa::quantize
