// SPDX-License-Identifier: Apache-2.0
// A matrix unit's arithmetic as data: how a dot product of two vectors in given formats is accumulated, bit by bit. One
// description covers tensor cores, systolic columns and integer MAC arrays; an architect types another one into a YAML
// file. docs/numerics.md says what is known of real chips.
//
// One step takes `group` products and the running accumulator c:
//   kAligned        exact products (significands not normalised) and c are shifted to the largest exponent among them,
//                   each truncated toward zero at `align_fraction_bits` fraction bits, summed exactly, then rounded to
//                   `accumulator` (Hopper: group 16, F 25, RZ to FP32; FP8: group 32, F 13, RZ to e8m13).
//   kExact          exact products and c are summed without intermediate rounding, then rounded to `accumulator` (TPU:
//                   group 4). With `tile_fraction_bits` T > 0 (ANE: group 4, T 11) the products are first added one
//                   after the other by a narrow adder: both addends are cut toward zero at T fraction bits of the
//                   larger one, and so is their sum. The tile's sum is then added to c and rounded to `accumulator`.
//   kSequentialFma  group 1: c = round(a*b + c), one IEEE fused multiply-add after the other (CUDA cores).
//   kInteger        c plus the exact sum of the group, wrapped (two's complement) or clamped to the bits of
//                   `accumulator`, see `integer_overflow`.
// Zeros: products that are zero take no part in alignment, unless `zero_operands` says otherwise; an exact zero sum is
// +0 (kSequentialFma: IEEE's sign rules). NaN, infinity times zero and infinity minus infinity give canonical_nan().
// A length that is no multiple of what one step (or one interleaved block) takes is padded with zeros.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "numerics/format.h"

namespace mantissa::numerics {

enum class Accumulation { kAligned, kExact, kSequentialFma, kInteger };

// kAligned: the exponent of a zero. No silicon output is known that tells which of the two a chip does.
enum class ZeroOperands {
  kIgnored,         // a zero product, and an accumulator of zero, take no part in alignment (Khattak and Mikaitis)
  kSmallestNormal,  // a zero operand, and an accumulator of zero, have FP32's smallest normal exponent, -126, whatever
                    // their format: 0 * 2^120 aligns the group to 2^-6 at least (MMA-Sim)
};

enum class IntegerOverflow {
  kWrap,      // modulo 2^bits: the group does not matter
  kSaturate,  // clamped to -2^(bits-1)..2^(bits-1)-1 after each group
};

// How a c from outside enters the first step (or the promoted sum), which may be of fewer bits than c's format.
enum class InitialRounding {
  kTowardZero,   // rounded to the grid of `accumulator` (with promotion: `promotion`) toward zero
  kNearestEven,  // rounded to it to nearest even
  kNone,         // with all the bits of its FP32 value; the first rounding is that of the first step
};

struct Datapath {
  std::string name;
  Format a, b;  // operand formats; operands are rounded to them before (TF32: toward zero, see operand_rounding)
  Rounding operand_rounding = Rounding::kNearestEven;
  bool flush_subnormal_operands = false;
  // 1, 3 or 6 (0: off): operands are split into 1, 2 or 3 values x1 + x2 + ... of `split_format` (each the rest rounded
  // by operand_rounding, and flushed) and multiplied in so many passes: x1y1; x1y2, x2y1; x2y2, x1y3, x3y1. Each pass
  // is a dot product of its own, and the results are added in FP32 (nearest even) as
  // (((x1y3 + x3y1) + x2y2) + (x1y2 + x2y1)) + x1y1. c enters x1y1. The sum of all but x1y1 counts as zero where it is
  // not finite, and the parts behind an infinity or NaN are zero.
  int split_passes = 0;
  Format split_format{"fp32"};
  // n > 1: products are taken in blocks of group * n; step s of a block takes runs of `interleave_run` neighbours, each
  // n runs apart, from run s on (n 2, run 2: elements k % 4 < 2 of the block, then the others).
  int interleave = 1;
  int interleave_run = 1;  // divides group
  Accumulation accumulation = Accumulation::kAligned;
  int group = 1;
  int align_fraction_bits = 0;  // kAligned only, 1..40
  ZeroOperands zero_operands = ZeroOperands::kIgnored;
  int tile_fraction_bits = 0;  // kExact only, 0 (off) or 2..22
  Format accumulator;
  Rounding accumulator_rounding = Rounding::kTowardZero;
  IntegerOverflow integer_overflow = IntegerOverflow::kWrap;
  InitialRounding initial_rounding = InitialRounding::kTowardZero;
  // n > 0: after every n products and at the end, the accumulator is added to a separate sum of format `promotion`
  // (one IEEE addition, nearest even) and cleared; an initial c goes into that sum. A multiple of group.
  int promote_every = 0;
  Format promotion{"fp32"};
  Format output;  // the accumulator, or that sum, is rounded to it at the end; kInteger: holds the accumulator
  Rounding output_rounding = Rounding::kNearestEven;
};

// What find_format gives, and the integers int17..int31, which only accumulators have. nullopt for anything else.
std::optional<Format> find_accumulator(std::string_view name);

// What is wrong with this description ("group must be at least 1"), or empty. The functions below throw ModelError with
// it.
std::string defect(const Datapath& datapath);

// The slow, obvious oracle: c plus the dot product of a and b (equal lengths, values on the operand grids, any c), in
// exact integers. REQUIRES: not kInteger.
float dot_oracle(const Datapath& datapath, std::span<const float> a, std::span<const float> b, float c);
// kInteger. A c outside the accumulator's range is wrapped or clamped first.
std::int32_t dot_oracle(const Datapath& datapath, std::span<const std::int8_t> a, std::span<const std::int8_t> b,
                        std::int32_t c);
// The same for 32 bits, wrapping.
std::int32_t dot_oracle(std::span<const std::int8_t> a, std::span<const std::int8_t> b, std::int32_t c);

// c[m][p] = dot over k of a[m][k] * b[k][p], from a zero accumulator; row-major, leading dimensions in elements. The k
// order is the order of accumulation. Values of a and b must lie on the operand grids. Bit-identical to dot_oracle, to
// any other instruction set, and for any number of threads the caller splits m or p over. REQUIRES: not kInteger.
void gemm(const Datapath& datapath, std::int64_t m, std::int64_t p, std::int64_t k, const float* a, std::int64_t lda,
          const float* b, std::int64_t ldb, float* c, std::int64_t ldc);
// kInteger.
void gemm(const Datapath& datapath, std::int64_t m, std::int64_t p, std::int64_t k, const std::int8_t* a,
          std::int64_t lda, const std::int8_t* b, std::int64_t ldb, std::int32_t* c, std::int64_t ldc);
// The same for 32 bits, wrapping.
void gemm(std::int64_t m, std::int64_t p, std::int64_t k, const std::int8_t* a, std::int64_t lda, const std::int8_t* b,
          std::int64_t ldb, std::int32_t* c, std::int64_t ldc);

// Rounds operands to the grid the datapath multiplies (format, rounding, subnormal flush), vectorised.
void prepare_operand(const Datapath& datapath, const Format& format, std::span<float> values);

// Plain FP32 (one fused multiply-add per product, in k order): the FP32 reference, and CUDA-core FP32.
Datapath fp32_reference();

}  // namespace mantissa::numerics
