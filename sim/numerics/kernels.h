// SPDX-License-Identifier: Apache-2.0
// Internal to numerics: the vectorised kernels behind format.h and datapath.h, each compiled for several instruction
// sets and picked at run time (Highway). All of them give the bits of the scalar code.
#pragma once
#include <cstdint>

#include "numerics/datapath.h"

namespace mantissa::numerics::detail {

void round_span(const Format& format, Rounding rounding, float* values, std::int64_t count);
void round_span_stochastic(const Format& format, std::uint64_t seed, std::uint64_t first_index, float* values,
                           std::int64_t count);
// Replaces magnitudes below min_normal by zeros of the same sign.
void flush_span(float min_normal, float* values, std::int64_t count);

// Throws unless the datapath is sound, and an integer one or not.
void require_sound(const Datapath& datapath, bool integer);

// The problem of datapath.h's gemm.
struct GemmShape {
  std::int64_t m, p, k;
  const float* a;
  std::int64_t lda;
  const float* b;
  std::int64_t ldb;
  float* c;
  std::int64_t ldc;
};

struct IntegerShape {
  std::int64_t m, p, k;
  const std::int8_t* a;
  std::int64_t lda;
  const std::int8_t* b;
  std::int64_t ldb;
  std::int32_t* c;
  std::int64_t ldc;
};

// kInteger with saturation after each group.
void gemm_saturating(const Datapath& datapath, const IntegerShape& shape);

// These take one pass of products in k order. They leave the accumulator (or the promoted sum) in c, not yet rounded to
// the output format, NaN in canonical form.
void gemm_fma_fp32(const GemmShape& shape);
// REQUIRES: aligned_kernel_covers(datapath).
void gemm_aligned(const Datapath& datapath, const GemmShape& shape);
// kAligned of any width and operands, in double.
void gemm_wide(const Datapath& datapath, const GemmShape& shape);
// kExact, and kSequentialFma in any accumulator format.
void gemm_exact(const Datapath& datapath, const GemmShape& shape);

// REQUIRES: tile_kernel_covers(datapath).
void gemm_tile(const GemmShape& shape);

bool aligned_kernel_covers(const Datapath& datapath);
bool tile_kernel_covers(const Datapath& datapath);
bool is_fp32(const Format& format);  // by its content, whatever its name

}  // namespace mantissa::numerics::detail
