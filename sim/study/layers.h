// SPDX-License-Identifier: Apache-2.0
// The layers that a precision is chosen for: a network's matrix kernels.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/workload.h"
#include "execute/accuracy.h"
#include "network/graph.h"

namespace mantissa::study {

struct Layer {
  std::string name;    // of the kernel's main node: the key of a recipe's `layers`
  std::string result;  // of the node whose result the kernel writes: the name in Accuracy::layers
  std::string kind, shape;
};

// In the order of the kernels, without those that the recipe keeps in float. Throws ConfigError when there are none.
std::vector<Layer> find_layers(const network::Graph& graph, const config::Recipe& recipe, const std::string& file);

// The arithmetic of the FP32 reference as a precision. Layers in keep_float of a plan with this base are the
// reference's bit for bit.
config::Precision reference_precision();

// Of what a kernel writes, in dB.
double sqnr_of(const execute::Accuracy& accuracy, const Layer& layer);

// How many images or texts a study measures on where its user does not say: enough to see an effect, few enough to run
// a network dozens of times. Not more than the workload has.
std::int64_t study_samples(const config::Workload& workload, std::optional<std::int64_t> asked);

// Why accuracy cannot be measured, or nothing.
std::string why_no_accuracy(const network::Graph& graph, const config::Workload& workload);
// Throws UsageError where it cannot.
void require_measurable(const network::Graph& graph, const config::Workload& workload);

}  // namespace mantissa::study
