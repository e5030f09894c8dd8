// SPDX-License-Identifier: Apache-2.0
#include "study/vectors/cast.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"

namespace mantissa::study {
namespace {

using numerics::Format;
using numerics::Overflow;
using numerics::Rounding;
using numerics::Specials;

constexpr std::uint32_t kBelowTf32 = 0x1FFF;  // the bits of FP32 that TF32 has not got
constexpr int kMostElementsLog2 = 22;         // a line is no longer than that
constexpr std::uint32_t kE8M0Nan = 0xFF;
constexpr int kE8M0Bias = 127;

bool is_tf32(const Format& format) {
  return !format.integer && format.exponent_bits == 8 && format.mantissa_bits == 10;
}

// Cuts "_word" off the end of `name`.
bool cut_word(std::string_view& name, std::string_view word) {
  if (name.size() <= word.size() + 1 || !name.ends_with(word) || name[name.size() - word.size() - 1] != '_') {
    return false;
  }
  name.remove_suffix(word.size() + 1);
  return true;
}

bool cut_meaning(std::string_view& name, ColumnMeaning& meaning) {
  static constexpr std::pair<std::string_view, Rounding> kRoundings[] = {
      {"rne", Rounding::kNearestEven}, {"rna", Rounding::kNearestAway}, {"rz", Rounding::kTowardZero}};
  for (const auto& [word, rounding] : kRoundings) {
    if (cut_word(name, word)) {
      meaning.rounding = rounding;
      return true;
    }
  }
  if (cut_word(name, "nosat")) {
    meaning.overflow = Overflow::kInfinity;
    return true;
  }
  const bool ocp = cut_word(name, "ocpsat");
  if (ocp || cut_word(name, "sat")) {
    meaning.overflow = Overflow::kSaturate;
    meaning.keep_infinity = !ocp;
    return true;
  }
  return cut_word(name, "hex") || cut_word(name, "bits");
}

const char* name_of(Rounding rounding) {
  switch (rounding) {
    case Rounding::kNearestEven:
      return "nearest even";
    case Rounding::kNearestAway:
      return "nearest away";
    case Rounding::kTowardZero:
      return "toward zero";
    case Rounding::kStochastic:
      return "stochastic";
  }
  return "";
}

Format format_named(const char* name) {
  return *numerics::find_format(name);
}

}  // namespace

std::optional<ColumnMeaning> column_meaning(std::string_view name) {
  ColumnMeaning meaning;
  while (cut_meaning(name, meaning)) {
  }
  if (name == "e8m0fnu" || name == "e8m0") {
    meaning.scale_e8m0 = true;
    meaning.format = format_named("fp32");
    return meaning;
  }
  auto format = numerics::find_format(name);
  if (!format && name.ends_with("fn")) {
    format = numerics::find_format(name.substr(0, name.size() - 2));
  }
  if (!format) {
    return std::nullopt;
  }
  meaning.format = *format;
  return meaning;
}

std::string to_string(const Cast& cast) {
  std::string overflow = cast.to.overflow == Overflow::kSaturate ? "saturating"
                         : cast.to.specials == Specials::kIeee   ? "overflow to infinity"
                                                                 : "overflow to NaN";
  if (cast.to.overflow == Overflow::kSaturate && cast.keep_infinity) {
    overflow += " except for infinities";
  }
  const std::string seed = cast.rounding == Rounding::kStochastic ? fmt::format(" with seed {}", cast.seed) : "";
  // The overflow is named in words, so the format's name does without.
  std::string_view to = cast.to.name;
  static_cast<void>(cut_word(to, "sat") || cut_word(to, "nosat"));
  return fmt::format("{} -> {}, {}{}, {}", cast.from_e8m0 ? "e8m0fnu" : cast.from.name, to, name_of(cast.rounding),
                     seed, overflow);
}

CastRows::CastRows(Cast cast, int column) : cast_(std::move(cast)), inputs_{column} {
  written_ = cast_.from_e8m0 ? format_named("int8") : is_tf32(cast_.from) ? format_named("fp32") : cast_.from;
  layout_ = is_tf32(cast_.to) ? format_named("fp32") : cast_.to;
  layout_.overflow = Overflow::kInfinity;  // codes of infinities are infinities
  if (cast_.from.integer && cast_.from.bits() > 24 && !cast_.from_e8m0) {
    throw UsageError(
        fmt::format("--from {}: its numbers do not fit in FP32; at most int16 is supported", cast_.from.name));
  }
}

float CastRows::value_of(std::uint32_t code) const {
  if (cast_.from_e8m0) {
    return code == kE8M0Nan ? numerics::canonical_nan() : std::ldexp(1.0F, static_cast<int>(code) - kE8M0Bias);
  }
  return numerics::decode(written_, code);
}

std::optional<std::uint32_t> CastRows::convert(float value, std::uint64_t index) const {
  const bool stochastic = cast_.rounding == Rounding::kStochastic;
  float rounded = stochastic ? numerics::round_stochastic(cast_.to, value, cast_.seed, index)
                             : numerics::round_to(cast_.to, value, cast_.rounding);
  if (std::isinf(value) && cast_.keep_infinity) {
    rounded = numerics::round_to(layout_, value);
  }
  const bool has_nan = !cast_.to.integer && cast_.to.specials != Specials::kNone &&
                       (cast_.to.specials != Specials::kIeee || cast_.to.mantissa_bits > 0);
  if (std::isnan(rounded) && !has_nan) {
    return std::nullopt;
  }
  return encode(layout_, rounded);
}

void CastRows::compute(std::span<const std::string_view> cells, std::int64_t line, RowScratch& scratch,
                       std::vector<std::uint32_t>& codes) const {
  try {
    parse_codes(cells[0], written_, "the number", scratch.codes);
  } catch (CellMistake& mistake) {
    mistake.message += mistake.of_length ? "; --from FORMAT says what it is" : "";
    throw RowMistake{0, std::move(mistake)};
  }
  codes.resize(scratch.codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const std::uint32_t code = scratch.codes[i];
    const auto mistake = [&](std::string message) {
      const std::size_t prefix = cells[0].starts_with("0x") || cells[0].starts_with("0X") ? 2 : 0;
      throw RowMistake{0, {prefix + i * static_cast<std::size_t>(hex_digits(written_)), std::move(message)}};
    };
    if (is_tf32(cast_.from) && !cast_.from_e8m0 && (code & kBelowTf32) != 0) {
      mistake("this is no TF32 number: its low 13 bits must be zero; use --from fp32");
    }
    const auto index = (static_cast<std::uint64_t>(line) << kMostElementsLog2) + i;
    const auto converted = convert(value_of(code), index);
    if (!converted) {
      mistake(fmt::format("NaN has no code in {}; take this row out", cast_.to.name));
    }
    codes[i] = *converted;
  }
}

namespace {

Cast to_fp32(Cast cast) {
  cast.to = format_named("fp32");
  cast.rounding = Rounding::kNearestEven;
  cast.keep_infinity = false;
  return cast;
}

}  // namespace

BlockCastRows::BlockCastRows(const Cast& cast, const numerics::BlockFormat& to, float tensor_scale, int column)
    : values_(to_fp32(cast), column), to_(to), tensor_scale_(tensor_scale), byte_(format_named("int8")) {}

void BlockCastRows::compute(std::span<const std::string_view> cells, std::int64_t line, RowScratch& scratch,
                            std::vector<std::uint32_t>& codes) const {
  values_.compute(cells, line, scratch, codes);
  scratch.a.resize(codes.size());
  std::transform(codes.begin(), codes.end(), scratch.a.begin(),
                 [](std::uint32_t bits) { return std::bit_cast<float>(bits); });
  const numerics::EncodedBlocks blocks = numerics::encode_blocks(to_, scratch.a, tensor_scale_);
  codes.clear();
  const auto length = static_cast<std::size_t>(to_.block);
  for (std::size_t i = 0; i < blocks.elements.size(); ++i) {
    if (i % length == 0) {
      codes.push_back(blocks.scales[i / length]);
    }
    codes.push_back(blocks.elements[i]);
  }
}

}  // namespace mantissa::study
