// SPDX-License-Identifier: Apache-2.0
// The functions behind the rows of the operator table (network/op.cpp); operators of a family share one and look at
// Node::op.
#pragma once
#include "network/ops/common.h"

namespace mantissa::network::ops {

// conv.cpp, matmul.cpp, einsum.cpp
Types infer_conv(const Node&, Values);
std::vector<Tensor> evaluate_conv(const Node&, Tensors);
Types infer_conv_transpose(const Node&, Values);
std::vector<Tensor> evaluate_conv_transpose(const Node&, Tensors);
Types infer_gemm(const Node&, Values);
std::vector<Tensor> evaluate_gemm(const Node&, Tensors);
Types infer_matmul(const Node&, Values);
std::vector<Tensor> evaluate_matmul(const Node&, Tensors);
Types infer_einsum(const Node&, Values);
std::vector<Tensor> evaluate_einsum(const Node&, Tensors);

// quantized_conv.cpp, quantized_matmul.cpp, quantize.cpp
Types infer_qlinear_conv(const Node&, Values);
std::vector<Tensor> evaluate_qlinear_conv(const Node&, Tensors);
Types infer_conv_integer(const Node&, Values);
std::vector<Tensor> evaluate_conv_integer(const Node&, Tensors);
Types infer_qlinear_matmul(const Node&, Values);
std::vector<Tensor> evaluate_qlinear_matmul(const Node&, Tensors);
Types infer_matmul_integer(const Node&, Values);
std::vector<Tensor> evaluate_matmul_integer(const Node&, Tensors);
Types infer_quantize(const Node&, Values);
std::vector<Tensor> evaluate_quantize(const Node&, Tensors);
Types infer_dequantize(const Node&, Values);
std::vector<Tensor> evaluate_dequantize(const Node&, Tensors);
Types infer_dynamic_quantize(const Node&, Values);
std::vector<Tensor> evaluate_dynamic_quantize(const Node&, Tensors);

// unary.cpp, cast.cpp
Types infer_unary(const Node&, Values);
std::vector<Tensor> evaluate_unary(const Node&, Tensors);
Types infer_cast(const Node&, Values);
std::vector<Tensor> evaluate_cast(const Node&, Tensors);

// binary.cpp, logic.cpp
Types infer_arithmetic(const Node&, Values);
std::vector<Tensor> evaluate_arithmetic(const Node&, Tensors);
Types infer_logic(const Node&, Values);
std::vector<Tensor> evaluate_logic(const Node&, Tensors);
Types infer_where(const Node&, Values);
std::vector<Tensor> evaluate_where(const Node&, Tensors);

// norm.cpp, softmax.cpp
Types infer_norm(const Node&, Values);
std::vector<Tensor> evaluate_norm(const Node&, Tensors);
Types infer_softmax(const Node&, Values);
std::vector<Tensor> evaluate_softmax(const Node&, Tensors);

// pool.cpp
Types infer_pool(const Node&, Values);
std::vector<Tensor> evaluate_pool(const Node&, Tensors);
Types infer_max_unpool(const Node&, Values);
std::vector<Tensor> evaluate_max_unpool(const Node&, Tensors);

// reduce.cpp, select.cpp
Types infer_reduce(const Node&, Values);
std::vector<Tensor> evaluate_reduce(const Node&, Tensors);
Types infer_arg(const Node&, Values);
std::vector<Tensor> evaluate_arg(const Node&, Tensors);
Types infer_top_k(const Node&, Values);
std::vector<Tensor> evaluate_top_k(const Node&, Tensors);
Types infer_cum_sum(const Node&, Values);
std::vector<Tensor> evaluate_cum_sum(const Node&, Tensors);

// view.cpp: one evaluation for all of them
Types infer_identity(const Node&, Values);
Types infer_dropout(const Node&, Values);
Types infer_reshape(const Node&, Values);
Types infer_flatten(const Node&, Values);
Types infer_squeeze(const Node&, Values);
Types infer_unsqueeze(const Node&, Values);
std::vector<Tensor> evaluate_view(const Node&, Tensors);

// movement.cpp, slice.cpp
Types infer_transpose(const Node&, Values);
std::vector<Tensor> evaluate_transpose(const Node&, Tensors);
Types infer_concat(const Node&, Values);
std::vector<Tensor> evaluate_concat(const Node&, Tensors);
Types infer_expand(const Node&, Values);
std::vector<Tensor> evaluate_expand(const Node&, Tensors);
Types infer_tile(const Node&, Values);
std::vector<Tensor> evaluate_tile(const Node&, Tensors);
Types infer_depth_space(const Node&, Values);
std::vector<Tensor> evaluate_depth_space(const Node&, Tensors);
Types infer_trilu(const Node&, Values);
std::vector<Tensor> evaluate_trilu(const Node&, Tensors);
Types infer_reverse_sequence(const Node&, Values);
std::vector<Tensor> evaluate_reverse_sequence(const Node&, Tensors);
Types infer_split(const Node&, Values);
std::vector<Tensor> evaluate_split(const Node&, Tensors);
Types infer_slice(const Node&, Values);
std::vector<Tensor> evaluate_slice(const Node&, Tensors);
Types infer_pad(const Node&, Values);
std::vector<Tensor> evaluate_pad(const Node&, Tensors);

// gather.cpp, scatter.cpp
Dim index_in(Dim index, Dim size);  // a negative index counts from the end; throws OpError outside the dimension
Types infer_gather(const Node&, Values);
std::vector<Tensor> evaluate_gather(const Node&, Tensors);
Types infer_gather_elements(const Node&, Values);
std::vector<Tensor> evaluate_gather_elements(const Node&, Tensors);
Types infer_gather_nd(const Node&, Values);
std::vector<Tensor> evaluate_gather_nd(const Node&, Tensors);
Types infer_scatter_elements(const Node&, Values);
std::vector<Tensor> evaluate_scatter_elements(const Node&, Tensors);
Types infer_scatter_nd(const Node&, Values);
std::vector<Tensor> evaluate_scatter_nd(const Node&, Tensors);
Types infer_one_hot(const Node&, Values);
std::vector<Tensor> evaluate_one_hot(const Node&, Tensors);

// resize.cpp, sample.cpp
Types infer_resize(const Node&, Values);
std::vector<Tensor> evaluate_resize(const Node&, Tensors);
Types infer_grid_sample(const Node&, Values);
std::vector<Tensor> evaluate_grid_sample(const Node&, Tensors);

// shape.cpp
Types infer_constant(const Node&, Values);
std::vector<Tensor> evaluate_constant(const Node&, Tensors);
Types infer_constant_of_shape(const Node&, Values);
std::vector<Tensor> evaluate_constant_of_shape(const Node&, Tensors);
Types infer_shape(const Node&, Values);
std::vector<Tensor> evaluate_shape(const Node&, Tensors);
Types infer_size(const Node&, Values);
std::vector<Tensor> evaluate_size(const Node&, Tensors);
Types infer_range(const Node&, Values);
std::vector<Tensor> evaluate_range(const Node&, Tensors);
Types infer_eye_like(const Node&, Values);
std::vector<Tensor> evaluate_eye_like(const Node&, Tensors);

// compact.cpp
Types infer_rms_norm(const Node&, Values);
std::vector<Tensor> evaluate_rms_norm(const Node&, Tensors);
Types infer_rotary(const Node&, Values);
Types infer_attention(const Node&, Values);

}  // namespace mantissa::network::ops
