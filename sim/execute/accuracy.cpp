// SPDX-License-Identifier: Apache-2.0
#include "execute/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "base/error.h"
#include "base/parallel.h"
#include "base/units.h"
#include "execute/dataset.h"
#include "execute/executor.h"
#include "execute/rules.h"
#include "network/import.h"
#include "network/kernel.h"

namespace mantissa::execute {

using network::Graph;
using network::Tensor;
using network::ValueId;

namespace {

constexpr std::int64_t kBatch = 50;  // images at a time: wide enough for the kernels, small enough for the caches
constexpr std::int64_t kLayerImages = 200;  // compared layer by layer
constexpr int kWrong = -1;                  // the prediction where a logit is NaN: never right

Graph with_batch(const Graph& graph, const config::Workload& workload) {
  return workload.onnx && graph.batch != kBatch ? network::load_network(workload, kBatch) : graph;
}

const config::Dataset& dataset_of(const config::Workload& workload) {
  if (!workload.dataset) {
    throw ConfigError({workload.path},
                      "the workload names no data set, so there is no accuracy to measure; add 'dataset:'");
  }
  return *workload.dataset;
}

// Images in, one row of logits out.
void require_classifier(const Graph& graph, const LabelledImages& images, const std::string& file) {
  const auto is_float = [&](ValueId id) { return graph.value(id).type == network::ElementType::kFloat; };
  const bool one_each =
      graph.inputs.size() == 1 && graph.outputs.size() == 1 && is_float(graph.inputs[0]) && is_float(graph.outputs[0]);
  if (!one_each) {
    throw ConfigError({file}, "accuracy needs a network with one float input (images) and one float output (logits)");
  }
  const auto& input = graph.value(graph.inputs[0]).shape;
  const auto& output = graph.value(graph.outputs[0]).shape;
  if (input.size() != 4 || input[1] != 1 || input[2] != images.height || input[3] != images.width || input[0] < 1) {
    throw ConfigError({file}, fmt::format("the network takes {}, the data set's images are Nx1x{}x{}",
                                          network::to_string(input), images.height, images.width));
  }
  const int classes = *std::max_element(images.labels.begin(), images.labels.end()) + 1;
  if (output.size() != 2 || output[0] != input[0] || output[1] < classes) {
    throw ConfigError({file}, fmt::format("the network gives {}, expected {} rows of at least {} logits",
                                          network::to_string(output), input[0], classes));
  }
}

int predicted(std::span<const float> logits) {
  if (std::any_of(logits.begin(), logits.end(), [](float x) { return std::isnan(x); })) {
    return kWrong;
  }
  return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Counts images under a lock, so that the callback is called by one thread at a time with growing counts.
class Counter {
 public:
  Counter(const Evaluation::Progress& progress, std::int64_t total) : progress_(progress), total_(total) {}
  void add(std::int64_t images) {
    const std::lock_guard lock(mutex_);
    done_ += images;
    if (progress_) {
      progress_(done_, total_);
    }
  }

 private:
  const Evaluation::Progress& progress_;
  std::int64_t total_, done_ = 0;
  std::mutex mutex_;
};

struct Layer {
  std::string name;
  ValueId value = -1;
};

std::vector<Layer> layers_of(const Graph& graph) {
  std::vector<Layer> layers;
  for (const auto& kernel : network::lower(graph)) {
    if (!kernel.writes.empty() && graph.value(kernel.writes[0].value).type == network::ElementType::kFloat) {
      layers.push_back({graph.nodes[static_cast<std::size_t>(kernel.nodes.back())].name, kernel.writes[0].value});
    }
  }
  return layers;
}

}  // namespace

struct Evaluation::Impl {
  Graph graph;
  std::string file;  // the workload's, for messages
  config::Dataset dataset;
  LabelledImages images;
  std::unique_ptr<Executor> reference;
  std::vector<int> reference_predictions;
  std::vector<Layer> layers;
  mutable std::mutex calibration_mutex;
  mutable std::unique_ptr<Calibration> calibration;

  std::int64_t batch() const { return graph.value(graph.inputs[0]).shape[0]; }
  std::int64_t batches() const { return ceil_div(images.count, batch()); }
  Tensor batch_at(const LabelledImages& set, std::int64_t i) const {
    return image_batch(set, dataset, i * batch(), graph.value(graph.inputs[0]).shape);
  }

  // One prediction an image.
  std::vector<int> predict(const Executor& executor, const Progress& progress) const {
    std::vector<int> predictions(static_cast<std::size_t>(images.count));
    Counter counter(progress, images.count);
    parallel_for(batches(), [&](std::int64_t i) {
      const Tensor input = batch_at(images, i);
      const auto outputs = executor.run({&input, 1});
      const auto logits = outputs[0].floats();
      const std::size_t classes = logits.size() / static_cast<std::size_t>(batch());
      const std::int64_t present = std::min(batch(), images.count - i * batch());
      for (std::int64_t j = 0; j < present; ++j) {
        predictions[static_cast<std::size_t>(i * batch() + j)] =
            predicted(logits.subspan(static_cast<std::size_t>(j) * classes, classes));
      }
      counter.add(present);
    });
    return predictions;
  }

