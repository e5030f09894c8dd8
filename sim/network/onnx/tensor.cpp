// SPDX-License-Identifier: Apache-2.0
#include "network/onnx/tensor.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>

#include "network/op.h"
#include "numerics/format.h"

namespace mantissa::network {
namespace {

using onnx::TensorProto;

constexpr std::size_t kMaxRank = 64;

// Width in raw_data; 0: no raw form (strings).
std::size_t raw_width(std::int32_t type) {
  switch (type) {
    case TensorProto::INT8:
    case TensorProto::UINT8:
    case TensorProto::BOOL:
      return 1;
    case TensorProto::INT16:
    case TensorProto::UINT16:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return 2;
    case TensorProto::FLOAT:
    case TensorProto::INT32:
    case TensorProto::UINT32:
      return 4;
    case TensorProto::DOUBLE:
    case TensorProto::INT64:
    case TensorProto::UINT64:
      return 8;
    default:
      return 0;
  }
}

// Raw data is little-endian, as every machine this runs on is.
static_assert(std::endian::native == std::endian::little);

template <class Stored, class Out, class Convert>
void read_raw(const std::string& raw, std::vector<Out>& out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, raw.data() + i * sizeof(Stored), sizeof(Stored));
    out[i] = convert(stored);
  }
}

float from_half(std::uint32_t code) {
  static const numerics::Format format = numerics::find_format("fp16").value();
  return numerics::decode(format, code & 0xffff);
}

float from_bfloat16(std::uint32_t code) {
  return std::bit_cast<float>(code << 16);
}

std::int64_t from_uint64(std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw OpError(fmt::format("holds {}; integers above 2^63 - 1 are not supported", value));
  }
  return static_cast<std::int64_t>(value);
}

template <class T>
std::int64_t as_is(T value) {
  return static_cast<std::int64_t>(value);
}

void read_raw_floats(const TensorProto& proto, std::vector<float>& out) {
  switch (proto.data_type()) {
    case TensorProto::FLOAT16:
      read_raw<std::uint16_t>(proto.raw_data(), out, from_half);
      break;
    case TensorProto::BFLOAT16:
      read_raw<std::uint16_t>(proto.raw_data(), out, from_bfloat16);
      break;
    default:
      std::memcpy(out.data(), proto.raw_data().data(), out.size() * sizeof(float));
  }
}

void read_raw_integers(const TensorProto& proto, std::vector<std::int64_t>& out) {
  const std::string& raw = proto.raw_data();
  switch (proto.data_type()) {
    case TensorProto::INT8:
      return read_raw<std::int8_t>(raw, out, as_is<std::int8_t>);
    case TensorProto::UINT8:
      return read_raw<std::uint8_t>(raw, out, as_is<std::uint8_t>);
    case TensorProto::BOOL:
      return read_raw<std::uint8_t>(raw, out, [](std::uint8_t b) -> std::int64_t { return b != 0; });
    case TensorProto::INT16:
      return read_raw<std::int16_t>(raw, out, as_is<std::int16_t>);
    case TensorProto::UINT16:
      return read_raw<std::uint16_t>(raw, out, as_is<std::uint16_t>);
    case TensorProto::INT32:
      return read_raw<std::int32_t>(raw, out, as_is<std::int32_t>);
    case TensorProto::UINT32:
      return read_raw<std::uint32_t>(raw, out, as_is<std::uint32_t>);
    case TensorProto::UINT64:
      return read_raw<std::uint64_t>(raw, out, from_uint64);
    default:
      return read_raw<std::int64_t>(raw, out, as_is<std::int64_t>);
  }
}

// The range of the integer types that share the field int32_data.
void check_range(std::int32_t type, std::int64_t value) {
  std::int64_t low = std::numeric_limits<std::int32_t>::min(), high = std::numeric_limits<std::int32_t>::max();
  switch (type) {
    case TensorProto::INT8:
      low = -128, high = 127;
      break;
    case TensorProto::UINT8:
      low = 0, high = 255;
      break;
    case TensorProto::BOOL:
      low = 0, high = 1;
      break;
    case TensorProto::INT16:
      low = -32768, high = 32767;
      break;
    case TensorProto::UINT16:
      low = 0, high = 65535;
      break;
    default:
      break;
  }
  if (value < low || value > high) {
    throw OpError(
        fmt::format("holds {}, which is no {} value; the file is damaged: export it again", value, type_name(type)));
  }
}

// The repeated field that holds the elements of this type, through a common size().
int typed_size(const TensorProto& proto) {
  switch (proto.data_type()) {
    case TensorProto::FLOAT:
      return proto.float_data_size();
    case TensorProto::DOUBLE:
      return proto.double_data_size();
    case TensorProto::INT64:
      return proto.int64_data_size();
    case TensorProto::UINT32:
    case TensorProto::UINT64:
      return proto.uint64_data_size();
    case TensorProto::STRING:
      return proto.string_data_size();
    default:
      return proto.int32_data_size();
  }
}

void read_typed_floats(const TensorProto& proto, std::vector<float>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int index = static_cast<int>(i);
    if (proto.data_type() == TensorProto::FLOAT) {
      out[i] = proto.float_data(index);
      continue;
    }
    const auto code = static_cast<std::uint32_t>(proto.int32_data(index)) & 0xffff;
    out[i] = proto.data_type() == TensorProto::FLOAT16 ? from_half(code) : from_bfloat16(code);
  }
}

