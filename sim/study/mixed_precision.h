// SPDX-License-Identifier: Apache-2.0
// Mixed precision for a network on a chip: the cheapest assignment of formats to layers, by simulated latency or
// energy, that loses no more accuracy than its user allows.
//
// Costs of layers come from one simulation at each precision, their noise from one execution for each layer and
// precision, losses from executions on training data behind what calibration sees. Test data is looked at once, at the
// end, for the report. MODEL: see mixed_search.h.
#pragma once
#include <map>

#include "report/mixed_table.h"
#include "study/study.h"

namespace mantissa::study {

struct MixedOptions {
  std::vector<std::string> precisions;  // two or more; the first one's vector format and recipe hold for the network
  double max_loss = 0;                  // points of top-1, or % of perplexity
  bool energy = false;                  // cost: energy in place of latency
  std::optional<std::int64_t> batch;
  std::optional<std::int64_t> images;       // to search on
  std::optional<std::int64_t> test_images;  // to test on
  Progress progress;
};

struct MixedResult {
  report::MixedReport report;
  std::map<std::string, std::string> layers;  // those not at the first precision: a recipe's `layers`
};

// A recipe's own `layers` are not followed. Throws as run(), and UsageError for a workload without weights or data.
MixedResult mixed_precision(const config::Chip& chip, const config::Workload& workload, const MixedOptions& options);

// The workload's file with the layers in the recipe of `precision`, as text; its files are named by absolute paths.
std::string mixed_workload(const config::Workload& workload, const std::string& precision,
                           const std::map<std::string, std::string>& layers);

}  // namespace mantissa::study
