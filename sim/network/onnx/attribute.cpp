// SPDX-License-Identifier: Apache-2.0
#include "network/onnx/attribute.h"

#include <fmt/format.h>

#include "network/onnx/file.h"
#include "network/op.h"

namespace mantissa::network {
namespace {

using onnx::AttributeProto;

Attribute convert(const AttributeProto& proto, const TensorReader& read_tensor) {
  switch (proto.type()) {
    case AttributeProto::INT:
      return std::int64_t{proto.i()};
    case AttributeProto::FLOAT:
      return proto.f();
    case AttributeProto::STRING:
      return proto.s();
    case AttributeProto::INTS:
      return std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
    case AttributeProto::FLOATS:
      return std::vector<float>(proto.floats().begin(), proto.floats().end());
    case AttributeProto::STRINGS:
      return std::vector<std::string>(proto.strings().begin(), proto.strings().end());
    case AttributeProto::TENSOR:
      return std::make_shared<const Tensor>(read_tensor(proto.t()));
    case AttributeProto::GRAPH:
    case AttributeProto::GRAPHS:
      throw OpError(fmt::format("attribute '{}' is a graph; control flow is not supported: export the model without it",
                                printable(proto.name())));
    case AttributeProto::UNDEFINED:
      throw OpError(fmt::format("attribute '{}' has no type; export the model again", printable(proto.name())));
    default:
      throw OpError(fmt::format("attribute '{}' is of type {}, which is not supported", printable(proto.name()),
                                onnx::AttributeProto_AttributeType_Name(proto.type())));
  }
}

}  // namespace

std::map<std::string, Attribute> convert_attributes(const onnx::NodeProto& node, const TensorReader& read_tensor) {
  std::map<std::string, Attribute> attributes;
  for (const AttributeProto& proto : node.attribute()) {
    if (!proto.ref_attr_name().empty()) {
      throw OpError(
          fmt::format("attribute '{}' refers to a function's attribute outside a function", printable(proto.name())));
    }
    try {
      if (!attributes.emplace(proto.name(), convert(proto, read_tensor)).second) {
        throw OpError(fmt::format("attribute '{}' is given twice", printable(proto.name())));
      }
    } catch (const OpError& error) {
      if (proto.type() != AttributeProto::TENSOR) {
        throw;
      }
      throw OpError(fmt::format("attribute '{}' {}", printable(proto.name()), error.what()));
    }
  }
  return attributes;
}

}  // namespace mantissa::network
