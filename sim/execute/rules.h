// SPDX-License-Identifier: Apache-2.0
// Which arithmetic each matrix operation of a network gets, from the precisions, the recipe and the calibration.
#pragma once
#include "execute/executor.h"
#include "execute/matrix/operation.h"
#include "network/kernel.h"

namespace mantissa::execute {

// Throws ConfigError for names in keep_float and layers that are no matrix operation of the graph (a name in both is
// refused too), and for recipes that cannot be carried out. `file` is named in messages.
void check_recipe(const network::Graph& graph, const config::Recipe& recipe, const std::string& file);

// recipe.layers with the chip's precisions in place of their names. Throws ConfigError for a precision that the chip
// has not got, and as check_recipe. REQUIRES: the chip outlives the plan.
config::PrecisionPlan make_plan(const config::Chip& chip, const config::Precision& base, const network::Graph& graph,
                                const config::Recipe& recipe, const std::string& file);

class RuleBook {
 public:
  // REQUIRES: all arguments outlive the book.
  RuleBook(const network::Graph& graph, const config::PrecisionPlan& plan, const config::Recipe& recipe,
           const Calibration& calibration);

  bool keeps_float(const network::Node& node) const;
  const config::Precision& precision(const network::Node& node) const { return plan_.of(node.name); }
  // Of a matrix kernel's main node.
  const numerics::Datapath& datapath(const network::Kernel& kernel) const;
  MatrixRules rules(const network::Kernel& kernel) const;
  // Whether rules() looks something up in the calibration.
  bool needs_calibration(const network::Kernel& kernel) const;

 private:
  // An operand of a matrix operation, as the network sees it.
  struct Side {
    const network::Node& node;
    std::size_t input;         // 0 or 1
    network::ValueId value;    // -1: absent
    bool computed;             // at run time
    bool kept;                 // in float
    bool convolution, cached;  // of a convolution; a key or value of the KV cache
    bool is_value;             // of the KV cache: tokens lie along the reduction
  };
  Side side(const network::Kernel& kernel, std::size_t input) const;
  const config::TensorRecipe* storage_recipe(const Side& side) const;  // nullptr: none
  bool needs_range(const Side& side, const numerics::Format& format) const;
  bool is_given(const network::Node& node) const;  // operands are quantized by the file
  OperandRule operand_rule(const Side& side, const numerics::Format& format) const;
  const quantize::Observer& observed(const Side& side, quantize::Observer& of_constant) const;
  const Calibration::Smoothed* smoothed(const network::Node& node) const;

  const network::Graph& graph_;
  const config::PrecisionPlan& plan_;
  const config::Recipe& recipe_;
  const Calibration& calibration_;
  std::vector<bool> is_probability_;   // by value: what a Softmax gave, and what is made of it element by element
  numerics::Datapath float_datapath_;  // of kept nodes: the vector format's operands through FP32 multiply-adds
};

}  // namespace mantissa::execute
