// SPDX-License-Identifier: Apache-2.0
// From a datapath to the kernels that compute it: the order of the products, the passes over split operands, the
// output format.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "base/error.h"
#include "numerics/kernels.h"
#include "numerics/step.h"

namespace mantissa::numerics {

namespace detail {

bool is_fp32(const Format& f) {
  return !f.integer && f.exponent_bits == 8 && f.mantissa_bits == 23 && f.specials == Specials::kIeee &&
         f.overflow == Overflow::kInfinity;
}

}  // namespace detail

namespace {

using detail::GemmShape;

// Columns of b that are copied at a time where operands are reordered or split: enough that copying costs little, few
// enough that large weights are not held twice.
constexpr std::int64_t kColumnBlock = 512;

template <class T>
std::unique_ptr<T[]> buffer(std::int64_t count) {
  return std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(count));
}

// The fastest kernel that computes this datapath: one pass, products in k order.
void gemm_to_accumulators(const Datapath& d, const GemmShape& shape) {
  if (d.accumulation == Accumulation::kAligned) {
    detail::aligned_kernel_covers(d) ? detail::gemm_aligned(d, shape) : detail::gemm_wide(d, shape);
  } else if (d.accumulation == Accumulation::kSequentialFma && detail::is_fp32(d.accumulator) &&
             d.accumulator_rounding == Rounding::kNearestEven && d.promote_every == 0) {
    detail::gemm_fma_fp32(shape);
  } else if (detail::tile_kernel_covers(d)) {
    detail::gemm_tile(shape);
  } else {
    detail::gemm_exact(d, shape);
  }
}

// multiply(rows of a, leading dimension, rows of b, leading dimension, length, first column, columns): the operands in
// the order of accumulation, a block of columns at a time.
template <class T, class Multiply>
void in_order(const Datapath& d, std::int64_t m, std::int64_t p, std::int64_t k, const T* a, std::int64_t lda,
              const T* b, std::int64_t ldb, Multiply multiply) {
  if (d.interleave == 1) {
    multiply(a, lda, b, ldb, k, std::int64_t{0}, p);
    return;
  }
  const std::int64_t length = detail::padded_length(d, k);
  const std::int64_t width = std::min(p, kColumnBlock);
  const auto rows = buffer<T>(m * length);
  const auto columns = buffer<T>(length * width);
  std::vector<std::int64_t> from(static_cast<std::size_t>(length));
  for (std::int64_t n = 0; n < length; ++n) {
    from[static_cast<std::size_t>(n)] = detail::interleaved(d, n);
  }
  for (std::int64_t i = 0; i < m; ++i) {
    T* to = rows.get() + i * length;
    for (const std::int64_t n : from) {
      *to++ = n < k ? a[i * lda + n] : T{0};
    }
  }
  for (std::int64_t first = 0; first < p; first += width) {
    const std::int64_t count = std::min(width, p - first);
    T* to = columns.get();
    for (const std::int64_t n : from) {
      n < k ? std::copy_n(b + n * ldb + first, count, to) : std::fill_n(to, count, T{0});
      to += count;
    }
    multiply(rows.get(), length, columns.get(), count, length, first, count);
  }
}

void gemm_in_order(const Datapath& d, const GemmShape& s) {
  in_order(d, s.m, s.p, s.k, s.a, s.lda, s.b, s.ldb,
           [&](const float* a, std::int64_t lda, const float* b, std::int64_t ldb, std::int64_t length,
               std::int64_t first, std::int64_t count) {
             gemm_to_accumulators(d, {s.m, count, length, a, lda, b, ldb, s.c + first, s.ldc});
           });
}

// rows x columns of `from` as `count` matrices of parts, one behind the other.
void split_matrix(const Datapath& d, int count, std::int64_t rows, std::int64_t columns, const float* from,
                  std::int64_t ld, float* to) {
  const auto row_size = static_cast<std::size_t>(columns);
  const std::int64_t matrix = rows * columns;
  const Datapath pass = detail::one_pass(d);
  for (std::int64_t i = 0; i < rows; ++i) {
    float* rest = to + i * columns;  // becomes part 0, then the next part's place takes what is left
    std::copy_n(from + i * ld, columns, rest);
    for (int part = 0; part < count; ++part) {
      float* next = rest + matrix;
      if (part + 1 < count) {
        std::copy_n(rest, columns, next);
      }
      prepare_operand(pass, d.split_format, std::span(rest, row_size));
      for (std::int64_t j = 0; part + 1 < count && j < columns; ++j) {
        next[j] = std::isfinite(rest[j]) ? next[j] - rest[j] : 0.0F;
      }
      rest = next;
    }
  }
}

// The passes over a block of columns, added up in s.c: parts of a [part][m][k], parts of b [part][k][p].
void multiply_parts(const Datapath& d, const GemmShape& s, const float* a, const float* b) {
  const Datapath pass = detail::one_pass(d);
  const std::int64_t size = s.m * s.p;
  const auto multiply = [&](int i, int j, float* to, std::int64_t ld) {
    gemm_in_order(pass, {s.m, s.p, s.k, a + (i - 1) * s.m * s.k, s.k, b + (j - 1) * s.k * s.p, s.p, to, ld});
  };
  if (d.split_passes == 1) {
    multiply(1, 1, s.c, s.ldc);
    return;
  }
  const auto product = buffer<float>(size);
  const auto add = [&](int i, int j, float* sum) {
    multiply(i, j, product.get(), s.p);
    std::transform(sum, sum + size, product.get(), sum, detail::add_fp32);
  };
  const auto lower = buffer<float>(size);
  multiply(1, 2, lower.get(), s.p);
  add(2, 1, lower.get());
  if (d.split_passes == 6) {
    const auto lowest = buffer<float>(size);
    multiply(1, 3, lowest.get(), s.p);
    add(3, 1, lowest.get());
    add(2, 2, lowest.get());
    std::transform(lowest.get(), lowest.get() + size, lower.get(), lower.get(), detail::add_fp32);
  }
  multiply(1, 1, product.get(), s.p);
  for (std::int64_t i = 0; i < s.m; ++i) {
    for (std::int64_t j = 0; j < s.p; ++j) {
      const float rest = lower[i * s.p + j];
      s.c[i * s.ldc + j] = detail::add_fp32(std::isfinite(rest) ? rest : 0.0F, product[i * s.p + j]);
    }
  }
}

void gemm_in_passes(const Datapath& d, const GemmShape& s) {
  const int count = detail::split_parts(d);
  const std::int64_t width = std::min(s.p, kColumnBlock);
  const auto a = buffer<float>(count * s.m * s.k);
  const auto b = buffer<float>(count * s.k * width);
  split_matrix(d, count, s.m, s.k, s.a, s.lda, a.get());
  for (std::int64_t first = 0; first < s.p; first += width) {
    GemmShape block = s;
    block.p = std::min(width, s.p - first);
    split_matrix(d, count, s.k, block.p, s.b + first, s.ldb, b.get());
    block.c = s.c + first;
    multiply_parts(d, block, a.get(), b.get());
  }
}

}  // namespace

