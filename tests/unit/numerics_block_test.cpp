// SPDX-License-Identifier: Apache-2.0
// Block-scaled formats: worked examples, names, and what happens at the ends. numerics_block_oracle_test.cpp has the
// whole conversion stated again.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "numerics/block.h"

namespace mantissa::numerics {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMost = std::numeric_limits<float>::max();

BlockFormat block_format(std::string_view name) {
  return find_block_format(name).value();
}

std::vector<float> rounded(const BlockFormat& format, std::vector<float> values) {
  round_to_blocks(format, values);
  return values;
}

TEST(BlockFormat, FloorMayClipTheLargestElementAndCeilDoesNot) {
  // 500 = 1.95 * 2^8: floor keeps the scale 1 and cuts at 448, ceil doubles it. E4M3 has steps of 32 at 448, 16 at 250.
  EXPECT_EQ(rounded(block_format("mxfp8_e4m3"), {500, 1}), (std::vector<float>{448, 1}));
  EXPECT_EQ(rounded(block_format("mxfp8_e4m3_ceil"), {500, 1}), (std::vector<float>{512, 1}));
  // 7 with E2M1: floor has the scale 1 (largest element 6), ceil 2.
  EXPECT_EQ(rounded(block_format("mxfp4"), {7, 2.5F, 0.25F, -0.75F}), (std::vector<float>{6, 2, 0, -1}));
  EXPECT_EQ(rounded(block_format("mxfp4_ceil"), {7, 2.5F, 0.25F, -0.75F}), (std::vector<float>{8, 2, 0, -1}));
  const EncodedBlocks codes = encode_blocks(block_format("mxfp4"), std::vector<float>{7, 2.5F, 0.25F, -0.75F}, 1.0F);
  EXPECT_EQ(codes.scales, (std::vector<std::uint8_t>{127}));
  EXPECT_EQ(codes.elements, (std::vector<std::uint8_t>{7, 4, 0, 0b1010}));
}

TEST(BlockFormat, Mxint8IsSymmetric) {
  EXPECT_EQ(rounded(block_format("mxint8"), {1.999F, -1.999F, 1.0F / 128, 3.0F / 128}),
            (std::vector<float>{127.0F / 64, -127.0F / 64, 0, 2.0F / 64}));
  EXPECT_EQ(encode_blocks(block_format("mxint8"), std::vector<float>{-1.999F, -1}, 1.0F).elements,
            (std::vector<std::uint8_t>{0x81, 0xC0}));
}

TEST(BlockFormat, Nvfp4HasTwoLevelsOfScales) {
  // amax 2688 = 448 * 6 makes the tensor's scale 1. First block: scale 448. Second: 12 / 6 = 2.
  std::vector<float> values(32, 0.0F);
  values[0] = 2688;
  values[1] = 1000;  // / 448 = 2.23: 2
  values[16] = -12;
  values[17] = 5.1F;  // / 2 = 2.55: 3
  const BlockFormat nvfp4 = block_format("nvfp4");
  EXPECT_EQ(compute_tensor_scale(nvfp4, values), 1.0F);
  const EncodedBlocks codes = encode_blocks(nvfp4, values, 1.0F);
  EXPECT_EQ(codes.scales, (std::vector<std::uint8_t>{0x7E, 0x40}));
  std::vector<float> expected(32, 0.0F);
  expected[0] = 2688;
  expected[1] = 896;
  expected[16] = -12;
  expected[17] = 6;
  EXPECT_EQ(rounded(nvfp4, values), expected);
}

TEST(BlockFormat, AllZeroBlocksStayZeroWithTheSmallestScale) {
  for (const BlockFormat& f : known_block_formats()) {
    const std::vector<float> zeros(40, 0.0F);
    EXPECT_EQ(compute_tensor_scale(f, zeros), 1.0F);
    EXPECT_EQ(rounded(f, zeros), zeros) << f.name;
    for (const std::uint8_t code : encode_blocks(f, zeros, 1.0F).scales) {
      EXPECT_EQ(code, 0) << f.name;
    }
    EXPECT_TRUE(rounded(f, {}).empty());
  }
  EXPECT_TRUE(std::signbit(rounded(block_format("mxfp8_e4m3"), {-0.0F})[0]));
  EXPECT_TRUE(std::signbit(rounded(block_format("nvfp4"), {-0.0F})[0]));
  EXPECT_FALSE(std::signbit(rounded(block_format("mxint8"), {-0.0F})[0]));
}

TEST(BlockFormat, ABlockWithNanOrInfinityIsNanAndItsNeighboursAreNot) {
  for (const BlockFormat& f : known_block_formats()) {
    for (const float bad : {std::nanf("5"), kInfinity, -kInfinity}) {
      const auto length = static_cast<std::size_t>(f.block);
      std::vector<float> values(3 * length, 1.0F);
      values[length + 3] = bad;
      const std::vector<float> got = rounded(f, values);
      const EncodedBlocks codes = encode_blocks(f, values, compute_tensor_scale(f, values));
      EXPECT_TRUE(std::isnan(decode_scale(f.scale, codes.scales[1]))) << f.name;
      EXPECT_EQ(codes.scales[1], f.scale == BlockScale::kE8M0 ? 0xFF : 0x7F) << f.name;
      const std::vector<float> decoded = decode_blocks(f, codes);
      for (std::size_t i = 0; i < got.size(); ++i) {
        const bool hit = i / length == 1;
        EXPECT_EQ(std::bit_cast<std::uint32_t>(got[i]), hit ? 0x7FFF'FFFFU : std::bit_cast<std::uint32_t>(1.0F))
            << f.name << " " << i;
        EXPECT_EQ(std::bit_cast<std::uint32_t>(decoded[i]), std::bit_cast<std::uint32_t>(got[i])) << f.name;
      }
    }
  }
}

TEST(BlockFormat, StaysDefinedAtTheEndsOfFp32) {
  // The smallest scale of E8M0 is 2^-127, so that the smallest E4M3 number stands for 2^-136.
  EXPECT_EQ(rounded(block_format("mxfp8_e4m3"), {0x1p-149F, 0x1p-136F, 0x1.8p-137F, -0x1p-138F}),
            (std::vector<float>{0, 0x1p-136F, 0x1p-136F, -0.0F}));
  // The largest floats: floor saturates below them, ceil rounds them up to 2^128, which FP32 has not got.
  EXPECT_EQ(rounded(block_format("mxfp8_e4m3"), {kMost, -kMost}), (std::vector<float>{0x1.cp127F, -0x1.cp127F}));
  EXPECT_EQ(rounded(block_format("mxfp8_e4m3_ceil"), {kMost, -0x1p127F}), (std::vector<float>{kInfinity, -0x1p127F}));
  // Scales end at 2^127, where the largest element of MXINT8 stands for 127/64 * 2^127.
  EXPECT_EQ(encode_blocks(block_format("mxint8_ceil"), std::vector<float>{kMost}, 1.0F).scales[0], 254);
  EXPECT_EQ(rounded(block_format("mxint8_ceil"), {kMost}), (std::vector<float>{0x1.fcp127F}));
}

TEST(BlockFormat, Nvfp4ScalesSaturateAndVanish) {
  const BlockFormat nvfp4 = block_format("nvfp4");
  // A block 2^20 times smaller than the largest: its scale is below half of the smallest E4M3 number.
  std::vector<float> values(32, 0x1p-20F);
  values[0] = 1.0F;
  std::vector<float> got = rounded(nvfp4, values);
  EXPECT_EQ(got[16], 0.0F);
  EXPECT_EQ(encode_blocks(nvfp4, values, compute_tensor_scale(nvfp4, values)).scales[1], 0);
  // A static tensor scale that is too small: 448 * 6 is the most.
  got.assign(16, 1e6F);
  round_to_blocks(nvfp4, got, 1.0F);
  EXPECT_EQ(got, std::vector<float>(16, 2688.0F));
  // The tensor's scale is a normal FP32 number, however small the values.
  EXPECT_EQ(compute_tensor_scale(nvfp4, std::vector<float>{0x1p-149F}), 0x1p-126F);
  EXPECT_EQ(rounded(nvfp4, {0x1p-149F}), std::vector<float>{0.0F});
  EXPECT_EQ(compute_tensor_scale(nvfp4, std::vector<float>{kInfinity, -5376, std::nanf("")}), 2.0F);
}

TEST(BlockFormat, RefusesTensorScalesThatMakeNoSense) {
  std::vector<float> values(16, 1.0F);
  for (const float scale : {0.0F, -1.0F, kInfinity, std::nanf("")}) {
    EXPECT_THROW(round_to_blocks(block_format("nvfp4"), values, scale), ModelError);
  }
  EXPECT_THROW(round_to_blocks(block_format("mxfp4"), values, 2.0F), ModelError);
}

TEST(BlockFormat, MayBeFilledInByHandWithinReason) {
  BlockFormat f{"mine", find_format("e3m4_fn").value(), 5, BlockScale::kE4M3};
  EXPECT_EQ(defect(f), "");
  std::vector<float> values = {30, 15, 7.5F, 1, 2, 60, 4};
  round_to_blocks(f, values);
  EXPECT_EQ(values, (std::vector<float>{30, 15, 7.5F, 1, 2, 60, 4}));
  f.block = 0;
  EXPECT_EQ(defect(f), "block must be 1..65536");
  EXPECT_THROW(round_to_blocks(f, values), ModelError);
  f.block = 32;
  f.element = find_format("fp16").value();
  EXPECT_EQ(defect(f), "elements must have at most 8 bits and saturate");
  f.element.exponent_bits = 40;
  EXPECT_EQ(defect(f), "elements: 40 exponent and 10 fraction bits; use 1..8 exponent and 0..23 fraction bits");
  f = block_format("mxfp4");
  f.tensor_scale = true;
  EXPECT_EQ(defect(f), "a tensor scale goes with E4M3 scales only");
}

TEST(BlockFormat, IsFoundByNameAndKnowsItsMemory) {
  struct Row {
    const char* name;
    const char* element;
    int block;
    double bits;
  };
  const Row rows[] = {{"mxfp8_e4m3", "e4m3", 32, 8.25}, {"mxfp8_e5m2", "e5m2", 32, 8.25},
                      {"mxfp6_e2m3", "e2m3", 32, 6.25}, {"mxfp6_e3m2", "e3m2", 32, 6.25},
                      {"mxfp4", "e2m1", 32, 4.25},      {"mxint8", "int8", 32, 8.25},
                      {"nvfp4", "e2m1", 16, 4.5}};
  ASSERT_EQ(known_block_formats().size(), std::size(rows));
  for (const Row& row : rows) {
    const BlockFormat f = block_format(row.name);
    EXPECT_EQ(f.name, row.name);
    EXPECT_EQ(f.element.name, row.element);
    EXPECT_EQ(f.block, row.block);
    EXPECT_EQ(f.bits_per_element(), row.bits);
    EXPECT_EQ(defect(f), "");
  }
  EXPECT_EQ(find_block_format("mxfp4_e2m1"), find_block_format("mxfp4"));
  EXPECT_EQ(find_block_format("mxfp4_e2m1_ceil"), find_block_format("mxfp4_ceil"));
  EXPECT_EQ(block_format("mxint8_ceil").rule, ScaleRule::kCeil);
  EXPECT_EQ(block_format("mxint8_ceil").name, "mxint8_ceil");
  EXPECT_EQ(find_block_format("mxint8_floor"), find_block_format("mxint8"));
  for (const char* name : {"", "mx", "mxfp8", "mxfp5", "nvfp4_ceil", "mxfp4_ceil_floor", "_ceil", "e4m3", "MXFP4"}) {
    EXPECT_EQ(find_block_format(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace mantissa::numerics
