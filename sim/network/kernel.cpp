// SPDX-License-Identifier: Apache-2.0
#include "network/kernel.h"

#include <algorithm>

namespace mantissa::network {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

bool same_operands(const std::vector<Operand>& a, const std::vector<Operand>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Operand& x, const Operand& y) {
    return x.elements == y.elements && x.storage == y.storage && x.weights == y.weights;
  });
}

}  // namespace

bool Kernel::is_matrix() const {
  return std::holds_alternative<GemmWork>(work) || std::holds_alternative<ConvWork>(work) ||
         std::holds_alternative<AttentionWork>(work);
}

Macs Kernel::macs() const {
  return std::visit(Overloaded{
                        [](const GemmWork& g) { return Macs(g.batch * g.m * g.n * g.k); },
                        [](const ConvWork& c) {
                          return Macs(c.n * c.out_c * c.out_h * c.out_w * (c.c / c.groups) * c.kernel_h * c.kernel_w);
                        },
                        [](const AttentionWork& a) {
                          // Scores and weighted sum, over all positions: what a mask leaves out is not subtracted.
                          return Macs(2 * a.batch * a.heads * a.q_length * a.kv_length * a.head_dim);
                        },
                        [](const auto&) { return Macs(0); },
                    },
                    work);
}

std::int64_t Kernel::output_elements() const {
  return writes.empty() ? 0 : writes.front().elements;
}

GemmWork as_gemm(const ConvWork& conv) {
  return {conv.groups, conv.n * conv.out_h * conv.out_w, conv.out_c / conv.groups,
          conv.c / conv.groups * conv.kernel_h * conv.kernel_w};
}

bool same_cost(const Kernel& a, const Kernel& b) {
  return a.work == b.work && a.epilogue_ops == b.epilogue_ops && a.epilogue_specials == b.epilogue_specials &&
         same_operands(a.reads, b.reads) && same_operands(a.writes, b.writes);
}

}  // namespace mantissa::network
