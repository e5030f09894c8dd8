// SPDX-License-Identifier: Apache-2.0
// Runs of other DRAM simulators (configs/measured/memory/reference_runs.csv) and the model that stands for each: its
// timing set (configs/memory), mapping, refresh, queues and scheduling as far as they are known. What was read off the
// runs and what was not is told in docs/models/dram.md.
#pragma once
#include <optional>
#include <string>

#include "config/chip.h"

namespace mantissa::hardware {

struct ReferenceRun {
  std::string simulator, standard, speed_bin, pattern, mapping, config, note;  // columns of the file, as written
  int channels = 1, window = 1;
  std::int64_t requests = 0;
  double efficiency = 0, read_latency_ns = 0;  // 0: not given
};

struct ReferenceModel {
  std::optional<config::Dram> dram;
  std::string why_not;  // where there is none
};

// The timing sets come from the home folder's configs/memory.
ReferenceModel reference_model(const ReferenceRun& run);

// "... offered load 0.4 of peak ..." -> 0.4; 0 where the note says nothing: the generator was not paced.
double offered_load(const std::string& note);

// Why the run cannot be expected to agree, where it is known: a quirk of that simulator that no hardware has. Empty
// for all others.
std::string reference_quirk(const ReferenceRun& run);

}  // namespace mantissa::hardware
