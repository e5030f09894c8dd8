// SPDX-License-Identifier: Apache-2.0
// The operators that Mantissa knows: one table (network/op.cpp) with, for each, its ONNX name, how shapes follow from
// inputs, what it computes in FP32, and what kind of kernel it becomes. An operator that is not in the table is refused
// by name.
#pragma once
#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "network/graph.h"

namespace mantissa::network {

// One enumerator per row of the table, in its order.
enum class Op : int {
  // matrix operations
  kConv,
  kConvTranspose,
  kGemm,
  kMatMul,
  kEinsum,
  kQLinearConv,
  kConvInteger,
  kQLinearMatMul,
  kMatMulInteger,
  // element by element, one input
  kRelu,
  kLeakyRelu,
  kElu,
  kSelu,
  kCelu,
  kThresholdedRelu,
  kShrink,
  kSigmoid,
  kHardSigmoid,
  kHardSwish,
  kTanh,
  kSoftplus,
  kSoftsign,
  kErf,
  kExp,
  kLog,
  kSqrt,
  kReciprocal,
  kAbs,
  kNeg,
  kFloor,
  kCeil,
  kRound,
  kSign,
  kSin,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kAsinh,
  kAcosh,
  kAtanh,
  kNot,
  kIsNaN,
  kIsInf,
  kClip,
  kCast,
  kCastLike,
  kQuantizeLinear,
  kDequantizeLinear,
  // element by element, several inputs with broadcasting
  kAdd,
  kSub,
  kMul,
  kDiv,
  kPow,
  kMod,
  kPRelu,
  kBitShift,
  kAnd,
  kOr,
  kXor,
  kEqual,
  kGreater,
  kGreaterOrEqual,
  kLess,
  kLessOrEqual,
  kMin,
  kMax,
  kMean,
  kSum,
  kWhere,
  // normalisation
  kBatchNormalization,
  kInstanceNormalization,
  kLayerNormalization,
  kMeanVarianceNormalization,
  kLRN,
  kLpNormalization,
  kSoftmax,
  kLogSoftmax,
  kHardmax,
  // pooling
  kMaxPool,
  kAveragePool,
  kLpPool,
  kGlobalAveragePool,
  kGlobalMaxPool,
  kGlobalLpPool,
  // reductions and scans
  kReduceSum,
  kReduceMean,
  kReduceMax,
  kReduceMin,
  kReduceProd,
  kReduceL1,
  kReduceL2,
  kReduceLogSum,
  kReduceLogSumExp,
  kReduceSumSquare,
  kArgMax,
  kArgMin,
  kTopK,
  kCumSum,
  kDynamicQuantizeLinear,
  // views
  kIdentity,
  kDropout,
  kReshape,
  kFlatten,
  kSqueeze,
  kUnsqueeze,
  // movement
  kTranspose,
  kConcat,
  kSplit,
  kSlice,
  kPad,
  kExpand,
  kTile,
  kDepthToSpace,
  kSpaceToDepth,
  kReverseSequence,
  kGather,
  kGatherElements,
  kGatherND,
  kScatter,
  kScatterElements,
  kScatterND,
  kTrilu,
  kOneHot,
  kResize,
  kUpsample,
  kMaxUnpool,
  kGridSample,
  // values made from shapes and attributes
  kConstant,
  kConstantOfShape,
  kShape,
  kSize,
  kRange,
  kEyeLike,
  // the compact form of shape-only networks (docs/workloads.md)
  kSilu,
  kGelu,
  kRmsNorm,
  kRotary,
  kAttention,
  kCount,
};

// Bad attributes, shapes or types of one operator; the importer adds the file and the node's name.
class OpError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct TensorType {
  ElementType type = ElementType::kFloat;
  Shape shape;
};

// Inputs are null where an optional input is absent. `infer` may read Value::constant (Reshape's target, Slice's starts
// ...) and throws OpError when it needs one that is not known. One result per entry of Node::outputs (at least one).
using Infer = std::vector<TensorType> (*)(const Node& node, std::span<const Value* const> inputs);
// Exact for integers, FP32 (accumulating as documented in numerics/datapath.h fp32_reference) for floats: products of
// matrix operations in order of k; functions like exp are computed in double and rounded once; sums of reductions add
// in double and round once. Throws OpError on indices out of range; never reads outside its inputs. Same number of
// results as infer.
using Evaluate = std::vector<Tensor> (*)(const Node& node, std::span<const Tensor* const> inputs);

// What lowering makes of it.
enum class KernelKind { kGemm, kConv, kVector, kReduce, kAttention, kCopy, kView };

// How many inputs and outputs a node may have; max_inputs < 0: any number.
struct Arity {
  int min_inputs = 1, max_inputs = 1, max_outputs = 1;
};

struct OpInfo {
  Op op{};
  std::string_view name;  // ONNX's; "mantissa.Attention" and the like for operators of the compact form
  Arity arity;
  std::string_view attributes;  // names it understands, separated by spaces; others are refused, not ignored
  Infer infer = nullptr;
  Evaluate evaluate = nullptr;  // null: timing only
  KernelKind kind = KernelKind::kVector;
  double vector_ops = 1;   // simple operations: kVector: per output element; kReduce: per element read, in each pass
  double special_ops = 0;  // exp, log, tanh, erf, division, square root
  int reduce_passes = 1;   // kReduce
};

// The inputs that a matrix operation multiplies: data, then weights or the second matrix. {0, 1} for all others.
std::array<std::size_t, 2> matrix_operands(Op op);

std::span<const OpInfo> op_table();
const OpInfo& info(Op op);
const OpInfo* find_op(std::string_view name);  // nullptr: not known
// Why an operator that find_op does not know is refused ("control flow", "its output's size depends on data", ...), for
// the message.
std::string refusal(std::string_view name);

// Checks the counts of inputs and outputs and the attribute names against the table, then calls the row's `infer`.
// Every resulting shape has dimensions >= 0 and fewer than 2^62 elements.
std::vector<TensorType> infer(const Node& node, std::span<const Value* const> inputs);
// Calls the row's `evaluate`, which starts with that `infer` (so shapes and counts are checked). Throws OpError if it
// is null.
std::vector<Tensor> evaluate(const Node& node, std::span<const Tensor* const> inputs);

}  // namespace mantissa::network
