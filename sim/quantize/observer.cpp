// SPDX-License-Identifier: Apache-2.0
#include "quantize/observer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/error.h"

namespace mantissa::quantize {
namespace {

// The largest magnitude seen lies in the upper half of the bins, so an edge is at most 1/4096 of it too high.
constexpr int kBinBits = 13;
constexpr std::size_t kBins = std::size_t{1} << kBinBits;

void merge_bins(std::vector<std::int64_t>& bins, int doublings) {
  for (std::size_t i = 1; i < bins.size(); ++i) {
    const std::size_t target = doublings < kBinBits ? i >> doublings : 0;
    if (target != i) {
      bins[target] += bins[i];
      bins[i] = 0;
    }
  }
}

}  // namespace

double Observer::edge(std::size_t bin) const {
  return std::ldexp(static_cast<double>(bin), exponent_);
}

void Observer::coarsen(int exponent) {
  if (exponent > exponent_) {
    merge_bins(positive_, exponent - exponent_);
    merge_bins(negative_, exponent - exponent_);
    exponent_ = exponent;
  }
}

// Makes room for a magnitude: widths depend on the largest one only.
void Observer::reserve(float magnitude) {
  int exponent = 0;
  std::frexp(magnitude, &exponent);                       // magnitude < 2^exponent
  exponent = magnitude > 0 ? exponent - kBinBits : -200;  // -200: below every float, for zeros alone
  if (positive_.empty()) {
    positive_.assign(kBins, 0);
    negative_.assign(kBins, 0);
    exponent_ = exponent;
  }
  coarsen(exponent);
}

void Observer::observe(std::span<const float> values, std::int64_t batch) {
  float low = 0, high = 0;
  std::int64_t finite = 0;
  bool infinite = false;
  for (const float x : values) {
    infinite = infinite || std::isinf(x);
    if (std::isfinite(x)) {
      low = finite == 0 ? x : std::min(low, x);
      high = finite == 0 ? x : std::max(high, x);
      ++finite;
    }
  }
  if (!values.empty()) {
    float& magnitude = batches_.try_emplace(batch, 0.0F).first->second;
    magnitude =
        infinite ? std::numeric_limits<float>::infinity() : std::max({magnitude, std::abs(low), std::abs(high)});
  }
  if (finite == 0) {
    return;
  }
  reserve(std::max(std::abs(low), std::abs(high)));
  min_ = count_ == 0 ? low : std::min(min_, low);
  max_ = count_ == 0 ? high : std::max(max_, high);
  count_ += finite;
  const double per_bin = std::ldexp(1.0, -exponent_);
  for (const float x : values) {
    if (std::isfinite(x)) {
      const auto bin = static_cast<std::size_t>(static_cast<double>(std::abs(x)) * per_bin);
      ++(x < 0 ? negative_ : positive_)[bin];
    }
  }
}

void Observer::merge(const Observer& other) {
  for (const auto& [batch, magnitude] : other.batches_) {
    float& mine = batches_.try_emplace(batch, 0.0F).first->second;
    mine = std::max(mine, magnitude);
  }
  if (other.count_ == 0) {
    return;
  }
  if (count_ == 0) {
    std::map<std::int64_t, float> batches = std::move(batches_);
    *this = other;
    batches_ = std::move(batches);
    return;
  }
  Observer finer = other;
  finer.coarsen(exponent_);
  coarsen(finer.exponent_);
  for (std::size_t i = 0; i < kBins; ++i) {
    positive_[i] += finer.positive_[i];
    negative_[i] += finer.negative_[i];
  }
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
}

Histogram Observer::histogram() const {
  return {std::ldexp(1.0, exponent_), positive_, negative_};
}

std::vector<float> Observer::history() const {
  std::vector<float> result;
  for (const auto& [batch, magnitude] : batches_) {
    result.push_back(magnitude);
  }
  return result;
}

double Observer::symmetric_edge(double percentile) const {
  const auto wanted = static_cast<std::int64_t>(std::ceil(percentile / 100 * static_cast<double>(count_)));
  std::int64_t covered = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    covered += positive_[i] + negative_[i];
    if (covered >= wanted) {
      return edge(i + 1);
    }
  }
  return edge(kBins);
}

