// SPDX-License-Identifier: Apache-2.0
// Internal to numerics: one step of a floating-point datapath on one output element, in exact integers. The oracle is a
// chain of these; the vectorised kernels call it for the rare element that their arithmetic cannot do exactly.
#pragma once
#include <cstddef>

#include "numerics/datapath.h"

namespace mantissa::numerics::detail {

// `count` <= group values of one operand, `stride` apart.
struct Strided {
  const float* first;
  std::ptrdiff_t stride;
  float operator[](int i) const { return first[i * stride]; }
};

// The accumulator after `count` products. A count below `group` is as good as padding with zeros. `c_format`: whose
// smallest exponent c has; not the accumulator's where a c from outside comes with all its bits.
float step(const Datapath& datapath, Strided a, Strided b, int count, float c, const Format& c_format);
inline float step(const Datapath& datapath, Strided a, Strided b, int count, float c) {
  return step(datapath, a, b, count, c, datapath.accumulator);
}

// kInteger: the accumulator after the exact sum of one group, wrapped or clamped to its bits.
std::int32_t integer_step(const Datapath& datapath, std::int64_t group_sum, std::int32_t c);

// Where element k of the dot product stands in the order of accumulation: the place of element `place` of the padded,
// interleaved order.
std::int64_t interleaved(const Datapath& datapath, std::int64_t place);
// k rounded up to whole interleaved blocks (k itself without interleaving).
std::int64_t padded_length(const Datapath& datapath, std::int64_t k);

// Parts of an operand: 1, 2 or 3 for 1, 3 or 6 passes.
int split_parts(const Datapath& datapath);
void split_into_parts(const Datapath& datapath, float x, float* parts);
// The datapath of one pass.
Datapath one_pass(const Datapath& datapath);

// kAligned: terms never align to an exponent below this one, so a group of tiny products loses what lies under it.
int alignment_floor(const Format& accumulator);

// sum + t in FP32, nearest even, with the canonical NaN.
float add_fp32(float sum, float t);
// The promotion step: sum + t, rounded once to `promotion`, nearest even.
float promoted(const Datapath& datapath, float sum, float t);

}  // namespace mantissa::numerics::detail
