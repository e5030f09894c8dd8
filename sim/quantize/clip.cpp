// SPDX-License-Identifier: Apache-2.0
#include "quantize/clip.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "quantize/codes.h"

namespace mantissa::quantize {
namespace {

constexpr std::size_t kCoarseBins = 2048;
constexpr std::size_t kFirstBins = 128;  // the least that the entropy calibrator keeps
constexpr int kWeightSteps = 128;
constexpr int kRounds = 8;

double times_log(double x) {
  return x > 0 ? x * portable_log(x) : 0;
}

// Sums over the first i bins.
struct Prefix {
  std::vector<double> counts, filled, entropy;  // of counts, of bins that hold something, of count * log count

  explicit Prefix(const std::vector<std::int64_t>& bins) : counts{0}, filled{0}, entropy{0} {
    for (const std::int64_t bin : bins) {
      const auto count = static_cast<double>(bin);
      counts.push_back(counts.back() + count);
      filled.push_back(filled.back() + (bin > 0 ? 1 : 0));
      entropy.push_back(entropy.back() + times_log(count));
    }
  }
};

// KL(P || Q): P is the first `kept` bins, the last of them with everything beyond added; Q is what `levels` levels keep
// of the first `kept` bins: level l spreads its count evenly over its bins that are not empty.
double divergence(const std::vector<std::int64_t>& bins, const Prefix& prefix, std::size_t kept, std::int64_t levels) {
  const double total = prefix.counts.back(), inside = prefix.counts[kept], beyond = total - inside;
  const auto last = static_cast<double>(bins[kept - 1]);
  if (beyond > 0 && last == 0) {
    return std::numeric_limits<double>::infinity();
  }
  double sum = prefix.entropy[kept] - times_log(last) + times_log(last + beyond);  // of P log P, times the total
  const auto n = static_cast<std::int64_t>(kept);
  for (std::int64_t level = 0; level < std::min(levels, n); ++level) {
    // Bin j belongs to level floor(j * levels / kept); with more levels than bins each bin has its own.
    const std::int64_t used = std::min(levels, n);
    const auto begin = static_cast<std::size_t>((level * n + used - 1) / used),
               end = static_cast<std::size_t>(((level + 1) * n + used - 1) / used);
    const double count = prefix.counts[end] - prefix.counts[begin];
    if (count > 0) {
      const double added = end == kept ? beyond : 0;
      sum -= (count + added) * portable_log(count / (prefix.filled[end] - prefix.filled[begin]));
    }
  }
  return sum / total + portable_log(inside / total);
}

// The sum of counts * (x - x')^2.
double square_error(const Scheme& scheme, const ClipSearch& search, std::vector<float>& codes) {
  quantize_run(scheme, 0, search.values.data(), codes.data(), codes.size());
  const auto scale = static_cast<double>(scheme.scales[0]), zero = static_cast<double>(scheme.zero_point(0));
  std::array<double, 4> sums{};  // side by side, so that additions need not wait for each other
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const double error = (static_cast<double>(codes[i]) - zero) * scale - static_cast<double>(search.values[i]);
    sums[i % sums.size()] += search.counts[i] * error * error;
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// Ends 1, 2 ... steps of `width`, the last one the extreme itself.
std::vector<float> ends(double width, float extreme) {
  std::vector<float> result;
  const auto steps = static_cast<std::int64_t>(std::ceil(static_cast<double>(std::abs(extreme)) / width));
  for (std::int64_t i = 1; i <= steps; ++i) {
    const auto end = i == steps ? std::abs(extreme) : static_cast<float>(width * static_cast<double>(i));
    result.push_back(std::copysign(end, extreme));
  }
  return result;
}

}  // namespace

double portable_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // 0.5 <= m < 1
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  const double s = (m - 1) / (m + 1), square = s * s;  // log m = 2 atanh s, |s| < 0.1716
  double sum = 0;
  for (int n = 25; n > 0; n -= 2) {
    sum = sum * square + 1.0 / n;
  }
  return 2 * s * sum + exponent * 0.69314718055994530942;
}

Magnitudes coarse_magnitudes(const Histogram& histogram) {
  const std::size_t fine = histogram.positive.size(), merged = std::max<std::size_t>(fine / kCoarseBins, 1);
  Magnitudes result{histogram.width * static_cast<double>(merged), {}};
  for (std::size_t i = 0; i < fine; ++i) {
    const std::int64_t count = histogram.positive[i] + histogram.negative[i];
    if (count > 0) {
      result.bins.resize(i / merged + 1);
      result.bins.back() += count;
    }
  }
  return result;
}

std::size_t entropy_bins(std::vector<std::int64_t> bins, std::int64_t levels) {
  check(!bins.empty() && bins.back() > 0, "the last bin is not empty");
  if (bins.size() > 1) {
    bins[0] = bins[1];  // zeros, many after a ReLU, say nothing about the clip
  }
  const Prefix prefix(bins);
  std::size_t best = bins.size();
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t kept = std::min(kFirstBins, bins.size()); kept <= bins.size(); ++kept) {
    const double d = divergence(bins, prefix, kept, levels);
    if (d <= least) {  // the widest of equals
      least = d;
      best = kept;
    }
  }
  return best;
}

