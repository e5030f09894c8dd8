// SPDX-License-Identifier: Apache-2.0
#include "quantize/smooth.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/error.h"

namespace mantissa::quantize {
namespace {

constexpr double kLargestFactor = 1 << 20;

}  // namespace

void add_input_magnitudes(const network::Tensor& weights, std::vector<float>& magnitudes) {
  check(weights.shape.size() == 2, "weights of a linear layer");
  const auto channels = static_cast<std::size_t>(weights.shape[1]);
  check(magnitudes.empty() || magnitudes.size() == channels, "layers that share an input have equal channels");
  magnitudes.resize(channels, 0.0F);
  const auto values = weights.floats();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw std::invalid_argument("the weights hold a value that is not finite");
    }
    magnitudes[i % channels] = std::max(magnitudes[i % channels], std::abs(values[i]));
  }
}

std::vector<float> smooth_factors(double alpha, std::span<const float> activations, std::span<const float> weights) {
  check(activations.size() == weights.size() && alpha >= 0 && alpha <= 1, "a magnitude for each channel");
  std::vector<float> factors(activations.size(), 1.0F);
  for (std::size_t j = 0; j < factors.size(); ++j) {
    const auto x = static_cast<double>(activations[j]), w = static_cast<double>(weights[j]);
    check(std::isfinite(x) && std::isfinite(w) && x >= 0 && w >= 0, "magnitudes are finite");
    if (x > 0 && w > 0) {
      const double factor = std::pow(x, alpha) / std::pow(w, 1 - alpha);
      factors[j] = static_cast<float>(std::clamp(factor, 1 / kLargestFactor, kLargestFactor));
    }
  }
  return factors;
}

void smooth_activations(std::span<const float> factors, std::span<float> rows) {
  check(!factors.empty() && rows.size() % factors.size() == 0, "whole rows of channels");
  for (std::size_t begin = 0; begin < rows.size(); begin += factors.size()) {
    for (std::size_t j = 0; j < factors.size(); ++j) {
      rows[begin + j] /= factors[j];
    }
  }
}

void smooth_weights(std::span<const float> factors, network::Tensor& weights) {
  check(weights.shape.size() == 2 && static_cast<std::size_t>(weights.shape[1]) == factors.size(),
        "weights of a linear layer");
  const auto values = weights.floats();
  for (std::size_t begin = 0; begin < values.size(); begin += factors.size()) {
    for (std::size_t j = 0; j < factors.size(); ++j) {
      values[begin + j] *= factors[j];
    }
  }
}

}  // namespace mantissa::quantize
