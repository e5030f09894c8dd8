// SPDX-License-Identifier: Apache-2.0
// The least time a kernel can take on a chip: its multiply-accumulates at peak rate, its vector work at peak rate, its
// compulsory DRAM traffic at peak bandwidth. No simulation may be below it; every run checks that.
#pragma once
#include "chips/mapper.h"

namespace mantissa::chips {

struct Roofline {
  Seconds matrix{}, vector{}, dram{};
  Seconds bound() const;
};

Roofline roofline(const config::Chip& chip, const config::Precision& precision, const Mapper& mapper,
                  const PlacedKernel& kernel, Hertz clock);

}  // namespace mantissa::chips
