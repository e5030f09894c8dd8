// SPDX-License-Identifier: Apache-2.0
#include "study/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <type_traits>

#include "base/error.h"
#include "execute/accuracy.h"
#include "execute/rules.h"
#include "network/import.h"
#include "study/accuracy_result.h"
#include "study/isolate.h"
#include "study/timed_run.h"

namespace mantissa::study {
namespace {

using config::Sweep;
using config::SweepPoint;
using report::SweepMeasurements;

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

// FP32 references by data key, made before the points run.
class References {
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

SweepMeasurements measure(const Sweep& sweep, const Job& job, const References& references) {
  SweepMeasurements m;
  m.batch = job.batch;
  const network::Graph graph = network::load_network(job.workload, job.batch);
  const config::PrecisionPlan plan = plan_of(job, graph);
  if (sweep.measure.timing()) {
    const report::RunResult r = time_run(job.chip, job.workload, plan, graph);
    m.timing = {r.latency.count(), r.images_per_second, r.clock_mhz, r.energy_per_inference.count(),
                r.average_power.count()};
  }
  if (sweep.measure.accuracy) {
    const execute::Accuracy accuracy = references.find(job).run(plan, job.workload.recipe_for(job.precision));
    m.accuracy = accuracy_result(accuracy);
    m.output_sqnr_db = output_sqnr(accuracy);
  }
  return m;
}

// Both ends of the pipe are this program: results travel as they lie in memory.
static_assert(std::is_trivially_copyable_v<SweepMeasurements>);

std::string pack(const SweepMeasurements& m) {
  return {reinterpret_cast<const char*>(&m), sizeof m};
}
SweepMeasurements unpack(const std::string& bytes) {
  SweepMeasurements m;
  check(bytes.size() == sizeof m, "a point sends its measurements");
  std::memcpy(&m, bytes.data(), sizeof m);
  return m;
}

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

report::SweepResult list_points(const Sweep& sweep) {
  using Kind = config::SweepKey::Kind;
  report::SweepResult result;
  result.title = sweep.title;
  result.latency = sweep.measure.latency;
  result.energy = sweep.measure.energy;
  result.accuracy = sweep.measure.accuracy;
  const auto is_column = [](const config::SweepKey& key) {
    return key.kind != Kind::kChip && key.kind != Kind::kWorkload && key.kind != Kind::kPrecision;
  };
  for (const auto& axis : sweep.axes) {
    const bool labelled =
        std::any_of(axis.keys.begin(), axis.keys.end(), [](const auto& key) { return key.kind == Kind::kLabel; });
    for (const auto& key : axis.keys) {
      if (is_column(key)) {
        result.keys.push_back({key.name, labelled && key.kind != Kind::kLabel});
      }
    }
  }
  for (std::size_t i = 0; i < sweep.points(); ++i) {
    const auto places = sweep.places(i);
    const SweepPoint point = sweep.point(places);
    report::SweepRow row;
    row.chip = config::MapReader(sweep.files.at(point.chip)).text("name");
    row.workload = config::MapReader(sweep.files.at(point.workload)).text("name");
    row.precision = point.precision.empty() ? config::MapReader(sweep.files.at(point.chip)).text("default_precision")
                                            : point.precision;
    for (std::size_t axis = 0; axis < sweep.axes.size(); ++axis) {
      for (const auto& key : sweep.axes[axis].keys) {
        if (is_column(key)) {
          row.values.push_back(key.text(places[axis]));
        }
      }
    }
    result.rows.push_back(std::move(row));
  }
  return result;
}

report::SweepResult run_sweep(const Sweep& sweep, const SweepOptions& options) {
  report::SweepResult result = list_points(sweep);
  References references;
  for (std::size_t i = 0; sweep.measure.accuracy && i < result.rows.size(); ++i) {
    try {
      references.prepare(read_job(sweep, sweep.point(sweep.places(i))), options.progress);
    } catch (const std::exception&) {
      // The point's own run says what is wrong with it.
    }
  }
  std::size_t finished = 0;
  const auto work = [&](std::size_t i) {
    try {
      return pack(measure(sweep, read_job(sweep, sweep.point(sweep.places(i))), references));
    } catch (const ConfigError& e) {
      throw std::runtime_error(brief(e));
    }
  };
  run_all_isolated(result.rows.size(), options.jobs, work,
                   [&](std::size_t i, const std::string& bytes, const std::string& error) {
                     if (error.empty()) {
                       result.rows[i].measured = unpack(bytes);
                     } else {
                       result.rows[i].error = one_line(error);
                     }
                     if (options.progress) {
                       options.progress("points", static_cast<std::int64_t>(++finished),
                                        static_cast<std::int64_t>(result.rows.size()));
                     }
                   });
  return result;
}

}  // namespace mantissa::study
