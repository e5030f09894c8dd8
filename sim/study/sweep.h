// SPDX-License-Identifier: Apache-2.0
// Runs the points of a sweep in processes of their own and keeps their results in a store as they come: a sweep that
// is stopped at any moment goes on where it was.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

#include "config/sweep.h"
#include "report/sweep_table.h"
#include "study/study.h"

namespace mantissa::study {

struct SweepCounts {
  std::size_t total = 0;   // points of the sweep (of this shard); of a search that ends early: at most
  std::size_t done = 0;    // of them, stored
  std::size_t ran = 0;     // of them, by this call
  std::size_t failed = 0;  // of them, with an error
};

// Every count-th point, from the index-th on (1 is the first).
struct SweepShard {
  std::size_t index = 1, count = 1;
};

struct SweepOptions {
  int jobs = 0;            // points at a time; 0: as many as the machine has cores
  Progress progress = {};  // of what is done before the points
  std::string store = {};  // file; empty: results are kept in memory only
  SweepShard shard = {};
  bool retry_failed = false;                            // points whose stored outcome is an error run again
  std::function<void(const SweepCounts&)> counts = {};  // called after points were stored, and at the start
};

// The name of a sweep in a store: its file's, without folder and extension.
std::string sweep_name(const config::Sweep& sweep);

// The points without their results. Throws UsageError for a search that chooses points by their results.
report::SweepResult list_points(const config::Sweep& sweep, const SweepShard& shard = {});

// All points that the store has of the sweep, in their order; the result does not depend on `jobs`, nor on how often it
// was stopped and gone on with. A point that fails, whose process dies or takes longer than the sweep's time limit has
// its error in its row. Throws UsageError for a store that cannot be used, and for shards of a search that chooses
// points by their results. REQUIRES: no other threads.
report::SweepResult run_sweep(const config::Sweep& sweep, const SweepOptions& options);

}  // namespace mantissa::study
