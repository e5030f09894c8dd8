// SPDX-License-Identifier: Apache-2.0
// Block-scaled formats: runs of consecutive elements of few bits share one scale. MX (OCP Microscaling 1.0) and NVFP4.
// This is emulation: values are put on the grid of such a format and stay floats. None of the modelled chips multiplies
// these formats natively, so nothing here says how a block-scaled dot product accumulates.
//
// SOURCE: OCP MX 1.0 and Microsoft's microxcaling for kFloor; NVIDIA's TransformerEngine for kCeil and NVFP4.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "numerics/format.h"

namespace mantissa::numerics {

// kE8M0: a power of two, 2^(code - 127), code 255 is NaN; no zero, no sign. kE4M3: an E4M3 number.
enum class BlockScale { kE8M0, kE4M3 };

// kE8M0's exponent for a block's largest magnitude amax. kFloor: floor(log2(amax)) - floor(log2(largest element)), so
// that amax may lie beyond the largest element, which it then becomes. kCeil: the least for which it does not.
enum class ScaleRule { kFloor, kCeil };

struct BlockFormat {
  std::string name;  // "mxfp4"
  Format element;    // intN stands for the fixed-point numbers k / 2^(N-2), |k| < 2^(N-1)
  int block = 32;    // consecutive values that share a scale
  BlockScale scale = BlockScale::kE8M0;
  ScaleRule rule = ScaleRule::kFloor;  // kE8M0 only
  bool tensor_scale = false;           // kE4M3 only: one FP32 scale for the tensor as well

  double max_element() const;
  // Memory for one element: its bits and its share of the block's scale (8.25 for MXFP8). The tensor's scale is not
  // counted.
  double bits_per_element() const;
  bool operator==(const BlockFormat&) const = default;
};

// mxfp8_e4m3 mxfp8_e5m2 mxfp6_e2m3 mxfp6_e3m2 mxfp4 (also mxfp4_e2m1) mxint8: blocks of 32, kE8M0, kFloor; with the
// suffix _ceil kCeil (_floor says the default). nvfp4: blocks of 16 E2M1, E4M3 scales, a tensor scale. nullopt
// otherwise.
std::optional<BlockFormat> find_block_format(std::string_view name);
std::span<const BlockFormat> known_block_formats();  // without suffixes

// What is wrong with a block format filled in by hand, or empty. The functions below throw ModelError with it.
std::string defect(const BlockFormat& format);

// The FP32 scale of a tensor with these values: amax / (448 * largest element), amax over the finite ones; at least
// 2^-126, and 1 when all are zero. Always 1 without `tensor_scale`.
float compute_tensor_scale(const BlockFormat& format, std::span<const float> values);

// Replaces each run of `block` values (the last may be shorter) by what the format holds of them:
//   E8M0  scale from the rule, at least 2^-127 and at most 2^127; elements value / scale to nearest even, saturating
//   E4M3  scale amax / (largest element * tensor scale) to nearest even, at most 448; elements as above, of
//         value / (scale * tensor scale). Where the scale rounds to zero the block becomes zeros.
// Quotients are exact, rounded once. Zeros keep their sign, except in integer elements. A block that holds a NaN or an
// infinity gets the scale NaN, which makes all of it NaN (OCP MX 1.0 leaves this conversion to the implementation; a
// NaN scale it defines). Results are FP32: element * scale is exact for E8M0, but for values that round up to 2^128 and
// become infinite; with a tensor scale the product of all three is rounded once.
// A tensor may be split at block boundaries (threads, rows): give all parts the same tensor_scale.
void round_to_blocks(const BlockFormat& format, std::span<float> values, float tensor_scale);
void round_to_blocks(const BlockFormat& format, std::span<float> values);  // scale of these very values

// The same as bit patterns: one scale code for each block, one element code for each value (codes of format.h, not
// packed; zeros in a block whose scale is NaN or zero).
struct EncodedBlocks {
  float tensor_scale = 1.0F;
  std::vector<std::uint8_t> scales;
  std::vector<std::uint8_t> elements;
};
EncodedBlocks encode_blocks(const BlockFormat& format, std::span<const float> values, float tensor_scale);
std::vector<float> decode_blocks(const BlockFormat& format, const EncodedBlocks& blocks);

// What a scale code means; NaN for a NaN code.
float decode_scale(BlockScale kind, std::uint8_t code);

}  // namespace mantissa::numerics
