// SPDX-License-Identifier: Apache-2.0
// Reads the tensors of the test data, independently of the importer.
#pragma once
#include <onnx/onnx_pb.h>

#include <optional>

#include "network/graph.h"

namespace mantissa::conformance {

// nullopt: a type that the importer refuses as well.
std::optional<network::Tensor> read_tensor(const onnx::TensorProto& proto);

}  // namespace mantissa::conformance
