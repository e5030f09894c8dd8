// SPDX-License-Identifier: Apache-2.0
// Reads the golden tables of tests/data/numerics (gzipped CSV) for the numerics tests, and names the datapaths they
// describe.
#pragma once
#include <gtest/gtest.h>
#include <zlib.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "numerics/datapath.h"

namespace mantissa::numerics::golden {

using Cells = std::span<const std::string_view>;

inline std::string read_gzip(const std::string& path) {
  std::string text;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    ADD_FAILURE() << "cannot open " << path;
    return text;
  }
  std::vector<char> buffer(1U << 16U);
  int got = 0;
  while ((got = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  EXPECT_EQ(got, 0) << "damaged " << path;
  gzclose(file);
  return text;
}

// Calls `row` with the cells of each row after the header; returns the number of rows.
inline int for_each_row(const std::string& table, const std::function<void(Cells)>& row) {
  const std::string text = read_gzip(std::string(MANTISSA_SOURCE_DIR) + "/tests/data/numerics/" + table + ".csv.gz");
  std::string_view rest = text;
  int rows = -1;  // the header
  std::vector<std::string_view> cells;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (++rows == 0) {
      continue;
    }
    cells.clear();
    for (std::size_t comma = 0; comma != std::string_view::npos;) {
      comma = line.find(',');
      cells.push_back(line.substr(0, comma));
      line.remove_prefix(comma == std::string_view::npos ? line.size() : comma + 1);
    }
    row(cells);
  }
  return rows;
}

inline std::uint32_t hex(std::string_view digits) {
  if (digits.starts_with("0x")) {
    digits.remove_prefix(2);
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  EXPECT_TRUE(error == std::errc() && end == digits.data() + digits.size()) << digits;
  return value;
}

// A cell of concatenated codes as values.
inline std::vector<float> decode_all(const Format& format, std::string_view codes) {
  const std::size_t digits = static_cast<std::size_t>(format.bits() + 3) / 4;
  std::vector<float> values;
  for (std::size_t i = 0; i + digits <= codes.size(); i += digits) {
    values.push_back(decode(format, hex(codes.substr(i, digits))));
  }
  return values;
}

// Same bits, or both NaN.
inline bool same(float x, float y) {
  return (std::isnan(x) && std::isnan(y)) || std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
}

inline Format format(std::string_view name) {
  return find_format(name).value();
}
inline Format non_saturating(std::string_view name) {
  Format f = format(name);
  f.overflow = Overflow::kInfinity;
  return f;
}

// Hopper's wgmma and mma: docs/numerics.md.
inline Datapath hopper(std::string_view operand, std::string_view accumulator, int group, int fraction_bits) {
  Datapath d;
  d.name = "hopper_" + std::string(operand);
  d.a = d.b = format(operand);
  d.operand_rounding = operand == "tf32" ? Rounding::kTowardZero : Rounding::kNearestEven;
  d.accumulation = Accumulation::kAligned;
  d.group = group;
  d.align_fraction_bits = fraction_bits;
  d.accumulator = format(accumulator);
  d.accumulator_rounding = accumulator == "fp16" ? Rounding::kNearestEven : Rounding::kTowardZero;
  d.output = format(accumulator == "fp16" ? "fp16" : "fp32");
  return d;
}

// mma.sync with FP8 operands and an FP16 result, which Hopper emulates: docs/numerics.md.
inline Datapath hopper_fp8_mma_sync(std::string_view operand) {
  Datapath d = hopper(operand, "fp16", 16, 25);
  d.name = "mma_sync_" + std::string(operand);
  d.interleave = d.interleave_run = 2;
  d.promote_every = 32;
  d.promotion = format("fp16");
  return d;
}

inline Datapath tpu_bf16() {
  Datapath d;
  d.name = "tpu_bf16";
  d.a = d.b = format("bf16");
  d.flush_subnormal_operands = true;
  d.accumulation = Accumulation::kExact;
  d.group = 4;
  d.accumulator = d.output = format("fp32");
  d.accumulator_rounding = Rounding::kNearestEven;
  return d;
}

// FP32 operands by 1, 3 or 6 passes of BF16.
inline Datapath tpu_fp32(int passes) {
  Datapath d = tpu_bf16();
  d.name = "tpu_fp32_" + std::to_string(passes) + "pass";
  d.a = d.b = format("fp32");
  d.split_passes = passes;
  d.split_format = format("bf16");
  return d;
}

inline Datapath integer(int accumulator_bits, int group, IntegerOverflow overflow) {
  Datapath d;
  d.name = "int" + std::to_string(accumulator_bits);
  d.a = d.b = format("int8");
  d.accumulation = Accumulation::kInteger;
  d.group = group;
  d.accumulator = d.output = find_accumulator(d.name).value();
  d.integer_overflow = overflow;
  return d;
}

inline Datapath ane_fp16() {
  Datapath d = tpu_bf16();
  d.name = "ane_fp16";
  d.a = d.b = d.output = format("fp16");
  d.flush_subnormal_operands = false;
  d.tile_fraction_bits = 11;
  return d;
}

}  // namespace mantissa::numerics::golden
