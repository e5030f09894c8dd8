// SPDX-License-Identifier: Apache-2.0
#include "numerics/datapath.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "numerics/kernels.h"
#include "numerics/step.h"

namespace mantissa::numerics {
namespace {

bool is_float_format(const Format& f) {
  const int most = f.specials == Specials::kIeee ? 8 : 7;
  return !f.integer && f.exponent_bits >= 2 && f.exponent_bits <= most && f.mantissa_bits >= 0 && f.mantissa_bits <= 23;
}

std::string float_defect(const Datapath& d) {
  if (!is_float_format(d.a) || !is_float_format(d.b) || !is_float_format(d.accumulator)) {
    return "operands and accumulator of a floating-point datapath must be floating-point formats of at most 8 exponent "
           "and "
           "23 fraction bits; for integer operands set accumulation: integer";
  }
  if (d.group < 1 || d.group > 1024) {
    return "group must be 1..1024";
  }
  if (d.accumulation == Accumulation::kSequentialFma && d.group != 1) {
    return "sequential_fma takes one product at a time: group must be 1";
  }
  if (d.accumulation == Accumulation::kAligned && (d.align_fraction_bits < 1 || d.align_fraction_bits > 40)) {
    return "align_fraction_bits must be 1..40";
  }
  if (d.tile_fraction_bits != 0) {
    if (d.accumulation != Accumulation::kExact) {
      return "tile_fraction_bits goes with accumulation: exact only";
    }
    if (d.tile_fraction_bits < 2 || d.tile_fraction_bits > 22) {
      return "tile_fraction_bits must be 0 (off) or 2..22";
    }
  }
  if (d.promote_every < 0 || d.promote_every % d.group != 0) {
    return "promote_every must be 0 or a multiple of group";
  }
  return {};
}

// Infinities and NaNs always are: a saturating format may have them from elsewhere.
bool on_grid(const Format& format, float x) {
  return !std::isfinite(x) || round_to(format, x, Rounding::kTowardZero) == x;
}

}  // namespace

std::string defect(const Datapath& d) {
  if (d.accumulation != Accumulation::kInteger) {
    return float_defect(d);
  }
  if (!d.a.integer || !d.b.integer || d.a.bits() > 8 || d.b.bits() > 8) {
    return "accumulation: integer multiplies integer operands of at most 8 bits";
  }
  if (!d.accumulator.integer || d.accumulator.bits() != 32) {
    return "accumulation: integer needs an int32 accumulator";
  }
  if (d.promote_every != 0) {
    return "promote_every has no meaning with accumulation: integer";
  }
  return {};
}

namespace detail {

void require_float(const Datapath& datapath) {
  check(datapath.accumulation != Accumulation::kInteger, "integer datapaths take int8 operands");
  if (const std::string problem = defect(datapath); !problem.empty()) {
    throw ModelError("datapath " + datapath.name, problem);
  }
}

}  // namespace detail

float dot_oracle(const Datapath& datapath, std::span<const float> a, std::span<const float> b, float c) {
  detail::require_float(datapath);
  check(a.size() == b.size(), "operands of a dot product have equal lengths");
  for (std::size_t i = 0; i < a.size(); ++i) {
    check(on_grid(datapath.a, a[i]) && on_grid(datapath.b, b[i]), "operands lie on the grid of their format");
  }
  const bool promotes = datapath.promote_every > 0;
  float sum = promotes ? c : 0.0F;
  float accumulator = promotes ? 0.0F : c;
  const auto length = static_cast<std::ptrdiff_t>(a.size());
  for (std::ptrdiff_t k = 0; k < length; k += datapath.group) {
    const auto count = static_cast<int>(std::min<std::ptrdiff_t>(datapath.group, length - k));
    accumulator = detail::step(datapath, {a.data() + k, 1}, {b.data() + k, 1}, count, accumulator);
    const std::ptrdiff_t done = k + datapath.group;
    if (promotes && (done % datapath.promote_every == 0 || done >= length)) {
      sum = detail::add_fp32(sum, accumulator);
      accumulator = 0.0F;
    }
  }
  return round_to(datapath.output, promotes ? sum : accumulator, datapath.output_rounding);
}

std::int32_t dot_oracle(std::span<const std::int8_t> a, std::span<const std::int8_t> b, std::int32_t c) {
  check(a.size() == b.size(), "operands of a dot product have equal lengths");
  auto sum = static_cast<std::uint32_t>(c);  // wraps
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<std::uint32_t>(int{a[i]} * int{b[i]});
  }
  return static_cast<std::int32_t>(sum);
}

void prepare_operand(const Datapath& datapath, const Format& format, std::span<float> values) {
  round_to(format, values, datapath.operand_rounding);
  if (datapath.flush_subnormal_operands && !format.integer) {
    detail::flush_span(static_cast<float>(format.min_normal()), values.data(),
                       static_cast<std::int64_t>(values.size()));
  }
}

Datapath fp32_reference() {
  const Format fp32 = *find_format("fp32");
  Datapath d;
  d.name = "fp32_reference";
  d.a = d.b = d.accumulator = d.output = fp32;
  d.accumulation = Accumulation::kSequentialFma;
  d.accumulator_rounding = Rounding::kNearestEven;
  return d;
}

}  // namespace mantissa::numerics