ClipSearch search_of(const Observer& observed) {
  ClipSearch search;
  const Histogram histogram = observed.histogram();
  const float low = observed.min(), high = observed.max();
  const auto add = [&](double middle, std::int64_t count) {
    if (count > 0) {
      search.values.push_back(std::clamp(static_cast<float>(middle), low, high));
      search.counts.push_back(static_cast<double>(count));
    }
  };
  for (std::size_t i = 0; i < histogram.positive.size(); ++i) {
    const double middle = histogram.width * (static_cast<double>(i) + 0.5);
    add(middle, histogram.positive[i]);
    add(-middle, histogram.negative[i]);
  }
  const double step = histogram.width * static_cast<double>(histogram.positive.size() / kCoarseBins);
  search.lows = ends(step, std::min(low, 0.0F));
  search.highs = ends(step, std::max(high, 0.0F));
  return search;
}

ClipSearch search_of(std::span<const float> values) {
  ClipSearch search;
  search.values.assign(values.begin(), values.end());
  search.counts.assign(values.size(), 1.0);
  float low = 0, high = 0;
  for (const float x : values) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  const double step = std::max(-static_cast<double>(low), static_cast<double>(high)) / kWeightSteps;
  if (step > 0) {
    search.lows = ends(step, low);
    search.highs = ends(step, high);
  }
  return search;
}

std::pair<float, float> least_squares_range(const numerics::Format& format, const config::TensorRecipe& recipe,
                                            const ClipSearch& search) {
  std::vector<float> codes(search.values.size());
  const auto error = [&](float low, float high) {
    return square_error(choose_scheme(format, recipe, low, high), search, codes);
  };
  const auto last = [](const std::vector<float>& list) { return list.empty() ? 0.0F : list.back(); };
  // The best of `list`, the last of equals; `fixed` is what the other end, or both, become.
  const auto best_of = [&](const std::vector<float>& list, auto&& range_of) {
    float best = last(list);
    double least = std::numeric_limits<double>::infinity();
    for (const float end : list) {
      const auto [low, high] = range_of(end);
      const double sum = error(low, high);
      if (sum <= least) {
        least = sum;
        best = end;
      }
    }
    return best;
  };
  float low = last(search.lows), high = last(search.highs);
  if (recipe.symmetric || !format.integer) {
    const bool negative = -low > high;
    const float best = best_of(negative ? search.lows : search.highs,
                               [](float end) { return std::pair(-std::abs(end), std::abs(end)); });
    return {-std::abs(best), std::abs(best)};
  }
  for (int round = 0; round < kRounds; ++round) {
    const std::pair before(low, high);
    high = best_of(search.highs, [&](float end) { return std::pair(low, end); });
    low = best_of(search.lows, [&](float end) { return std::pair(end, high); });
    if (before == std::pair(low, high)) {
      break;
    }
  }
  return {low, high};
}

}  // namespace mantissa::quantize
