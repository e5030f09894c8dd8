// SPDX-License-Identifier: Apache-2.0
#include "network/op.h"

#include <algorithm>

#include "base/error.h"
#include "network/ops/families.h"

namespace mantissa::network {

namespace {

using namespace ops;  // the functions that the rows name

constexpr auto kConv = KernelKind::kConv, kGemm = KernelKind::kGemm, kVector = KernelKind::kVector,
               kReduce = KernelKind::kReduce, kCopy = KernelKind::kCopy, kView = KernelKind::kView,
               kAttention = KernelKind::kAttention;
constexpr Arity kUnary{1, 1, 1}, kBinary{2, 2, 1}, kAny{1, -1, 1};
constexpr std::string_view kWindow = "auto_pad dilations group kernel_shape pads strides";
constexpr std::string_view kLegacy = "axis broadcast";  // opset 6

OpInfo matrix(Op op, std::string_view name, Arity arity, std::string_view attributes, Infer infer, Evaluate evaluate,
              KernelKind kind) {
  return {op, name, arity, attributes, infer, evaluate, kind, 0, 0, 1};
}
OpInfo unary(Op op, std::string_view name, double ops, double specials, std::string_view attributes = "") {
  return {op, name, kUnary, attributes, infer_unary, evaluate_unary, kVector, ops, specials, 1};
}
OpInfo binary(Op op, std::string_view name, double ops, double specials, std::string_view attributes = kLegacy) {
  return {op, name, kBinary, attributes, infer_arithmetic, evaluate_arithmetic, kVector, ops, specials, 1};
}
OpInfo variadic(Op op, std::string_view name) {
  return {op, name, kAny, "", infer_arithmetic, evaluate_arithmetic, kVector, 1, 0, 1};
}
OpInfo logic(Op op, std::string_view name) {
  return {op, name, kBinary, kLegacy, infer_logic, evaluate_logic, kVector, 1, 0, 1};
}
OpInfo reduce(Op op, std::string_view name, double ops, double specials) {
  return {op,  name,     {1, 2, 1}, "axes keepdims noop_with_empty_axes", infer_reduce, evaluate_reduce, kReduce,
          ops, specials, 1};
}
OpInfo pool(Op op, std::string_view name, Arity arity, std::string_view attributes, double ops, double specials) {
  return {op, name, arity, attributes, infer_pool, evaluate_pool, kReduce, ops, specials, 1};
}
OpInfo softmax(Op op, std::string_view name, double ops, double specials, int passes) {
  return {op, name, kUnary, "axis", infer_softmax, evaluate_softmax, kReduce, ops, specials, passes};
}
OpInfo norm(Op op, std::string_view name, Arity arity, std::string_view attributes, KernelKind kind, double ops,
            double specials, int passes) {
  return {op, name, arity, attributes, infer_norm, evaluate_norm, kind, ops, specials, passes};
}
OpInfo view(Op op, std::string_view name, Arity arity, std::string_view attributes, Infer infer) {
  return {op, name, arity, attributes, infer, evaluate_view, kView, 0, 0, 1};
}
OpInfo copy(Op op, std::string_view name, Arity arity, std::string_view attributes, Infer infer, Evaluate evaluate) {
  return {op, name, arity, attributes, infer, evaluate, kCopy, 0, 0, 1};
}
OpInfo made(Op op, std::string_view name, Arity arity, std::string_view attributes, Infer infer, Evaluate evaluate) {
  return {op, name, arity, attributes, infer, evaluate, kView, 0, 0, 1};
}

const std::vector<OpInfo>& table() {
  static const std::vector<OpInfo> kTable = {
      matrix(Op::kConv, "Conv", {2, 3, 1}, kWindow, infer_conv, evaluate_conv, kConv),
      matrix(Op::kConvTranspose, "ConvTranspose", {2, 3, 1},
             "auto_pad dilations group kernel_shape output_padding output_shape pads strides", infer_conv_transpose,
             evaluate_conv_transpose, kConv),
      matrix(Op::kGemm, "Gemm", {2, 3, 1}, "alpha beta broadcast transA transB", infer_gemm, evaluate_gemm, kGemm),
      matrix(Op::kMatMul, "MatMul", kBinary, "", infer_matmul, evaluate_matmul, kGemm),
      matrix(Op::kEinsum, "Einsum", kAny, "equation", infer_einsum, evaluate_einsum, kGemm),
      // Products of codes; what is done to their sums is counted by epilogue_cost (work.cpp).
      matrix(Op::kQLinearConv, "QLinearConv", {8, 9, 1}, kWindow, infer_qlinear_conv, evaluate_qlinear_conv, kConv),
      matrix(Op::kConvInteger, "ConvInteger", {2, 4, 1}, kWindow, infer_conv_integer, evaluate_conv_integer, kConv),
      matrix(Op::kQLinearMatMul, "QLinearMatMul", {8, 8, 1}, "", infer_qlinear_matmul, evaluate_qlinear_matmul, kGemm),
      matrix(Op::kMatMulInteger, "MatMulInteger", {2, 4, 1}, "", infer_matmul_integer, evaluate_matmul_integer, kGemm),

      unary(Op::kRelu, "Relu", 1, 0),
      unary(Op::kLeakyRelu, "LeakyRelu", 2, 0, "alpha"),
      unary(Op::kElu, "Elu", 3, 1, "alpha"),
      unary(Op::kSelu, "Selu", 4, 1, "alpha gamma"),
      unary(Op::kCelu, "Celu", 4, 1, "alpha"),
      unary(Op::kThresholdedRelu, "ThresholdedRelu", 1, 0, "alpha"),
      unary(Op::kShrink, "Shrink", 3, 0, "bias lambd"),
      unary(Op::kSigmoid, "Sigmoid", 1, 2),
      unary(Op::kHardSigmoid, "HardSigmoid", 4, 0, "alpha beta"),
      unary(Op::kHardSwish, "HardSwish", 5, 0),
      unary(Op::kTanh, "Tanh", 0, 1),
      unary(Op::kSoftplus, "Softplus", 3, 2),
      unary(Op::kSoftsign, "Softsign", 2, 1),
      unary(Op::kErf, "Erf", 0, 1),
      unary(Op::kExp, "Exp", 0, 1),
      unary(Op::kLog, "Log", 0, 1),
      unary(Op::kSqrt, "Sqrt", 0, 1),
      unary(Op::kReciprocal, "Reciprocal", 0, 1),
      unary(Op::kAbs, "Abs", 1, 0),
      unary(Op::kNeg, "Neg", 1, 0),
      unary(Op::kFloor, "Floor", 1, 0),
      unary(Op::kCeil, "Ceil", 1, 0),
      unary(Op::kRound, "Round", 1, 0),
      unary(Op::kSign, "Sign", 2, 0),
      unary(Op::kSin, "Sin", 0, 1),
      unary(Op::kCos, "Cos", 0, 1),
      unary(Op::kTan, "Tan", 0, 2),
      unary(Op::kAsin, "Asin", 0, 1),
      unary(Op::kAcos, "Acos", 0, 1),
      unary(Op::kAtan, "Atan", 0, 1),
      unary(Op::kSinh, "Sinh", 2, 2),
      unary(Op::kCosh, "Cosh", 2, 2),
      unary(Op::kAsinh, "Asinh", 2, 2),
      unary(Op::kAcosh, "Acosh", 2, 2),
      unary(Op::kAtanh, "Atanh", 2, 2),
      unary(Op::kNot, "Not", 1, 0),
      unary(Op::kIsNaN, "IsNaN", 1, 0),
      unary(Op::kIsInf, "IsInf", 1, 0, "detect_negative detect_positive"),
      {Op::kClip, "Clip", {1, 3, 1}, "max min", infer_unary, evaluate_unary, kVector, 2, 0, 1},
      {Op::kCast, "Cast", kUnary, "to", infer_cast, evaluate_cast, kView, 1, 0, 1},
      {Op::kCastLike, "CastLike", kBinary, "", infer_cast, evaluate_cast, kView, 1, 0, 1},
      // Scaling (by the reciprocal), rounding, zero point, saturation; and zero point, scaling.
      {Op::kQuantizeLinear, "QuantizeLinear", {2, 3, 1}, "axis", infer_quantize, evaluate_quantize, kVector, 4, 0, 1},
      {Op::kDequantizeLinear,
       "DequantizeLinear",
       {2, 3, 1},
       "axis",
       infer_dequantize,
       evaluate_dequantize,
       kVector,
       2,
       0,
       1},

      binary(Op::kAdd, "Add", 1, 0),
      binary(Op::kSub, "Sub", 1, 0),
      binary(Op::kMul, "Mul", 1, 0),
      binary(Op::kDiv, "Div", 0, 1),
      binary(Op::kPow, "Pow", 1, 2),
      binary(Op::kMod, "Mod", 3, 1, "fmod"),
      binary(Op::kPRelu, "PRelu", 2, 0, ""),
      binary(Op::kBitShift, "BitShift", 1, 0, "direction"),
      logic(Op::kAnd, "And"),
      logic(Op::kOr, "Or"),
      logic(Op::kXor, "Xor"),
      logic(Op::kEqual, "Equal"),
      logic(Op::kGreater, "Greater"),
      logic(Op::kGreaterOrEqual, "GreaterOrEqual"),
      logic(Op::kLess, "Less"),
      logic(Op::kLessOrEqual, "LessOrEqual"),
      variadic(Op::kMin, "Min"),
      variadic(Op::kMax, "Max"),
      variadic(Op::kMean, "Mean"),
      variadic(Op::kSum, "Sum"),
      {Op::kWhere, "Where", {3, 3, 1}, "", infer_where, evaluate_where, kVector, 1, 0, 1},

      // Scale and shift are known at inference: one multiplication and one addition.
      norm(Op::kBatchNormalization, "BatchNormalization", {5, 5, 5}, "epsilon is_test momentum spatial training_mode",
           kVector, 2, 0, 1),
      // Sums of x and x^2 in one pass, normalisation in the second.
      norm(Op::kInstanceNormalization, "InstanceNormalization", {3, 3, 1}, "epsilon", kReduce, 3.5, 0, 2),
      norm(Op::kLayerNormalization, "LayerNormalization", {2, 3, 3}, "axis epsilon stash_type", kReduce, 3.5, 0, 2),
      norm(Op::kMeanVarianceNormalization, "MeanVarianceNormalization", kUnary, "axes", kReduce, 2.5, 0, 2),
      norm(Op::kLRN, "LRN", kUnary, "alpha beta bias size", kVector, 8, 2, 1),
      norm(Op::kLpNormalization, "LpNormalization", kUnary, "axis p", kReduce, 1.5, 0, 2),
      // Maximum, sum of exponentials, scaling: each pass reads the row again.
      softmax(Op::kSoftmax, "Softmax", 4.0 / 3, 1.0 / 3, 3),
      softmax(Op::kLogSoftmax, "LogSoftmax", 4.0 / 3, 1.0 / 3, 3),
      softmax(Op::kHardmax, "Hardmax", 1, 0, 2),

      pool(Op::kMaxPool, "MaxPool", {1, 1, 2}, "auto_pad ceil_mode dilations kernel_shape pads storage_order strides",
           1, 0),
      pool(Op::kAveragePool, "AveragePool", kUnary, "auto_pad ceil_mode count_include_pad kernel_shape pads strides", 1,
           0),
      pool(Op::kLpPool, "LpPool", kUnary, "auto_pad kernel_shape p pads strides", 2, 0),
      pool(Op::kGlobalAveragePool, "GlobalAveragePool", kUnary, "", 1, 0),
      pool(Op::kGlobalMaxPool, "GlobalMaxPool", kUnary, "", 1, 0),
      pool(Op::kGlobalLpPool, "GlobalLpPool", kUnary, "p", 2, 0),

      reduce(Op::kReduceSum, "ReduceSum", 1, 0),
      reduce(Op::kReduceMean, "ReduceMean", 1, 0),
      reduce(Op::kReduceMax, "ReduceMax", 1, 0),
      reduce(Op::kReduceMin, "ReduceMin", 1, 0),
      reduce(Op::kReduceProd, "ReduceProd", 1, 0),
      reduce(Op::kReduceL1, "ReduceL1", 2, 0),
      reduce(Op::kReduceL2, "ReduceL2", 2, 0),
      reduce(Op::kReduceLogSum, "ReduceLogSum", 1, 0),
      reduce(Op::kReduceLogSumExp, "ReduceLogSumExp", 2, 1),
      reduce(Op::kReduceSumSquare, "ReduceSumSquare", 2, 0),
      {Op::kArgMax, "ArgMax", kUnary, "axis keepdims select_last_index", infer_arg, evaluate_arg, kReduce, 2, 0, 1},
      {Op::kArgMin, "ArgMin", kUnary, "axis keepdims select_last_index", infer_arg, evaluate_arg, kReduce, 2, 0, 1},
      {Op::kTopK, "TopK", {1, 2, 2}, "axis k largest sorted", infer_top_k, evaluate_top_k, kReduce, 2, 0, 1},
      {Op::kCumSum, "CumSum", kBinary, "exclusive reverse", infer_cum_sum, evaluate_cum_sum, kVector, 1, 0, 1},
      // Minimum and maximum, two operations an element; then what QuantizeLinear does, four.
      {Op::kDynamicQuantizeLinear,
       "DynamicQuantizeLinear",
       {1, 1, 3},
       "",
       infer_dynamic_quantize,
       evaluate_dynamic_quantize,
       kReduce,
       3,
       0,
       2},

      view(Op::kIdentity, "Identity", kUnary, "", infer_identity),
      view(Op::kDropout, "Dropout", {1, 3, 2}, "is_test ratio seed", infer_dropout),
      view(Op::kReshape, "Reshape", {1, 2, 1}, "allowzero shape", infer_reshape),
      view(Op::kFlatten, "Flatten", kUnary, "axis", infer_flatten),
      view(Op::kSqueeze, "Squeeze", {1, 2, 1}, "axes", infer_squeeze),
      view(Op::kUnsqueeze, "Unsqueeze", {1, 2, 1}, "axes", infer_unsqueeze),

      copy(Op::kTranspose, "Transpose", kUnary, "perm", infer_transpose, evaluate_transpose),
      copy(Op::kConcat, "Concat", kAny, "axis", infer_concat, evaluate_concat),
      copy(Op::kSplit, "Split", {1, 2, 1 << 20}, "axis split", infer_split, evaluate_split),
      copy(Op::kSlice, "Slice", {1, 5, 1}, "axes ends starts", infer_slice, evaluate_slice),
      copy(Op::kPad, "Pad", {1, 3, 1}, "mode pads value", infer_pad, evaluate_pad),
      copy(Op::kExpand, "Expand", kBinary, "", infer_expand, evaluate_expand),
      copy(Op::kTile, "Tile", kBinary, "", infer_tile, evaluate_tile),
      copy(Op::kDepthToSpace, "DepthToSpace", kUnary, "blocksize mode", infer_depth_space, evaluate_depth_space),
      copy(Op::kSpaceToDepth, "SpaceToDepth", kUnary, "blocksize", infer_depth_space, evaluate_depth_space),
      copy(Op::kReverseSequence, "ReverseSequence", kBinary, "batch_axis time_axis", infer_reverse_sequence,
           evaluate_reverse_sequence),
      copy(Op::kGather, "Gather", kBinary, "axis", infer_gather, evaluate_gather),
      copy(Op::kGatherElements, "GatherElements", kBinary, "axis", infer_gather_elements, evaluate_gather_elements),
      copy(Op::kGatherND, "GatherND", kBinary, "batch_dims", infer_gather_nd, evaluate_gather_nd),
      copy(Op::kScatter, "Scatter", {3, 3, 1}, "axis", infer_scatter_elements, evaluate_scatter_elements),
      copy(Op::kScatterElements, "ScatterElements", {3, 3, 1}, "axis reduction", infer_scatter_elements,
           evaluate_scatter_elements),
      copy(Op::kScatterND, "ScatterND", {3, 3, 1}, "reduction", infer_scatter_nd, evaluate_scatter_nd),
      copy(Op::kTrilu, "Trilu", {1, 2, 1}, "upper", infer_trilu, evaluate_trilu),
      copy(Op::kOneHot, "OneHot", {3, 3, 1}, "axis", infer_one_hot, evaluate_one_hot),
      // Charged as bilinear interpolation: three interpolations of two operations; nearest needs less, cubic more.
      {Op::kResize,
       "Resize",
       {1, 4, 1},
       "coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value mode nearest_mode",
       infer_resize,
       evaluate_resize,
       kVector,
       6,
       0,
       1},
      {Op::kUpsample, "Upsample", {1, 2, 1}, "mode scales", infer_resize, evaluate_resize, kVector, 6, 0, 1},
      copy(Op::kMaxUnpool, "MaxUnpool", {2, 3, 1}, "kernel_shape pads strides", infer_max_unpool, evaluate_max_unpool),
      {Op::kGridSample, "GridSample", kBinary, "align_corners mode padding_mode", infer_grid_sample,
       evaluate_grid_sample, kVector, 12, 0, 1},

      made(Op::kConstant, "Constant", {0, 0, 1}, "value value_float value_floats value_int value_ints", infer_constant,
           evaluate_constant),
      made(Op::kConstantOfShape, "ConstantOfShape", kUnary, "value", infer_constant_of_shape,
           evaluate_constant_of_shape),
      made(Op::kShape, "Shape", kUnary, "end start", infer_shape, evaluate_shape),
      made(Op::kSize, "Size", kUnary, "", infer_size, evaluate_size),
      made(Op::kRange, "Range", {3, 3, 1}, "", infer_range, evaluate_range),
      made(Op::kEyeLike, "EyeLike", kUnary, "dtype k", infer_eye_like, evaluate_eye_like),

      unary(Op::kSilu, "mantissa.Silu", 2, 2),
      unary(Op::kGelu, "mantissa.Gelu", 4, 1),
      {Op::kRmsNorm, "mantissa.RmsNorm", kBinary, "epsilon", infer_rms_norm, evaluate_rms_norm, kReduce, 2, 0, 2},
      {Op::kRotary, "mantissa.Rotary", kUnary, "head_dim heads", infer_rotary, nullptr, kVector, 3, 0, 1},
      {Op::kAttention,
       "mantissa.Attention",
       {3, 5, 1},
       "causal head_dim heads kv_heads",
       infer_attention,
       nullptr,
       kAttention,
       0,
       0,
       1},
  };
  return kTable;
}

}  // namespace

std::span<const OpInfo> op_table() {
  return table();
}

const OpInfo& info(Op op) {
  const auto i = static_cast<std::size_t>(op);
  check(i < table().size() && table()[i].op == op, "the operator table is in the order of enum Op");
  return table()[i];
}

const OpInfo* find_op(std::string_view name) {
  const auto row = std::ranges::find(table(), name, &OpInfo::name);
  return row == table().end() ? nullptr : &*row;
}

}  // namespace mantissa::network
