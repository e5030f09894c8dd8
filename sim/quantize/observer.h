// SPDX-License-Identifier: Apache-2.0
// What calibration remembers of the values of a tensor: extremes, histograms of magnitudes, the largest magnitude of
// each batch, and (for SmoothQuant) of each channel. No state here depends on the order in which values are seen, on
// how they are split into calls, or on the number of threads. docs/quantization.md, "Calibration", states the rules.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "config/workload.h"

namespace mantissa::quantize {

// Counts of magnitudes: bin i holds [i, i + 1) * width. Both sides have the same number of bins, the last ones possibly
// empty.
struct Histogram {
  double width = 0;
  std::vector<std::int64_t> positive, negative;  // zeros count as positive
};

// Watches values. Minimum and maximum are exact; the bins of the histogram, 2^e wide, double in width as larger values
// come, so that the largest magnitude lies in the upper half of 8,192 bins. NaNs and infinities are passed over, but
// for the history of largest magnitudes, where an infinity counts as what it is.
class Observer {
 public:
  // `batch` orders the history (Calibrator::kAmaxHistory) alone: 0, 1, 2 ... in the order of the calibration batches.
  // Values of one batch may come in several calls.
  void observe(std::span<const float> values, std::int64_t batch = 0);
  void merge(const Observer& other);

  std::int64_t count() const { return count_; }  // of finite values
  float min() const { return min_; }             // REQUIRES: count() > 0
  float max() const { return max_; }
  Histogram histogram() const;
  // The largest magnitude of each batch that was seen, in the order of the batches; 0 for a batch of NaNs and zeros.
  std::vector<float> history() const;

  // The range that calibrators which do not look at the format cover. Throws std::invalid_argument when nothing finite
  // was observed.
  //   min-max                 [minimum, maximum]
  //   percentile, symmetric   the smallest bin edge m such that `percentile` % of the values have |x| <= m, cut to the
  //                           extremes
  //   percentile, affine      bin edges with at most (100 - percentile) / 2 % of the values beyond each
  //   amax history            plus and minus delayed_amax()
  // REQUIRES: another calibrator than entropy and MSE (choose_scheme knows them).
  std::pair<float, float> range(const config::TensorRecipe& recipe) const;

 private:
  void reserve(float magnitude);
  void coarsen(int exponent);
  double edge(std::size_t bin) const;
  double symmetric_edge(double percentile) const;
  double affine_edge(bool top, std::int64_t beyond) const;

  float min_ = 0, max_ = 0;
  std::int64_t count_ = 0;
  int exponent_ = 0;  // bins are 2^exponent_ wide
  std::vector<std::int64_t> positive_, negative_;
  std::map<std::int64_t, float> batches_;  // batch -> largest magnitude
};

// The magnitude that FP8 delayed scaling ends with after these batches: after each of them, the largest of the last
// `recipe.history` (or the last alone, `most_recent`) counts if it is positive and finite, else the one before stays.
// 0 if none ever counted: the scale is then 1, as TransformerEngine starts.
float delayed_amax(std::span<const float> history, const config::TensorRecipe& recipe);

// The largest finite magnitude of each channel.
class ChannelObserver {
 public:
  // Rows of `channels` values (a linear layer's data); REQUIRES: the same number in every call.
  void observe(std::span<const float> rows, std::int64_t channels);
  void merge(const ChannelObserver& other);
  const std::vector<float>& magnitudes() const { return magnitudes_; }  // empty: nothing was seen

 private:
  std::vector<float> magnitudes_;
};

}  // namespace mantissa::quantize
