// SPDX-License-Identifier: Apache-2.0
// Paired statistics of two classifiers on the same images, from the counts of images that only one of them gets right.
#include <algorithm>
#include <cmath>

#include "execute/accuracy.h"

namespace mantissa::execute {
namespace {

constexpr double kNormal975 = 1.959963984540054;  // the normal distribution's 97.5 % point

// Two-sided exact test that discordant pairs fall either way with probability one half: twice the smaller tail of
// Binomial(b + c, 1/2).
double exact_mcnemar(std::int64_t b, std::int64_t c) {
  const auto n = static_cast<double>(b + c);
  double log_term = -n * std::log(2.0), tail = 0;
  for (std::int64_t i = 0; i <= std::min(b, c); ++i) {
    tail += std::exp(log_term);
    log_term += std::log((n - static_cast<double>(i)) / (static_cast<double>(i) + 1));
  }
  return std::min(1.0, 2 * tail);
}

}  // namespace

void finish_paired_statistics(Accuracy& accuracy) {
  const auto b = static_cast<double>(accuracy.only_reference_right),
             c = static_cast<double>(accuracy.only_quantized_right);
  const auto n = static_cast<double>(accuracy.images);
  accuracy.difference = n > 0 ? (c - b) / n : 0;
  // One half added to each of the four cells: n grows by 2, b and c by 1/2 each, their difference stays.
  const double n2 = n + 2, centre = (c - b) / n2, discordant = (b + c + 1) / n2;
  const double half = kNormal975 * std::sqrt((discordant - centre * centre) / n2);
  accuracy.difference_low = std::max(-1.0, centre - half);
  accuracy.difference_high = std::min(1.0, centre + half);
  accuracy.mcnemar_p = exact_mcnemar(accuracy.only_reference_right, accuracy.only_quantized_right);
}

}  // namespace mantissa::execute