void read_typed_integers(const TensorProto& proto, std::vector<std::int64_t>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int index = static_cast<int>(i);
    switch (proto.data_type()) {
      case TensorProto::INT64:
        out[i] = proto.int64_data(index);
        break;
      case TensorProto::UINT32:
      case TensorProto::UINT64:
        out[i] = from_uint64(proto.uint64_data(index));
        break;
      default:
        out[i] = proto.int32_data(index);
        check_range(proto.data_type(), out[i]);
    }
  }
}

// Throws unless the file has exactly the data that `count` elements need.
void check_length(const TensorProto& proto, std::int64_t count) {
  if (proto.has_raw_data()) {
    const std::size_t width = raw_width(proto.data_type());
    if (width == 0) {
      throw OpError("holds strings as raw data, which ONNX does not allow; export it again");
    }
    if (proto.raw_data().size() % width != 0 || static_cast<std::int64_t>(proto.raw_data().size() / width) != count) {
      throw OpError(
          fmt::format("has {} bytes of raw data, but its shape {} of {} needs {}; the file is damaged: export it again",
                      proto.raw_data().size(), to_string(Shape(proto.dims().begin(), proto.dims().end())),
                      type_name(proto.data_type()), count * static_cast<std::int64_t>(width)));
    }
  } else if (typed_size(proto) != count) {
    throw OpError(
        fmt::format("has {} elements of data, but its shape {} needs {}; the file is damaged: export it again",
                    typed_size(proto), to_string(Shape(proto.dims().begin(), proto.dims().end())), count));
  }
}

}  // namespace

std::optional<ElementType> element_type(std::int32_t onnx_type) {
  switch (onnx_type) {
    case TensorProto::FLOAT:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return ElementType::kFloat;
    case TensorProto::DOUBLE:
      return ElementType::kDouble;
    case TensorProto::INT64:
      return ElementType::kInt64;
    case TensorProto::INT32:
      return ElementType::kInt32;
    case TensorProto::INT16:
      return ElementType::kInt16;
    case TensorProto::INT8:
      return ElementType::kInt8;
    case TensorProto::UINT8:
      return ElementType::kUint8;
    case TensorProto::UINT16:
      return ElementType::kUint16;
    case TensorProto::UINT32:
      return ElementType::kUint32;
    case TensorProto::UINT64:
      return ElementType::kUint64;
    case TensorProto::BOOL:
      return ElementType::kBool;
    case TensorProto::STRING:
      return ElementType::kString;
    default:
      return std::nullopt;
  }
}

std::string type_name(std::int32_t onnx_type) {
  return onnx::TensorProto_DataType_IsValid(onnx_type)
             ? onnx::TensorProto_DataType_Name(static_cast<onnx::TensorProto_DataType>(onnx_type))
             : fmt::format("number {}", onnx_type);
}

void check_shape(const Shape& shape, std::int64_t max_elements) {
  if (shape.size() > kMaxRank) {
    throw OpError(fmt::format("has {} dimensions; at most {} are supported", shape.size(), kMaxRank));
  }
  for (const std::int64_t dim : shape) {
    if (dim < 0) {
      throw OpError(fmt::format("has the negative dimension {}; give every dimension its size", dim));
    }
  }
  std::int64_t count = 0;
  try {
    count = element_count(shape);
  } catch (const std::overflow_error&) {
    throw OpError(
        fmt::format("has shape {}, whose element count overflows 64 bits; check its dimensions", to_string(shape)));
  }
  if (count > max_elements) {
    throw OpError(
        fmt::format("has shape {}, {} elements; at most {} are supported", to_string(shape), count, max_elements));
  }
}

Tensor convert_tensor(const TensorProto& proto, std::int64_t max_elements) {
  const auto type = element_type(proto.data_type());
  if (!type) {
    throw OpError(fmt::format("has element type {}, which is not supported; export the model with FLOAT weights",
                              type_name(proto.data_type())));
  }
  if (proto.data_location() == TensorProto::EXTERNAL || proto.external_data_size() > 0) {
    throw OpError("keeps its data in another file; save the model with all data inside (save_as_external_data=False)");
  }
  if (proto.has_segment()) {
    throw OpError("is split into segments, which is not supported; save the model again without them");
  }
  Shape shape(proto.dims().begin(), proto.dims().end());
  check_shape(shape, max_elements);
  check_length(proto, element_count(shape));
  Tensor tensor = Tensor::zeros(*type, std::move(shape));
  const bool raw = proto.has_raw_data();
  if (auto* floats = std::get_if<std::vector<float>>(&tensor.data)) {
    raw ? read_raw_floats(proto, *floats) : read_typed_floats(proto, *floats);
  } else if (auto* doubles = std::get_if<std::vector<double>>(&tensor.data)) {
    for (std::size_t i = 0; i < doubles->size(); ++i) {
      if (raw) {
        std::memcpy(&(*doubles)[i], proto.raw_data().data() + 8 * i, 8);
      } else {
        (*doubles)[i] = proto.double_data(static_cast<int>(i));
      }
    }
  } else if (auto* integers = std::get_if<std::vector<std::int64_t>>(&tensor.data)) {
    raw ? read_raw_integers(proto, *integers) : read_typed_integers(proto, *integers);
  } else {
    auto& strings = std::get<std::vector<std::string>>(tensor.data);
    strings.assign(proto.string_data().begin(), proto.string_data().end());
  }
  return tensor;
}

}  // namespace mantissa::network
