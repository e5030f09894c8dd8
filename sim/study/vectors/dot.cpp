// SPDX-License-Identifier: Apache-2.0
#include "study/vectors/dot.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "base/error.h"

namespace mantissa::study {
namespace {

using numerics::Datapath;
using numerics::Format;

constexpr std::size_t kA = 0, kB = 1, kC = 2;
constexpr int kLargestTable = 16;  // bits of a code

std::vector<std::uint32_t>& codes_of(std::string_view cell, const Format& format, const char* what, std::size_t input,
                                     RowScratch& scratch) {
  try {
    parse_codes(cell, format, what, scratch.codes);
  } catch (CellMistake& mistake) {
    mistake.message += mistake.of_length && input != kC ? "; --operands FORMAT where it is written in another one" : "";
    throw RowMistake{input, std::move(mistake)};
  }
  return scratch.codes;
}

bool is_integer(const Datapath& datapath) {
  return datapath.accumulation == numerics::Accumulation::kInteger;
}

// A format whose codes are the upper bits of FP32's.
bool is_cut_fp32(const Format& format) {
  return !format.integer && format.exponent_bits == 8 && format.specials == numerics::Specials::kIeee;
}

float decoded(const Format& format, std::uint32_t code) {
  if (is_cut_fp32(format)) {
    const float value = std::bit_cast<float>(code << (23 - format.mantissa_bits));
    return value == value ? value : numerics::canonical_nan();
  }
  return numerics::decode(format, code);
}

std::uint32_t encoded(const Format& format, float value) {
  return is_cut_fp32(format) ? std::bit_cast<std::uint32_t>(value) >> (23 - format.mantissa_bits)
                             : numerics::encode(format, value);
}

std::int32_t sign_extended(std::uint32_t code, int bits) {
  return static_cast<std::int32_t>(code << (32 - bits)) >> (32 - bits);
}

void integers(std::span<const std::uint32_t> codes, int bits, std::vector<std::int8_t>& values) {
  values.resize(codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    values[i] = static_cast<std::int8_t>(sign_extended(codes[i], bits));
  }
}

void require_equal(std::size_t a, std::size_t b) {
  if (a != b) {
    throw RowMistake{kB,
                     {0, fmt::format("{} elements in operand b, but {} in operand a; both must have as many", b, a)}};
  }
}

}  // namespace

DotRows::Operand::Operand(const Datapath& datapath, const Format& written, const Format& multiplied)
    : datapath_(datapath), written_(written), multiplied_(multiplied), rounds_(written != multiplied) {
  if (!is_integer(datapath) && written.bits() <= kLargestTable) {
    table_.resize(std::size_t{1} << written.bits());
    for (std::size_t code = 0; code < table_.size(); ++code) {
      table_[code] = decoded(written, static_cast<std::uint32_t>(code));
    }
    prepare(table_);
  }
}

// Codes of the multiplied format itself are not rounded: a saturating format would turn their infinities into numbers.
void DotRows::Operand::prepare(std::vector<float>& values) const {
  if (rounds_) {
    prepare_operand(datapath_, multiplied_, values);
  } else if (datapath_.flush_subnormal_operands) {
    const auto min_normal = static_cast<float>(multiplied_.min_normal());
    for (float& x : values) {
      x = std::fabs(x) < min_normal ? std::copysign(0.0F, x) : x;
    }
  }
}

void DotRows::Operand::values(std::span<const std::uint32_t> codes, std::vector<float>& values) const {
  values.resize(codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    values[i] = table_.empty() ? decoded(written_, codes[i]) : table_[codes[i]];
  }
  if (table_.empty()) {
    prepare(values);
  }
}

DotRows::DotRows(const Datapath& datapath, const VectorFile& file, const std::optional<Format>& operands)
    : datapath_(datapath),
      a_(datapath, operands.value_or(datapath.a), datapath.a),
      b_(datapath, operands.value_or(datapath.b), datapath.b) {
  if (!is_integer(datapath)) {
    dot_.emplace(datapath);
  }
  if (operands && is_integer(datapath) && *operands != datapath.a) {
    throw UsageError(
        fmt::format("datapath {} multiplies integers; it takes no {} operands", datapath.name, operands->name));
  }
  for (const char* name : {"a", "b", "c"}) {
    inputs_.push_back(file.require(
        name,
        "the first line must name the columns a, b and c (or a_..., b_..., c_...); c is the initial accumulator, "
        "zeros where there is none"));
  }
}

// c has the digits of the output's format, or is FP32: the wider of the two is an accumulator's.
float DotRows::initial(std::string_view cell, RowScratch& scratch) const {
  static const Format fp32 = *numerics::find_format("fp32");
  const std::size_t length = cell.size() - (cell.starts_with("0x") || cell.starts_with("0X") ? 2 : 0);
  const bool wide = length == static_cast<std::size_t>(hex_digits(fp32));
  const Format& format = wide ? fp32 : datapath_.output;
  const auto& codes = codes_of(cell, format, "accumulator c", kC, scratch);
  if (codes.size() != 1) {
    throw RowMistake{kC,
                     {0, fmt::format("accumulator c has {} hex digits; this datapath takes one number of {}{}", length,
                                     format.name, format == fp32 ? " (8 digits)" : " or fp32 (8 digits)")}};
  }
  return decoded(format, codes[0]);
}

void DotRows::compute(std::span<const std::string_view> cells, std::int64_t /*line*/, RowScratch& scratch,
                      std::vector<std::uint32_t>& result) const {
  const auto operand = [&](std::size_t input, const char* what, const Operand& o) -> std::span<const std::uint32_t> {
    return codes_of(cells[input], o.written(), what, input, scratch);
  };
  result.resize(1);
  if (is_integer(datapath_)) {
    integers(operand(kA, "operand a", a_), a_.written().bits(), scratch.ia);
    integers(operand(kB, "operand b", b_), b_.written().bits(), scratch.ib);
    require_equal(scratch.ia.size(), scratch.ib.size());
    const Format& output = datapath_.output;
    const auto& c = codes_of(cells[kC], output, "accumulator c", kC, scratch);
    if (c.size() != 1) {
      throw RowMistake{
          kC, {0, fmt::format("accumulator c holds {} numbers; one of {} was expected", c.size(), output.name)}};
    }
    const std::int32_t sum = dot_oracle(datapath_, scratch.ia, scratch.ib, sign_extended(c[0], output.bits()));
    result[0] = static_cast<std::uint32_t>(sum) & (~0U >> (32 - output.bits()));
    return;
  }
  a_.values(operand(kA, "operand a", a_), scratch.a);
  b_.values(operand(kB, "operand b", b_), scratch.b);
  require_equal(scratch.a.size(), scratch.b.size());
  const float c = initial(cells[kC], scratch);
  result[0] = encoded(datapath_.output, (*dot_)(scratch.a, scratch.b, c));
}

}  // namespace mantissa::study
