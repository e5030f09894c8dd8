// SPDX-License-Identifier: Apache-2.0
#include "study/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "study/isolate.h"
#include "study/point_key.h"
#include "study/search.h"
#include "study/store.h"
#include "study/sweep_point.h"
#include "study/version.h"

namespace mantissa::study {
namespace {

using config::Sweep;
using config::SweepPoint;
using report::SweepResult;
using report::SweepRow;
using Kind = config::SweepKey::Kind;
using Positions = std::vector<std::size_t>;

// Of points that take milliseconds: what a SystemC kernel leaves behind does not add up.
constexpr std::size_t kPointsPerProcess = 64;

bool is_column(const config::SweepKey& key) {
  return key.kind != Kind::kChip && key.kind != Kind::kWorkload && key.kind != Kind::kPrecision;
}

// The table without its rows.
SweepResult head_of(const Sweep& sweep) {
  SweepResult head;
  head.title = sweep.title;
  head.latency = sweep.measure.latency;
  head.energy = sweep.measure.energy;
  head.accuracy = sweep.measure.accuracy;
  head.version = version();
  for (const auto& axis : sweep.axes) {
    const bool labelled =
        std::any_of(axis.keys.begin(), axis.keys.end(), [](const auto& key) { return key.kind == Kind::kLabel; });
    for (const auto& key : axis.keys) {
      if (is_column(key)) {
        head.keys.push_back({key.name, labelled && key.kind != Kind::kLabel});
      }
    }
  }
  for (const auto& derived : sweep.derived) {
    head.keys.push_back({derived.name, false, true});
  }
  for (const auto& objective : sweep.objectives) {
    head.objectives.push_back(objective.name);
  }
  return head;
}

// A point without its results.
SweepRow row_of(const Sweep& sweep, std::size_t position, const SweepPoint& point) {
  const auto places = sweep.places(position);
  SweepRow row;
  row.position = position;
  row.chip = config::MapReader(sweep.files.at(point.chip)).text("name");
  row.workload = config::MapReader(sweep.files.at(point.workload)).text("name");
  row.precision = precision_of(point, sweep.files.at(point.chip));
  for (std::size_t axis = 0; axis < sweep.axes.size(); ++axis) {
    for (const auto& key : sweep.axes[axis].keys) {
      if (is_column(key)) {
        row.values.push_back(key.text(places[axis]));
      }
    }
  }
  for (auto& [name, value] : sweep.derived_values(places)) {
    row.values.push_back(std::move(value));
  }
  return row;
}

bool adaptive(const Sweep& sweep) {
  return sweep.search.method == config::SweepSearch::Method::kNsga2;
}

Positions shard_of(const Positions& positions, const SweepShard& shard) {
  Positions own;
  for (const std::size_t position : positions) {
    if (position % shard.count == shard.index - 1) {
      own.push_back(position);
    }
  }
  return own;
}

void check_shard(const Sweep& sweep, const SweepShard& shard) {
  if (shard.count > 1 && adaptive(sweep)) {
    throw UsageError("nsga2 chooses points by the results of others: it cannot be cut into shards");
  }
}

// What a sweep's list of points is of: with other files or another program it starts anew.
std::string definition_of(const Sweep& sweep) {
  std::string text = version() + " " + config::YamlNode::load_file(sweep.path).hash();
  std::set<std::string> hashes;  // the order of paths may differ between machines
  for (const auto& [path, node] : sweep.files) {
    hashes.insert(node.hash());
  }
  for (const std::string& hash : hashes) {
    text += " " + hash;
  }
  return text;
}

// Runs what the store has not got and keeps it there.
class Evaluation {
 public:
  Evaluation(const Sweep& sweep, const SweepOptions& options)
      : sweep_(sweep),
        options_(options),
        name_(sweep_name(sweep)),
        store_(options.store, Store::Mode::kWrite),
        keys_(sweep),
        runner_(sweep, options.progress) {
    store_.begin(name_, head_of(sweep), definition_of(sweep));
  }