// The outermost edge (seen from the top, or from the bottom) with at most `beyond` values outside.
double Observer::affine_edge(bool top, std::int64_t beyond) const {
  const auto& outer = top ? positive_ : negative_;
  const auto& inner = top ? negative_ : positive_;
  const double sign = top ? 1 : -1;
  std::int64_t outside = 0;
  for (std::size_t i = kBins; i-- > 0;) {
    outside += outer[i];
    if (outside > beyond) {
      return sign * edge(i + 1);
    }
  }
  for (std::size_t i = 0; i < kBins; ++i) {
    outside += inner[i];
    if (outside > beyond) {
      return -sign * edge(i);
    }
  }
  return 0;
}

std::pair<float, float> Observer::range(const config::TensorRecipe& recipe) const {
  if (count_ == 0) {
    throw std::invalid_argument("no finite value was observed, so there is no range to quantize to");
  }
  if (recipe.calibrator == config::Calibrator::kMinMax) {
    return {min_, max_};
  }
  if (recipe.calibrator == config::Calibrator::kAmaxHistory) {
    const float amax = delayed_amax(history(), recipe);
    return {-amax, amax};
  }
  check(recipe.calibrator == config::Calibrator::kPercentile, "the calibrator does not look at the format");
  if (recipe.symmetric) {
    const double limit = symmetric_edge(recipe.percentile);
    return {static_cast<float>(std::max<double>(min_, -limit)), static_cast<float>(std::min<double>(max_, limit))};
  }
  const auto beyond = static_cast<std::int64_t>((100 - recipe.percentile) / 200 * static_cast<double>(count_));
  return {static_cast<float>(std::max<double>(min_, affine_edge(false, beyond))),
          static_cast<float>(std::min<double>(max_, affine_edge(true, beyond)))};
}

float delayed_amax(std::span<const float> history, const config::TensorRecipe& recipe) {
  const auto window = static_cast<std::size_t>(recipe.most_recent ? 1 : recipe.history);
  for (std::size_t end = history.size(); end > 0; --end) {  // from the last step that changed the magnitude
    const auto seen = history.subspan(end - std::min(end, window), std::min(end, window));
    const float amax = *std::max_element(seen.begin(), seen.end());
    if (amax > 0 && std::isfinite(amax)) {
      return amax;
    }
  }
  return 0;
}

void ChannelObserver::observe(std::span<const float> rows, std::int64_t channels) {
  const auto n = static_cast<std::size_t>(channels);
  check(n > 0 && rows.size() % n == 0 && (magnitudes_.empty() || magnitudes_.size() == n), "whole rows of channels");
  magnitudes_.resize(n, 0.0F);
  for (std::size_t begin = 0; begin < rows.size(); begin += n) {
    for (std::size_t j = 0; j < n; ++j) {
      const float magnitude = std::abs(rows[begin + j]);
      const bool larger = magnitude > magnitudes_[j] && magnitude <= std::numeric_limits<float>::max();
      magnitudes_[j] = larger ? magnitude : magnitudes_[j];
    }
  }
}

void ChannelObserver::merge(const ChannelObserver& other) {
  if (magnitudes_.empty()) {
    magnitudes_ = other.magnitudes_;
  } else if (!other.magnitudes_.empty()) {
    check(magnitudes_.size() == other.magnitudes_.size(), "the same channels");
    std::transform(magnitudes_.begin(), magnitudes_.end(), other.magnitudes_.begin(), magnitudes_.begin(),
                   [](float a, float b) { return std::max(a, b); });
  }
}

}  // namespace mantissa::quantize
