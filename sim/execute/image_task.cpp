// SPDX-License-Identifier: Apache-2.0
// Classification of images: a prediction is right or wrong (top-1).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/units.h"
#include "execute/dataset.h"
#include "execute/task.h"

namespace mantissa::execute {

using network::Graph;
using network::Tensor;
using network::Value;
using network::ValueId;

namespace {

constexpr std::int64_t kBatch = 50;  // images at a time: wide enough for the kernels, small enough for the caches
constexpr std::int64_t kCompared = 200;
constexpr int kWrong = -1;  // the prediction where a logit is NaN: never right

int predicted(std::span<const float> logits) {
  if (std::any_of(logits.begin(), logits.end(), [](float x) { return std::isnan(x); })) {
    return kWrong;
  }
  return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

LabelledImages measured_images(const config::Dataset& dataset, const std::string& file, std::int64_t images) {
  if (dataset.part == config::Dataset::Part::kTest) {
    return load_images(dataset, Split::kTest, images, file);
  }
  const std::int64_t skipped = dataset.calibration_images;
  LabelledImages set = load_images(dataset, Split::kTrain, skipped + images, file);
  set.labels.erase(set.labels.begin(), set.labels.begin() + skipped);
  set.pixels.erase(set.pixels.begin(), set.pixels.begin() + skipped * set.height * set.width);
  set.count = images;
  return set;
}

class ImageTask final : public Task {
 public:
  ImageTask(const config::Dataset& dataset, const std::string& file, std::int64_t images)
      : dataset_(dataset), file_(file), images_(measured_images(dataset, file, images)) {}

  std::int64_t samples() const override { return images_.count; }
  std::int64_t batch() const override { return kBatch; }
  std::int64_t compared_samples() const override { return std::min(kCompared, images_.count); }

  // Images in, one row of logits out.
  void require_fits(const Graph& graph) override {
    const auto is_float = [&](ValueId id) { return graph.value(id).type == network::ElementType::kFloat; };
    const bool one_each = graph.inputs.size() == 1 && graph.outputs.size() == 1 && is_float(graph.inputs[0]) &&
                          is_float(graph.outputs[0]);
    if (!one_each) {
      throw ConfigError({file_},
                        "accuracy needs a network with one float input (images) and one float output (logits)");
    }
    const auto& input = graph.value(graph.inputs[0]).shape;
    const auto& output = graph.value(graph.outputs[0]).shape;
    if (input.size() != 4 || input[1] != 1 || input[2] != images_.height || input[3] != images_.width || input[0] < 1) {
      throw ConfigError({file_}, fmt::format("the network takes {}, the data set's images are Nx1x{}x{}",
                                             network::to_string(input), images_.height, images_.width));
    }
    const int classes = *std::max_element(images_.labels.begin(), images_.labels.end()) + 1;
    if (output.size() != 2 || output[0] != input[0] || output[1] < classes) {
      throw ConfigError({file_}, fmt::format("the network gives {}, expected {} rows of at least {} logits",
                                             network::to_string(output), input[0], classes));
    }
  }

  Tensor input(std::int64_t first, const Value& graph_input) const override {
    return image_batch(images_, dataset_, first, graph_input.shape);
  }

  std::vector<Tensor> calibration_inputs(const Value& graph_input) const override {
    const network::Shape& shape = graph_input.shape;
    const std::int64_t count = dataset_.calibration_images;
    const LabelledImages train = load_images(dataset_, Split::kTrain, count, file_);
    std::vector<Tensor> inputs;
    for (std::int64_t i = 0; i < ceil_div(count, shape[0]); ++i) {
      inputs.push_back(image_batch(train, dataset_, i * shape[0], shape));
    }
    return inputs;
  }

  Outcome judge(std::int64_t sample, std::span<const float> output) const override {
    return {predicted(output) == images_.labels[static_cast<std::size_t>(sample)] ? 1 : 0, 0.0};
  }

  void summarize(std::span<const Outcome> reference, std::span<const Outcome> quantized,
                 Accuracy& accuracy) const override {
    accuracy.metric = Metric::kTop1;
    accuracy.images = images_.count;
    std::int64_t right = 0, reference_right = 0;
    for (std::size_t i = 0; i < quantized.size(); ++i) {
      const bool a = reference[i].right != 0, b = quantized[i].right != 0;
      reference_right += a;
      right += b;
      accuracy.only_reference_right += a && !b;
      accuracy.only_quantized_right += b && !a;
    }
    accuracy.top1_reference = static_cast<double>(reference_right) / static_cast<double>(accuracy.images);
    accuracy.top1 = static_cast<double>(right) / static_cast<double>(accuracy.images);
    finish_paired_statistics(accuracy);
  }

 private:
  config::Dataset dataset_;
  std::string file_;  // the workload's, for messages
  LabelledImages images_;
};

}  // namespace

std::unique_ptr<Task> make_image_task(const config::Dataset& dataset, const std::string& workload_path,
                                      std::int64_t images) {
  return std::make_unique<ImageTask>(dataset, workload_path, images);
}

std::unique_ptr<Task> make_task(const config::Workload& workload, std::int64_t samples) {
  const config::Dataset& dataset = *workload.dataset;
  const std::int64_t count = samples > 0 ? samples : dataset.samples();
  return dataset.kind == config::Dataset::Kind::kImages ? make_image_task(dataset, workload.path, count)
                                                        : make_text_task(dataset, workload.path, count);
}

}  // namespace mantissa::execute
