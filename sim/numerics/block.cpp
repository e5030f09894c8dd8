// SPDX-License-Identifier: Apache-2.0
#include "numerics/block.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace mantissa::numerics {
namespace {

constexpr int kMaxBlock = 65536;
constexpr int kBias = 127;  // of E8M0
constexpr std::uint32_t kInfinityBits = 0x7F80'0000;
constexpr std::uint8_t kNanE8M0 = 0xFF;

const Format& e4m3() {
  static const Format format = find_format("e4m3").value();
  return format;
}

std::array<BlockFormat, 7> make_catalog() {
  const auto mx = [](std::string name, std::string_view element) {
    return BlockFormat{std::move(name), find_format(element).value()};
  };
  return {mx("mxfp8_e4m3", "e4m3"),
          mx("mxfp8_e5m2", "e5m2"),
          mx("mxfp6_e2m3", "e2m3"),
          mx("mxfp6_e3m2", "e3m2"),
          mx("mxfp4", "e2m1"),
          mx("mxint8", "int8"),
          {"nvfp4", find_format("e2m1").value(), 16, BlockScale::kE4M3, ScaleRule::kFloor, true}};
}

const std::array<BlockFormat, 7>& catalog() {
  static const std::array<BlockFormat, 7> formats = make_catalog();
  return formats;
}

// How many of the element format's own numbers make 1: integers are fixed-point numbers.
double units_per_one(const Format& element) {
  return element.integer ? std::ldexp(1.0, element.bits() - 2) : 1.0;
}

std::uint32_t magnitude_bits(float x) {
  return std::bit_cast<std::uint32_t>(x) & 0x7FFF'FFFFU;
}

// The bits of the largest magnitude: those of an infinity or above where one of the values is not finite.
std::uint32_t largest_bits(std::span<const float> values) {
  std::uint32_t most = 0;
  for (const float x : values) {
    most = std::max(most, magnitude_bits(x));
  }
  return most;
}

// The quotient rounded to odd at 24 bits: rounding that to a few bits gives what rounding the exact quotient gives. (No
// quotient of a float and a product of float and scale lies within 2^-53 of a tie without being one.)
float odd_float(double quotient) {
  constexpr std::uint64_t kCut = (std::uint64_t{1} << 29) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(quotient);
  const std::uint64_t sticky = ((bits & kCut) + kCut) & (kCut + 1);
  return static_cast<float>(std::bit_cast<double>((bits & ~kCut) | sticky));
}

struct Scale {
  std::uint8_t code;
  double value;  // with the tensor's scale; NaN, zero possible
};

Scale e8m0_scale(const BlockFormat& format, std::uint32_t amax_bits) {
  if (amax_bits >= kInfinityBits) {
    return {kNanE8M0, std::numeric_limits<double>::quiet_NaN()};
  }
  int exponent = -kBias;
  if (amax_bits != 0) {
    const auto amax = static_cast<double>(std::bit_cast<float>(amax_bits));
    exponent = std::ilogb(amax) - std::ilogb(format.max_element());
    if (format.rule == ScaleRule::kCeil && amax > std::ldexp(format.max_element(), exponent)) {
      ++exponent;
    }
    exponent = std::clamp(exponent, -kBias, kBias);
  }
  return {static_cast<std::uint8_t>(exponent + kBias), std::ldexp(1.0, exponent)};
}

Scale e4m3_scale(const BlockFormat& format, std::uint32_t amax_bits, float tensor_scale) {
  float scale = canonical_nan();
  if (amax_bits < kInfinityBits) {
    const auto amax = static_cast<double>(std::bit_cast<float>(amax_bits));
    const double per_element = format.max_element() * static_cast<double>(tensor_scale);
    scale = round_to(e4m3(), odd_float(amax / per_element));
  }
  return {static_cast<std::uint8_t>(encode(e4m3(), scale)),
          static_cast<double>(scale) * static_cast<double>(tensor_scale)};
}

Scale scale_of(const BlockFormat& format, std::span<const float> block, float tensor_scale) {
  const std::uint32_t amax_bits = largest_bits(block);
  return format.scale == BlockScale::kE8M0 ? e8m0_scale(format, amax_bits)
                                           : e4m3_scale(format, amax_bits, tensor_scale);
}

// Values in units of the element format, not yet rounded.
void divide(const BlockFormat& format, std::span<float> block, double scale) {
  if (format.scale == BlockScale::kE8M0 || scale == 0.0) {
    const double factor = scale == 0.0 ? 0.0 : units_per_one(format.element) / scale;
    for (float& x : block) {
      x = static_cast<float>(static_cast<double>(x) * factor);
    }
  } else {
    const double divisor = scale / units_per_one(format.element);
    for (float& x : block) {
      x = odd_float(static_cast<double>(x) / divisor);
    }
  }
  if (format.element.integer) {  // as many numbers below zero as above
    const auto least = static_cast<float>(-format.element.max_finite());
    for (float& x : block) {
      x = std::max(x, least);
    }
  }
}

void multiply(const BlockFormat& format, std::span<float> block, double scale) {
  if (std::isnan(scale)) {
    std::fill(block.begin(), block.end(), canonical_nan());
    return;
  }
  const double factor = scale / units_per_one(format.element);
  for (float& x : block) {
    x = static_cast<float>(static_cast<double>(x) * factor);
  }
}

// Replaces values by numbers of the element format in its own units and calls `finish` with each block and its scale.
template <class Finish>
void for_each_block(const BlockFormat& format, std::span<float> values, float tensor_scale, Finish finish) {
  if (const std::string problem = defect(format); !problem.empty()) {
    throw ModelError("block format " + format.name, problem);
  }
  if (!(tensor_scale > 0.0F) || !std::isfinite(tensor_scale) || (!format.tensor_scale && tensor_scale != 1.0F)) {
    throw ModelError("block format " + format.name, format.tensor_scale
                                                        ? "the tensor's scale must be a positive finite number"
                                                        : "there is no tensor scale; it must be 1");
  }
  // Several blocks at a time, so that rounding runs over long spans.
  constexpr std::size_t kBlocksAtATime = 64;
  std::array<Scale, kBlocksAtATime> scales;
  const auto length = static_cast<std::size_t>(format.block);
  while (!values.empty()) {
    const std::span<float> part = values.first(std::min(values.size(), kBlocksAtATime * length));
    values = values.subspan(part.size());
    const auto block = [&](std::size_t b) {
      return part.subspan(b * length, std::min(length, part.size() - b * length));
    };
    const std::size_t blocks = (part.size() + length - 1) / length;
    for (std::size_t b = 0; b < blocks; ++b) {
      scales[b] = scale_of(format, block(b), tensor_scale);
      divide(format, block(b), scales[b].value);
    }
    round_to(format.element, part);
    for (std::size_t b = 0; b < blocks; ++b) {
      finish(block(b), scales[b]);
    }
  }
}

}  // namespace

