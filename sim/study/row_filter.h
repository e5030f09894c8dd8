// SPDX-License-Identifier: Apache-2.0
// A condition on the points of a sweep: "latency_s < 0.002 && chip == 'tpu_v4'". Numbers are compared as in
// config/expression.h; text columns (chip, workload, precision, error, keys that are names) with == and != and a quoted
// text.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "config/expression.h"
#include "report/sweep_quantities.h"

namespace mantissa::study {

class RowFilter {
 public:
  // `origin`: what messages call the text ("--where"). Throws ConfigError for mistakes of writing, and for names that
  // the result has not got.
  RowFilter(const report::SweepResult& result, const std::string& text, const std::string& origin);

  // False where a value that the condition needs is missing.
  bool matches(const report::SweepResult& result, const report::SweepRow& row) const;

 private:
  struct Comparison {
    std::string name;  // that stands for it in the expression
    std::string column, text;
    bool equal = true;
  };
  std::string without_texts(const report::SweepResult& result, const std::string& text, const std::string& origin);

  std::vector<Comparison> comparisons_;
  config::Expression expression_;
};

}  // namespace mantissa::study
