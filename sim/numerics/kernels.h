// SPDX-License-Identifier: Apache-2.0
// Internal to numerics: the vectorised kernels behind format.h and datapath.h, each compiled for several instruction
// sets and picked at run time (Highway). All of them give the bits of the scalar code.
#pragma once
#include <cstdint>

#include "numerics/datapath.h"

namespace mantissa::numerics::detail {

void round_span(const Format& format, Rounding rounding, float* values, std::int64_t count);
// Replaces magnitudes below min_normal by zeros of the same sign.
void flush_span(float min_normal, float* values, std::int64_t count);

// Throws unless the datapath is a sound floating-point one.
void require_float(const Datapath& datapath);

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

// These leave the accumulator (or the promoted sum) in c, not yet rounded to the output format, NaN in canonical form.
void gemm_fma_fp32(const GemmShape& shape);
// REQUIRES: aligned_kernel_covers(datapath).
void gemm_aligned(const Datapath& datapath, const GemmShape& shape);
// kExact, and kSequentialFma in any accumulator format.
void gemm_exact(const Datapath& datapath, const GemmShape& shape);

// REQUIRES: tile_kernel_covers(datapath).
void gemm_tile(const GemmShape& shape);

bool aligned_kernel_covers(const Datapath& datapath);
bool tile_kernel_covers(const Datapath& datapath);
bool is_fp32(const Format& format);  // by its content, whatever its name

}  // namespace mantissa::numerics::detail
