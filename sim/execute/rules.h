// SPDX-License-Identifier: Apache-2.0
// Which arithmetic each matrix operation of a network gets, from the precision, the recipe and the calibration.
#pragma once
#include "execute/executor.h"
#include "execute/matrix/operation.h"
#include "network/kernel.h"

namespace mantissa::execute {

// Throws ConfigError for names in keep_float that are no matrix operation of the graph, and for recipes that cannot be
// carried out. `file` is named in messages.
void check_recipe(const network::Graph& graph, const config::Recipe& recipe, const std::string& file);

class RuleBook {
 public:
  // REQUIRES: all arguments outlive the book.
  RuleBook(const network::Graph& graph, const config::Precision& precision, const config::Recipe& recipe,
           const Calibration& calibration);

  bool keeps_float(const network::Node& node) const;
  // Of a matrix kernel's main node.
  const numerics::Datapath& datapath(const network::Kernel& kernel) const;
  MatrixRules rules(const network::Kernel& kernel) const;

 private:
  OperandRule activation_rule(const network::Node& node, std::size_t input, const numerics::Format& format) const;
  OperandRule weight_rule(const network::Node& node, const numerics::Format& format, const network::Tensor& weights,
                          int axis) const;

  const network::Graph& graph_;
  const config::Precision& precision_;
  const config::Recipe& recipe_;
  const Calibration& calibration_;
  numerics::Datapath float_datapath_;  // of kept nodes: the vector format's operands through FP32 multiply-adds
};

}  // namespace mantissa::execute
