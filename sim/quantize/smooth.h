// SPDX-License-Identifier: Apache-2.0
// SmoothQuant: a linear layer Y = X W with X's channel j divided and W's row j multiplied by s_j, so that the outliers
// of X become outliers of W, which are easier to quantize.
// SOURCE: Xiao et al., SmoothQuant, ICML 2023, equation 4.
#pragma once
#include <span>
#include <vector>

#include "network/graph.h"

namespace mantissa::quantize {

// The largest magnitude of each input channel j of weights [out][in]; the joint one of several layers that read the
// same tensor (Q, K, V), which have to share their factors, is got by passing the same `magnitudes` (empty at first)
// again. Throws std::invalid_argument for weights that are not finite. REQUIRES: rank 2, equal numbers of channels.
void add_input_magnitudes(const network::Tensor& weights, std::vector<float>& magnitudes);

// s_j = activations_j^alpha / weights_j^(1 - alpha), in double, rounded to FP32; kept within [2^-20, 2^20]. 1 where
// either magnitude is zero: a channel that calibration saw as zeros, or that no weight reads, is left as it is.
// REQUIRES: magnitudes are finite, not negative, equal in number; alpha in 0..1.
std::vector<float> smooth_factors(double alpha, std::span<const float> activations, std::span<const float> weights);

// x[row][j] / s_j and w[out][j] * s_j, in FP32.
void smooth_activations(std::span<const float> factors, std::span<float> rows);
void smooth_weights(std::span<const float> factors, network::Tensor& weights);

}  // namespace mantissa::quantize
