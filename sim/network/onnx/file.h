// SPDX-License-Identifier: Apache-2.0
// The outermost layer of ONNX import: a file on disk -> protobuf's ModelProto, and the text helpers of its messages.
#pragma once
#include <onnx/onnx_pb.h>

#include <string>
#include <string_view>

namespace mantissa::network {

// At most 2 GB, scanned first (onnx/scan.h). Throws ConfigError.
onnx::ModelProto read_onnx(const std::string& path);

// A name from a file, fit to print: control characters and bytes that are no UTF-8 become '?', and it is cut at 120
// bytes.
std::string printable(std::string_view name);

}  // namespace mantissa::network
