// SPDX-License-Identifier: Apache-2.0
// Calibration: the FP32 reference on calibration batches, watched by observers whose state does not depend on the order
// of batches.
#include <algorithm>
#include <mutex>

#include "base/parallel.h"
#include "execute/executor.h"
#include "execute/smoothing.h"
#include "network/kernel.h"

namespace mantissa::execute {

using network::Graph;
using network::Node;
using network::Tensor;
using network::ValueId;

namespace {

// The values of a tensor that count, in batch i.
using Watch = std::function<void(ValueId, const Tensor&, std::span<const float>, std::int64_t i)>;

void watch_batches(const Graph& graph, const Executor& reference, std::span<const Tensor> batches, std::int64_t images,
                   const Watch& watch) {
  parallel_for(static_cast<std::int64_t>(batches.size()), [&](std::int64_t i) {
    const auto input = batches.subspan(static_cast<std::size_t>(i), 1);
    const std::int64_t batch = input.front().shape.empty() ? 1 : input.front().shape[0];
    const std::int64_t present = images > 0 ? std::min(batch, images - i * batch) : batch;
    if (present <= 0) {
      return;
    }
    const auto observe = [&](ValueId id, const Tensor& tensor) {
      if (tensor.type == network::ElementType::kFloat) {
        watch(id, tensor, leading_images(tensor, batch, present), i);
      }
    };
    for (const ValueId id : graph.inputs) {
      observe(id, input.front());
    }
    reference.run(input, observe);
  });
}

std::map<ValueId, std::vector<float>> find_factors(const Graph& graph, const Executor& reference,
                                                   std::span<const Tensor> batches, std::int64_t images, double alpha) {
  const auto weights = input_weight_magnitudes(graph);
  std::map<ValueId, quantize::ChannelObserver> channels;
  for (const auto& [id, magnitudes] : weights) {
    channels[id];
  }
  std::mutex mutex;
  watch_batches(graph, reference, batches, images,
                [&](ValueId id, const Tensor& tensor, std::span<const float> values, std::int64_t) {
                  const auto found = channels.find(id);
                  if (found != channels.end()) {
                    quantize::ChannelObserver observer;
                    observer.observe(values, tensor.shape.back());
                    const std::lock_guard lock(mutex);
                    found->second.merge(observer);
                  }
                });
  std::map<ValueId, std::vector<float>> factors;
  for (const auto& [id, magnitudes] : weights) {
    const auto& seen = channels.at(id).magnitudes();
    if (!seen.empty()) {
      factors[id] = quantize::smooth_factors(alpha, seen, magnitudes);
    }
  }
  return factors;
}

}  // namespace

std::span<const float> leading_images(const Tensor& tensor, std::int64_t batch, std::int64_t images) {
  const auto values = tensor.floats();
  if (images >= batch || tensor.shape.empty() || tensor.shape[0] % batch != 0) {
    return values;
  }
  return values.first(values.size() / static_cast<std::size_t>(batch) * static_cast<std::size_t>(images));
}

Calibration calibrate(const Graph& graph, std::span<const Tensor> batches, std::int64_t images,
                      const config::Recipe& recipe) {
  const auto reference = make_reference(graph);
  Calibration calibration;
  for (const auto& kernel : network::lower(graph)) {
    if (kernel.is_matrix()) {
      const Node& node = graph.nodes[static_cast<std::size_t>(kernel.nodes.front())];
      for (std::size_t i = 0; i < node.inputs.size() && i < 2; ++i) {
        if (node.inputs[i] >= 0 && graph.value(node.inputs[i]).constant == nullptr) {
          calibration.activations[node.inputs[i]];
        }
      }
    }
  }
  if (recipe.smooth) {
    for (auto& [id, factors] : find_factors(graph, *reference, batches, images, *recipe.smooth)) {
      calibration.smoothed[id].factors = std::move(factors);
    }
  }
  std::mutex mutex;
  watch_batches(graph, *reference, batches, images,
                [&](ValueId id, const Tensor&, std::span<const float> values, std::int64_t i) {
                  const auto found = calibration.activations.find(id);
                  if (found == calibration.activations.end()) {
                    return;
                  }
                  quantize::Observer observer, smoothed_observer;
                  observer.observe(values, i);
                  const auto smoothed = calibration.smoothed.find(id);
                  if (smoothed != calibration.smoothed.end()) {
                    std::vector<float> divided(values.begin(), values.end());
                    quantize::smooth_activations(smoothed->second.factors, divided);
                    smoothed_observer.observe(divided, i);
                  }
                  const std::lock_guard lock(mutex);
                  found->second.merge(observer);
                  if (smoothed != calibration.smoothed.end()) {
                    smoothed->second.range.merge(smoothed_observer);
                  }
                });
  return calibration;
}

}  // namespace mantissa::execute
