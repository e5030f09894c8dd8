// SPDX-License-Identifier: Apache-2.0
// Conversions between number formats on rows of bit patterns: what `mantissa cast` computes. A cell may hold several
// elements; each is converted by itself.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "numerics/block.h"
#include "numerics/format.h"
#include "study/vectors/rows.h"

namespace mantissa::study {

// What a column's name says of the numbers in it: "bf16", "fp16_rne", "e4m3fn_nosat", "tf32_rna". Words after the
// format: rne, rna, rz (nearest even, nearest away, toward zero), nosat (overflow to infinity or NaN), ocpsat
// (saturate, infinities too), sat (saturate, but infinities stay, as ml_dtypes does).
struct ColumnMeaning {
  numerics::Format format;
  bool scale_e8m0 = false;  // "e8m0fnu": powers of two without a sign, in place of `format`
  std::optional<numerics::Rounding> rounding;
  std::optional<numerics::Overflow> overflow;
  bool keep_infinity = false;
};
std::optional<ColumnMeaning> column_meaning(std::string_view name);

struct Cast {
  numerics::Format from;
  bool from_e8m0 = false;
  numerics::Format to;  // with the overflow that is wanted
  numerics::Rounding rounding = numerics::Rounding::kNearestEven;
  std::uint64_t seed = 0;      // kStochastic only
  bool keep_infinity = false;  // where `to` saturates: infinities stay (NaN in a format without them)
};
// "bf16 -> e4m3, nearest even, saturating".
std::string to_string(const Cast& cast);

// TF32 has the layout of FP32 here (8 digits, the low 13 bits zero), as `cvt.rna.tf32.f32` leaves it in a register.
class CastRows : public RowFunction {
 public:
  // `column`: where the numbers are.
  CastRows(Cast cast, int column);

  const std::vector<int>& inputs() const override { return inputs_; }
  const numerics::Format& result() const override { return layout_; }
  // As the new column is called: the format's name.
  const std::string& result_name() const { return cast_.to.name; }
  // kStochastic: element i of line n is rounded with index 2^22 n + i.
  void compute(std::span<const std::string_view> cells, std::int64_t line, RowScratch& scratch,
               std::vector<std::uint32_t>& codes) const override;

 private:
  // The code of one value, or nullopt for a NaN that `to` has no code for.
  std::optional<std::uint32_t> convert(float value, std::uint64_t index) const;
  float value_of(std::uint32_t code) const;

  Cast cast_;
  numerics::Format written_;  // of the cells
  numerics::Format layout_;   // of the result's codes
  std::vector<int> inputs_;
};

// To a block-scaled format: a cell's elements are one run of blocks, the last of which may be shorter. The result is,
// block by block, the scale's code and the elements' codes, two digits each.
class BlockCastRows : public RowFunction {
 public:
  // `from`, `from_e8m0` of the cast count; a block format says the rest itself.
  BlockCastRows(const Cast& cast, const numerics::BlockFormat& to, float tensor_scale, int column);

  const std::vector<int>& inputs() const override { return values_.inputs(); }
  const numerics::Format& result() const override { return byte_; }
  void compute(std::span<const std::string_view> cells, std::int64_t line, RowScratch& scratch,
               std::vector<std::uint32_t>& codes) const override;

 private:
  CastRows values_;  // to FP32
  numerics::BlockFormat to_;
  float tensor_scale_;
  numerics::Format byte_;
};

}  // namespace mantissa::study
