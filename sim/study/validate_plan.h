// SPDX-License-Identifier: Apache-2.0
// What a row of the table of models says of a network's run: which network, how many chips, which passes. Private to
// study/validate_networks.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "study/many_chips.h"
#include "study/validate_table.h"

namespace mantissa::study {

// What a row says; 0 where it does not.
struct Facts {
  std::string text, notes, metric, unit, precision;
  std::int64_t chips = 0, batch = 0;
};

Facts facts_of(const MeasuredTable& table, const MeasuredTable::Row& row);
bool holds(const std::string& text, std::string_view word);

struct Pass {
  StepRequest request;
  std::int64_t times = 1;
};

// One row's passes over a network; `divided`: request.parallel is given, else
// the fastest way is taken.
struct Plan {
  std::string name;  // of the network
  std::vector<Pass> passes;
  std::int64_t chips = 1;
  bool divided = false;
  std::string reason;  // why it cannot be run
};

// Rows of inference with a text model: a prompt, tokens after a context, or both. Nothing: another kind of row.
std::optional<Plan> inference_plan(const Facts& facts);
// Rows of training: "MLPerf train resnet steady throughput", "MaxText 22B training".
std::optional<Plan> training_plan(const Facts& facts);

}  // namespace mantissa::study
