// SPDX-License-Identifier: Apache-2.0
#include "study/mixed_precision.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "config/yaml_overlay.h"
#include "execute/accuracy.h"
#include "network/import.h"
#include "study/accuracy_result.h"
#include "study/layers.h"
#include "study/mixed_search.h"
#include "study/timed_run.h"

namespace mantissa::study {
namespace {

constexpr std::int64_t kNoiseSamples = 200;  // an SQNR needs fewer images than an accuracy
constexpr double kNoNumbers = 1e30;          // noise power where the output is not finite

class Study {
 public:
  Study(const config::Chip& chip, const config::Workload& workload, const MixedOptions& options)
      : chip_(chip), workload_(workload), options_(options) {
    for (const std::string& name : options.precisions) {
      precisions_.push_back(&find_precision(chip, name));
    }
    graph_ = network::load_network(workload, options.batch.value_or(workload.batch));
    require_measurable(graph_, workload);
    recipe_ = workload.recipe_for(precisions_.front()->name);
    recipe_.layers.clear();
    layers_ = find_layers(graph_, recipe_, workload.path);
  }

  MixedResult run() {
    simulate_all();
    measure_noise();
    const MixedAnswer answer = search();
    Assignment chosen = answer.assignment;
    if (answer.found) {
      keep_if_simulated_cheaper(chosen);
    }
    return result(answer, chosen);
  }

 private:
  void report_progress(const std::string& what, std::size_t done = 0, std::size_t total = 1) const {
    if (options_.progress) {
      options_.progress(what, static_cast<std::int64_t>(done), static_cast<std::int64_t>(total));
    }
  }

  config::Workload measured_on(config::Dataset::Part part) const {
    config::Workload workload = workload_;
    workload.dataset->part = part;
    return workload;
  }

  config::PrecisionPlan plan_of(const Assignment& assignment) const {
    config::PrecisionPlan plan(*precisions_.front());
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (assignment[i] != 0) {
        plan.assign(layers_[i].name, *precisions_[assignment[i]]);
      }
    }
    return plan;
  }
  Assignment uniform(std::size_t precision) const { return Assignment(layers_.size(), precision); }
  double cost_of(const report::RunResult& r) const {
    return options_.energy ? r.energy.total().count() : r.latency.count();
  }
  bool is_uniform(const Assignment& assignment) const {
    return std::all_of(assignment.begin(), assignment.end(), [&](std::size_t f) { return f == assignment.front(); });
  }

  report::RunResult simulated(const Assignment& assignment) const {
    return time_run(chip_, workload_, plan_of(assignment), graph_);
  }

  void simulate_all() {
    problem_.cost.assign(layers_.size(), {});
    for (std::size_t p = 0; p < precisions_.size(); ++p) {
      report_progress("timing at " + precisions_[p]->name, p, precisions_.size());
      timed_.push_back(simulated(uniform(p)));
      for (std::size_t i = 0; i < layers_.size(); ++i) {
        double cost = 0;
        for (const auto& kernel : timed_.back().kernels) {
          if (kernel.name == layers_[i].name) {
            cost = static_cast<double>(kernel.repeat) *
                   (options_.energy ? kernel.energy.total().count() : kernel.time.count());
          }
        }
        problem_.cost[i].push_back(cost);
      }
    }
  }

  // The noise that each layer alone brings to the network's output at each precision, all others in FP32.
  void measure_noise() {
    report_progress("FP32 reference");
    const std::int64_t samples = study_samples(workload_, options_.images);
    training_ = std::make_unique<execute::Evaluation>(graph_, measured_on(config::Dataset::Part::kTraining),
                                                      execute::Evaluation::Progress{}, samples);
    const execute::Evaluation few(graph_, measured_on(config::Dataset::Part::kTraining),
                                  execute::Evaluation::Progress{}, std::min(samples, kNoiseSamples));
    const config::Precision reference = reference_precision();
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      report_progress("noise of " + layers_[i].name, i, layers_.size());
      config::Recipe alone = recipe_;
      for (std::size_t j = 0; j < layers_.size(); ++j) {
        if (j != i) {
          alone.keep_float.push_back(layers_[j].name);
        }
      }
      std::vector<double> noise, decibels;
      for (const config::Precision* precision : precisions_) {
        config::PrecisionPlan plan(reference);
        plan.assign(layers_[i].name, *precision);
        decibels.push_back(output_sqnr(few.run(plan, alone)));
        const double power = std::pow(10.0, -decibels.back() / 10);
        noise.push_back(std::isfinite(power) ? power : kNoNumbers);
      }
      problem_.noise.push_back(std::move(noise));
      sqnr_db_.push_back(std::move(decibels));
    }
  }

