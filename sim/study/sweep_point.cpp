// SPDX-License-Identifier: Apache-2.0
#include "study/sweep_point.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "config/area.h"
#include "execute/accuracy.h"
#include "execute/rules.h"
#include "network/import.h"
#include "study/accuracy_result.h"
#include "study/point_key.h"
#include "study/timed_run.h"

namespace mantissa::study {
namespace {

using config::Sweep;
using config::SweepPoint;

constexpr std::size_t kSharedGraphs = 16;  // with their weights: the rest is imported by each process

// A point with its files read.
struct Job {
  config::Chip chip;
  config::Workload workload;
  std::string precision;
  std::string data;  // what the FP32 reference and the calibration depend on: equal for points that can share them
  std::int64_t batch = 1;
};

// Everything in a workload's file but how it is quantized, timed and called.
std::string data_key(const config::YamlNode& workload, const config::Workload& read) {
  std::string key = read.path;
  for (const auto& [name, node] : workload.entries()) {
    const bool other = name == "recipe" || name == "recipes" || name == "batch" || name == "name" ||
                       name == "summary" || name == "schema";
    key += other ? "" : "\n" + name + ": " + node.flow();
  }
  return key + fmt::format("\n{}", read.dataset ? read.dataset->samples() : 0);
}

Job read_job(const Sweep& sweep, const SweepPoint& point) {
  Job job;
  job.chip = config::parse_chip(sweep.chip_document(point), point.chip);
  job.precision = find_precision(job.chip, point.precision).name;
  const config::YamlNode workload = sweep.workload_document(point, job.precision);
  job.workload = config::parse_workload(workload, point.workload);
  job.batch = point.batch.value_or(job.workload.batch);
  if (job.workload.dataset && point.images) {
    job.workload.dataset->set_samples(std::min(job.workload.dataset->samples(), *point.images));
  }
  job.data = data_key(workload, job.workload);
  return job;
}

config::PrecisionPlan plan_of(const Job& job, const network::Graph& graph) {
  return execute::make_plan(job.chip, find_precision(job.chip, job.precision), graph,
                            job.workload.recipe_for(job.precision), job.workload.path);
}

// What of a point makes its network. Of recipe changes it does not depend.
std::string graph_choice(const SweepPoint& point) {
  return fmt::format("{}\n{}{}", point.workload, text_of(point.workload_changes), point.batch.value_or(0));
}

// What a point's process sends. Both ends of the pipe are this program: it travels as it lies in memory.
struct Sent {
  report::SweepMeasurements measured;
  std::optional<double> area_mm2;
};
static_assert(std::is_trivially_copyable_v<Sent>);

std::string one_line(std::string text) {
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n')) {
    text.replace(at, 1, "; ");
  }
  return text;
}

// A diagnostic without the quoted source line and its caret.
std::string brief(const ConfigError& error) {
  std::string text;
  for (Diagnostic diagnostic : error.diagnostics()) {
    diagnostic.source_line.clear();
    text += (text.empty() ? "" : "; ") + to_string(diagnostic);
  }
  return text;
}

}  // namespace

// FP32 references by data key, made before the points run.
class PointRunner::References {
 public:
  void prepare(const Job& job, const Progress& progress) {
    if (errors_.contains(job.data)) {
      return;
    }
    try {
      auto& evaluation = evaluations_[job.data];
      if (!evaluation) {
        graphs_[job.data] = network::load_network(job.workload, job.workload.batch);
        evaluation = std::make_unique<execute::Evaluation>(
            graphs_[job.data], job.workload, [&](std::int64_t done, std::int64_t total) {
              if (progress) {
                progress(job.workload.name + ": FP32 reference", done, total);
              }
            });
      }
      evaluation->calibrate(plan_of(job, graphs_[job.data]), job.workload.recipe_for(job.precision));
    } catch (const ConfigError& e) {
      // Of the data, when there is no reference; else of this point's recipe, which its own run will say.
      if (!evaluations_[job.data]) {
        errors_[job.data] = e.what();
      }
    }
  }

  const execute::Evaluation& find(const Job& job) const {
    if (const auto at = errors_.find(job.data); at != errors_.end()) {
      throw std::runtime_error(at->second);
    }
    return *evaluations_.at(job.data);
  }

 private:
  std::map<std::string, std::unique_ptr<execute::Evaluation>> evaluations_;
  std::map<std::string, network::Graph> graphs_;
  std::map<std::string, std::string> errors_;
};

PointRunner::PointRunner(const Sweep& sweep, Progress progress)
    : sweep_(sweep), progress_(std::move(progress)), references_(std::make_unique<References>()) {}
PointRunner::~PointRunner() = default;

void PointRunner::prepare(const SweepPoint& point) {
  try {
    if (sweep_.measure.accuracy) {
      references_->prepare(read_job(sweep_, point), progress_);
    }
    const std::string choice = graph_choice(point);
    if (graphs_.size() < kSharedGraphs && prepared_.insert(choice).second) {
      const Job job = read_job(sweep_, point);
      graphs_.emplace(choice, network::load_network(job.workload, job.batch));
    }
  } catch (const std::exception&) {
    // The point's own run says what is wrong with it.
  }
}

std::string PointRunner::run(const SweepPoint& point) const {
  try {
    const Job job = read_job(sweep_, point);
    Sent sent;
    sent.measured.batch = job.batch;
    if (const auto area = config::chip_area(job.chip)) {
      sent.area_mm2 = area->total();
    }
    const auto shared = graphs_.find(graph_choice(point));
    network::Graph own;
    if (shared == graphs_.end()) {
      own = network::load_network(job.workload, job.batch);
    }
    const network::Graph& graph = shared != graphs_.end() ? shared->second : own;
    const config::PrecisionPlan plan = plan_of(job, graph);
    if (sweep_.measure.timing()) {
      const report::RunResult r = time_run(job.chip, job.workload, plan, graph);
      sent.measured.timing = {r.latency.count(), r.images_per_second, r.clock_mhz, r.energy_per_inference.count(),
                              r.average_power.count()};
    }
    if (sweep_.measure.accuracy) {
      const execute::Accuracy accuracy = references_->find(job).run(plan, job.workload.recipe_for(job.precision));
      sent.measured.accuracy = accuracy_result(accuracy);
      sent.measured.output_sqnr_db = output_sqnr(accuracy);
    }
    return {reinterpret_cast<const char*>(&sent), sizeof sent};
  } catch (const ConfigError& e) {
    throw std::runtime_error(one_line(brief(e)));
  }
}

void PointRunner::unpack(const std::string& bytes, report::SweepRow& row) {
  Sent sent;
  check(bytes.size() == sizeof sent, "a point sends its measurements");
  std::memcpy(&sent, bytes.data(), sizeof sent);
  row.measured = sent.measured;
  row.area_mm2 = sent.area_mm2;
}

}  // namespace mantissa::study
