// SPDX-License-Identifier: Apache-2.0
// For the tests of the kernels: the instruction sets of this machine, one at a time, and datapaths that reach every
// kernel: those of the three chips and some that no chip has.
#pragma once
#include <hwy/targets.h>

#include <vector>

#include "numerics/datapath.h"
#include "unit/numerics_golden.h"

namespace mantissa::numerics::golden {

inline constexpr std::int64_t kPortable = HWY_SCALAR;

// Each instruction set alone, the portable one always among them.
inline std::vector<std::int64_t> instruction_sets() {
  hwy::SetSupportedTargetsForTest(0);
  std::vector<std::int64_t> sets = {kPortable};
  for (const std::int64_t set : {HWY_AVX2, HWY_AVX3}) {
    if ((hwy::SupportedTargets() & set) != 0) {
      sets.push_back(set);
    }
  }
  return sets;
}

// And AVX-512 with VNNI, which the INT8 kernel has a path for.
inline std::vector<std::int64_t> integer_instruction_sets() {
  std::vector<std::int64_t> sets = instruction_sets();
  if ((hwy::SupportedTargets() & HWY_AVX3_DL) != 0) {
    sets.push_back(HWY_AVX3 | HWY_AVX3_DL);
  }
  return sets;
}

inline std::string name_of_set(std::int64_t set) {
  return hwy::TargetName(set & -set);
}

inline void use_only(std::int64_t set) {
  hwy::SetSupportedTargetsForTest(set);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

inline std::vector<Datapath> chip_datapaths() {
  Datapath promoted = hopper("e4m3", "e8m13", 32, 13);
  promoted.promote_every = 128;
  promoted.name = "promoted";
  Datapath zeros = hopper("tf32", "fp32", 8, 25);
  zeros.name = "zeros take part";
  zeros.zero_operands = ZeroOperands::kSmallestNormal;
  return {hopper("e4m3", "e8m13", 32, 13),
          hopper("e5m2", "e8m13", 32, 13),
          hopper("fp16", "fp32", 16, 25),
          hopper("bf16", "fp32", 16, 25),
          hopper("tf32", "fp32", 8, 25),
          hopper("fp16", "fp16", 16, 25),
          hopper("e4m3", "fp16", 32, 13),
          promoted,
          zeros,
          hopper_fp8_mma_sync("e4m3"),
          tpu_bf16(),
          tpu_fp32(1),
          tpu_fp32(3),
          tpu_fp32(6),
          ane_fp16(),
          fp32_reference()};
}

inline std::vector<Datapath> aligned_datapaths_of_no_chip() {
  std::vector<Datapath> all;
  const auto add = [&](Datapath d, const char* name) {
    d.name = name;
    all.push_back(d);
  };
  Datapath mixed = hopper("e4m3", "bf16", 8, 10);
  mixed.b = format("e5m2");
  mixed.accumulator_rounding = Rounding::kNearestAway;
  mixed.output = format("bf16");
  add(mixed, "mixed operands, narrow accumulator");
  add(hopper("fp16", "fp32", 40, 26), "long group");
  add(hopper("fp16", "fp16", 8, 5), "groups that reach the alignment floor");
  add(hopper("fp32", "fp32", 4, 30), "fp32 operands");
  add(hopper("fp32", "fp32", 7, 40), "fp32 operands, all fraction bits");
  Datapath wide = hopper("bf16", "e6m17", 16, 33);
  wide.zero_operands = ZeroOperands::kSmallestNormal;
  wide.accumulator_rounding = Rounding::kNearestEven;
  wide.promote_every = 48;
  wide.promotion = format("bf16");
  add(wide, "wide alignment, zeros take part, promoted into bf16");
  Datapath saturating = hopper("e4m3", "e4m3", 12, 9);
  saturating.interleave = 3;
  saturating.interleave_run = 4;
  saturating.output = format("e5m2");
  add(saturating, "interleaved, saturating accumulator");
  return all;
}

inline std::vector<Datapath> other_datapaths_of_no_chip() {
  std::vector<Datapath> all;
  const auto add = [&](Datapath d, const char* name) {
    d.name = name;
    all.push_back(d);
  };
  Datapath fp32 = tpu_bf16();
  fp32.a = fp32.b = format("fp32");
  add(fp32, "exact, fp32 operands");
  Datapath odd = tpu_bf16();
  odd.group = 5;
  odd.promote_every = 10;
  odd.promotion = format("fp16");
  odd.accumulator = format("fp16");
  odd.accumulator_rounding = Rounding::kTowardZero;
  add(odd, "exact, group 5, e5m10 toward zero, promoted into fp16");
  Datapath parts = tpu_fp32(3);
  parts.split_format = format("fp16");
  parts.interleave = 2;
  parts.promote_every = 16;
  add(parts, "three passes of fp16, interleaved, promoted");
  Datapath chain = fp32_reference();
  chain.a = chain.b = chain.accumulator = format("fp16");
  add(chain, "fp16 fma chain");
  chain.a = chain.b = chain.accumulator = chain.output = format("bf16");
  chain.accumulator_rounding = Rounding::kTowardZero;
  chain.promote_every = 9;
  chain.promotion = format("e5m12");
  add(chain, "bf16 fma chain toward zero, promoted into e5m12");
  Datapath tiles = ane_fp16();
  tiles.a = tiles.b = format("bf16");
  tiles.group = 3;
  tiles.tile_fraction_bits = 7;
  tiles.promote_every = 12;
  add(tiles, "bf16 tiles of three, promoted");
  return all;
}

inline std::vector<Datapath> datapaths() {
  std::vector<Datapath> all = chip_datapaths();
  for (const auto& more : {aligned_datapaths_of_no_chip(), other_datapaths_of_no_chip()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace mantissa::numerics::golden
