// SPDX-License-Identifier: Apache-2.0
// How a matrix product is cut for a TPU, chosen as a compiler does: over the TensorCores, then into grid steps whose
// operands fit a core's window.
//
// MODEL: the compiler takes the fewest steps, and of these the ones that move least; between the ways to split the
// product over the cores, and which operand stays in the arrays, it takes the fastest by its own estimate. What XLA
// really weighs is not published; docs/models/tpu.md says where it is seen to do otherwise.
#pragma once
#include "chips/matrix_problem.h"
#include "config/chip.h"

namespace mantissa::chips::tpu {

struct Plan {
  enum class Split { kNone, kM, kN, kBatch };
  Split split = Split::kNone;  // over the cores; kNone: one core does it
  bool swapped = false;        // the first operand stays in the arrays and the second one streams past
  std::int64_t batches = 1;    // of one core
  std::int64_t m = 1, n = 1;   // of one core
  std::int64_t bm = 1, bn = 1, bk = 1;
  std::int64_t m_blocks = 1, n_blocks = 1, k_blocks = 1;
  std::int64_t tasks() const { return batches * m_blocks * n_blocks * k_blocks; }
  // With all of k in one block the block of b stays while m goes by, and a block of a stays when there is only one.
  bool loads_a(std::int64_t nb) const { return k_blocks > 1 || m_blocks > 1 || nb == 0; }
  bool loads_b(std::int64_t mb) const { return k_blocks > 1 || mb == 0; }
};

// Bytes of an element; a stored matrix's last axis is padded to whole tiles of `lanes`.
struct ElementBytes {
  double a = 0, b = 0, out = 0;
  std::int64_t lanes = 1;
  double of_a(std::int64_t m, std::int64_t k) const { return rows(m, k, a); }
  double of_b(std::int64_t k, std::int64_t n) const { return rows(k, n, b); }
  double of_out(std::int64_t m, std::int64_t n) const { return rows(m, n, out); }

 private:
  double rows(std::int64_t rows, std::int64_t last_axis, double size) const;
};
ElementBytes element_bytes(const MatrixProblem& problem);

// The same product with its operands in each other's place.
MatrixProblem swapped(const MatrixProblem& problem);

// `problem` is as it is in the plan: swapped() where plan.swapped. Throws ModelError when no block fits.
Plan choose_plan(const config::Chip& chip, const config::Precision& precision, const MatrixProblem& problem);
// Estimated cycles of the slowest core.
double estimate(const config::Chip& chip, const config::Precision& precision, const MatrixProblem& problem,
                const Plan& plan);

}  // namespace mantissa::chips::tpu
