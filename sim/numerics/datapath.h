// SPDX-License-Identifier: Apache-2.0
// A matrix unit's arithmetic as data: how a dot product of two vectors in given formats is accumulated, bit by bit. One
// description covers tensor cores, systolic columns and integer MAC arrays; an architect types another one into a YAML
// file.
//
// One step takes `group` products and the running accumulator c:
//   kAligned        exact products (significands not normalised) and c are shifted to the largest exponent among them,
//   each
//                   truncated toward zero at `align_fraction_bits` fraction bits, summed exactly, then rounded to
//                   `accumulator` (Hopper: group 16, F 25, RZ to FP32; FP8: group 32, F 13, RZ to e8m13).
//   kExact          exact products and c are summed without intermediate rounding, then rounded to `accumulator` (TPU:
//   group 4).
//                   With `tile_fraction_bits` T > 0 (ANE: group 4, T 11) the products are first added one after the
//                   other by a narrow adder: both addends are cut toward zero at T fraction bits of the larger one, and
//                   so is their sum. The tile's sum is then added to c and rounded to `accumulator`.
//   kSequentialFma  group 1: c = round(a*b + c), one IEEE fused multiply-add after the other (CUDA cores).
//   kInteger        exact 32-bit two's-complement sum, wrapping.
// With `promote_every` > 0 the accumulator is added to a separate FP32 sum (nearest even) and cleared after each
// promote_every products and at the end; an initial c goes into that sum. At the end the accumulator, or that sum, is
// rounded to `output`.
//
// Zeros: products that are zero take no part in alignment; an exact zero sum is +0 (kSequentialFma: IEEE's sign rules).
// NaN, infinity times zero and infinity minus infinity give canonical_nan(). docs/numerics.md says what is known of
// real chips.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "numerics/format.h"

namespace mantissa::numerics {

enum class Accumulation { kAligned, kExact, kSequentialFma, kInteger };

struct Datapath {
  std::string name;
  Format a, b;  // operand formats; operands are rounded to them before (TF32: toward zero, see operand_rounding)
  Rounding operand_rounding = Rounding::kNearestEven;
  bool flush_subnormal_operands = false;
  Accumulation accumulation = Accumulation::kAligned;
  int group = 1;
  int align_fraction_bits = 0;  // kAligned only, 1..40
  int tile_fraction_bits = 0;   // kExact only, 0 (off) or 2..22
  Format accumulator;
  Rounding accumulator_rounding = Rounding::kTowardZero;
  int promote_every = 0;  // products; a multiple of group; 0: never
  Format output;
  Rounding output_rounding = Rounding::kNearestEven;
};

// What is wrong with this description ("group must be at least 1"), or empty. The functions below throw ModelError with
// it.
std::string defect(const Datapath& datapath);

// The slow, obvious oracle: c plus the dot product of a and b (equal lengths, values on the operand grids, c on the
// accumulator's), in exact integers. REQUIRES: not kInteger.
// A length that is no multiple of `group` is padded with zeros.
float dot_oracle(const Datapath& datapath, std::span<const float> a, std::span<const float> b, float c);
std::int32_t dot_oracle(std::span<const std::int8_t> a, std::span<const std::int8_t> b, std::int32_t c);

// c[m][p] = dot over k of a[m][k] * b[k][p], from a zero accumulator; row-major, leading dimensions in elements. The k
// order is the order of accumulation. Values of a and b must lie on the operand grids. Bit-identical to dot_oracle, to
// any other instruction set, and for any number of threads the caller splits m or p over. REQUIRES: not kInteger.
void gemm(const Datapath& datapath, std::int64_t m, std::int64_t p, std::int64_t k, const float* a, std::int64_t lda,
          const float* b, std::int64_t ldb, float* c, std::int64_t ldc);
// The integer datapath: exact.
void gemm(std::int64_t m, std::int64_t p, std::int64_t k, const std::int8_t* a, std::int64_t lda, const std::int8_t* b,
          std::int64_t ldb, std::int32_t* c, std::int64_t ldc);

// Rounds operands to the grid the datapath multiplies (format, rounding, subnormal flush), vectorised.
void prepare_operand(const Datapath& datapath, const Format& format, std::span<float> values);

// Plain FP32 (one fused multiply-add per product, in k order): the FP32 reference, and CUDA-core FP32.
Datapath fp32_reference();

}  // namespace mantissa::numerics
