// SPDX-License-Identifier: Apache-2.0
// The operators that Mantissa knows: one table (network/op.cpp) with, for each, its ONNX name, how shapes follow from inputs, what it
// computes in FP32, and what kind of kernel it becomes. An operator that is not in the table is refused by name.
#pragma once
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "network/graph.h"

namespace mantissa::network {

// Bad attributes, shapes or types of one operator; the importer adds the file and the node's name.
class OpError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct TensorType {
  ElementType type = ElementType::kFloat;
  Shape shape;
};

// Inputs are null where an optional input is absent. `infer` may read Value::constant (Reshape's target, Slice's starts ...)
// and throws OpError when it needs one that is not known.
using Infer = std::vector<TensorType> (*)(const Node& node, std::span<const Value* const> inputs);
// Exact for integers, FP32 (accumulating as documented in numerics/datapath.h fp32_reference) for floats.
using Evaluate = std::vector<Tensor> (*)(const Node& node, std::span<const Tensor* const> inputs);

// What lowering makes of it.
enum class KernelKind { kGemm, kConv, kVector, kReduce, kAttention, kCopy, kView };

struct OpInfo {
  Op op{};
  std::string_view name;             // ONNX's; "mantissa.Attention" and the like for operators of the compact form
  Infer infer = nullptr;
  Evaluate evaluate = nullptr;       // null: timing only
  KernelKind kind = KernelKind::kVector;
  double vector_ops = 1;             // kVector, kReduce: simple operations per output (kReduce: per input) element
  double special_ops = 0;            // exp, log, tanh, erf, division, square root
  int reduce_passes = 1;             // kReduce
};

std::span<const OpInfo> op_table();
const OpInfo& info(Op op);
const OpInfo* find_op(std::string_view name);   // nullptr: not known

}  // namespace mantissa::network