  MixedAnswer search() {
    std::size_t measured = 0;
    return search_mixed(problem_, options_.max_loss, [&](const Assignment& assignment) {
      report_progress("searching, assignments measured", measured++, 0);
      return training_->run_without_layers(plan_of(assignment), recipe_).loss();
    });
  }

  // Costs of layers need not add up: a network at one precision that keeps to the bound may be cheaper after all.
  void keep_if_simulated_cheaper(Assignment& chosen) {
    double cost = cost_of(simulated(chosen));
    for (std::size_t p = 0; p < precisions_.size(); ++p) {
      if (cost_of(timed_[p]) < cost &&
          training_->run_without_layers(plan_of(uniform(p)), recipe_).loss() <= options_.max_loss) {
        chosen = uniform(p);
        cost = cost_of(timed_[p]);
      }
    }
  }

  MixedResult result(const MixedAnswer& answer, const Assignment& chosen) {
    MixedResult result;
    report::MixedReport& r = result.report;
    r.chip = chip_.name, r.chip_title = chip_.title, r.workload = workload_.name;
    r.cost = options_.energy ? "energy" : "latency";
    r.max_loss = options_.max_loss;
    r.found = answer.found;
    r.batch = graph_.batch;
    r.measured = static_cast<std::int64_t>(answer.measured);
    for (const config::Precision* precision : precisions_) {
      r.precisions.push_back(precision->name);
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      r.rows.push_back({layers_[i].name, layers_[i].kind, layers_[i].shape, precisions_[chosen[i]]->name,
                        problem_.cost[i], sqnr_db_[i]});
      if (chosen[i] != 0) {
        result.layers[layers_[i].name] = precisions_[chosen[i]]->name;
      }
    }
    report_progress("FP32 reference on the test data");
    const std::int64_t tested =
        std::min(workload_.dataset->samples(), options_.test_images.value_or(workload_.dataset->samples()));
    const execute::Evaluation test(graph_, workload_, {}, tested);
    const auto add = [&](const std::string& name, const Assignment& assignment, const report::RunResult& timed) {
      report_progress("testing " + name);
      const execute::Accuracy searched = training_->run_without_layers(plan_of(assignment), recipe_);
      r.totals.push_back({name, timed.latency.count(), timed.energy.total().count(), accuracy_result(searched),
                          accuracy_result(test.run_without_layers(plan_of(assignment), recipe_))});
      return searched.loss();
    };
    for (std::size_t p = 0; p < precisions_.size(); ++p) {
      const double loss = add(r.precisions[p], uniform(p), timed_[p]);
      if (chosen == uniform(p)) {
        r.search_loss = loss;
        r.chosen = p;
      }
    }
    if (!is_uniform(chosen)) {
      r.search_loss = add("mixed", chosen, simulated(chosen));
      r.chosen = r.totals.size() - 1;
    }
    return result;
  }

  const config::Chip& chip_;
  const config::Workload& workload_;
  const MixedOptions& options_;
  network::Graph graph_;
  config::Recipe recipe_;
  std::vector<const config::Precision*> precisions_;
  std::vector<Layer> layers_;
  std::vector<report::RunResult> timed_;  // all layers at each precision
  MixedProblem problem_;
  std::vector<std::vector<double>> sqnr_db_;
  std::unique_ptr<execute::Evaluation> training_;
};

}  // namespace

MixedResult mixed_precision(const config::Chip& chip, const config::Workload& workload, const MixedOptions& options) {
  return Study(chip, workload, options).run();
}

std::string mixed_workload(const config::Workload& workload, const std::string& precision,
                           const std::map<std::string, std::string>& layers) {
  const config::YamlNode root = config::YamlNode::load_file(workload.path);
  config::YamlOverlay file(root);
  const auto folder = std::filesystem::absolute(workload.path).parent_path();
  for (const char* key : {"onnx", "dataset.file", "dataset.calibration_file"}) {
    if (file.contains(key)) {
      const std::filesystem::path path = file.text(key);
      file.set(key, (path.is_absolute() ? path : folder / path).lexically_normal().string());
    }
  }
  const std::string recipe = "recipes." + precision;
  file.erase(recipe + ".layers", [](const std::string&) { return true; });
  auto all = layers;
  for (const auto& [layer, format] : workload.recipe_for(precision).layers) {
    all.emplace(layer, precision);  // what the recipe said before holds no longer
  }
  for (const auto& [layer, format] : all) {
    file.set(recipe + ".layers." + layer, format);
  }
  return file.finish().dump();
}

}  // namespace mantissa::study
