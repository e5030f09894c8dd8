// SPDX-License-Identifier: Apache-2.0
// Precisions as the chips' files describe them, written by hand.
#pragma once
#include <string>

#include "config/chip.h"

namespace mantissa::tests {

inline numerics::Format format(const char* name) {
  return *numerics::find_format(name);
}

inline numerics::Datapath datapath(const char* operand, numerics::Accumulation how, int group,
                                   const char* accumulator) {
  numerics::Datapath d;
  d.name = operand;
  d.a = d.b = format(operand);
  d.accumulation = how;
  d.group = group;
  d.accumulator = format(accumulator);
  d.accumulator_rounding =
      how == numerics::Accumulation::kAligned ? numerics::Rounding::kTowardZero : numerics::Rounding::kNearestEven;
  d.output = format("fp32");
  return d;
}

inline numerics::Datapath aligned(const char* operand, int group, int fraction_bits, const char* accumulator) {
  auto d = datapath(operand, numerics::Accumulation::kAligned, group, accumulator);
  d.align_fraction_bits = fraction_bits;
  return d;
}

inline numerics::Datapath integer8() {
  auto d = datapath("int8", numerics::Accumulation::kInteger, 1, "int32");
  d.output = format("int32");
  return d;
}

inline config::Precision precision(const std::string& name) {
  config::Precision p;
  p.name = name;
  numerics::Datapath fp32 = numerics::fp32_reference();
  p.vector = format("fp16");
  p.depthwise = fp32;
  if (name == "fp8_e4m3") {  // Hopper
    p.matrix = aligned("e4m3", 32, 13, "e8m13");
    p.depthwise.a = p.depthwise.b = format("fp16");
  } else if (name == "fp16") {
    p.matrix = aligned("fp16", 16, 25, "fp32");
    p.depthwise.a = p.depthwise.b = format("fp16");
  } else if (name == "tf32") {
    p.matrix = aligned("tf32", 8, 25, "fp32");
    p.matrix.operand_rounding = numerics::Rounding::kTowardZero;
    p.vector = format("fp32");
  } else if (name == "bf16") {  // TPU
    p.matrix = datapath("bf16", numerics::Accumulation::kExact, 4, "fp32");
    p.vector = format("bf16");
  } else {  // int8: ANE
    p.matrix = p.depthwise = integer8();
  }
  return p;
}

}  // namespace mantissa::tests
