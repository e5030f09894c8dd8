// SPDX-License-Identifier: Apache-2.0
// A linear layer on two samples of three tokens, as a network.
#pragma once
#include <vector>

#include "support/small_networks.h"

namespace mantissa::tests {

// x [2 x 3 x k] . w [k x n]
struct LinearLayer {
  static constexpr std::size_t kSamples = 2, kTokens = 3, kK = 19, kN = 5;
  network::Tensor w = random_tensor({kK, kN}, 3, 0.5F);

  network::Graph graph(std::int64_t samples = kSamples) const {
    NetworkBuilder b;
    const auto x = b.input({samples, kTokens, kK});
    return b.build({b.node(network::Op::kMatMul, {x, b.weights(w)})});
  }
  std::vector<float> column(std::size_t n) const {
    std::vector<float> result;
    for (std::size_t i = 0; i < kK; ++i) {
      result.push_back(w.floats()[i * kN + n]);
    }
    return result;
  }
};

inline network::Tensor samples_of_different_size() {
  network::Tensor x = random_tensor({LinearLayer::kSamples, LinearLayer::kTokens, LinearLayer::kK}, 4);
  for (std::size_t i = 0; i < x.floats().size(); ++i) {
    x.floats()[i] *= static_cast<float>(1 + i / LinearLayer::kK);
  }
  return x;
}

}  // namespace mantissa::tests