double BlockFormat::max_element() const {
  return element.max_finite() / units_per_one(element);
}

double BlockFormat::bits_per_element() const {
  return element.bits() + 8.0 / block;
}

std::span<const BlockFormat> known_block_formats() {
  return catalog();
}

std::optional<BlockFormat> find_block_format(std::string_view name) {
  std::optional<ScaleRule> rule;
  for (const auto& [suffix, meaning] : {std::pair<std::string_view, ScaleRule>{"_floor", ScaleRule::kFloor},
                                        std::pair<std::string_view, ScaleRule>{"_ceil", ScaleRule::kCeil}}) {
    if (name.ends_with(suffix)) {
      rule = meaning;
      name.remove_suffix(suffix.size());
      break;
    }
  }
  if (name == "mxfp4_e2m1") {
    name = "mxfp4";
  }
  for (const BlockFormat& known : catalog()) {
    if (known.name != name || (rule && known.scale != BlockScale::kE8M0)) {
      continue;
    }
    BlockFormat format = known;
    if (rule == ScaleRule::kCeil) {
      format.rule = ScaleRule::kCeil;
      format.name += "_ceil";
    }
    return format;
  }
  return std::nullopt;
}

std::string defect(const BlockFormat& format) {
  if (const std::string problem = defect(format.element); !problem.empty()) {
    return "elements: " + problem;
  }
  if (format.element.bits() > 8 || format.element.overflow != Overflow::kSaturate) {
    return "elements must have at most 8 bits and saturate";
  }
  if (format.block < 1 || format.block > kMaxBlock) {
    return "block must be 1.." + std::to_string(kMaxBlock);
  }
  if (format.scale == BlockScale::kE8M0 && format.tensor_scale) {
    return "a tensor scale goes with E4M3 scales only";
  }
  return {};
}

float compute_tensor_scale(const BlockFormat& format, std::span<const float> values) {
  if (!format.tensor_scale) {
    return 1.0F;
  }
  std::uint32_t most = 0;
  for (const float x : values) {
    const std::uint32_t bits = magnitude_bits(x);
    most = std::max(most, bits < kInfinityBits ? bits : 0U);
  }
  const auto largest = static_cast<float>(e4m3().max_finite() * format.max_element());
  return most == 0 ? 1.0F : std::max(std::bit_cast<float>(most) / largest, std::numeric_limits<float>::min());
}

void round_to_blocks(const BlockFormat& format, std::span<float> values, float tensor_scale) {
  for_each_block(format, values, tensor_scale,
                 [&](std::span<float> block, const Scale& scale) { multiply(format, block, scale.value); });
}

void round_to_blocks(const BlockFormat& format, std::span<float> values) {
  round_to_blocks(format, values, compute_tensor_scale(format, values));
}

EncodedBlocks encode_blocks(const BlockFormat& format, std::span<const float> values, float tensor_scale) {
  EncodedBlocks encoded;
  encoded.tensor_scale = tensor_scale;
  std::vector<float> numbers(values.begin(), values.end());
  for_each_block(format, numbers, tensor_scale, [&](std::span<float> block, const Scale& scale) {
    encoded.scales.push_back(scale.code);
    const bool empty = std::isnan(scale.value) || scale.value == 0.0;
    for (const float x : block) {
      encoded.elements.push_back(empty ? 0 : static_cast<std::uint8_t>(encode(format.element, x)));
    }
  });
  return encoded;
}

std::vector<float> decode_blocks(const BlockFormat& format, const EncodedBlocks& blocks) {
  const auto length = static_cast<std::size_t>(format.block);
  check(blocks.scales.size() == (blocks.elements.size() + length - 1) / length, "one scale for each block");
  std::vector<float> values;
  values.reserve(blocks.elements.size());
  for (std::size_t i = 0; i < blocks.elements.size(); ++i) {
    const double element =
        static_cast<double>(decode(format.element, blocks.elements[i])) / units_per_one(format.element);
    const auto scale = static_cast<double>(decode_scale(format.scale, blocks.scales[i / length]));
    const auto value = static_cast<float>(element * scale * static_cast<double>(blocks.tensor_scale));
    values.push_back(std::isnan(value) ? canonical_nan() : value);
  }
  return values;
}

float decode_scale(BlockScale kind, std::uint8_t code) {
  if (kind == BlockScale::kE4M3) {
    return decode(e4m3(), code);
  }
  return code == kNanE8M0 ? canonical_nan() : std::ldexp(1.0F, int{code} - kBias);
}

}  // namespace mantissa::numerics
