// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "base/error.h"
#include "execute/accuracy.h"

namespace mantissa::execute {

void ErrorSums::add(std::span<const float> reference, std::span<const float> quantized) {
  check(reference.size() == quantized.size(), "compared tensors have the same size");
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const auto x = static_cast<double>(reference[i]), y = static_cast<double>(quantized[i]);
    reference_ += x * x;
    quantized_ += y * y;
    product_ += x * y;
    error_ += (x - y) * (x - y);
  }
}

void ErrorSums::add(const ErrorSums& other) {
  reference_ += other.reference_;
  quantized_ += other.quantized_;
  product_ += other.product_;
  error_ += other.error_;
}

LayerError ErrorSums::finish(std::string node) const {
  LayerError result{std::move(node), std::numeric_limits<double>::infinity(), 1};
  if (!std::isfinite(error_) || !std::isfinite(quantized_)) {
    result.sqnr_db = -std::numeric_limits<double>::infinity();
    result.cosine = 0;
    return result;
  }
  if (error_ > 0) {
    result.sqnr_db = 10 * std::log10(reference_ / error_);
    const double norms = std::sqrt(reference_) * std::sqrt(quantized_);
    result.cosine = norms > 0 ? product_ / norms : 0;
  }
  return result;
}

}  // namespace mantissa::execute
