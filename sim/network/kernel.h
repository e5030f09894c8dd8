// SPDX-License-Identifier: Apache-2.0
// What a chip runs: kernels. Lowering turns a graph into kernels, with the element-wise tail of a matrix operation
// (bias, activation, residual add) fused into it as all three vendors' compilers do. Views (Reshape, Flatten, Squeeze
// ...) move no data and become no kernel. Timing and energy read kernels; only execution reads the graph's data.
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/units.h"
#include "network/graph.h"

namespace mantissa::network {

// batch independent products of [m x k] by [k x n].
struct GemmWork {
  std::int64_t batch = 1, m = 1, n = 1, k = 1;
  bool operator==(const GemmWork&) const = default;
};

struct ConvWork {
  std::int64_t n = 1, c = 1, h = 1, w = 1;  // input, NCHW
  std::int64_t out_c = 1, out_h = 1, out_w = 1;
  std::int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, groups = 1;
  bool depthwise() const { return groups > 1 && groups == c; }
  bool operator==(const ConvWork&) const = default;
};

// Element-wise work: `elements` results of `ops` simple operations and `specials` special functions (exp, div, tanh)
// each.
struct VectorWork {
  std::int64_t elements = 0;
  double ops = 1, specials = 0;
  bool operator==(const VectorWork&) const = default;
};

// `rows` reductions of `length` elements each, `passes` times over the data (softmax 3, layer norm 2, pooling 1).
struct ReduceWork {
  std::int64_t rows = 1, length = 1;
  int passes = 1;
  double ops = 1, specials = 0;  // per element read
  bool operator==(const ReduceWork&) const = default;
};

// Fused scaled-dot-product attention; a decode step has q_length 1 and kv_length the cache's length.
struct AttentionWork {
  std::int64_t batch = 1, heads = 1, kv_heads = 1, q_length = 1, kv_length = 1, head_dim = 1;
  bool causal = false;
  bool operator==(const AttentionWork&) const = default;
};

// Moves or gathers data without arithmetic (Transpose, Concat, Slice, Gather, Pad, Resize nearest ...).
struct CopyWork {
  std::int64_t elements = 0;
  std::int64_t contiguous_elements = 1;  // run length of the strided side
  bool operator==(const CopyWork&) const = default;
};

using Work = std::variant<GemmWork, ConvWork, VectorWork, ReduceWork, AttentionWork, CopyWork>;

// Which of a precision's formats a tensor is kept in.
enum class Storage {
  kMatrix,  // the matrix unit's operand format: every consumer is a matrix operation (or it is a matrix operand's
            // weight)
  kVector,  // the format between matrix operations
  kIndex,   // 64-bit integers
  kByte,    // codes of 8 bits, booleans
  kWord,    // 32 bits: sums of products of codes, scales of quantized operators
};

// A tensor that a kernel reads or writes in memory.
struct Operand {
  ValueId value = -1;
  std::int64_t elements = 0;
  Storage storage = Storage::kVector;
  bool weights = false;
  bool operator==(const Operand&) const = default;
};

struct Kernel {
  std::string name;        // of its first node
  std::vector<int> nodes;  // indices into Graph::nodes: the first is the main operation, the rest is fused
  Work work;
  // reads[0] is the data operand (gemm: A; conv: input; attention: Q), reads[1] the second matrix operand (B, weights,
  // K), then the rest (bias, residual, V). One write, unless the operation has several outputs. A tensor that is only
  // another shape of one before (a view) appears as that one; single numbers (a Clip's limits, a scale) and constant
  // indices and zero points are part of the instructions. Keys and values with a cache: reads[1] and reads[2] are the
  // cache, the new positions included.
  std::vector<Operand> reads, writes;
  double epilogue_ops = 0, epilogue_specials = 0;  // fused element-wise work per output element, bias included
  std::int64_t repeat = 1;  // the same kernel, this many times in a row (repeated blocks of a shape-only network)

  bool is_matrix() const;  // gemm, conv or attention
  Macs macs() const;       // of one repetition; multiply-accumulates of matrix work only
  std::int64_t output_elements() const;
};

// Throws ConfigError (at Graph::name, an ONNX network's file) naming the node when something cannot be lowered; nothing
// is dropped.
std::vector<Kernel> lower(const Graph& graph);

// The convolution as a matrix product over im2col: m = output pixels of all images, n = output channels of a group,
// k = channels of a group x kernel; batch = groups.
GemmWork as_gemm(const ConvWork& conv);

// Equal but for names and which tensors they touch: a chip without state needs to simulate only one of them.
bool same_cost(const Kernel& a, const Kernel& b);

}  // namespace mantissa::network
