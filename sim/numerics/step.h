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

// The accumulator after `count` products. A count below `group` is as good as padding with zeros.
float step(const Datapath& datapath, Strided a, Strided b, int count, float c);

// kAligned: terms never align to an exponent below this one, so a group of tiny products loses what lies under it.
int alignment_floor(const Format& accumulator);

// c + t in FP32, nearest even, with the canonical NaN: the promotion step.
float add_fp32(float c, float t);

}  // namespace mantissa::numerics::detail
