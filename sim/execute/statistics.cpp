// SPDX-License-Identifier: Apache-2.0
// Paired statistics of two networks on the same data: of classifiers, from the counts of images that only one of them
// gets right; of language models, from the losses of single texts.
#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>

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

void finish_perplexity_statistics(std::span<const double> reference, std::span<const double> quantized,
                                  Accuracy& accuracy) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto n = static_cast<double>(reference.size());
  const auto mean = [n](std::span<const double> x) { return std::accumulate(x.begin(), x.end(), 0.0) / n; };
  const double reference_mean = mean(reference), quantized_mean = mean(quantized);
  accuracy.perplexity_reference = std::exp(reference_mean);
  accuracy.perplexity = std::exp(quantized_mean);
  if (!std::isfinite(quantized_mean)) {
    accuracy.nats_difference = accuracy.nats_low = accuracy.nats_high = kInfinity;
    return;
  }
  std::vector<double> differences;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    differences.push_back(quantized[i] - reference[i]);
  }
  accuracy.nats_difference = mean(differences);
  double half = kInfinity;
  if (differences.size() > 1) {
    double squares = 0;
    for (const double d : differences) {
      squares += (d - accuracy.nats_difference) * (d - accuracy.nats_difference);
    }
    const boost::math::students_t student(n - 1);
    half = boost::math::quantile(student, 0.975) * std::sqrt(squares / (n - 1) / n);
  }
  accuracy.nats_low = accuracy.nats_difference - half;
  accuracy.nats_high = accuracy.nats_difference + half;
}

namespace {

// Percent by which perplexity grows with the mean loss.
double relative_increase(double nats) {
  return 100 * std::expm1(nats);
}

}  // namespace

double Accuracy::loss() const {
  return metric == Metric::kTop1 ? -100 * difference : relative_increase(nats_difference);
}
double Accuracy::loss_low() const {
  return metric == Metric::kTop1 ? -100 * difference_high : relative_increase(nats_low);
}
double Accuracy::loss_high() const {
  return metric == Metric::kTop1 ? -100 * difference_low : relative_increase(nats_high);
}

}  // namespace mantissa::execute
