// SPDX-License-Identifier: Apache-2.0
#include "conformance/onnx_data.h"

#include <cstring>

namespace mantissa::conformance {

using network::ElementType;
using network::Tensor;

namespace {

template <class T, class To, class Field>
std::vector<To> numbers(const onnx::TensorProto& proto, const Field& field) {
  if (!proto.has_raw_data()) {
    return {field.begin(), field.end()};
  }
  std::vector<To> result;
  for (std::size_t at = 0; at + sizeof(T) <= proto.raw_data().size(); at += sizeof(T)) {
    T value{};
    std::memcpy(&value, proto.raw_data().data() + at, sizeof(T));
    result.push_back(static_cast<To>(value));
  }
  return result;
}

}  // namespace

std::optional<Tensor> read_tensor(const onnx::TensorProto& p) {
  using Int = std::int64_t;
  using Proto = onnx::TensorProto;
  Tensor t;
  t.shape.assign(p.dims().begin(), p.dims().end());
  const auto integers = [&]<class T>(ElementType type, T) {
    t.type = type;
    t.data = numbers<T, Int>(p, p.int32_data());
  };
  switch (p.data_type()) {
    case Proto::FLOAT:
      t.data = numbers<float, float>(p, p.float_data());
      break;
    case Proto::DOUBLE:
      t.type = ElementType::kDouble;
      t.data = numbers<double, double>(p, p.double_data());
      break;
    case Proto::INT64:
      t.type = ElementType::kInt64;
      t.data = numbers<Int, Int>(p, p.int64_data());
      break;
    case Proto::UINT64:
      t.type = ElementType::kUint64;
      t.data = numbers<std::uint64_t, Int>(p, p.uint64_data());
      break;
    case Proto::UINT32:
      t.type = ElementType::kUint32;
      t.data = numbers<std::uint32_t, Int>(p, p.uint64_data());
      break;
    case Proto::INT32:
      integers(ElementType::kInt32, std::int32_t{});
      break;
    case Proto::INT16:
      integers(ElementType::kInt16, std::int16_t{});
      break;
    case Proto::INT8:
      integers(ElementType::kInt8, std::int8_t{});
      break;
    case Proto::UINT16:
      integers(ElementType::kUint16, std::uint16_t{});
      break;
    case Proto::UINT8:
      integers(ElementType::kUint8, std::uint8_t{});
      break;
    case Proto::BOOL:
      integers(ElementType::kBool, std::uint8_t{});
      break;
    default:
      return std::nullopt;
  }
  return t;
}

}  // namespace mantissa::conformance
