// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/error.h"
#include "numerics/kernels.h"
#include "numerics/step.h"

namespace mantissa::numerics {

namespace detail {

bool is_fp32(const Format& f) {
  return f.exponent_bits == 8 && f.mantissa_bits == 23 && f.specials == Specials::kIeee &&
         f.overflow == Overflow::kInfinity;
}

}  // namespace detail

namespace {

// The accumulator (or promoted sum) of one element.
float dot_by_steps(const Datapath& d, const detail::GemmShape& s, std::int64_t row, std::int64_t column) {
  const bool promotes = d.promote_every > 0;
  float sum = 0.0F;
  float accumulator = 0.0F;
  for (std::int64_t k = 0; k < s.k; k += d.group) {
    const auto count = static_cast<int>(std::min<std::int64_t>(d.group, s.k - k));
    accumulator = detail::step(d, {s.a + row * s.lda + k, 1}, {s.b + k * s.ldb + column, s.ldb}, count, accumulator);
    const std::int64_t done = k + d.group;
    if (promotes && (done % d.promote_every == 0 || done >= s.k)) {
      sum = detail::add_fp32(sum, accumulator);
      accumulator = 0.0F;
    }
  }
  return promotes ? sum : accumulator;
}

// Any sound datapath, in exact integers: for descriptions outside what the kernels cover.
void gemm_by_steps(const Datapath& datapath, const detail::GemmShape& s) {
  for (std::int64_t i = 0; i < s.m; ++i) {
    for (std::int64_t j = 0; j < s.p; ++j) {
      s.c[i * s.ldc + j] = dot_by_steps(datapath, s, i, j);
    }
  }
}

// The fastest kernel that computes this datapath.
void gemm_to_accumulators(const Datapath& d, const detail::GemmShape& shape) {
  if (d.accumulation == Accumulation::kAligned) {
    detail::aligned_kernel_covers(d) ? detail::gemm_aligned(d, shape) : gemm_by_steps(d, shape);
  } else if (d.accumulation == Accumulation::kSequentialFma && detail::is_fp32(d.accumulator) &&
             d.accumulator_rounding == Rounding::kNearestEven && d.promote_every == 0) {
    detail::gemm_fma_fp32(shape);
  } else if (detail::tile_kernel_covers(d)) {
    detail::gemm_tile(shape);
  } else {
    detail::gemm_exact(d, shape);
  }
}

}  // namespace

void gemm(const Datapath& datapath, std::int64_t m, std::int64_t p, std::int64_t k, const float* a, std::int64_t lda,
          const float* b, std::int64_t ldb, float* c, std::int64_t ldc) {
  detail::require_float(datapath);
  check(m >= 0 && p >= 0 && k >= 0, "gemm sizes are not negative");
  const detail::GemmShape shape{m, p, k, a, lda, b, ldb, c, ldc};
  gemm_to_accumulators(datapath, shape);
  if (!detail::is_fp32(datapath.output)) {
    for (std::int64_t i = 0; i < m; ++i) {
      round_to(datapath.output, std::span(c + i * ldc, static_cast<std::size_t>(p)), datapath.output_rounding);
    }
  }
}

}  // namespace mantissa::numerics
