// SPDX-License-Identifier: Apache-2.0
// The names of formats: the grammar of format.h, and what to say about a name outside it.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "base/text.h"
#include "numerics/block.h"
#include "numerics/format.h"

namespace mantissa::numerics {
namespace {

constexpr auto kIeee = Specials::kIeee;
constexpr auto kToInf = Overflow::kInfinity;
constexpr auto kClamp = Overflow::kSaturate;

const std::array<Format, 13>& catalog() {
  static const std::array<Format, 13> formats = {{
      {"fp32", false, 8, 23, kIeee, kToInf},
      {"tf32", false, 8, 10, kIeee, kToInf},
      {"fp16", false, 5, 10, kIeee, kToInf},
      {"bf16", false, 8, 7, kIeee, kToInf},
      {"e4m3", false, 4, 3, Specials::kNanOnly, kClamp},
      {"e5m2", false, 5, 2, kIeee, kClamp},
      {"e2m3", false, 2, 3, Specials::kNone, kClamp},
      {"e3m2", false, 3, 2, Specials::kNone, kClamp},
      {"e2m1", false, 2, 1, Specials::kNone, kClamp},
      {"int4", true, 0, 4, Specials::kNone, kClamp},
      {"int8", true, 0, 8, Specials::kNone, kClamp},
      {"int16", true, 0, 16, Specials::kNone, kClamp},
      {"int32", true, 0, 32, Specials::kNone, kClamp},
  }};
  return formats;
}

struct Spelling {
  std::string_view written, name;
};
constexpr std::array<Spelling, 8> kSpellings = {{{"fp8_e4m3", "e4m3"},
                                                 {"fp8_e5m2", "e5m2"},
                                                 {"fp6_e2m3", "e2m3"},
                                                 {"fp6_e3m2", "e3m2"},
                                                 {"fp4_e2m1", "e2m1"},
                                                 {"float32", "fp32"},
                                                 {"float16", "fp16"},
                                                 {"bfloat16", "bf16"}}};

// The digits of `text` from `from` on as a number without a leading zero ("0" itself is fine), or -1.
int whole_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) {
    return -1;
  }
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

// A name in its parts; an unset part was not written.
struct Written {
  std::string_view base;  // "e4m3", "fp16", "int8"
  std::optional<Specials> specials;
  std::optional<Overflow> overflow;
};

constexpr std::array<std::pair<std::string_view, Specials>, 3> kSpecialsSuffixes = {
    {{"_ieee", Specials::kIeee}, {"_fn", Specials::kNanOnly}, {"_finite", Specials::kNone}}};
constexpr std::array<std::pair<std::string_view, Overflow>, 2> kOverflowSuffixes = {
    {{"_sat", Overflow::kSaturate}, {"_nosat", Overflow::kInfinity}}};

template <class Value, std::size_t N>
std::optional<Value> take_suffix(std::string_view& name,
                                 const std::array<std::pair<std::string_view, Value>, N>& suffixes) {
  for (const auto& [suffix, value] : suffixes) {
    if (name.ends_with(suffix)) {
      name.remove_suffix(suffix.size());
      return value;
    }
  }
  return std::nullopt;
}

template <class Value, std::size_t N>
std::string_view suffix_of(Value value, const std::array<std::pair<std::string_view, Value>, N>& suffixes) {
  return std::find_if(suffixes.begin(), suffixes.end(), [&](const auto& row) { return row.second == value; })->first;
}

Written split(std::string_view name) {
  Written written;
  written.overflow = take_suffix(name, kOverflowSuffixes);
  written.specials = take_suffix(name, kSpecialsSuffixes);
  written.base = name;
  for (const auto& [spelling, canonical] : kSpellings) {
    if (name == spelling) {
      written.base = canonical;
    }
  }
  return written;
}

const Format* in_catalog(std::string_view name) {
  for (const Format& format : catalog()) {
    if (format.name == name) {
      return &format;
    }
  }
  return nullptr;
}

// The numbers of "eXmY", or nullopt where the text does not have this form at all.
std::optional<std::pair<int, int>> scan_bits(std::string_view base) {
  const auto m = base.find('m');
  if (base.empty() || base[0] != 'e' || m == std::string_view::npos) {
    return std::nullopt;
  }
  const int exponent_bits = whole_number(base.substr(1, m - 1));
  const int mantissa_bits = whole_number(base.substr(m + 1));
  return exponent_bits < 0 || mantissa_bits < 0 ? std::nullopt : std::optional(std::pair(exponent_bits, mantissa_bits));
}

std::string pattern(int exponent_bits, int mantissa_bits, std::string_view suffix) {
  return "e" + std::to_string(exponent_bits) + "m" + std::to_string(mantissa_bits) + std::string(suffix);
}

// What a float format of these bits is without suffixes: the catalog's, else the rules of format.h.
Format plain_format(int exponent_bits, int mantissa_bits) {
  for (const Format& format : catalog()) {
    if (!format.integer && format.exponent_bits == exponent_bits && format.mantissa_bits == mantissa_bits) {
      return format;
    }
  }
  const bool finite = exponent_bits == 1;
  return {pattern(exponent_bits, mantissa_bits, ""),
          false,
          exponent_bits,
          mantissa_bits,
          finite ? Specials::kNone : kIeee,
          finite ? kClamp : kToInf};
}

// `plain` with the suffixes' meaning and the shortest name of that.
Format with_suffixes(const Format& plain, const Written& written) {
  Format format = plain;
  if (written.specials && *written.specials != plain.specials) {
    format.specials = *written.specials;
    format.overflow = *written.specials == kIeee ? kToInf : kClamp;
    format.name = pattern(plain.exponent_bits, plain.mantissa_bits, suffix_of(format.specials, kSpecialsSuffixes));
  }
  if (written.overflow && *written.overflow != format.overflow) {
    format.overflow = *written.overflow;
    format.name += suffix_of(format.overflow, kOverflowSuffixes);
  }
  return format;
}

// Either a format, or the end of the sentence that says why the name is none.
struct Reading {
  std::optional<Format> format;
  std::string complaint;
};

Reading wrong(std::string_view problem) {
  return {std::nullopt, ": " + std::string(problem)};
}

Reading sound(Format format) {
  const std::string problem = defect(format);
  return problem.empty() ? Reading{std::move(format), {}} : wrong(problem);
}

Reading unknown(std::string_view name) {
  if (find_block_format(name)) {
    return wrong("it scales blocks of values; name the format of one value");
  }
  std::vector<std::string> names;
  for (const Format& format : catalog()) {
    names.push_back(format.name);
  }
  for (const auto& [spelling, canonical] : kSpellings) {
    names.emplace_back(spelling);
  }
  const std::string near = name.size() > 20 ? "" : nearest(name, names);
  return {std::nullopt,
          near.empty() ? "; known: fp32, tf32, fp16, bf16, fp8_e4m3, fp8_e5m2, int8, other intN, and eXmY with X 1..8 "
                         "and Y 0..23 (then perhaps _ieee, _fn or _finite, then perhaps _sat or _nosat)"
                       : "; did you mean '" + near + "'?"};
}

Reading read_name(std::string_view name) {
  const Written written = split(name);
  if (written.base.starts_with("int")) {
    const int bits = whole_number(written.base.substr(3));
    if (bits < 0) {
      return unknown(name);
    }
    if (written.specials || written.overflow) {
      return wrong("integers always saturate; write int" + std::to_string(bits));
    }
    return sound({"int" + std::to_string(bits), true, 0, bits, Specials::kNone, kClamp});
  }
  const Format* known = in_catalog(written.base);
  const auto bits = scan_bits(written.base);
  if (!known && !bits) {
    return unknown(name);
  }
  if (!bits && written.specials && *written.specials != kIeee) {
    return wrong(std::string(written.base) + " has infinities; write " +
                 pattern(known->exponent_bits, known->mantissa_bits, suffix_of(*written.specials, kSpecialsSuffixes)));
  }
  return sound(with_suffixes(known ? *known : plain_format(bits->first, bits->second), written));
}

std::string float_defect(const Format& f) {
  if (f.exponent_bits < 1 || f.exponent_bits > 8 || f.mantissa_bits < 0 || f.mantissa_bits > 23) {
    return std::to_string(f.exponent_bits) + " exponent and " + std::to_string(f.mantissa_bits) +
           " fraction bits; use 1..8 exponent and 0..23 fraction bits" +
           (f.exponent_bits == 0 ? ", or intN for fixed point" : "");
  }
  if (f.exponent_bits == 8 && f.specials != kIeee) {
    return "its largest values lie beyond FP32's; use " + pattern(8, f.mantissa_bits, "_ieee") + " or " +
           pattern(7, f.mantissa_bits, suffix_of(f.specials, kSpecialsSuffixes));
  }
  if (f.exponent_bits == 1 && f.specials == kIeee) {
    return "infinities and NaNs take all normal numbers where there is one exponent bit; use " +
           pattern(1, f.mantissa_bits, "_finite");
  }
  if (f.exponent_bits == 1 && f.mantissa_bits == 0 && f.specials == Specials::kNanOnly) {
    return "NaN takes its only value but zero; use e1m0_finite";
  }
  if (f.specials == Specials::kNone && f.overflow != kClamp) {
    return "no code is left for overflow without infinities and NaN; leave out _nosat";
  }
  return {};
}

}  // namespace

std::span<const Format> known_formats() {
  return catalog();
}

std::optional<Format> find_format(std::string_view name) {
  return read_name(name).format;
}

std::string format_defect(std::string_view name) {
  const Reading reading = read_name(name);
  if (reading.format) {
    return {};
  }
  const std::string shown = name.size() <= 60 ? std::string(name) : std::string(name.substr(0, 60)) + "...";
  return "'" + shown + "' is not a number format" + reading.complaint;
}

std::string defect(const Format& format) {
  if (!format.integer) {
    return float_defect(format);
  }
  const int bits = format.mantissa_bits;
  return (bits >= 2 && bits <= 16) || bits == 32 ? std::string{} : "integers have 2..16 or 32 bits";
}

}  // namespace mantissa::numerics