void gemm(const Datapath& datapath, std::int64_t m, std::int64_t p, std::int64_t k, const float* a, std::int64_t lda,
          const float* b, std::int64_t ldb, float* c, std::int64_t ldc) {
  detail::require_sound(datapath, false);
  check(m >= 0 && p >= 0 && k >= 0, "gemm sizes are not negative");
  const GemmShape shape{m, p, k, a, lda, b, ldb, c, ldc};
  datapath.split_passes == 0 ? gemm_in_order(datapath, shape) : gemm_in_passes(datapath, shape);
  if (!detail::is_fp32(datapath.output)) {
    for (std::int64_t i = 0; i < m; ++i) {
      round_to(datapath.output, std::span(c + i * ldc, static_cast<std::size_t>(p)), datapath.output_rounding);
    }
  }
}

void gemm(const Datapath& datapath, std::int64_t m, std::int64_t p, std::int64_t k, const std::int8_t* a,
          std::int64_t lda, const std::int8_t* b, std::int64_t ldb, std::int32_t* c, std::int64_t ldc) {
  detail::require_sound(datapath, true);
  check(m >= 0 && p >= 0 && k >= 0, "gemm sizes are not negative");
  if (datapath.integer_overflow == IntegerOverflow::kSaturate) {
    in_order(datapath, m, p, k, a, lda, b, ldb,
             [&](const std::int8_t* x, std::int64_t ldx, const std::int8_t* y, std::int64_t ldy, std::int64_t length,
                 std::int64_t first, std::int64_t count) {
               detail::gemm_saturating(datapath, {m, count, length, x, ldx, y, ldy, c + first, ldc});
             });
    return;
  }
  gemm(m, p, k, a, lda, b, ldb, c, ldc);  // in any order
  if (datapath.accumulator.bits() < 32) {
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < p; ++j) {
        c[i * ldc + j] = detail::integer_step(datapath, 0, c[i * ldc + j]);
      }
    }
  }
}

}  // namespace mantissa::numerics
