// SPDX-License-Identifier: Apache-2.0
// Attributes of an ONNX node -> Attribute. Graphs (control flow), sparse tensors and type descriptions are refused by
// name.
#pragma once
#include <onnx/onnx_pb.h>

#include <functional>
#include <map>
#include <string>

#include "network/graph.h"

namespace mantissa::network {

using TensorReader = std::function<Tensor(const onnx::TensorProto&)>;

// Throws OpError.
std::map<std::string, Attribute> convert_attributes(const onnx::NodeProto& node, const TensorReader& read_tensor);

}  // namespace mantissa::network
