// SPDX-License-Identifier: Apache-2.0
// One point of a sweep: what points share is made before their processes are forked (networks; where accuracy is
// measured the FP32 reference and the calibration), the rest is done in each.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "config/sweep.h"
#include "network/graph.h"
#include "report/sweep_table.h"
#include "study/study.h"

namespace mantissa::study {

class PointRunner {
 public:
  PointRunner(const config::Sweep& sweep, Progress progress);
  ~PointRunner();
  PointRunner(const PointRunner&) = delete;
  PointRunner& operator=(const PointRunner&) = delete;

  // Makes what this point shares with others, where it is not there. What is wrong is left to its run.
  void prepare(const config::SweepPoint& point);
  // The result as bytes, for a process of its own. Throws what went wrong, in one line.
  std::string run(const config::SweepPoint& point) const;
  // Fills in the row's results.
  static void unpack(const std::string& bytes, report::SweepRow& row);

 private:
  class References;

  const config::Sweep& sweep_;
  Progress progress_;
  std::unique_ptr<References> references_;
  std::map<std::string, network::Graph> graphs_;  // by what of a point makes the network
  std::set<std::string> prepared_;                // those and the others that were looked at
};

}  // namespace mantissa::study
