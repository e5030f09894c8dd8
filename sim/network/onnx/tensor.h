// SPDX-License-Identifier: Apache-2.0
// One tensor of an ONNX file -> Tensor: every element type but complex numbers, in each of ONNX's encodings. Half and
// bfloat16 values become the float of the same value. Nothing is allocated before the declared size has been held
// against the bytes there.
#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <optional>
#include <string>

#include "network/graph.h"

namespace mantissa::network {

// nullopt: a type that Tensor does not hold (complex, undefined).
std::optional<ElementType> element_type(std::int32_t onnx_type);
std::string type_name(std::int32_t onnx_type);  // "FLOAT16"

// Dimensions that are all >= 0 with at most max_elements elements. Throws OpError, as everything here does.
void check_shape(const Shape& shape, std::int64_t max_elements);

Tensor convert_tensor(const onnx::TensorProto& proto, std::int64_t max_elements);

}  // namespace mantissa::network