  const Calibration& calibrated() const {
    const std::lock_guard lock(calibration_mutex);
    if (!calibration) {
      const std::int64_t count = dataset.calibration_images;
      const LabelledImages train = load_images(dataset, Split::kTrain, count, file);
      std::vector<Tensor> inputs;
      for (std::int64_t i = 0; i < ceil_div(count, batch()); ++i) {
        inputs.push_back(batch_at(train, i));
      }
      calibration = std::make_unique<Calibration>(calibrate(graph, inputs, count));
    }
    return *calibration;
  }

  std::vector<LayerError> compare_layers(const Executor& quantized, std::int64_t count) const {
    std::map<ValueId, std::size_t> place;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      place[layers[i].value] = i;
    }
    // One set of sums a batch, added in order.
    std::vector<std::vector<ErrorSums>> sums(static_cast<std::size_t>(ceil_div(count, batch())),
                                             std::vector<ErrorSums>(layers.size()));
    parallel_for(static_cast<std::int64_t>(sums.size()), [&](std::int64_t i) {
      const Tensor input = batch_at(images, i);
      const std::int64_t present = std::min(batch(), count - i * batch());
      std::map<ValueId, Tensor> expected;
      reference->run({&input, 1}, [&](ValueId id, const Tensor& tensor) {
        if (place.contains(id)) {
          expected[id] = tensor;
        }
      });
      quantized.run({&input, 1}, [&](ValueId id, const Tensor& tensor) {
        if (const auto found = place.find(id); found != place.end()) {
          sums[static_cast<std::size_t>(i)][found->second].add(leading_images(expected.at(id), batch(), present),
                                                               leading_images(tensor, batch(), present));
          expected.erase(id);
        }
      });
    });
    std::vector<LayerError> errors;
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      ErrorSums total;
      for (const auto& batch_sums : sums) {
        total.add(batch_sums[layer]);
      }
      errors.push_back(total.finish(layers[layer].name));
    }
    return errors;
  }
};

Evaluation::Evaluation(const Graph& graph, const config::Workload& workload, const Progress& progress,
                       std::int64_t images)
    : impl_(std::make_unique<Impl>()) {
  impl_->file = workload.path;
  impl_->dataset = dataset_of(workload);
  impl_->reference = make_reference(graph);  // refuses what cannot be executed before anything is loaded
  impl_->graph = with_batch(graph, workload);
  impl_->reference = make_reference(impl_->graph);
  impl_->images = load_images(impl_->dataset, Split::kTest, images > 0 ? images : impl_->dataset.images, workload.path);
  require_classifier(impl_->graph, impl_->images, workload.path);
  impl_->layers = layers_of(impl_->graph);
  impl_->reference_predictions = impl_->predict(*impl_->reference, progress);
}

Evaluation::~Evaluation() = default;

Accuracy Evaluation::run(const config::Precision& precision, const config::Recipe& recipe,
                         const Progress& progress) const {
  const Impl& impl = *impl_;
  check_recipe(impl.graph, recipe, impl.file);
  static const Calibration kNone;
  const bool calibrated = needs_calibration(impl.graph, precision, recipe);
  if (calibrated && impl.dataset.calibration_images < 1) {
    throw ConfigError(
        {impl.file},
        fmt::format("precision '{}' needs calibration; set dataset.calibration_images to 1 or more", precision.name));
  }
  const auto quantized = make_quantized(impl.graph, precision, recipe, calibrated ? impl.calibrated() : kNone);
  const std::vector<int> predictions = impl.predict(*quantized, progress);
  Accuracy accuracy;
  accuracy.images = impl.images.count;
  std::int64_t right = 0, reference_right = 0;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const int label = impl.images.labels[i];
    const bool a = impl.reference_predictions[i] == label, b = predictions[i] == label;
    reference_right += a;
    right += b;
    accuracy.only_reference_right += a && !b;
    accuracy.only_quantized_right += b && !a;
  }
  accuracy.top1_reference = static_cast<double>(reference_right) / static_cast<double>(accuracy.images);
  accuracy.top1 = static_cast<double>(right) / static_cast<double>(accuracy.images);
  finish_paired_statistics(accuracy);
  accuracy.layer_images = std::min(kLayerImages, impl.images.count);
  accuracy.layers = impl.compare_layers(*quantized, accuracy.layer_images);
  return accuracy;
}

}  // namespace mantissa::execute
