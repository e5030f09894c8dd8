// SPDX-License-Identifier: Apache-2.0
#include "execute/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/parallel.h"
#include "base/units.h"
#include "execute/executor.h"
#include "execute/rules.h"
#include "execute/task.h"
#include "network/import.h"
#include "network/kernel.h"

namespace mantissa::execute {

using network::Graph;
using network::Tensor;
using network::ValueId;

namespace {

Graph with_batch(const Graph& graph, const config::Workload& workload, std::int64_t batch) {
  return workload.onnx && graph.batch != batch ? network::load_network(workload, batch) : graph;
}

// Counts samples under a lock, so that the callback is called by one thread at a time with growing counts.
class Counter {
 public:
  Counter(const Evaluation::Progress& progress, std::int64_t total) : progress_(progress), total_(total) {}
  void add(std::int64_t samples) {
    const std::lock_guard lock(mutex_);
    done_ += samples;
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
  std::int64_t calibration_samples = 0;
  std::unique_ptr<Task> task;
  std::unique_ptr<Executor> reference;
  std::vector<Outcome> reference_outcomes;
  std::vector<Layer> layers;
  mutable std::mutex calibration_mutex;
  mutable std::map<std::optional<double>, Calibration> calibrations;  // by the recipe's `smooth`

  const network::Value& input() const { return graph.value(graph.inputs[0]); }
  std::int64_t batch() const { return input().shape[0]; }

  // One outcome a sample.
  std::vector<Outcome> judge(const Executor& executor, const Progress& progress) const {
    const std::int64_t samples = task->samples();
    std::vector<Outcome> outcomes(static_cast<std::size_t>(samples));
    Counter counter(progress, samples);
    parallel_for(ceil_div(samples, batch()), [&](std::int64_t i) {
      const Tensor tensor = task->input(i * batch(), input());
      const auto outputs = executor.run({&tensor, 1});
      const auto logits = outputs[0].floats();
      const std::size_t part = logits.size() / static_cast<std::size_t>(batch());
      const std::int64_t present = std::min(batch(), samples - i * batch());
      for (std::int64_t j = 0; j < present; ++j) {
        const std::int64_t sample = i * batch() + j;
        outcomes[static_cast<std::size_t>(sample)] =
            task->judge(sample, logits.subspan(static_cast<std::size_t>(j) * part, part));
      }
      counter.add(present);
    });
    return outcomes;
  }

  const Calibration& calibrated(const config::Recipe& recipe) const {
    const std::lock_guard lock(calibration_mutex);
    const auto found = calibrations.find(recipe.smooth);
    if (found != calibrations.end()) {
      return found->second;
    }
    const std::vector<Tensor> inputs = task->calibration_inputs(input());
    return calibrations.emplace(recipe.smooth, execute::calibrate(graph, inputs, calibration_samples, recipe))
        .first->second;
  }

  Accuracy measure(const Executor& quantized, const Progress& progress) const {
    Accuracy accuracy;
    task->summarize(reference_outcomes, judge(quantized, progress), accuracy);
    return accuracy;
  }

  // Empty where the plan needs none.
  const Calibration& calibration_for(const config::PrecisionPlan& plan, const config::Recipe& recipe) const {
    static const Calibration kNone;
    check_recipe(graph, recipe, file);
    if (!needs_calibration(graph, plan, recipe)) {
      return kNone;
    }
    if (calibration_samples < 1) {
      throw ConfigError({file},
                        fmt::format("precision '{}' needs calibration; set dataset.calibration_images to 1 or more",
                                    plan.base().name));
    }
    return calibrated(recipe);
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
      const Tensor tensor = task->input(i * batch(), input());
      const std::int64_t present = std::min(batch(), count - i * batch());
      std::map<ValueId, Tensor> expected;
      reference->run({&tensor, 1}, [&](ValueId id, const Tensor& value) {
        if (place.contains(id)) {
          expected[id] = value;
        }
      });
      quantized.run({&tensor, 1}, [&](ValueId id, const Tensor& value) {
        if (const auto found = place.find(id); found != place.end()) {
          sums[static_cast<std::size_t>(i)][found->second].add(leading_images(expected.at(id), batch(), present),
                                                               leading_images(value, batch(), present));
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
                       std::int64_t samples)
    : impl_(std::make_unique<Impl>()) {
  impl_->file = workload.path;
  if (!workload.dataset) {
    throw ConfigError({workload.path},
                      "the workload names no data set, so there is no accuracy to measure; add 'dataset:'");
  }
  impl_->calibration_samples = workload.dataset->calibration_samples();
  impl_->reference = make_reference(graph);  // refuses what cannot be executed before anything is loaded
  impl_->task = make_task(workload, samples);
  impl_->graph = with_batch(graph, workload, impl_->task->batch());
  impl_->reference = make_reference(impl_->graph);
  impl_->task->require_fits(impl_->graph);
  impl_->layers = layers_of(impl_->graph);
  impl_->reference_outcomes = impl_->judge(*impl_->reference, progress);
  impl_->task->check_reference(impl_->reference_outcomes);
}

Evaluation::~Evaluation() = default;

void Evaluation::calibrate(const config::PrecisionPlan& plan, const config::Recipe& recipe) const {
  impl_->calibration_for(plan, recipe);
}

Accuracy Evaluation::run(const config::PrecisionPlan& plan, const config::Recipe& recipe,
                         const Progress& progress) const {
  const Impl& impl = *impl_;
  const auto quantized = make_quantized(impl.graph, plan, recipe, impl.calibration_for(plan, recipe));
  Accuracy accuracy = impl.measure(*quantized, progress);
  accuracy.layer_images = impl.task->compared_samples();
  accuracy.layers = impl.compare_layers(*quantized, accuracy.layer_images);
  return accuracy;
}

Accuracy Evaluation::run_without_layers(const config::PrecisionPlan& plan, const config::Recipe& recipe,
                                        const Progress& progress) const {
  const auto quantized = make_quantized(impl_->graph, plan, recipe, impl_->calibration_for(plan, recipe));
  return impl_->measure(*quantized, progress);
}

}  // namespace mantissa::execute
