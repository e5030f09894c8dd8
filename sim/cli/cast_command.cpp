// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "cli/vector_output.h"
#include "config/fields.h"
#include "study/vectors/cast.h"

namespace mantissa::cli {
namespace {

using numerics::Overflow;
using numerics::Rounding;
using study::Cast;
using study::ColumnMeaning;

ColumnMeaning format_option(const char* option, const std::string& word) {
  if (const auto meaning = study::column_meaning(word)) {
    return *meaning;
  }
  throw UsageError(fmt::format("{}: {}", option, numerics::format_defect(word)));
}

Rounding rounding_option(const std::string& word) {
  std::vector<std::string> names;
  for (const auto& row : config::rounding_names()) {
    if (word == row.name) {
      return row.value;
    }
    names.emplace_back(row.name);
  }
  if (word == "stochastic") {
    return Rounding::kStochastic;
  }
  names.emplace_back("stochastic");
  throw UsageError(fmt::format("--rounding: '{}' is not a rounding{}", word, suggestion(word, names)));
}

bool same_layout(const numerics::Format& a, const numerics::Format& b) {
  return a.integer == b.integer && a.exponent_bits == b.exponent_bits && a.mantissa_bits == b.mantissa_bits;
}

// The column to compare with, where the command line names none: the one whose name says this conversion.
int column_of_cast(const study::VectorFile& file, const Cast& cast, int input) {
  for (std::size_t i = 0; i < file.columns().size(); ++i) {
    const auto meaning = study::column_meaning(file.columns()[i]);
    if (static_cast<int>(i) != input && meaning && same_layout(meaning->format, cast.to) &&
        meaning->rounding.value_or(cast.rounding) == cast.rounding &&
        meaning->overflow.value_or(cast.to.overflow) == cast.to.overflow &&
        (!meaning->overflow || meaning->keep_infinity == cast.keep_infinity)) {
      return static_cast<int>(i);
    }
  }
  throw UsageError(
      fmt::format("no column's name says {}; name the column to compare with: --expect COLUMN", to_string(cast)));
}

// What the numbers to convert are, with the name of their column.
ColumnMeaning source_of(const Arguments& arguments, const std::string& column) {
  const auto meaning = study::column_meaning(column);
  return arguments.has("--from") ? format_option("--from", arguments.text("--from"))
         : meaning               ? *meaning
                                 : format_option("--from", "fp32");
}

// The conversion that options and the names of the columns say; options come first.
Cast read_cast(const Arguments& arguments, const std::string& input, const std::optional<std::string>& expected) {
  Cast cast;
  const auto meant = expected ? study::column_meaning(*expected) : std::nullopt;
  if (!arguments.has("--to") && !meant) {
    throw UsageError("cast needs --to FORMAT; `mantissa list formats` shows them");
  }
  const std::string to_word = arguments.text("--to");
  const ColumnMeaning to = arguments.has("--to") ? format_option("--to", to_word) : *meant;
  if (to.scale_e8m0) {
    throw UsageError("--to: e8m0fnu holds the scales of blocks; numbers are converted from it only");
  }
  const ColumnMeaning from = source_of(arguments, input);
  cast.from = from.format;
  cast.from_e8m0 = from.scale_e8m0;
  cast.to = to.format;
  // What the column to compare with says of rounding and overflow holds where the options say nothing.
  const bool column_counts = meant && same_layout(meant->format, cast.to);
  const ColumnMeaning& fine = to.rounding || to.overflow || !column_counts ? to : *meant;
  cast.rounding = arguments.has("--rounding") ? rounding_option(arguments.text("--rounding"))
                                              : fine.rounding.value_or(Rounding::kNearestEven);
  if (fine.overflow) {
    cast.to.overflow = *fine.overflow;
    cast.keep_infinity = fine.keep_infinity;
  }
  if (arguments.has("--saturate") || arguments.has("--no-saturate")) {
    cast.to.overflow = arguments.has("--saturate") ? Overflow::kSaturate : Overflow::kInfinity;
    cast.keep_infinity = false;
  }
  if (arguments.has("--keep-infinity")) {
    cast.keep_infinity = true;
  }
  return cast;
}

void check_options(const Arguments& arguments, const Cast& cast) {
  if (arguments.has("--saturate") && arguments.has("--no-saturate")) {
    throw UsageError("--saturate and --no-saturate exclude each other; remove one");
  }
  const bool stochastic = cast.rounding == Rounding::kStochastic;
  if (stochastic && !arguments.has("--seed")) {
    throw UsageError("--rounding stochastic needs --seed N, so that the result can be had again");
  }
  if (!stochastic && arguments.has("--seed")) {
    throw UsageError("--seed goes with --rounding stochastic only");
  }
  if (arguments.has("--keep-infinity") && cast.to.overflow != Overflow::kSaturate) {
    throw UsageError("--keep-infinity has no effect without saturation; remove it or add --saturate");
  }
  if (cast.to.integer && arguments.has("--no-saturate")) {
    throw UsageError(fmt::format("--no-saturate: {} always saturates", cast.to.name));
  }
}

// Block-scaled formats say their rounding and overflow themselves.
void execute_block_cast(const Arguments& arguments, study::VectorFile& file, int input, int expected,
                        const numerics::BlockFormat& format, Streams& streams) {
  for (const char* option : {"--rounding", "--seed", "--saturate", "--no-saturate", "--keep-infinity"}) {
    if (arguments.has(option)) {
      throw UsageError(
          fmt::format("{} has no effect with --to {}: the format says how it rounds", option, format.name));
    }
  }
  if (format.tensor_scale != arguments.has("--tensor-scale")) {
    throw UsageError(
        format.tensor_scale
            ? fmt::format("--to {} needs --tensor-scale: the scale of the whole tensor as 8 hex digits (FP32)",
                          format.name)
            : fmt::format("--tensor-scale has no effect with --to {}", format.name));
  }
  if (arguments.has("--expect") && arguments.text("--expect").empty()) {
    throw UsageError("name the column to compare with: --expect COLUMN");
  }
  float scale = 1.0F;
  if (format.tensor_scale) {
    std::vector<std::uint32_t> bits;
    try {
      study::parse_codes(arguments.text("--tensor-scale"), *numerics::find_format("fp32"), "the scale", bits);
    } catch (const study::CellMistake& mistake) {
      throw UsageError("--tensor-scale: " + mistake.message);
    }
    scale = std::bit_cast<float>(bits.front());
    if (bits.size() != 1 || !(scale > 0.0F) || !std::isfinite(scale)) {
      throw UsageError("--tensor-scale must be one positive, finite FP32 number");
    }
  }
  const std::string& name = file.columns()[static_cast<std::size_t>(input)];
  Cast cast;
  const ColumnMeaning from = source_of(arguments, name);
  cast.from = from.format;
  cast.from_e8m0 = from.scale_e8m0;
  const study::BlockCastRows function(cast, format, scale, input);
  execute_rows(arguments, file, function, format.name, expected, fmt::format("{} -> {}", cast.from.name, format.name),
               streams);
}

void execute_cast(const Arguments& arguments, Streams& streams) {
  study::VectorFile file(vector_file_of(arguments, "cast"));
  const int input =
      arguments.has("--column") ? file.require(arguments.text("--column"), "--column names the column to convert") : 0;
  const std::string word = arguments.text("--expect");
  int expected = 0;
  std::optional<std::string> expected_name;
  if (!word.empty()) {
    expected = file.require(word, "name the column to compare with: --expect COLUMN");
    expected_name = file.columns()[static_cast<std::size_t>(expected)];
  }
  if (const auto blocks = numerics::find_block_format(arguments.text("--to"))) {
    execute_block_cast(arguments, file, input, expected, *blocks, streams);
    return;
  }
  if (arguments.has("--tensor-scale")) {
    throw UsageError("--tensor-scale goes with --to nvfp4 only");
  }
  Cast cast = read_cast(arguments, file.columns()[static_cast<std::size_t>(input)], expected_name);
  check_options(arguments, cast);
  cast.seed =
      static_cast<std::uint64_t>(arguments.integer("--seed", 0, std::numeric_limits<std::int64_t>::max()).value_or(0));
  if (arguments.has("--expect") && word.empty()) {
    expected = column_of_cast(file, cast, input);
  }
  const study::CastRows function(cast, input);
  execute_rows(arguments, file, function, function.result_name(), expected, to_string(cast), streams);
}

}  // namespace

Command cast_command() {
  std::vector<Option> options = {
      {"--to", "FORMAT", "`mantissa list formats` shows them; default: what the column to compare with is called"},
      {"--from", "FORMAT", "of the numbers; default: what their column is called, else fp32"},
      {"--column", "NAME", "the column to convert; default: the first"},
      {"--rounding", "R", "nearest_even (default), nearest_away, toward_zero or stochastic"},
      {"--seed", "N", "of stochastic rounding"},
      {"--saturate", "",
       "beyond the largest number, and for infinities: the largest number; default: the format's own way"},
      {"--no-saturate", "", "beyond the largest number: infinity, or NaN in a format without infinities"},
      {"--tensor-scale", "HEX", "of nvfp4: the FP32 scale of the whole tensor"},
      {"--keep-infinity", "", "with saturation: infinities stay, as in ml_dtypes"}};
  const auto shared = vector_options("compare with a column of the file; default: the one named like the conversion");
  options.insert(options.end(), shared.begin(), shared.end());
  return {"cast",
          "cast --to FORMAT (FILE.csv[.gz] | -) [OPTIONS]",
          "given bit patterns from one number format to another",
          "Converts the first column of a table of bit patterns (hex digits). Writes the table with a new column, or "
          "compares the\n"
          "result with a column that is there, shows where they differ and exits 1. docs/silicon.md has the details.",
          options,
          {"mantissa cast --to e4m3 --from bf16 numbers.csv > converted.csv",
           "mantissa cast --to e4m3 --no-saturate --expect e4m3fn_nosat bf16_to_fp8.csv.gz",
           "mantissa cast --to bf16 --rounding stochastic --seed 1 --only bf16 numbers.csv"},
          execute_cast};
}

}  // namespace mantissa::cli