  // Rows of the positions, in their order.
  std::vector<SweepRow> rows(const Positions& positions) {
    std::vector<Store::Member> members;
    std::vector<std::size_t> missing;
    std::set<std::string> running;
    counts_.total = std::max(counts_.done + positions.size(), adaptive(sweep_) ? sweep_.search.points : 0);
    for (const std::size_t position : positions) {
      const SweepPoint point = sweep_.point(sweep_.places(position));
      members.push_back({keys_.key(point), row_of(sweep_, position, point), false});
      const std::string& key = members.back().key;
      const auto stored = store_.find(key);
      const bool again = stored && !stored->error.empty() && options_.retry_failed && failed_.count(key) == 0;
      if ((!stored || again) && running.insert(key).second) {
        members.back().has_outcome = true;
        missing.push_back(members.size() - 1);
      }
    }
    keep_known(members, running);
    run(members, missing);
    keep_known(members, {});
    return take_rows(members);
  }

  SweepResult result() const { return store_.load(name_); }

 private:
  // Puts points whose results are there, or come from another point, on the sweep's list.
  void keep_known(std::vector<Store::Member>& members, const std::set<std::string>& running) {
    std::vector<Store::Member> known;
    for (const Store::Member& member : members) {
      if (listed_.count(member.row.position) == 0 && running.count(member.key) == 0) {
        known.push_back({member.key, member.row, false});
      }
    }
    keep(known);
  }

  void keep(const std::vector<Store::Member>& members) {
    if (!members.empty()) {
      store_.add(name_, members);
    }
    for (const Store::Member& member : members) {
      counts_.done += listed_.insert(member.row.position).second ? 1 : 0;
      counts_.ran += member.has_outcome ? 1 : 0;
      counts_.failed += member.has_outcome ? !member.row.error.empty() : store_.find(member.key)->error.empty() ? 0 : 1;
    }
    if (options_.counts) {
      options_.counts(counts_);
    }
  }

  void run(std::vector<Store::Member>& members, const std::vector<std::size_t>& missing) {
    const auto point_of = [&](std::size_t i) { return sweep_.point(sweep_.places(members[missing[i]].row.position)); };
    for (std::size_t i = 0; i < missing.size(); ++i) {
      runner_.prepare(point_of(i));
    }
    std::vector<Store::Member> finished;
    const std::size_t calls = sweep_.measure.accuracy ? 1 : kPointsPerProcess;
    const IsolateOptions isolate{options_.jobs, sweep_.time_limit_s, calls, [&] {
                                   keep(finished);
                                   finished.clear();
                                 }};
    run_all_isolated(
        missing.size(), isolate, [&](std::size_t i) { return runner_.run(point_of(i)); },
        [&](std::size_t i, const std::string& bytes, const std::string& error) {
          Store::Member& member = members[missing[i]];
          if (error.empty()) {
            PointRunner::unpack(bytes, member.row);
          } else {
            failed_.insert(member.key);
          }
          member.row.error = error;
          std::replace(member.row.error.begin(), member.row.error.end(), '\n', ' ');
          finished.push_back(member);
        });
  }

  std::vector<SweepRow> take_rows(std::vector<Store::Member>& members) const {
    std::vector<SweepRow> rows;
    for (Store::Member& member : members) {
      const auto outcome = store_.find(member.key);
      check(outcome.has_value(), "a point that was run is stored");
      member.row.measured = outcome->measured;
      member.row.area_mm2 = outcome->area_mm2;
      member.row.error = outcome->error;
      rows.push_back(std::move(member.row));
    }
    return rows;
  }

  const Sweep& sweep_;
  const SweepOptions& options_;
  const std::string name_;
  Store store_;
  PointKeys keys_;
  PointRunner runner_;
  SweepCounts counts_;
  std::set<std::size_t> listed_;  // positions
  std::set<std::string> failed_;  // keys of what this call ran
};

}  // namespace

std::string sweep_name(const Sweep& sweep) {
  return std::filesystem::path(sweep.path).stem().string();
}

SweepResult list_points(const Sweep& sweep, const SweepShard& shard) {
  check_shard(sweep, shard);
  if (adaptive(sweep)) {
    throw UsageError("which points nsga2 runs depends on their results: there is no list before");
  }
  SweepResult result = head_of(sweep);
  for (const std::size_t position : shard_of(search_positions(sweep), shard)) {
    result.rows.push_back(row_of(sweep, position, sweep.point(sweep.places(position))));
  }
  return result;
}

SweepResult run_sweep(const Sweep& sweep, const SweepOptions& options) {
  check_shard(sweep, options.shard);
  Evaluation evaluation(sweep, options);
  search(sweep, [&](const Positions& positions) {
    return evaluation.rows(adaptive(sweep) ? positions : shard_of(positions, options.shard));
  });
  return evaluation.result();
}

}  // namespace mantissa::study
