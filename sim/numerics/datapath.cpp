// SPDX-License-Identifier: Apache-2.0
#include "numerics/datapath.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "numerics/kernels.h"
#include "numerics/step.h"

namespace mantissa::numerics {
namespace {

bool is_float_format(const Format& f) {
  return !f.integer && defect(f).empty();
}

// A sum is rounded as hardware does it, without random numbers.
bool is_deterministic(Rounding rounding) {
  return rounding == Rounding::kNearestEven || rounding == Rounding::kNearestAway || rounding == Rounding::kTowardZero;
}

std::string accumulation_defect(const Datapath& d) {
  if (d.accumulation == Accumulation::kSequentialFma && d.group != 1) {
    return "sequential_fma takes one product at a time: group must be 1";
  }
  if (d.accumulation == Accumulation::kAligned && (d.align_fraction_bits < 1 || d.align_fraction_bits > 40)) {
    return "align_fraction_bits must be 1..40";
  }
  if (d.accumulation != Accumulation::kAligned && d.zero_operands != ZeroOperands::kIgnored) {
    return "zero_operands: smallest_normal goes with accumulation: aligned only";
  }
  if (d.tile_fraction_bits != 0) {
    if (d.accumulation != Accumulation::kExact) {
      return "tile_fraction_bits goes with accumulation: exact only";
    }
    if (d.tile_fraction_bits < 2 || d.tile_fraction_bits > 22) {
      return "tile_fraction_bits must be 0 (off) or 2..22";
    }
  }
  if (d.integer_overflow != IntegerOverflow::kWrap) {
    return "integer_overflow: saturate goes with accumulation: integer; a floating-point accumulator's format says "
           "what "
           "overflows do";
  }
  return {};
}

std::string order_defect(const Datapath& d) {
  if (d.group < 1 || d.group > 1024) {
    return "group must be 1..1024";
  }
  if (d.interleave < 1 || d.interleave > 64) {
    return "interleave must be 1 (consecutive products) to 64";
  }
  if (d.interleave_run < 1 || d.group % d.interleave_run != 0) {
    return "interleave_run must divide group";
  }
  if (d.interleave == 1 && d.interleave_run != 1) {
    return "interleave_run has no meaning without interleave";
  }
  return {};
}

std::string split_defect(const Datapath& d) {
  if (d.split_passes != 0 && d.split_passes != 1 && d.split_passes != 3 && d.split_passes != 6) {
    return "split_passes must be 0 (operands are not split), 1 (one part of each), 3 (two parts) or 6 (three parts)";
  }
  if (d.split_passes > 0 && !is_float_format(d.split_format)) {
    return "split_format must be a floating-point format of at most 8 exponent and 23 fraction bits";
  }
  if (d.split_passes == 0 && !detail::is_fp32(d.split_format)) {
    return "split_format has no meaning without split_passes";
  }
  return {};
}

std::string float_defect(const Datapath& d) {
  if (!is_float_format(d.a) || !is_float_format(d.b) || !is_float_format(d.accumulator)) {
    return "operands and accumulator of a floating-point datapath must be floating-point formats of at most 8 exponent "
           "and 23 fraction bits; for integer operands set accumulation: integer";
  }
  if (!is_deterministic(d.accumulator_rounding) || !is_deterministic(d.output_rounding) ||
      !is_deterministic(d.operand_rounding)) {
    return "a datapath rounds to nearest_even, nearest_away or toward_zero; stochastic rounding belongs to conversions";
  }
  for (const auto& check_part : {order_defect, accumulation_defect, split_defect}) {
    if (std::string problem = check_part(d); !problem.empty()) {
      return problem;
    }
  }
  if (d.promote_every < 0 || d.promote_every % d.group != 0) {
    return "promote_every must be 0 or a multiple of group";
  }
  if (d.promote_every == 0 && !detail::is_fp32(d.promotion)) {
    return "promotion has no meaning without promote_every";
  }
  if (!is_float_format(d.promotion)) {
    return "promotion must be a floating-point format of at most 8 exponent and 23 fraction bits";
  }
  return {};
}

std::string integer_defect(const Datapath& d) {
  if (!d.a.integer || !d.b.integer || d.a.bits() > 8 || d.b.bits() > 8) {
    return "accumulation: integer multiplies integer operands of at most 8 bits";
  }
  if (!d.accumulator.integer || d.accumulator.bits() < 8 || d.accumulator.bits() > 32) {
    return "accumulation: integer needs an integer accumulator of 8 to 32 bits, int32 say";
  }
  if (!d.output.integer || d.output.bits() < d.accumulator.bits()) {
    return "accumulation: integer needs an integer output that holds the accumulator; requantization comes after the "
           "datapath";
  }
  if (std::string problem = order_defect(d); !problem.empty()) {
    return problem;
  }
  if (d.promote_every != 0) {
    return "promote_every has no meaning with accumulation: integer";
  }
  if (d.split_passes != 0) {
    return "split_passes has no meaning with accumulation: integer";
  }
  if (d.align_fraction_bits != 0 || d.tile_fraction_bits != 0 || d.zero_operands != ZeroOperands::kIgnored) {
    return "align_fraction_bits, tile_fraction_bits and zero_operands have no meaning with accumulation: integer";
  }
  return {};
}

// Infinities and NaNs always are: a saturating format may have them from elsewhere.
bool on_grid(const Format& format, float x) {
  return !std::isfinite(x) || round_to(format, x, Rounding::kTowardZero) == x;
}

float entered(const Datapath& d, float c) {
  const Format& format = d.promote_every > 0 ? d.promotion : d.accumulator;
  switch (d.initial_rounding) {
    case InitialRounding::kTowardZero:
      return round_to(format, c, Rounding::kTowardZero);
    case InitialRounding::kNearestEven:
      return round_to(format, c, Rounding::kNearestEven);
    case InitialRounding::kNone:
      break;
  }
  return c;
}

// The operand in the order of accumulation, with the zeros that fill its last interleaved block; `copy` holds it where
// it is not the operand itself.
template <class T>
std::span<const T> in_order(const Datapath& d, std::span<const T> operand, std::vector<T>& copy) {
  if (d.interleave == 1) {
    return operand;
  }
  const auto length = static_cast<std::int64_t>(operand.size());
  copy.resize(static_cast<std::size_t>(detail::padded_length(d, length)));
  for (std::size_t place = 0; place < copy.size(); ++place) {
    const std::int64_t from = detail::interleaved(d, static_cast<std::int64_t>(place));
    copy[place] = from < length ? operand[static_cast<std::size_t>(from)] : T{0};
  }
  return copy;
}

// The accumulator or the promoted sum after all products, in one pass.
float sum_of_products(const Datapath& d, std::span<const float> a, std::span<const float> b, float c) {
  std::vector<float> copies[2];
  const std::span<const float> x = in_order(d, a, copies[0]);
  const std::span<const float> y = in_order(d, b, copies[1]);
  const bool promotes = d.promote_every > 0;
  float sum = promotes ? c : 0.0F;
  float accumulator = promotes ? 0.0F : c;
  Format accumulator_format = d.accumulator;
  if (!promotes && d.initial_rounding == InitialRounding::kNone) {
    accumulator_format = Format{};  // FP32, for the first step
  }
  const auto length = static_cast<std::ptrdiff_t>(x.size());
  for (std::ptrdiff_t k = 0; k < length; k += d.group) {
    const auto count = static_cast<int>(std::min<std::ptrdiff_t>(d.group, length - k));
    accumulator = detail::step(d, {x.data() + k, 1}, {y.data() + k, 1}, count, accumulator, accumulator_format);
    accumulator_format = d.accumulator;
    const std::ptrdiff_t done = k + d.group;
    if (promotes && (done % d.promote_every == 0 || done >= length)) {
      sum = detail::promoted(d, sum, accumulator);
      accumulator = 0.0F;
    }
  }
  return promotes ? sum : accumulator;
}

float sum_of_passes(const Datapath& d, std::span<const float> a, std::span<const float> b, float c) {
  const Datapath pass = detail::one_pass(d);
  std::vector<float> x[3];
  std::vector<float> y[3];
  for (std::size_t k = 0; k < a.size(); ++k) {
    float of_a[3];
    float of_b[3];
    detail::split_into_parts(d, a[k], of_a);
    detail::split_into_parts(d, b[k], of_b);
    for (int i = 0; i < detail::split_parts(d); ++i) {
      x[i].push_back(of_a[i]);
      y[i].push_back(of_b[i]);
    }
  }
  const auto product = [&](int i, int j) { return sum_of_products(pass, x[i - 1], y[j - 1], 0.0F); };
  const float first = sum_of_products(pass, x[0], y[0], c);
  if (d.split_passes == 1) {
    return first;
  }
  float lower = detail::add_fp32(product(1, 2), product(2, 1));
  if (d.split_passes == 6) {
    const float lowest = detail::add_fp32(detail::add_fp32(product(1, 3), product(3, 1)), product(2, 2));
    lower = detail::add_fp32(lowest, lower);
  }
  return detail::add_fp32(std::isfinite(lower) ? lower : 0.0F, first);
}

}  // namespace

std::optional<Format> find_accumulator(std::string_view name) {
  for (int bits = 17; bits < 32; ++bits) {
    if (name == "int" + std::to_string(bits)) {
      return Format{std::string(name), true, 0, bits, Specials::kNone, Overflow::kSaturate};
    }
  }
  return find_format(name);
}

std::string defect(const Datapath& d) {
  return d.accumulation == Accumulation::kInteger ? integer_defect(d) : float_defect(d);
}

namespace detail {

void require_sound(const Datapath& datapath, bool integer) {
  check((datapath.accumulation == Accumulation::kInteger) == integer,
        "integer datapaths, and only they, take int8 operands");
  if (const std::string problem = defect(datapath); !problem.empty()) {
    throw ModelError("datapath " + datapath.name, problem);
  }
}

}  // namespace detail

float dot_oracle(const Datapath& datapath, std::span<const float> a, std::span<const float> b, float c) {
  detail::require_sound(datapath, false);
  check(a.size() == b.size(), "operands of a dot product have equal lengths");
  for (std::size_t i = 0; i < a.size(); ++i) {
    check(on_grid(datapath.a, a[i]) && on_grid(datapath.b, b[i]), "operands lie on the grid of their format");
  }
  const auto sum = datapath.split_passes == 0 ? sum_of_products : sum_of_passes;
  return round_to(datapath.output, sum(datapath, a, b, entered(datapath, c)), datapath.output_rounding);
}

std::int32_t dot_oracle(const Datapath& datapath, std::span<const std::int8_t> a, std::span<const std::int8_t> b,
                        std::int32_t c) {
  detail::require_sound(datapath, true);
  check(a.size() == b.size(), "operands of a dot product have equal lengths");
  std::vector<std::int8_t> copies[2];
  const std::span<const std::int8_t> x = in_order(datapath, a, copies[0]);
  const std::span<const std::int8_t> y = in_order(datapath, b, copies[1]);
  const auto group = static_cast<std::size_t>(datapath.group);
  std::int32_t accumulator = detail::integer_step(datapath, 0, c);
  for (std::size_t k = 0; k < x.size(); k += group) {
    std::int64_t sum = 0;
    for (std::size_t i = k; i < std::min(k + group, x.size()); ++i) {
      sum += std::int64_t{x[i]} * y[i];
    }
    accumulator = detail::integer_step(datapath, sum, accumulator);
  }
  return accumulator;
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
