// SPDX-License-Identifier: Apache-2.0
#include "network/onnx/scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/error.h"

namespace mantissa::network {
namespace {

constexpr int kMaxDepth = 40;  // messages in messages; a plain network nests 6, protobuf's own limit is 100
constexpr std::uint64_t kMessageBytes = 200, kStringBytes = 48, kScalarBytes = 16;  // in memory, rounded up
constexpr std::uint64_t kFreeBytes = std::uint64_t{64} << 20;                       // allowed for any file
constexpr std::uint64_t kMaxGrowth = 4;                                             // times the file's size beyond that

enum class Kind {
  kModel,
  kTraining,
  kFunction,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparse,
  kValue,
  kType,
  kTensorType,
  kShape,
  kDim,
  kSequence,
  kMap,
  kOptional,
  kAnnotation,
  kPair,
  kText,
  kPackedVarint,
  kPackedFixed
};

struct Field {
  Kind message;
  std::uint32_t number;
  Kind content;
};

// Length-delimited fields that hold messages or packed numbers; every other one is text or bytes.
constexpr std::array kFields = std::to_array<Field>({
    {Kind::kModel, 7, Kind::kGraph},
    {Kind::kModel, 8, Kind::kPair},
    {Kind::kModel, 14, Kind::kPair},
    {Kind::kModel, 20, Kind::kTraining},
    {Kind::kModel, 25, Kind::kFunction},
    {Kind::kTraining, 1, Kind::kGraph},
    {Kind::kTraining, 2, Kind::kGraph},
    {Kind::kTraining, 3, Kind::kPair},
    {Kind::kTraining, 4, Kind::kPair},
    {Kind::kFunction, 7, Kind::kNode},
    {Kind::kFunction, 9, Kind::kPair},
    {Kind::kGraph, 1, Kind::kNode},
    {Kind::kGraph, 5, Kind::kTensor},
    {Kind::kGraph, 11, Kind::kValue},
    {Kind::kGraph, 12, Kind::kValue},
    {Kind::kGraph, 13, Kind::kValue},
    {Kind::kGraph, 14, Kind::kAnnotation},
    {Kind::kGraph, 15, Kind::kSparse},
    {Kind::kAnnotation, 2, Kind::kPair},
    {Kind::kNode, 5, Kind::kAttribute},
    {Kind::kAttribute, 5, Kind::kTensor},
    {Kind::kAttribute, 6, Kind::kGraph},
    {Kind::kAttribute, 7, Kind::kPackedFixed},
    {Kind::kAttribute, 8, Kind::kPackedVarint},
    {Kind::kAttribute, 10, Kind::kTensor},
    {Kind::kAttribute, 11, Kind::kGraph},
    {Kind::kAttribute, 14, Kind::kType},
    {Kind::kAttribute, 15, Kind::kType},
    {Kind::kAttribute, 22, Kind::kSparse},
    {Kind::kAttribute, 23, Kind::kSparse},
    {Kind::kTensor, 1, Kind::kPackedVarint},
    {Kind::kTensor, 3, Kind::kPair},
    {Kind::kTensor, 4, Kind::kPackedFixed},
    {Kind::kTensor, 5, Kind::kPackedVarint},
    {Kind::kTensor, 7, Kind::kPackedVarint},
    {Kind::kTensor, 10, Kind::kPackedFixed},
    {Kind::kTensor, 11, Kind::kPackedVarint},
    {Kind::kTensor, 13, Kind::kPair},
    {Kind::kSparse, 1, Kind::kTensor},
    {Kind::kSparse, 2, Kind::kTensor},
    {Kind::kSparse, 3, Kind::kPackedVarint},
    {Kind::kValue, 2, Kind::kType},
    {Kind::kType, 1, Kind::kTensorType},
    {Kind::kType, 4, Kind::kSequence},
    {Kind::kType, 5, Kind::kMap},
    {Kind::kType, 8, Kind::kTensorType},
    {Kind::kType, 9, Kind::kOptional},
    {Kind::kTensorType, 2, Kind::kShape},
    {Kind::kShape, 1, Kind::kDim},
    {Kind::kSequence, 1, Kind::kType},
    {Kind::kMap, 2, Kind::kType},
    {Kind::kOptional, 1, Kind::kType},
});

Kind content_of(Kind message, std::uint32_t number) {
  const auto* found = std::find_if(kFields.begin(), kFields.end(),
                                   [&](const Field& f) { return f.message == message && f.number == number; });
  return found == kFields.end() ? Kind::kText : found->content;
}

class Scanner {
 public:
  Scanner(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {
    budget_ = kFreeBytes + kMaxGrowth * bytes.size();
  }

  void message(Kind kind, std::size_t end, int depth) {
    if (depth > kMaxDepth) {
      fail(fmt::format("byte {}: messages are nested more than {} deep", at_, kMaxDepth));
    }
    take(kMessageBytes);
    while (at_ < end) {
      field(kind, end, depth);
    }
  }

 private:
  void field(Kind kind, std::size_t end, int depth) {
    const std::size_t start = at_;
    const std::uint64_t tag = varint(end);
    const auto number = static_cast<std::uint32_t>(std::min<std::uint64_t>(tag >> 3, UINT32_MAX));
    if (number == 0 || number > (1U << 29) - 1) {
      fail(fmt::format("byte {}: {} is no field number of a protobuf message", start, number));
    }
    switch (tag & 7) {
      case 0:
        varint(end);
        take(kScalarBytes);
        break;
      case 1:
        skip(8, end, start);
        take(kScalarBytes);
        break;
      case 5:
        skip(4, end, start);
        take(kScalarBytes);
        break;
      case 2:
        delimited(content_of(kind, number), end, start, depth);
        break;
      default:
        fail(fmt::format("byte {}: wire type {} does not occur in ONNX files", start, tag & 7));
    }
  }

  void delimited(Kind content, std::size_t end, std::size_t start, int depth) {
    const std::uint64_t length = varint(end);
    if (length > end - at_) {
      fail(fmt::format("byte {}: a field of {} bytes, but only {} bytes are left", start, length, end - at_));
    }
    const std::size_t field_end = at_ + static_cast<std::size_t>(length);
    switch (content) {
      case Kind::kText:
        take(kStringBytes + length);
        break;
      case Kind::kPackedFixed:
        take(length);
        break;
      case Kind::kPackedVarint:
        take(8 * length);
        break;
      default:
        message(content, field_end, depth + 1);
    }
    at_ = field_end;
  }

  std::uint64_t varint(std::size_t end) {
    const std::size_t start = at_;
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_ >= end) {
        fail(fmt::format("byte {}: a number is cut off", start));
      }
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= shift < 64 ? static_cast<std::uint64_t>(byte & 0x7f) << shift : 0;
      if (byte < 0x80) {
        return value;
      }
    }
    fail(fmt::format("byte {}: a number of more than 10 bytes", start));
  }

  void skip(std::size_t count, std::size_t end, std::size_t start) {
    if (count > end - at_) {
      fail(fmt::format("byte {}: a number is cut off", start));
    }
    at_ += count;
  }

  void take(std::uint64_t bytes) {
    used_ += bytes;
    if (used_ > budget_) {
      throw ConfigError(
          {path_, 0, 0},
          fmt::format("the model would take over {} times the memory of its {}-byte file; it is broken or "
                      "made to exhaust memory",
                      kMaxGrowth, bytes_.size()));
    }
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw ConfigError({path_, 0, 0}, "not a readable ONNX file: " + what + "; export or download it again");
  }

  std::string_view bytes_;
  const std::string& path_;
  std::size_t at_ = 0;
  std::uint64_t used_ = 0, budget_ = 0;
};

}  // namespace

void scan_onnx(std::string_view bytes, const std::string& path) {
  Scanner(bytes, path).message(Kind::kModel, bytes.size(), 0);
}

}  // namespace mantissa::network
